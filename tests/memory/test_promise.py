"""A person's word stands above a machine's, in any order."""

import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hybridsphere.memory.face import Face
from hybridsphere.memory.words import Judgement, confirmed, standing_judgements
from tests.memory.judge_stage import Stage, result_of

FACES = 3
NAMES = ["ada", "ben", "cleo"]

found = st.permutations([*NAMES, None, None]).map(lambda names: names[:FACES])
"""The names that the function finds: each once at most."""

steps = st.lists(
    st.one_of(
        st.tuples(st.just("attempt"), found),
        st.tuples(st.just("lost"), found),
        st.tuples(st.just("again"), st.none()),
        st.tuples(st.just("decide"), found),
        st.tuples(st.just("is"), st.tuples(st.integers(0, FACES - 1), st.sampled_from(NAMES))),
        st.tuples(st.just("is_not"), st.tuples(st.integers(0, FACES - 1), st.sampled_from(NAMES))),
        st.tuples(st.just("nobody"), st.integers(0, FACES - 1)),
        st.tuples(st.just("same"), st.tuples(st.integers(0, FACES - 1), st.integers(0, FACES - 1))),
        st.tuples(st.just("add"), st.sampled_from(NAMES)),
        st.tuples(st.just("remove"), st.sampled_from(NAMES)),
        st.tuples(st.just("right"), st.none()),
        st.tuples(st.just("undo"), st.none()),
        st.tuples(st.just("derive"), st.none()),
        st.tuples(st.just("expire"), st.sampled_from([(True, False), (False, True), (True, True)])),
    ),
    max_size=12,
)


class Story:
    """One video; the words that stand are kept twice, here in the simplest form."""

    def __init__(self, stage: Stage, first: Sequence[str | None]) -> None:
        self.stage = stage
        self.found = list(first)
        self.attempt = 1
        self.lost = False
        self.decided = list(first)
        stage.see(first)

    @property
    def video(self) -> int:
        """The video's id; words begin a video of which everything has expired."""
        memory = self.stage.memory
        with memory.transaction():
            return memory.begin_video(self.stage.upload()).id

    def faces(self) -> list[Face]:
        return sorted(self.stage.faces(self.video), key=lambda face: face.number)

    def tell(self, kind: str, value: object) -> None:
        if kind in {"is", "is_not", "nobody", "same"}:
            self.say_of_face(kind, value)
        elif kind in {"add", "remove"}:
            self.stage.say("is" if kind == "add" else "is_not", video=self.video, name=value)
        elif kind == "right":
            self.stage.derive()
            self.stage.confirm(self.video)
        elif kind == "undo":
            if last := self.stage.memory.judgements.last(self.video):
                self.stage.undo(last)
        elif kind == "derive":
            self.stage.derive()
        elif kind == "expire":
            self.expire(*value)
        else:
            self.find(kind, value)

    def expire(self, unknown: bool, named: bool) -> None:
        """Let faces expire, which changes no answer."""
        before = self.stage.derive().effective_csv
        self.stage.expire(unknown=unknown, named=named)
        assert self.stage.upload().effective_csv == before

    def say_of_face(self, kind: str, value: object) -> None:
        faces = self.faces()
        if not faces:
            return
        video = self.video
        if kind == "nobody":
            self.stage.say("nobody", faces[value], video)
        elif kind == "same":
            one, other = value
            if one != other:
                self.stage.say("same", faces[one], video, other=faces[other].id)
        else:
            at, name = value
            self.stage.say(kind, faces[at], video, name=name)

    def find(self, kind: str, value: object) -> None:
        """Have the machine answer: once more, with a higher attempt, or by a decision."""
        if kind == "attempt":
            self.attempt += 1
            self.found = self.decided = list(value)
            self.lost = False
            self.stage.see(self.found, attempt=self.attempt)
        elif kind == "lost":
            # A replay whose faces never come: those of an earlier attempt stay.
            self.attempt += 1
            self.found = self.decided = list(value)
            self.lost = True
            self.stage.store(result_of(self.found, attempt=self.attempt))
            video = self.video
            with self.stage.memory.transaction():
                self.stage.memory.mark_stale(video)
        elif kind == "again":
            self.stage.see(self.found, attempt=self.attempt)
            if self.lost:
                self.decided, self.lost = self.found, False
            self.stage.see([None] * FACES, attempt=1)
        else:
            self.decide(list(value))

    def decide(self, names: list[str | None]) -> None:
        """Give the faces other names, as a decision with another gallery does."""
        faces = self.faces()
        if faces and not self.lost:
            # Faces of an earlier attempt say nothing of the result that has replaced it.
            self.decided = names
        if faces:
            chosen = {face.id: name for face, name in zip(faces, names, strict=True)}
            self.stage.decide(chosen, self.video)


def check_last_words(told: Story, standing: list[Judgement], people: list[str]) -> None:
    """Check what the last word about each face, and about the whole video, demands."""
    whole = [word for word in standing if word.face is None]
    last = whole[-1].id if whole else 0
    for face in told.faces():
        words = [word for word in standing if word.face == face.id]
        if not words or words[-1].id < last:
            continue
        word = words[-1]
        if word.kind == "is":
            assert word.name in people
            assert face.person == word.name
        elif word.kind == "is_not":
            assert face.person != word.name
        elif word.kind == "nobody":
            assert face.person == ""
    if whole and whole[-1] == standing[-1]:
        check_whole(whole[-1], people)


def check_whole(word: Judgement, people: list[str]) -> None:
    """Check that the last word of all, about the whole video, counts."""
    if word.kind == "is":
        assert word.name in people
    elif word.kind == "is_not":
        assert word.name not in people
    else:
        assert set(people) == set(confirmed(word).people)


@given(first=found, story=steps)
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)
def test_a_persons_word_stands_in_any_order(
    first: Sequence[str | None], story: Sequence[tuple[str, object]]
) -> None:
    with tempfile.TemporaryDirectory() as folder, Stage.open(Path(folder)) as stage:
        told = Story(stage, first)
        for kind, value in story:
            told.tell(kind, value)
        stage.derive()
        people = stage.people()
        assert len(people) == len(set(people))
        video = told.video
        standing = standing_judgements(stage.memory.judgements.of_video(video))
        check_last_words(told, standing, people)
        assert stage.csv() == stage.upload().effective_csv
        while last := stage.memory.judgements.last(video):
            stage.undo(last)
        stage.derive()
        assert set(stage.people()) == {name for name in told.decided if name}
        if told.decided == told.found:
            assert stage.upload().answer_status is None


def test_a_word_about_a_failed_upload_outlives_the_result_that_replaces_it(tmp_path: Path) -> None:
    with Stage.open(tmp_path) as stage:
        empty = "name,major,year,status\r\n,,,failed\r\n"
        stage.store(replace(result_of(["anna"]), status="failed", people=(), csv=empty))
        with stage.memory.transaction():
            stage.memory.begin_video(stage.upload())
        stage.say("is_not", name="anna")
        stage.derive()
        # The word changes nothing of `failed`, but the next result must be derived, without faces.
        stage.store(result_of(["anna"]))
        assert stage.ledger.count_due() == 1
