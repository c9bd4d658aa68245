"""What people get for a video: the machine's answer, plus what people said."""

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from hybridsphere.ledger.ledger import Answer, Upload
from hybridsphere.memory.face import Face
from hybridsphere.memory.rows import (
    FindRecord,
    Row,
    is_attendance,
    joined,
    person_of,
    read_rows,
    status_of,
    write_rows,
)
from hybridsphere.memory.words import Judgement, Standing, confirmed, standing_judgements
from hybridsphere.messages import STATUSES

_SEEN = {"matched", "no_record", "unknown_face"}
"""Statuses of videos that show a face."""


class _Seen(NamedTuple):
    """A face, what people said of it, and the frames that show it, if known."""

    face: Face
    standing: Standing
    sightings: int | None = None

    @property
    def name(self) -> str:
        """The name that counts, empty for nobody known."""
        return self.standing.person(self.face.name) or ""


def derive(
    upload: Upload,
    faces: Sequence[Face],
    standings: Mapping[int, Standing],
    words: Collection[Judgement],
    records: FindRecord,
    *,
    left_out: int = 0,
    decided: str | None = None,
) -> Answer | None:
    """Return the answer that people get; None if it is the function's own.

    - `upload`: the function's answer. `faces`: those that are kept of the video, with the names
      that the machine gives them by now. `left_out`: the number of faces that were not kept.
    - `decided`: the machine's person of `identify` by now; None for the function's own.
    - `standings`, `words`: what people said of the faces, and of the video with its faces.
    - `records`: finds major and year of a student by name.
    """
    if upload.status is None:
        return None
    seen = [_Seen(face, standings.get(face.id, Standing())) for face in faces]
    draft = _Draft(upload, seen, left_out, decided)
    for word in standing_judgements(words):
        if word.face is None:
            draft.hear(word)
    answer = draft.answer(records)
    own = Answer(upload.status, upload.people, upload.csv or "")
    return None if answer == own else answer


class _Draft:
    """The rows of one video, while words are applied to them."""

    def __init__(
        self, upload: Upload, faces: Sequence[_Seen], left_out: int, decided: str | None
    ) -> None:
        self._upload = upload
        self._decided = decided
        self._faces = faces
        self._attendance = is_attendance(upload.csv or "")
        self._any_face = (
            any(not seen.standing.nobody for seen in faces) if faces else upload.status in _SEEN
        )
        self._rows: list[Row] = []
        self._loose: list[Row] = []
        moved = self._keep_rows(read_rows(upload.csv or "", upload.people), left_out)
        for seen in moved:
            self._place(seen)

    def hear(self, word: Judgement) -> None:
        """Apply a word about the whole video; a later word about a face stands above it."""
        name = word.name or ""
        if word.kind == "right":
            self._confirm(word)
        elif word.kind == "is":
            later = [row for row in self._rows if row.name == name and row.since > word.id]
            if not later:
                times = next((row for row in self._rows if row.name == name), None)
                self._drop(word.id, {name})
                self._rows.append(_spoken(name, word.id, times))
        elif word.kind == "is_not":
            self._drop(word.id, {name})
        elif word.kind == "nobody":
            self._rows = [row for row in self._rows if row.since > word.id]
            self._any_face = False

    def answer(self, records: FindRecord) -> Answer:
        """Return the answer of the rows as they stand."""
        known = sorted((row for row in self._rows if row.name), key=lambda row: row.order)
        strangers = sorted((row for row in self._rows if not row.name), key=lambda row: row.order)
        if not self._attendance:
            known, strangers = self._chosen(known), []
        if known:
            statuses = [status_of(row, records) for row in known]
            status = min(statuses, key=STATUSES.index)
        elif self._any_face or strangers:
            status = "unknown_face"
        else:
            own = self._upload.status or ""
            status = "no_face" if own in _SEEN else own
        people = [person_of(row, records, attendance=self._attendance) for row in known]
        rows = [*known, *strangers]
        text = write_rows(rows, status, attendance=self._attendance, records=records)
        return Answer(status, people, text)

    def _keep_rows(self, machine: Sequence[Row], left_out: int) -> list[_Seen]:
        """Keep the function's rows that are still right; returns the faces of the others."""
        moved: list[_Seen] = []
        free = list(self._faces)
        for row in machine:
            own = _of_row(row, free)
            free = [seen for seen in free if seen not in own]
            staying = [seen for seen in own if not seen.standing.nobody and seen.name == row.name]
            if staying:
                row.since = max(seen.standing.since for seen in staying)
                self._rows.append(row)
            elif own or (row.name and self._faces and not left_out):
                # A word or a new decision took the faces away.
                self._loose.append(row)
            else:
                # None of its faces was kept.
                self._rows.append(row)
            count = row.sightings if len(own) == 1 else None
            moved += [seen._replace(sightings=count) for seen in own if seen not in staying]
        return [*moved, *free]

    def _place(self, seen: _Seen) -> None:
        """Give a face a row, or add it to that of its person."""
        face, standing = seen.face, seen.standing
        spans = joined(face.spans) if self._attendance else ()
        old = next((row for row in self._loose if spans and row.spans == spans), None)
        if standing.nobody:
            return
        if not seen.name and standing.said is None and old is None and seen.sightings is None:
            # The function had no row for this stranger either: a person who turned away, perhaps.
            return
        sightings = seen.sightings or (old.sightings if old else None) or face.looks or 1
        distance = face.distance if face.name == seen.name else None
        row = Row(
            seen.name,
            spans=spans,
            sightings=sightings if self._attendance else None,
            since=standing.since,
            distance=distance,
        )
        same = next((one for one in self._rows if row.name and one.name == row.name), None)
        if same is None:
            self._rows.append(row)
            return
        same.since = max(same.since, row.since)
        if spans:
            same.absorb(spans, row.sightings)

    def _confirm(self, word: Judgement) -> None:
        """Keep the confirmed people, and those of later words."""
        people = confirmed(word).people
        self._rows = [
            row for row in self._rows if not row.name or row.name in people or row.since > word.id
        ]
        for row in self._rows:
            if row.name in people:
                row.since = max(row.since, word.id)
        missing = set(people) - {row.name for row in self._rows}
        self._rows += [_spoken(name, word.id) for name in people if name in missing]

    def _drop(self, since: int, names: Collection[str]) -> None:
        self._rows = [row for row in self._rows if row.name not in names or row.since > since]

    def _chosen(self, known: Sequence[Row]) -> list[Row]:
        """Choose the one person of `identify`.

        The last word about the whole video counts, and words about faces after it; then the
        function's own answer, words about faces, and the nearest person.
        """
        own = {str(person.get("name")) for person in self._upload.people}
        if self._decided is not None:
            own = {self._decided}
        whole = max((row.since for row in known if row.is_of_whole), default=0)

        def rank(row: Row) -> tuple[bool, int, bool, int, float]:
            late = row.since >= whole > 0
            distance = 9.0 if row.distance is None else row.distance
            return not late, -row.since * late, row.name not in own, -row.since, distance

        return sorted(known, key=rank)[:1]


def _of_row(row: Row, faces: Sequence[_Seen]) -> list[_Seen]:
    """Find the faces of a row of the function: by their times, or by the machine's name."""
    named = [seen for seen in faces if (seen.face.name or "") == row.name]
    if row.spans:
        same = [seen for seen in faces if joined(seen.face.spans) == row.spans]
        if same:
            return [seen for seen in same if seen in named][:1] or same[:1]
    return named if row.name else []


def _spoken(name: str, since: int, times: Row | None = None) -> Row:
    """Make the row of somebody whom a word put into the video, with the times that are known."""
    row = Row(name, since=since, is_of_whole=True)
    if times:
        row.cells, row.found, row.distance = times.cells, times.found, times.distance
        row.spans, row.sightings = times.spans, times.sightings
    return row
