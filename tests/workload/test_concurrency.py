"""How many videos ran at once, from the starts and ends that results tell."""

from datetime import UTC, datetime, timedelta

import pytest

from hybridsphere.messages import utc_text
from hybridsphere.workload.check import Check
from hybridsphere.workload.concurrency import Run, peak
from tests.workload.workload_stage import Stage

# After any upload of these tests: rows from before one do not count.
NOON = datetime(2099, 1, 1, 12, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def run(start: float, end: float, key: str = "x.mp4") -> Run:
    return Run(key, at(start), at(start), at(end))


@pytest.mark.parametrize(
    ("runs", "most"),
    [
        ([], 0),
        ([run(0, 1)], 1),
        ([run(0, 1), run(1, 2)], 1),
        ([run(0, 2, "x"), run(1, 3, "y")], 2),
        ([run(0, 9, "x"), run(1, 2, "y"), run(3, 4, "y"), run(3.5, 5, "z")], 3),
        ([run(0, 3, "x"), run(1, 2, "x")], 1),
        ([run(0, 3, "x"), run(1, 2, "x"), run(2.5, 4, "y")], 2),
    ],
)
def test_the_peak_is_the_most_videos_that_overlap(runs: list[Run], most: int) -> None:
    assert peak(runs) == most


async def check(
    stage: Stage, *runs: tuple[float, float], asked: float = 0, workers: int | None = 2
) -> Check:
    """The check of videos that were all asked for at the same time, and then ran in turn."""
    keys = [f"{number}.mp4" for number in range(len(runs))]
    await stage.upload(*keys)
    for key, (start, end) in zip(keys, runs, strict=True):
        stage.invoke(key, at=utc_text(at(asked)))
        times = {"started_at": utc_text(at(start)), "finished_at": utc_text(at(end))}
        stage.complete(key, **times)
    return await stage.check("concurrency", workers=workers)


async def test_distinct_videos_and_their_peak_are_told(stage: Stage) -> None:
    found = await check(stage, (0, 2), (1, 3), (2, 4), workers=3)

    assert found.passed
    assert found.detail == "3 of 3 videos distinct, 2 at once at most, 3 allowed"


async def test_one_at_a_time_fails_if_another_had_to_wait_needlessly(stage: Stage) -> None:
    found = await check(stage, (0, 3), (3, 6), (6, 9))

    assert not found.passed
    assert found.lines == ("2.mp4: waited 6.0 s for its start while another ran",)


async def test_one_at_a_time_passes_while_the_waits_are_short(stage: Stage) -> None:
    assert (await check(stage, (0, 2), (2, 4), (4, 5))).passed


async def test_one_at_a_time_passes_if_nothing_ran_during_the_wait(stage: Stage) -> None:
    assert (await check(stage, (8, 9), (20, 21))).passed


@pytest.mark.parametrize("workers", [1, None])
async def test_one_at_a_time_passes_with_one_or_unknown_workers(
    stage: Stage, workers: int | None
) -> None:
    assert (await check(stage, (0, 6), (6, 12), workers=workers)).passed


async def test_a_result_without_times_fails_unless_failed(stage: Stage) -> None:
    await stage.upload("x.mp4", "y.mp4")
    nothing = {"started_at": None, "finished_at": None}
    stage.complete("x.mp4", **nothing, status="failed", reason="RetriesExhausted")
    stage.complete("y.mp4", **nothing)

    found = await stage.check("concurrency")

    assert not found.passed
    assert found.lines == ("y.mp4: no start and end",)
    assert found.detail == "0 of 1 videos distinct, 0 at once at most"
