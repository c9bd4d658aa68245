import pytest

from tests.deploy.aws.command_stubs import Stubs

URI = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/hybridsphere"
DIGEST = f"sha256:{'1' * 64}"

FIND = "aws ecr describe-repositories"
MAKE = "aws ecr create-repository"
BUILD = "docker buildx build"


@pytest.fixture
def registry(stubs: Stubs) -> Stubs:
    """A registry that has the repository."""
    stubs.answer(FIND, f"{URI}\n")
    stubs.answer(MAKE, f"{URI}\n")
    stubs.answer("aws ecr get-login-password", "token\n")
    stubs.answer("aws ecr describe-images", f"{DIGEST}\n")
    stubs.answer("docker", "what docker has to say\n")
    return stubs


def test_the_digest_is_all_that_goes_to_standard_output(registry: Stubs) -> None:
    done = registry.run("ecr_push.sh")
    assert (done.stdout, done.returncode) == (f"{URI}@{DIGEST}\n", 0)


def test_it_says_first_what_it_will_do(registry: Stubs) -> None:
    done = registry.run("ecr_push.sh")
    told, _, rest = done.stderr.partition("what docker has to say")
    assert "account 123456789012 and region eu-west-1" in told
    assert "hybridsphere:x86_64" in told
    assert rest


@pytest.mark.parametrize(
    ("architecture", "platform"), [("x86_64", "linux/amd64"), ("arm64", "linux/arm64")]
)
def test_the_image_is_one_manifest_for_one_architecture(
    registry: Stubs, architecture: str, platform: str
) -> None:
    registry.run("ecr_push.sh", "--architecture", architecture)
    [build] = registry.calls(BUILD)
    assert f"--platform {platform} --provenance=false" in build
    assert registry.calls("docker push") == [f"docker push {URI}:{architecture}"]


def test_build_options_are_passed_on(registry: Stubs) -> None:
    registry.run("ecr_push.sh", "--", "--build-arg", "BASE=mirror/python:3.13")
    [build] = registry.calls(BUILD)
    assert "--build-arg BASE=mirror/python:3.13" in build


def test_a_repository_that_is_there_is_used(registry: Stubs) -> None:
    registry.run("ecr_push.sh")
    assert registry.calls(MAKE) == []


def test_a_repository_that_is_missing_is_made(registry: Stubs) -> None:
    registry.answer(FIND, "An error occurred (RepositoryNotFoundException)\n", status=254)
    done = registry.run("ecr_push.sh", "--repository", "faces")
    assert done.returncode == 0
    [made] = registry.calls(MAKE)
    assert "--repository-name faces" in made


def test_another_refusal_ends_it_before_anything_is_made(registry: Stubs) -> None:
    registry.answer(FIND, "An error occurred (AccessDeniedException)\n", status=254)
    done = registry.run("ecr_push.sh")
    assert done.returncode == 2
    assert "AccessDeniedException" in done.stderr
    assert registry.calls(MAKE, "docker") == []


def test_a_failed_build_pushes_and_prints_nothing(registry: Stubs) -> None:
    registry.answer(BUILD, "no such file\n", status=1)
    done = registry.run("ecr_push.sh")
    assert (done.stdout, done.returncode) == ("", 1)
    assert registry.calls("docker push") == []


def test_an_unknown_architecture_is_refused_with_the_known_ones(registry: Stubs) -> None:
    done = registry.run("ecr_push.sh", "--architecture", "riscv")
    assert done.returncode == 2
    assert "x86_64 or arm64" in done.stderr
    assert registry.calls() == []


@pytest.mark.parametrize("option", ["--repository", "--architecture"])
def test_an_option_without_its_value_is_refused(registry: Stubs, option: str) -> None:
    done = registry.run("ecr_push.sh", option)
    assert done.returncode == 2
    assert f"ecr_push.sh: {option} needs a name" in done.stderr
    assert registry.calls() == []
