"""Versions of an upload, and which of them is the newest."""

from itertools import permutations
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybridsphere.messages import (
    Version,
    newest_of,
)
from tests.messages.messages_stage import SEQUENCER, TIME
from tests.samples import (
    EVENT_TIME,
)

# Few values, so that ties and circles are common.
VERSION = st.builds(
    Version,
    etag=st.sampled_from("ab"),
    sequencer=st.sampled_from([None, "", "01", "0100", "02", "0a", "0A"]),
    event_time=st.sampled_from([f"2026-11-21T00:00:0{second}.000Z" for second in range(3)]),
)


# One sequencer and ETag, or one ETag and time, is one upload.
VERSIONS = st.lists(VERSION, min_size=1, max_size=6, unique_by=lambda version: version.id)


class TestVersion:
    @given(SEQUENCER, SEQUENCER, TIME, TIME)
    def test_at_most_one_of_two_versions_is_newer(
        self, one: str | None, two: str | None, first: str, second: str
    ) -> None:
        a, b = Version("a", one, first), Version("b", two, second)
        assert not (a.newer_than(b) and b.newer_than(a))
        assert not a.newer_than(a)

    @given(VERSION, VERSION)
    def test_exactly_one_of_two_different_versions_is_newer(self, a: Version, b: Version) -> None:
        assert a.newer_than(b) + b.newer_than(a) == (a.id != b.id)

    @given(VERSIONS, st.randoms(use_true_random=False))
    def test_any_versions_have_one_newest_in_any_order(
        self, versions: list[Version], chance: Random
    ) -> None:
        others = chance.sample(versions, len(versions))
        newest, again = (newest_of(order, lambda version: version) for order in (versions, others))
        assert newest
        assert again
        assert newest.id == again.id
        # No version of the same kind is newer, nor the newest of the other kind.
        kind = bool(newest.sequencer)
        alike = [one for one in versions if bool(one.sequencer) == kind]
        other = newest_of([one for one in versions if one not in alike], lambda version: version)
        assert not any(one.newer_than(newest) for one in [*alike, *([other] if other else [])])

    @given(st.lists(st.tuples(st.sampled_from("ab"), TIME), unique=True, min_size=2))
    def test_without_sequencers_exactly_one_of_two_is_newer(
        self, made: list[tuple[str, str]]
    ) -> None:
        a, b = (Version(etag, None, time) for etag, time in made[:2])
        assert a.newer_than(b) != b.newer_than(a)

    @pytest.mark.parametrize(
        ("newer", "older"),
        [("01", "00"), ("1", "01"), ("0b", "0A"), ("0A1", "0a"), ("FF", "0FFF"), ("00b", "00AF")],
    )
    def test_sequencers_are_padded_on_the_right_and_know_no_case(
        self, newer: str, older: str
    ) -> None:
        # The event times say the opposite and are not asked.
        a = Version("e", newer, "2020-01-01T00:00:00.000Z")
        b = Version("e", older, EVENT_TIME)
        assert a.newer_than(b)
        assert not b.newer_than(a)

    @pytest.mark.parametrize(("one", "two"), [("a", "A"), ("1", "100"), ("00", "0")])
    def test_sequencers_that_differ_in_padding_or_case_are_no_progress(
        self, one: str, two: str
    ) -> None:
        a, b = Version("e", one, EVENT_TIME), Version("e", two, "2026-11-22T00:00:00.000Z")
        assert a.id == b.id
        assert not a.newer_than(b)
        assert not b.newer_than(a)

    @given(SEQUENCER.filter(bool), TIME, TIME)
    def test_event_times_decide_between_equal_sequencers(
        self, sequencer: str, first: str, second: str
    ) -> None:
        a, b = Version("a", sequencer, first), Version("b", sequencer, second)
        assert a.id != b.id
        assert a.newer_than(b) == (first > second)
        assert b.newer_than(a) == (first <= second)

    def test_event_times_decide_where_one_has_no_sequencer(self) -> None:
        a = Version("e", None, "2026-11-21T00:00:00.001Z")
        assert a.newer_than(Version("e", "FF", EVENT_TIME))
        assert not Version("e", "FF", EVENT_TIME).newer_than(a)

    def test_a_version_is_sequencer_and_etag_or_etag_and_time(self) -> None:
        assert Version("e", "01", EVENT_TIME).id == "01:e"
        assert Version("e", "0055AED6DCD90281E5", EVENT_TIME).id == "0055AED6DCD90281E5:e"
        assert Version("e", None, EVENT_TIME).id == f"e@{EVENT_TIME}"
        assert Version("e", "0100", EVENT_TIME).first_id == "01"
        assert Version("e", None, EVENT_TIME).first_id == f"e@{EVENT_TIME}"

    @pytest.mark.parametrize("sequencer", ["0", "00", "0055AED6DCD90281E5"])
    def test_the_event_time_decides_between_equal_sequencers(self, sequencer: str) -> None:
        first = Version("f", sequencer, "2026-11-21T00:00:00.000Z")
        second = Version("e", sequencer, "2026-11-21T00:00:01.000Z")
        assert first.id != second.id
        assert second.newer_than(first)
        assert not first.newer_than(second)
        assert newest_of([second, first], lambda version: version) == second

    @pytest.mark.parametrize("order", list(permutations(range(3))))
    def test_a_circle_of_versions_has_one_newest_in_any_order(self, order: tuple[int, ...]) -> None:
        circle = [
            Version("e", "02", "2026-11-21T00:00:01.000Z"),
            Version("e", None, "2026-11-21T00:00:02.000Z"),
            Version("e", "01", "2026-11-21T00:00:03.000Z"),
        ]
        assert all(circle[i].newer_than(circle[i - 1]) for i in range(3))
        assert newest_of((circle[i] for i in order), lambda version: version) == circle[1]

    def test_no_versions_have_no_newest(self) -> None:
        assert newest_of([], lambda version: version) is None

    @pytest.mark.parametrize("same", [("0B", "0b", "0B00"), ("0", "000")])
    def test_a_sequencer_is_one_version_however_it_is_written(self, same: tuple[str, ...]) -> None:
        assert len({Version("e", sequencer, EVENT_TIME).id for sequencer in same}) == 1
