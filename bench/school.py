"""A school's past: naming a group of unknown faces, and bringing an old ledger to this release."""

import json
import os
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np

from bench import process
from bench.report.row import Row, Target, WrongAnswer
from bench.uploads import record, result
from hybridsphere.ledger import schema
from hybridsphere.ledger.ledger import Ledger, ledger_path
from hybridsphere.memory.face import Face, NewFace
from hybridsphere.memory.memory import Memory
from hybridsphere.memory.video import Video
from hybridsphere.messages import utc_text
from hybridsphere.recognition.space import EMBEDDING_SIZE

NAMED = 1_000
"""Faces of the group that gets a name, each in a video with a result."""

UPLOADS = 1_000_000
"""Rows of the old ledger."""

_STUDENTS = 1_000
_NAME = "Ada Lovelace"
_AT = "2026-01-01T00:00:00.000Z"

_SECOND = Target(1, "figure")
_OPEN = Target(3, "figure")


def named_row(folder: Path) -> Row:
    """Name a group of `NAMED` in a memory that has other faces already. Raises WrongAnswer."""
    named = NAMED
    group = _keep_group(folder, named)
    command = process.python("-m", "hybridsphere", "faces", "name", str(group), _NAME)
    environment = {**os.environ, "HYBRIDSPHERE_RESULTS_DIR": str(folder)}
    before_s, began = process.own_cpu_seconds(), time.perf_counter()
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    taken_s, cpu_s = time.perf_counter() - began, process.own_cpu_seconds() - before_s
    answers = sum(_NAME in file.read_text() for file in folder.rglob("*.csv"))
    if answers != named:
        raise WrongAnswer(f"{answers} files of {named} have the name: {done.stderr}")
    with Memory.read(folder) as memory:
        faces = memory.count_faces()
    return Row(
        f"name {named:,} of {faces:,} faces, the whole command with all answers: CPU time",
        "s",
        None,
        cpu_s,
        target=_SECOND,
        remark=f"{taken_s:.1f} s by the clock",
    )


def migrated_rows(folder: Path, uploads: int = UPLOADS) -> Iterator[Row]:
    """Bring a ledger of schema 2 to this release's, and open it again. Raises WrongAnswer."""
    fill_second_schema(folder, uploads)
    began_s, began = time.process_time(), time.perf_counter()
    with closing(Ledger.open(folder)) as ledger:
        cpu_s, taken_s = time.process_time() - began_s, time.perf_counter() - began
        if not ledger.migrated or ledger.student("student 7") != ("physics", "junior"):
            raise WrongAnswer("the ledger was not migrated")
    yield Row(
        f"ledger of {uploads:,} uploads, opened and migrated from schema 2: CPU time",
        "s",
        None,
        cpu_s,
        target=_OPEN,
        remark=f"{taken_s:.1f} s by the clock",
    )
    began = time.perf_counter()
    Ledger.open(folder).close()
    yield Row("the same ledger opened again", "s", None, time.perf_counter() - began, target=_OPEN)
    size = ledger_path(folder).stat().st_size
    yield Row("size on disk of the ledger", "KB an upload", None, size / uploads / 1000)


def fill_second_schema(folder: Path, uploads: int) -> None:
    """Write a ledger as an older release left it."""
    path = ledger_path(folder)
    path.parent.mkdir(parents=True)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("BEGIN")
        # Schema 2 is the first release's tables with these indices.
        connection.execute(schema._UPLOADS)  # noqa: SLF001
        connection.execute(schema._MIRRORED)  # noqa: SLF001
        schema._add_second(connection, _AT)  # noqa: SLF001
        connection.execute("PRAGMA user_version = 2")
        connection.executemany(
            f"INSERT INTO uploads VALUES ({','.join('?' * 19)})", map(_old_row, range(uploads))
        )
        connection.execute("COMMIT")


def _old_row(number: int) -> tuple[object, ...]:
    one = result(record(number))
    person = {"name": f"student {number % _STUDENTS}", "major": "physics", "year": "junior"}
    people = json.dumps([{**person, "distance": 0.4, "at_s": 0.0}])
    version = one.version
    name = (one.bucket, one.key, version.id, version.etag, version.sequencer, version.event_time)
    outcome = ("matched", None, people, one.csv, one.output_bucket, one.output_key)
    return (*name, _AT, _AT, _AT, 1, *outcome, _AT, _AT, _AT)


def _keep_group(folder: Path, named: int) -> int:
    """Keep a video for each face of one stranger; returns the number of the group."""
    drawn = np.random.default_rng(1)
    centre = drawn.normal(0, 0.05, EMBEDDING_SIZE)
    looks = centre + drawn.normal(0, 0.005, (named, 1, EMBEDDING_SIZE))
    with closing(Ledger.open(folder)) as ledger, ledger.transaction():
        for number in range(named):
            one = replace(result(record(number)), status="unknown_face", people=(), csv=_EMPTY)
            ledger.put_result(one, utc_text())
    with closing(Memory.open(folder)) as memory:
        with memory.transaction():
            videos = [_take(memory, number, looks[number]) for number in range(named)]
        group = memory.faces(videos[-1])[0].group
    if group is None:
        raise WrongAnswer("the faces are in no group")
    return group


_EMPTY = "name,major,year,status\r\n,,,unknown_face\r\n"


def _take(memory: Memory, number: int, looks: np.ndarray) -> int:
    upload = record(number)
    name = (upload.bucket, upload.key, upload.version.id, upload.event_time)
    video = Video(*name, 1, "identify", "yunet-sface", "d", 0.556, 0.6)
    face = Face(
        number=0,
        box=(0.1, 0.1, 0.2, 0.2),
        spans=((0, 1000),),
        best_ms=0,
        size_px=96,
        looks=1,
        name=None,
        distance=None,
        runner_up=None,
        runner_up_distance=None,
        certainty="unknown",
    )
    return memory.take(video, [NewFace(face, looks.astype(np.float16), b"", (0,))])
