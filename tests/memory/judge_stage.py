"""A results folder with a ledger, a memory and CSV files, in which people judge."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hybridsphere.ledger.csv_files import CsvFiles
from hybridsphere.ledger.ledger import Ledger, Upload, ledger_path
from hybridsphere.memory.answers import derive_all
from hybridsphere.memory.kept import put_decisions
from hybridsphere.memory.memory import Face, Memory
from hybridsphere.memory.words import Judgement
from hybridsphere.messages import ATTENDANCE_COLUMNS, CSV_COLUMNS, Person, Result, csv_text
from hybridsphere.recognition.decision import FaceAnswer
from tests.memory.memory_stage import SCENE, face, video
from tests.samples import BUCKET, EVENT_TIME

STORED_AT = "2026-11-22T00:00:00.000Z"
RECORDS = {"ada": ("physics", "junior")}


class Stage:
    """The folder, open."""

    def __init__(self, folder: Path, ledger: Ledger, memory: Memory) -> None:
        self.folder = folder
        self.ledger = ledger
        self.memory = memory
        self.files = CsvFiles(folder)
        self.files.prepare()

    @classmethod
    @contextmanager
    def open(cls, folder: Path) -> Iterator["Stage"]:
        ledger_path(folder).parent.mkdir(exist_ok=True)
        with Ledger.open(folder) as ledger, Memory.open(folder) as memory:
            yield cls(folder, ledger, memory)

    def store(self, result: Result) -> None:
        """Store a result as the bridge does."""
        with self.ledger.transaction():
            if (text := self.ledger.put_result(result, STORED_AT)) is not None:
                self.files.write(result.key, text.encode())

    def see(self, names: Sequence[str | None], **more: Any) -> int:
        """Store a result with its faces, one a name, None for a stranger; returns the video."""
        self.store(result_of(names, **more))
        return self.take(names, **more)

    def take(self, names: Sequence[str | None], key: str = "a.mp4", **more: Any) -> int:
        one = video(key, **{"mode": "attendance", **more})
        faces = [
            face(number, person=number, name=name, spans=spans_of(number))
            for number, name in enumerate(names)
        ]
        with self.memory.transaction():
            self.memory.mark_stale(number := self.memory.take(one, faces, SCENE))
        return number

    def say(
        self, kind: Any, face: Face | None = None, video: int | None = None, **more: Any
    ) -> int:
        """Say something of a face or of a video, as commands do: by default of `a.mp4`."""
        with self.memory.transaction():
            if video is None:
                video = face.video if face else self.memory.begin_video(self.upload()).id
            return self.memory.judgements.say(
                kind, by="a teacher", video=video, face=face.id if face else None, **more
            )

    def confirm(self, video: int = 1) -> int:
        with self.memory.transaction():
            people = [person["name"] for person in self.upload().effective_people]
            return self.memory.judgements.confirm(video, people, by="a teacher")

    def undo(self, judgement: Judgement | None) -> None:
        assert judgement is not None
        with self.memory.transaction():
            self.memory.judgements.take_back(judgement, by="a teacher")

    def derive(self, key: str = "a.mp4") -> Upload:
        derive_all(self.memory, self.ledger, self.files)
        return self.upload(key)

    def decide(self, names: Mapping[int, str | None], video: int = 1) -> None:
        """Give faces, by their ids, other names, as a decision with another gallery does."""
        one = self.memory.video_of(video)
        if one is None:
            return
        answers = {face: FaceAnswer(name, 0.3, None, None, "sure") for face, name in names.items()}
        with self.memory.transaction():
            put_decisions(self.memory, answers, [(one, 0.6, "g2", one.decided)])
            self.memory.judgements.apply(list(answers))
            self.memory.mark_stale(video)

    def expire(self, *, unknown: bool = True, named: bool = True) -> int:
        """Let the days pass for which faces are kept; then every answer is derived again."""
        with self.memory.transaction():
            count = self.memory.expire(
                unknown_before="~" if unknown else "", faces_before="~" if named else "", most=100
            )
            for video in list(self.memory.videos()):
                self.memory.mark_stale(video.id)
        self.derive()
        return count

    def upload(self, key: str = "a.mp4") -> Upload:
        found = self.ledger.newest(BUCKET, key)
        assert found is not None
        return found

    def faces(self, video: int = 1) -> list[Face]:
        return self.memory.faces(video)

    def people(self) -> list[str]:
        return [person["name"] for person in self.upload().effective_people]

    def csv(self, key: str = "a.mp4") -> str:
        """The file on disk."""
        return (self.folder / f"{key}.csv").read_bytes().decode()


def spans_of(number: int) -> tuple[tuple[int, int], ...]:
    """The times of a face: each has its own."""
    return ((number * 1000, number * 1000 + 500), (9000, 9500 + number))


def result_of(
    names: Sequence[str | None], key: str = "a.mp4", *, mode: str = "attendance", attempt: int = 1
) -> Result:
    """The result of a video in which the function found these people."""
    people = [_person(number, name) for number, name in enumerate(names) if name]
    strangers = [number for number, name in enumerate(names) if not name]
    if mode == "identify":
        people = people[:1]
        rows = [[p.name, p.major, p.year, p.status] for p in people]
        columns: Sequence[str] = CSV_COLUMNS
    else:
        rows = [_row(p.name, p.major, p.year, p.status or "", p.spans or ()) for p in people]
        rows += [
            _row(f"unknown_{at}", "", "", "unknown_face", spans_of(number))
            for at, number in enumerate(strangers, 1)
        ]
        columns = ATTENDANCE_COLUMNS
    status = next(
        (one for one in ("matched", "no_record") if one in {p.status for p in people}),
        "unknown_face" if names else "no_face",
    )
    empty = ["" if column != "status" else status for column in columns]
    return Result(
        bucket=BUCKET,
        key=key,
        etag="e1",
        sequencer="01",
        event_time=EVENT_TIME,
        status=status,
        csv=csv_text(rows or [empty], columns),
        people=tuple(people),
        attempt=attempt,
    )


def _person(number: int, name: str) -> Person:
    major, year = RECORDS.get(name, ("", ""))
    spans = spans_of(number)
    return Person(
        name,
        major,
        year,
        distance=0.25,
        at_s=0.4,
        status="matched" if name in RECORDS else "no_record",
        first_s=spans[0][0] / 1000,
        last_s=spans[-1][1] / 1000,
        sightings=4,
        spans=spans,
    )


def _row(
    name: str, major: str, year: str, status: str, spans: tuple[tuple[int, int], ...]
) -> list[object]:
    text = " ".join(f"{first / 1000}-{last / 1000}" for first, last in spans)
    return [name, major, year, status, spans[0][0] / 1000, spans[-1][1] / 1000, 4, text]
