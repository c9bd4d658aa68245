"""Events of one upload: repeated, out of order, contradictory."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from hybridsphere.ledger.ledger import Upload
from tests.bridge_process import BridgeProcess
from tests.faults.fault_stage import Account, Site, Size, opened, written
from tests.samples import failure_record, record, result, s3_event
from tests.stage import until

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def site(
    account: Account, tmp_path_factory: pytest.TempPathFactory, size: Size
) -> AsyncIterator[Site]:
    async with opened(account, tmp_path_factory.mktemp("versions"), size, workers=2) as site:
        yield site


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def bridge(site: Site) -> AsyncIterator[BridgeProcess]:
    async with site.bridge() as bridge:
        yield bridge
        assert await site.counts(site.dead) == (0, 0)
        assert await bridge.stop() == 0


def rows_of(site: Site, key: str) -> list[Upload]:
    return [row for row in site.rows() if row.key == key]


async def test_an_event_that_comes_ten_times_has_one_row_and_one_csv(
    site: Site, bridge: BridgeProcess
) -> None:
    event = s3_event(record("ten times.mp4", bucket=site.bucket))
    await site.send(site.inputs, *[event] * 10)
    await until(lambda: site.attempts("ten times.mp4") >= 10)
    await until(site.is_drained)
    (row,) = rows_of(site, "ten times.mp4")
    assert row.status == "no_face"
    assert site.csvs()["ten times.mp4.csv"] == written(row)
    assert await site.content("ten times.mp4.csv") == written(row)
    assert len(bridge.of("result.written", key="ten times.mp4")) == 1


async def test_a_late_older_version_gets_its_row_but_not_the_file(
    site: Site, bridge: BridgeProcess
) -> None:
    for sequencer in ("02", "01"):
        video = record("late.mp4", bucket=site.bucket, sequencer=sequencer, etag=f"e{sequencer}")
        await site.send(site.inputs, s3_event(video))
        await bridge.seen("result.written", key="late.mp4", version=video.version.id)
    newer, older = sorted(rows_of(site, "late.mp4"), key=lambda row: row.version, reverse=True)
    assert (newer.version, older.version) == ("02:e02", "01:e01")
    assert newer.status == older.status == "no_face"
    assert newer.csv == written(newer) != written(older) == older.csv
    assert site.csvs()["late.mp4.csv"] == written(newer)
    assert await site.content("late.mp4.csv") == written(newer)


@pytest.mark.parametrize("condition", ["RetriesExhausted", "EventAgeExceeded", "NeverHeardOf"])
async def test_a_lost_event_is_failed_once_until_a_result_replaces_it(
    site: Site, bridge: BridgeProcess, condition: str
) -> None:
    key = f"{condition}.mp4"
    gave_up = failure_record(record(key, bucket=site.bucket), condition=condition)

    async def told(body: str) -> Upload:
        """The row, once the bridge has seen to a message."""
        await site.send(site.outputs, body, body)
        await until(lambda: len(rows_of(site, key)) == 1)
        await until(site.is_drained)
        (row,) = rows_of(site, key)
        return row

    failed = await told(gave_up)
    assert (failed.status, failed.reason) == ("failed", condition)
    assert site.csvs()[f"{key}.csv"] == failed.csv
    matched = await told(result(key, bucket=site.bucket).to_json())
    assert (matched.status, matched.reason) == ("matched", None)
    assert await told(gave_up) == matched
    assert site.csvs()[f"{key}.csv"] == result(key).csv
