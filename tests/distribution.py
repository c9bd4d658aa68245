"""How pytest-xdist hands the tests to its processes: a file at a time, the slowest files first."""

from typing import Any

from xdist.scheduler import LoadScopeScheduling

SLOWEST = (
    "tests/pipeline",
    "tests/faults/test_ends_of_the_bridge.py",
    "tests/faults/test_queues.py",
    "tests/faults/test_storage.py",
    "tests/deploy/aws/test_scripts_on_moto.py",
    "tests/faults/test_invocations.py",
    "tests/bridge/queue/test_poller.py",
    "tests/bridge/store/test_bad_disks.py",
    "tests/faults/test_faces.py",
    "tests/faults/test_answers.py",
    "tests/faults/test_agreement.py",
    "tests/demo",
    "tests/bridge/test_service.py",
    "tests/faults/test_secrets.py",
    "tests/bridge/test_invoker.py",
    "tests/faults/test_credentials.py",
    "tests/bridge/queue/test_in_flight.py",
    "tests/local/test_serve.py",
    "tests/faults/test_places.py",
    "tests/deploy/aws/test_permissions_in_use.py",
    "tests/bench/test_bridge.py",
    "tests/lambda_fn/recognition/test_attendance.py",
    "tests/bench/test_bench_faces.py",
    "tests/bench/recognition/test_recognition.py",
    "tests/commands/test_forget.py",
    "tests/faults/test_backlog.py",
    "tests/bridge/queue/test_deleter.py",
    "tests/lambda_fn/video/test_broken_videos.py",
    "tests/lambda_fn/video/test_large_video.py",
    "tests/lambda_fn/video/test_playlists.py",
    "tests/aws/test_calls.py",
    "tests/cli/test_commands.py",
    "tests/lambda_fn/models/test_cache.py",
)
"""The units that take longest, longest first: a long unit that begins last ends alone."""

WHOLE = ("tests/demo", "tests/pipeline")
"""Folders whose files share fixtures that take seconds to make: one process gets them all."""


class SlowestFirst(LoadScopeScheduling):
    """Distribution by file or folder, so that nothing is made twice that a file's tests share."""

    def _assign_work_unit(self, node: Any) -> None:
        slowest = next((unit for unit in SLOWEST if unit in self.workqueue), None)
        if slowest:
            self.workqueue.move_to_end(slowest, last=False)
        super()._assign_work_unit(node)

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return next((folder for folder in WHOLE if file.startswith(f"{folder}/")), file)
