"""permissions.yaml against what the code calls in a full run, in both directions."""

import os
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, replace
from io import StringIO
from pathlib import Path

import pytest
import pytest_asyncio
from rich.console import Console

from hybridsphere.aws import session
from hybridsphere.commands.doctor.report import print_checks
from hybridsphere.commands.students import load_students
from hybridsphere.demo import clips
from hybridsphere.demo.bridge import running_bridge
from hybridsphere.local import resources
from hybridsphere.local.account import LocalAccount, Sink, Source
from hybridsphere.local.commands import run_command
from hybridsphere.settings import Settings
from hybridsphere.workload import upload
from hybridsphere.workload.checks import check_workload
from tests.deploy.aws.permission_map import Call, PermissionMap
from tests.deploy.aws.recorded_calls import recorded_calls
from tests.leaks import function_log

QUIET = Console(file=StringIO())


@dataclass
class Tools:
    """The commands of one environment, each run in the name of one identity."""

    patch: pytest.MonkeyPatch
    folder: Path

    @contextmanager
    def in_the_name_of(self, identity: str) -> Iterator[Settings]:
        with self.patch.context() as patch:
            patch.setenv("AWS_ACCESS_KEY_ID", identity)
            # Other tests share one session, which keeps the credentials that it found first.
            patch.setattr("hybridsphere.aws.one_shot.session", session)
            yield Settings.load()

    async def diagnose(self) -> None:
        with self.in_the_name_of("bridge"):
            out = StringIO()
            assert await print_checks(Console(file=out)), out.getvalue()

    async def load_students(self) -> None:
        clips.write_students(self.folder / "students.json")
        with self.in_the_name_of("operator") as settings:
            await load_students(self.folder / "students.json", settings)

    async def upload(
        self, folder: str = "videos", *, clear: bool = False, in_parts: bool = False
    ) -> bool:
        """Upload a video of somebody known; whether all checks hold once it has its result."""
        with self.in_the_name_of("operator") as settings, self.patch.context() as patch:
            if in_parts:
                patch.setattr(upload, "PART_BYTES", 4096)
            await upload.upload(self.folder / folder, settings, clear=clear, console=QUIET)
            return await check_workload(settings, mapping=None, console=QUIET)

    async def send_nonsense(self) -> None:
        """Put on a queue, where there is one, what the bridge can only set aside."""
        settings = Settings.load()
        async with session().create_client("sqs") as sqs:
            for url in filter(None, [settings.input_queue_url, settings.output_queue_url]):
                await sqs.send_message(QueueUrl=url, MessageBody="nonsense")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def gallery(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The known faces of the demo."""
    folder = tmp_path_factory.mktemp("gallery")
    (folder / "photos").mkdir()
    clips.make_photos(folder / "photos")
    await run_command("enroll", str(folder / "photos"), "-o", str(folder / "gallery.npz"))
    return folder / "gallery.npz"


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a clip of somebody known."""
    folder = tmp_path_factory.mktemp("videos")
    film = next(film for film in clips._films() if film.status == "matched")
    clips._shoot(folder, film)
    return folder


@pytest.fixture
def tools(
    no_aws_variables: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, videos: Path
) -> Tools:
    (tmp_path / "videos").symlink_to(videos)
    # A listing has seconds: the same video, cleared and uploaded within one, would be the same.
    (clip,) = videos.iterdir()
    (tmp_path / "others").mkdir()
    (tmp_path / "others" / f"other-{clip.name}").symlink_to(clip)
    monkeypatch.setenv("MOTO_ENABLE_RECORDING", "1")
    monkeypatch.setenv("MOTO_RECORDER_FILEPATH", str(tmp_path / "recording"))
    # Otherwise a part is 5 MB at least.
    monkeypatch.setenv("S3_UPLOAD_PART_MIN_SIZE", "1024")
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
    return Tools(monkeypatch, tmp_path)


MAY_BE_REFUSED = {Call("bridge", "s3", "ListObjectsV2"), Call("bridge", "s3", "PutObject")}
"""The calls of `doctor` that may be refused.

It lists a bucket that is only named, and tries a write that cannot succeed, to learn whether the
bucket knows conditions.
"""


@pytest.mark.parametrize(("source", "sink"), [("queue", "queue"), ("bucket", "bucket")])
async def test_a_full_run_makes_the_calls_of_the_map_and_no_others(
    tools: Tools, gallery: Path, tmp_path: Path, source: Source, sink: Sink
) -> None:
    function = replace(resources.FUNCTION, environment={"AWS_ACCESS_KEY_ID": "function"})
    async with AsyncExitStack() as stack:
        account = await stack.enter_async_context(
            LocalAccount(
                gallery=gallery,
                workers=1,
                function=function,
                source=source,
                sink=sink,
                log=stack.enter_context(function_log(tmp_path)),
            )
        )
        for name, text in account.environment().items():
            tools.patch.setenv(name, text)
        tools.patch.setenv("HYBRIDSPHERE_RESULTS_DIR", str(tmp_path / "results"))
        tools.patch.setenv("HYBRIDSPHERE_HTTP", "")
        environment = {**os.environ, "AWS_ACCESS_KEY_ID": "bridge"}
        await tools.diagnose()
        recording = tmp_path / "recording"
        asked = recorded_calls(recording) - MAY_BE_REFUSED
        # The bridge itself is excused from nothing.
        recording.unlink()
        await tools.load_students()
        async with running_bridge(environment, tmp_path / "bridge.log") as bridge:
            await tools.send_nonsense()
            assert await tools.upload(in_parts=True)
            # Its CSV is there already, and older.
            await tools.upload()
            assert await tools.upload("others", clear=True)
            assert await bridge.stop(within_s=30) == 0
    calls = asked | recorded_calls(recording)
    # Invocations are taken by the Lambda host, which records nothing.
    calls |= {Call("bridge", "lambda", "Invoke")}
    assert PermissionMap(source, sink).differences(calls) == []
