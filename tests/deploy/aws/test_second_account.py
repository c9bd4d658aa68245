"""deploy.sh against a second account, with its own reading of the template and of the policies."""

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from hybridsphere.aws.errors import AwsError
from hybridsphere.aws.video import reading_videos
from hybridsphere.demo import clips
from hybridsphere.demo.clips import Clip
from hybridsphere.local.commands import run_command
from tests.deploy.aws.aws_template import FOLDER, IMAGE
from tests.deploy.aws.second_account import Deployed, SecondAccount, ministack, system

pytestmark = pytest.mark.account

SERVERS = (Path(__file__).parents[3] / "docs/servers.md").read_text(encoding="utf-8")

QUEUES = {
    "hybridsphere-input",
    "hybridsphere-input-dead-letters",
    "hybridsphere-output",
    "hybridsphere-output-dead-letters",
}


@pytest.fixture
def second(
    no_aws_variables: None, tool: Callable[[str], str], tmp_path: Path
) -> Iterator[SecondAccount]:
    command, aws, _ = tool("ministack"), tool("aws"), tool("openssl")
    own = tmp_path / "bin"
    own.mkdir()
    (own / "hybridsphere").write_text(f'#!/bin/sh\nexec {sys.executable} -m hybridsphere "$@"\n')
    (own / "hybridsphere").chmod(0o755)
    with ministack(command, tmp_path, (str(own), str(Path(aws).parent))) as account:
        yield account


@pytest.fixture
def videos(tmp_path: Path) -> list[Clip]:
    """A clip of somebody known and a clip of nobody, in a folder."""
    films = {film.status: film for film in clips._films()}
    return [clips._shoot(tmp_path / "videos", films[status]) for status in ("matched", "no_face")]


async def test_a_stack_is_made_used_updated_and_destroyed(
    second: SecondAccount, videos: list[Clip], tmp_path: Path
) -> None:
    clips.write_students(tmp_path / "students.json")
    (tmp_path / "photos").mkdir()
    clips.make_photos(tmp_path / "photos")
    await run_command("enroll", str(tmp_path / "photos"), "-o", str(tmp_path / "gallery.npz"))

    files = ("--students", "students.json", "--gallery", "gallery.npz")
    deployer = second.deployer_keys()
    page = "PageReadsVideos=yes"
    variables = second.deploy("--image", IMAGE, *files, page, keys=deployer)
    assert (variables["HYBRIDSPHERE_SOURCE"], variables["HYBRIDSPHERE_SINK"]) == ("queue", "queue")
    assert second.queues() == QUEUES
    bridge, operator = second.keys("bridge"), second.keys("operator")
    second.allow_batches()
    may_only_add_videos(second, second.keys("uploader"), variables)
    async with system(second, bridge) as deployed:
        await upload_and_check(deployed, operator, videos)
        await reupload(deployed, *videos)
    # The second video has not been overwritten.
    await may_only_play_videos(second, second.keys("page"), variables, videos[1])
    await put_back_a_dead_letter(second, bridge, operator, videos[1])

    variables = second.deploy("--image", IMAGE, "Source=bucket", "Sink=bucket", keys=deployer)
    assert (variables["HYBRIDSPHERE_SOURCE"], variables["HYBRIDSPHERE_SINK"]) == (
        "bucket",
        "bucket",
    )
    assert second.queues() == set()
    results = {"HYBRIDSPHERE_RESULTS_DIR": str(tmp_path / "listed")}
    async with system(second, bridge, **results) as deployed:
        await upload_and_check(deployed, operator, videos)
        await reupload(deployed, *videos)

    variables = second.deploy("--image", IMAGE, "Source=direct", "Sink=queue", keys=deployer)
    assert "HYBRIDSPHERE_FUNCTION_NAME" not in variables
    assert second.queues() == {name for name in QUEUES if "output" in name}
    assert set(notifications(second, variables)) == {"LambdaFunctionConfigurations"}

    second.client("iam").delete_user_policy(
        UserName="hybridsphere-bridge-eu-west-1", PolicyName="batches"
    )
    second.run(str(FOLDER / "destroy.sh"), "--yes", keys=deployer)
    assert second.queues() == set()
    assert second.client("s3").list_buckets()["Buckets"] == []
    users = second.client("iam").list_users()["Users"]
    assert [user["UserName"] for user in users] == ["deployer"]
    assert second.client("dynamodb").list_tables()["TableNames"] == []
    second.run(str(FOLDER / "destroy.sh"), "--yes", keys=deployer)


async def test_a_stack_can_do_without_users_and_with_a_key(
    second: SecondAccount, tmp_path: Path
) -> None:
    key = second.client("kms").create_key()["KeyMetadata"]["Arn"]
    second.deploy("--image", IMAGE, "Identities=policies", f"KmsKeyArn={key}")
    assert second.client("iam").list_users()["Users"] == []
    policies = second.client("iam").list_policies(Scope="Local")["Policies"]
    assert {policy["PolicyName"] for policy in policies} == {
        f"hybridsphere-{identity}-eu-west-1" for identity in ("bridge", "uploader", "operator")
    }


def may_only_add_videos(
    second: SecondAccount, uploader: dict[str, str], variables: dict[str, str]
) -> None:
    """Refuse an uploader all else; it once could replace the gallery and delete buckets."""
    videos, results = (variables[f"HYBRIDSPHERE_{name}_BUCKET"] for name in ("INPUT", "OUTPUT"))
    gallery = videos.replace("-input-", "-gallery-")
    s3, dynamodb = second.client("s3", uploader), second.client("dynamodb", uploader)
    item = {"name": {"S": "ada_quill"}}
    refused: list[Callable[[], Any]] = [
        lambda: s3.put_object(Bucket=gallery, Key="gallery.npz", Body=b""),
        lambda: s3.put_object(Bucket=results, Key="a.csv", Body=b""),
        lambda: s3.list_objects_v2(Bucket=videos),
        lambda: s3.delete_object(Bucket=videos, Key="a.mp4"),
        lambda: s3.delete_object(Bucket=results, Key="a.csv"),
        lambda: s3.delete_bucket(Bucket=results),
        lambda: dynamodb.put_item(TableName="hybridsphere-students", Item=item),
    ]
    for call in refused:
        with pytest.raises(ClientError, match="AccessDenied"):
            call()


async def may_only_play_videos(
    second: SecondAccount, page: dict[str, str], variables: dict[str, str], clip: Clip
) -> None:
    """Read a video by ranges as the page does, and refuse the page all else."""
    videos, results = (variables[f"HYBRIDSPHERE_{name}_BUCKET"] for name in ("INPUT", "OUTPUT"))
    s3 = second.client("s3", page)
    etag = s3.get_object(Bucket=videos, Key=clip.key)["ETag"].strip('"')

    async def play(keys: dict[str, str]) -> bytes:
        with pytest.MonkeyPatch.context() as patch:
            for name, text in second.environment(keys).items():
                if name.startswith("AWS_"):
                    patch.setenv(name, text)
            async with (
                reading_videos(1) as reader,
                reader.open(videos, clip.key, etag, "bytes=4-7") as piece,
            ):
                return await piece.read(100)

    assert await play(page) == clip.file.read_bytes()[4:8]
    # The page answers this error with 404, at which its player shows the still.
    with pytest.raises(AwsError):
        await play(second.keys("uploader"))
    refused: list[Callable[[], Any]] = [
        lambda: s3.list_objects_v2(Bucket=videos),
        lambda: s3.put_object(Bucket=videos, Key=clip.key, Body=b""),
        lambda: s3.delete_object(Bucket=videos, Key=clip.key),
        lambda: s3.get_object(Bucket=results, Key=f"{clip.key}.csv"),
    ]
    for call in refused:
        with pytest.raises(ClientError, match="AccessDenied"):
            call()


async def upload_and_check(
    deployed: Deployed, operator: dict[str, str], videos: list[Clip]
) -> None:
    """Run the workload as an operator does, with all of its checks."""
    deployed.environment.update(operator)
    folder = str(videos[0].file.parent)
    await deployed.run("workload", "upload", folder, "--clear", "--yes")
    expected = {clip.key: clip.status for clip in videos}

    def statuses() -> dict[str, str | None]:
        # A bridge that lists the bucket may have found the videos of the last run first.
        return {row.key: row.status for row in deployed.uploads() if row.key in expected}

    await deployed.until(lambda: statuses() == expected)
    await deployed.run("workload", "check")


async def reupload(deployed: Deployed, old: Clip, new: Clip) -> None:
    """Overwrite a video by another; its CSV, in the bucket and on disk, is the newest."""
    before = len([row for row in deployed.uploads() if row.key == old.key])
    await deployed.upload(old.key, new.file.read_bytes())

    def newest() -> str | None:
        rows = [row for row in deployed.uploads() if row.key == old.key]
        return rows[-1].status if len(rows) > before else None

    await deployed.until(lambda: newest() == new.status)
    name = f"{old.key}.csv"
    bucket = deployed.environment["HYBRIDSPHERE_OUTPUT_BUCKET"]
    there = deployed.second.client("s3").get_object(Bucket=bucket, Key=name)["Body"].read()
    assert there == (deployed.results / name).read_bytes()
    assert new.status.encode() in there


async def put_back_a_dead_letter(
    second: SecondAccount, bridge: dict[str, str], operator: dict[str, str], clip: Clip
) -> None:
    """A bridge with the wrong bucket rejects an upload; an operator puts the event back."""
    wrong = {
        "HYBRIDSPHERE_INPUT_BUCKET": "another",
        "HYBRIDSPHERE_RESULTS_DIR": str(second.folder / "wrong"),
    }
    async with system(second, bridge, **wrong) as deployed:
        dead = deployed.environment["HYBRIDSPHERE_DEAD_LETTER_QUEUE_URL"]
        sqs, s3 = second.client("sqs"), second.client("s3")
        s3.put_object(
            Bucket=second.function_variables()["HYBRIDSPHERE_GALLERY"]
            .split("/")[2]
            .replace("-gallery-", "-input-"),
            Key="dead.mp4",
            Body=clip.file.read_bytes(),
        )

        def waiting() -> int:
            answer = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["All"])
            return int(answer["Attributes"]["ApproximateNumberOfMessages"])

        await deployed.until(lambda: waiting() == 1)
    async with system(second, bridge) as deployed:
        recipe = SERVERS.partition("```sh\n. ./bridge.env")[2].partition("```")[0]
        assert "receive-message" in recipe
        second.run("bash", "-euc", f". ./bridge.env{recipe}", keys=operator)
        row = (await deployed.results_of(["dead.mp4"]))["dead.mp4"]
        assert row.status == clip.status
        assert waiting() == 0


def notifications(second: SecondAccount, variables: dict[str, str]) -> dict[str, Any]:
    answer = second.client("s3").get_bucket_notification_configuration(
        Bucket=variables["HYBRIDSPHERE_INPUT_BUCKET"]
    )
    del answer["ResponseMetadata"]
    return json.loads(json.dumps(answer))  # type: ignore[no-any-return]
