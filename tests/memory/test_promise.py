"""A person's word stands above a machine's, in any order."""

import tempfile
from collections.abc import Sequence
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hybridsphere.memory.face import Face
from tests.memory.judge_stage import Stage

FACES = 3
NAMES = ["ada", "ben", "cleo"]

found = st.permutations([*NAMES, None, None]).map(lambda names: names[:FACES])
"""The names that the function finds: each once at most."""

steps = st.lists(
    st.one_of(
        st.tuples(st.just("attempt"), found),
        st.tuples(st.just("again"), st.none()),
        st.tuples(st.just("decide"), found),
        st.tuples(st.just("is"), st.tuples(st.integers(0, FACES - 1), st.sampled_from(NAMES))),
        st.tuples(st.just("is_not"), st.tuples(st.integers(0, FACES - 1), st.sampled_from(NAMES))),
        st.tuples(st.just("nobody"), st.integers(0, FACES - 1)),
        st.tuples(st.just("right"), st.none()),
        st.tuples(st.just("undo"), st.none()),
        st.tuples(st.just("derive"), st.none()),
    ),
    max_size=12,
)


class Story:
    """One video; the words that stand are kept twice, here in the simplest form."""

    def __init__(self, stage: Stage, first: Sequence[str | None]) -> None:
        self.stage = stage
        self.found = list(first)
        self.attempt = 1
        self.decided = list(first)
        stage.see(first)

    def faces(self) -> list[Face]:
        return sorted(self.stage.faces(), key=lambda face: face.number)

    def tell(self, kind: str, value: object) -> None:
        stage = self.stage
        if kind == "attempt":
            self.attempt += 1
            self.found = self.decided = list(value)
            stage.see(self.found, attempt=self.attempt)
        elif kind == "again":
            stage.see(self.found, attempt=self.attempt)
            stage.see([None] * FACES, attempt=1)
        elif kind == "decide":
            self.decided = list(value)
            self.decide()
        elif kind in {"is", "is_not"}:
            at, name = value
            stage.say(kind, self.faces()[at], name=name)
        elif kind == "nobody":
            stage.say("nobody", self.faces()[value])
        elif kind == "right":
            stage.derive()
            stage.confirm()
        elif kind == "undo":
            if last := stage.memory.judgements.last(1):
                stage.undo(last)
        else:
            stage.derive()

    def decide(self) -> None:
        """Give the faces other names, as a decision with another gallery does."""
        memory = self.stage.memory
        with memory.transaction():
            for face, name in zip(self.faces(), self.decided, strict=True):
                memory._connection.execute(
                    "UPDATE faces SET name = ? WHERE id = ?", (name, face.id)
                )
            memory.judgements.apply([face.id for face in self.faces()])
            memory.mark_stale(1)


@given(first=found, story=steps)
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True
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
        for face in told.faces():
            word = stage.memory.judgements.last(1, face.id)
            whole = stage.memory.judgements.last(1)
            if word and (whole is None or whole.kind != "right" or whole.id < word.id):
                if word.kind == "is":
                    assert word.name in people
                    assert face.person == word.name
                elif word.kind == "is_not":
                    assert face.person != word.name
                elif word.kind == "nobody":
                    assert face.person == ""
        assert stage.csv() == stage.upload().effective_csv
        while last := stage.memory.judgements.last(1):
            stage.undo(last)
        stage.derive()
        assert set(stage.people()) == {name for name in told.decided if name}
        if told.decided == told.found:
            assert stage.upload().answer_status is None
