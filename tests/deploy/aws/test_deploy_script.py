import stat
from pathlib import Path

import pytest

from tests.deploy.aws.aws_template import IMAGE
from tests.deploy.aws.command_stubs import Stubs

DEPLOY = "aws cloudformation deploy"
OUTPUTS = "InputBucket\tvideos\nRegion\teu-west-1\n"


@pytest.fixture
def account(stubs: Stubs) -> Stubs:
    """An account in which the stack comes about."""
    stubs.answer("aws cloudformation describe-stacks", OUTPUTS)
    stubs.answer("aws cloudformation list-stack-resources", "its-name\n")
    return stubs


def test_the_outputs_become_an_environment_file_that_only_its_owner_reads(
    account: Stubs, tmp_path: Path
) -> None:
    done = account.run("deploy.sh", "--image", IMAGE)
    assert done.returncode == 0, done.stderr
    file = tmp_path / "bridge.env"
    assert file.read_text() == "AWS_REGION=eu-west-1\nHYBRIDSPHERE_INPUT_BUCKET=videos\n"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert list(tmp_path.glob("bridge.env.*")) == []


def test_an_environment_file_stays_as_it_was_when_the_outputs_cannot_be_read(
    account: Stubs, tmp_path: Path
) -> None:
    (tmp_path / "bridge.env").write_text("OLD=1\n")
    account.answer("aws cloudformation describe-stacks", "no network\n", status=255)
    assert account.run("deploy.sh", "--image", IMAGE).returncode != 0
    assert (tmp_path / "bridge.env").read_text() == "OLD=1\n"
    assert list(tmp_path.glob("bridge.env.*")) == []


@pytest.mark.parametrize(
    ("outputs", "complaint"),
    [
        ("None\n", "output None, which the bridge does not know"),
        ("Region\teu-west-1\n", "no output for HYBRIDSPHERE_INPUT_BUCKET"),
        ("InputBucket\tvideos\n", "no output for AWS_REGION"),
        ("Region\teu-west-1\nInputBucket\t\n", "output InputBucket has no usable value"),
        (f"{OUTPUTS}Sink\ttwo words\n", "output Sink has no usable value"),
        (f"{OUTPUTS}Address\tx\n", "output Address, which the bridge does not know"),
    ],
)
def test_an_environment_file_stays_as_it_was_when_the_outputs_are_not_the_bridge_s(
    account: Stubs, tmp_path: Path, outputs: str, complaint: str
) -> None:
    (tmp_path / "bridge.env").write_text("OLD=1\n")
    account.answer("aws cloudformation describe-stacks", outputs)
    done = account.run("deploy.sh", "--image", IMAGE)
    assert done.returncode == 2
    assert complaint in done.stderr
    assert (tmp_path / "bridge.env").read_text() == "OLD=1\n"
    assert list(tmp_path.glob("bridge.env.*")) == []


@pytest.mark.parametrize("there", [True, False])
def test_it_warns_while_there_are_no_known_faces(account: Stubs, there: bool) -> None:
    if not there:
        account.answer("aws s3api head-object", "404\n", status=254)
    done = account.run("deploy.sh", "--image", IMAGE)
    assert done.returncode == 0
    assert ("no known faces" in done.stderr.splitlines()[-1]) is not there


def test_it_says_first_what_it_will_do(account: Stubs, tmp_path: Path) -> None:
    account.answer(DEPLOY, "no network\n", status=255)
    (tmp_path / "people.csv").touch()
    told = account.run("deploy.sh", "--image", IMAGE, "--students", "people.csv").stderr
    plan, _, _ = told.partition("no network")
    for what in ("123456789012", "eu-west-1", IMAGE, "people.csv", "bridge.env"):
        assert what in plan


def test_parameters_reach_the_stack(account: Stubs) -> None:
    account.run(
        "deploy.sh", "--image", IMAGE, "--stack", "faces", "Source=direct", "Mode=attendance"
    )
    [call] = account.calls(DEPLOY)
    assert "--stack-name faces" in call
    assert call.endswith(f"--parameter-overrides Source=direct Mode=attendance ImageUri={IMAGE}")


def test_students_and_known_faces_are_loaded_once_the_stack_is_there(
    account: Stubs, tmp_path: Path
) -> None:
    for name in ("people.csv", "gallery.npz"):
        (tmp_path / name).touch()
    done = account.run(
        "deploy.sh", "--image", IMAGE, "--students", "people.csv", "--gallery", "gallery.npz"
    )
    assert done.returncode == 0, done.stderr
    assert account.calls(DEPLOY, "hybridsphere", "aws s3")[1:] == [
        "hybridsphere students load people.csv",
        "aws s3 cp --only-show-errors gallery.npz s3://its-name/gallery.npz",
    ]


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ([], "no --image"),
        (["--image"], "deploy.sh: --image needs an address"),
        (["--image", ""], "deploy.sh: --image needs an address"),
        (["--image", IMAGE, "--stack"], "deploy.sh: --stack needs a name"),
        (["--image", IMAGE, "--students"], "deploy.sh: --students needs a file"),
        (["--image", IMAGE, "--gallery"], "deploy.sh: --gallery needs a file"),
        (["--image", IMAGE, "--env-file"], "deploy.sh: --env-file needs a file"),
        (["--image", "repo/hybridsphere:latest"], "by digest"),
        (["--image", IMAGE, "Sorce=direct"], "Sorce is not a parameter"),
        (["--image", IMAGE, "S.urce=direct"], "S.urce is not a parameter"),
        (["--image", IMAGE, "Sou.*=direct"], "Sou.* is not a parameter"),
        (["--image", IMAGE, "Default=direct"], "Default is not a parameter"),
        (["--image", IMAGE, "InputBucket=direct"], "InputBucket is not a parameter"),
        (["--image", IMAGE, "Trigger=none"], "Trigger=none has a new name: give Source=bucket"),
        (["--image", IMAGE, "Trigger=queue"], "Trigger=queue has a new name: give Source=queue"),
        (["--image", IMAGE, "Trigger=direct"], "Trigger=direct has a new name: give Source=direct"),
        (["--image", IMAGE, "Trigger=x"], "Trigger has a new name: give Source=queue"),
        (["--image", IMAGE, "Source=none"], "Source=none has a new name: give Source=bucket"),
        (["--image", IMAGE, "Sink=mirror"], "Sink=mirror has a new name: give Sink=bucket"),
        (["--image", IMAGE, "--students", "none.json"], "none.json cannot be read"),
        (["--image", IMAGE, "--gallery", "/dev/null"], "gallery import"),
        (["--image", IMAGE, "--env-file", "none/bridge.env"], "folder is not there"),
        (["--image", IMAGE, "--force"], "--force is neither"),
    ],
)
def test_what_cannot_work_is_refused_before_anything_is_touched(
    account: Stubs, arguments: list[str], complaint: str
) -> None:
    done = account.run("deploy.sh", *arguments)
    assert done.returncode == 2
    assert complaint in done.stderr
    assert account.calls() == []
