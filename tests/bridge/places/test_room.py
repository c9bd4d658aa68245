"""The room of a place adapts to what its host lets through."""

import pytest

from hybridsphere.bridge.pacing.limiter import PROBE_EVERY, START
from hybridsphere.bridge.places import room as module
from hybridsphere.bridge.places.room import FIRST_GUESS_S, Room


def filled(room: Room) -> list[object]:
    return [room.begin() for _ in range(room.free)]


def rounds(room: Room, host: int, count: int) -> int:
    """Run rounds of calls at a host of so many workers; returns the calls that were throttled."""
    throttled = 0
    for _ in range(count):
        calls = filled(room)
        for call in calls[host:]:
            room.throttled()
            room.end(call)
            throttled += 1
        for call in calls[:host]:
            room.answered(1.0)
            room.end(call)
    return throttled


@pytest.mark.parametrize("host", [1, 2, 3, 8, 30])
def test_the_limit_finds_the_hosts_workers_and_stays_there(host: int) -> None:
    room = Room(100)
    rounds(room, host, 12)
    assert room.limit in {host, host + 1}
    throttled = rounds(room, host, 60)
    assert room.limit in {host, host + 1}
    # One call in PROBE_EVERY finds out whether there is more.
    assert throttled <= 60 * host / PROBE_EVERY + 1


def test_the_limit_is_bounded() -> None:
    room = Room(6)
    assert room.limit == START
    rounds(room, 100, 50)
    assert room.limit == 6


def test_a_room_that_is_announced_is_used_at_once() -> None:
    room = Room(100)
    room.announced(30)
    assert room.free == 30
    room.announced(None)
    assert room.free == 30
    rounds(room, 60, 50)
    assert room.limit in {60, 61}
    room.announced(500)
    assert room.limit == 100


def test_a_host_that_others_fill_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr(module.time, "monotonic", lambda: now)
    room = Room(10)
    call = room.begin()
    room.throttled()
    room.end(call)
    assert (room.limit, room.free) == (1, 0)
    now = module.FULL_S
    assert room.free == 1


def test_the_rate_follows_the_videos_and_falls_while_they_hang(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = 0.0
    monkeypatch.setattr(module.time, "monotonic", lambda: now)
    room = Room(10)
    assert room.rate == pytest.approx(START / FIRST_GUESS_S)
    call = room.begin()
    now = 0.5
    room.answered(0.5)
    assert room.end(call) == 0.5
    assert room.rate == pytest.approx(room.limit / 0.5)
    room.begin()
    now = 20.5
    assert room.rate == pytest.approx(room.limit / 20)
