import pytest

from tests.deploy.aws.command_stubs import Stubs

RESOURCES = (
    "aws cloudformation list-stack-resources --stack-name hybridsphere --output text "
    "--query StackResourceSummaries[?ResourceType=="
)
DELETIONS = (
    "aws s3 rm",
    "aws iam delete-access-key",
    "aws cloudformation delete-stack",
    "aws ecr delete-repository",
)


@pytest.fixture
def account(stubs: Stubs) -> Stubs:
    """An account with the stack, two buckets, and a user with an access key."""
    stubs.answer(f"{RESOURCES}'AWS::S3::Bucket'", "videos\tresults\n")
    stubs.answer(f"{RESOURCES}'AWS::IAM::User'", "bridge\n")
    stubs.answer("aws iam list-access-keys", "AKIA1\n")
    return stubs


def test_it_deletes_what_would_hold_the_stack_and_then_the_stack(account: Stubs) -> None:
    done = account.run("destroy.sh", "--yes")
    assert done.returncode == 0, done.stderr
    assert account.calls(*DELETIONS) == [
        "aws s3 rm --only-show-errors --recursive s3://videos",
        "aws s3 rm --only-show-errors --recursive s3://results",
        "aws iam delete-access-key --user-name bridge --access-key-id AKIA1",
        "aws cloudformation delete-stack --stack-name hybridsphere",
    ]


def test_it_says_first_what_it_will_delete(account: Stubs) -> None:
    told = account.run("destroy.sh").stderr
    for what in ("123456789012", "eu-west-1", "videos", "results", "bridge", "hybridsphere"):
        assert what in told.partition("no way back")[0]


@pytest.mark.parametrize("typed", ["", "y\n", "yes\n", "other\n"])
def test_it_deletes_nothing_unless_the_name_of_the_stack_is_typed(
    account: Stubs, typed: str
) -> None:
    assert account.run("destroy.sh", typed=typed).returncode == 2
    assert account.calls(*DELETIONS) == []


def test_it_goes_on_when_the_name_of_the_stack_is_typed(account: Stubs) -> None:
    assert account.run("destroy.sh", typed="hybridsphere\n").returncode == 0
    assert account.calls("aws cloudformation delete-stack")


def test_the_stack_stays_when_a_bucket_cannot_be_emptied(account: Stubs) -> None:
    account.answer("aws s3 rm", "AccessDenied\n", status=1)
    assert account.run("destroy.sh", "--yes").returncode == 1
    assert account.calls("aws cloudformation delete-stack") == []


def test_a_stack_that_is_gone_needs_nothing_more(account: Stubs) -> None:
    account.answer(
        "aws cloudformation describe-stacks", "Stack hybridsphere does not exist\n", status=254
    )
    assert account.run("destroy.sh").returncode == 0
    assert account.calls(*DELETIONS) == []


def test_a_stack_that_cannot_be_seen_is_not_taken_for_gone(account: Stubs) -> None:
    account.answer("aws cloudformation describe-stacks", "AccessDenied\n", status=254)
    done = account.run("destroy.sh", "--yes")
    assert done.returncode == 2
    assert "AccessDenied" in done.stderr


def test_the_images_go_only_when_asked_for(account: Stubs) -> None:
    account.run("destroy.sh", "--yes")
    assert account.calls("aws ecr") == []
    account.run("destroy.sh", "--yes", "--repository", "faces")
    assert account.calls("aws ecr") == ["aws ecr delete-repository --force --repository-name faces"]


@pytest.mark.parametrize("option", ["--stack", "--repository"])
def test_an_option_without_its_value_is_refused(account: Stubs, option: str) -> None:
    done = account.run("destroy.sh", "--yes", option)
    assert done.returncode == 2
    assert f"destroy.sh: {option} needs a name" in done.stderr
    assert account.calls() == []
