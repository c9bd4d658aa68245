"""Checks of the files, rows and queues that a bridge leaves; they raise WrongAnswer."""

import time
from pathlib import Path
from subprocess import Popen

from bench.doubles.account import INPUT, OUTPUT
from bench.doubles.process import BridgeFailed, Stats
from bench.report.row import WrongAnswer
from bench.uploads import csv, record
from hybridsphere.ledger.ledger import Ledger
from hybridsphere.memory.memory import Memory, memory_path
from hybridsphere.messages import csv_key
from hybridsphere.paths import OWN_FOLDER, csv_path

_LONGEST_WAIT_S = 120
_POLL_S = 0.1


def check_queues(stats: Stats, messages: int) -> None:
    """Every upload invoked once, as `Event`, and every message received and deleted once."""
    done = {"visible": 0, "in_flight": 0, "received": messages, "deleted": messages}
    for queue in (INPUT, OUTPUT):
        found = {name: stats[queue][name] for name in done}
        if found != done:
            raise WrongAnswer(f"{queue} queue: {found}, not {done}")
    invoked = (stats["invoked"], stats["invoked_as_events"])
    if invoked != (messages, messages):
        raise WrongAnswer(
            f"{invoked[0]} invocations, {invoked[1]} of them events, for {messages} uploads"
        )


def check_files(results: Path, messages: int) -> None:
    """A CSV file for each upload with that upload's content, and none besides."""
    found = {
        path.relative_to(results): path.read_bytes().decode()
        for path in results.rglob("*.csv")
        if OWN_FOLDER not in path.parts
    }
    wanted = {
        Path(csv_path(csv_key(record(number).key))): csv(number) for number in range(messages)
    }
    wrong = [path for path in wanted.keys() | found.keys() if wanted.get(path) != found.get(path)]
    if wrong:
        raise WrongAnswer(f"{len(wrong)} files are missing, wrong or too many, such as {wrong[0]}")


def check_ledger(results: Path, messages: int) -> None:
    """A row for each upload, with its invocation and its result, and none besides."""
    with Ledger.read(results) as ledger:
        found = {
            (row.key, row.version, row.csv)
            for row in ledger.uploads()
            if row.invoked_at and row.stored_at
        }
    uploads = [record(number) for number in range(messages)]
    wanted = {(upload.key, upload.version.id, csv(n)) for n, upload in enumerate(uploads)}
    if wrong := wanted ^ found:
        raise WrongAnswer(
            f"{len(wrong)} rows are missing, wrong or too many, such as {wrong.pop()}"
        )


def wait_for_faces(results: Path, faces: int, bridge: Popen[bytes]) -> None:
    """Wait until the memory has this number of faces. Raises BridgeFailed if it never does."""
    ends = time.monotonic() + _LONGEST_WAIT_S
    while (found := _faces_in(results)) < faces:
        if bridge.poll() is not None or time.monotonic() > ends:
            raise BridgeFailed(f"the memory has {found} faces, not {faces}")
        # Another process writes them: there is no event to wait for.
        time.sleep(_POLL_S)


def _faces_in(results: Path) -> int:
    if not memory_path(results).exists():
        return 0
    with Memory.read(results) as memory:
        return memory.count_faces()
