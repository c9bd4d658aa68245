"""Bridges without one queue or the other: what they need, what they say, how they share a host."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio

from hybridsphere.bridge.service import Bridge
from hybridsphere.errors import ConfigurationError
from hybridsphere.ledger.ledger import Upload
from hybridsphere.messages import Result, csv_key, object_metadata, parse_s3_event
from hybridsphere.settings import Settings
from tests.bridge.bridge_stage import Journal, MakeBucket, MakeQueue, RealBucket, RealFunction, rows
from tests.bridge.service_stage import enter, refusal, running
from tests.samples import result
from tests.stage import until

pytestmark = pytest.mark.asyncio(loop_scope="session")


@dataclass
class Site:
    """Two buckets and a function; the environment names them."""

    uploads: RealBucket
    csvs: RealBucket
    function: RealFunction
    folder: Path

    def of(self, key: str) -> Result:
        """A result of this site."""
        return result(key, bucket=self.uploads.name, output_bucket=self.csvs.name)

    async def write(self, key: str) -> None:
        """Write a CSV as the function does."""
        one = self.of(key)
        await self.csvs.put(csv_key(key), one.csv.encode(), object_metadata(one))

    def rows(self) -> dict[str, Upload]:
        return {row.key: row for row in rows(self.folder)}


@pytest_asyncio.fixture(loop_scope="session")
async def site(
    moto: str,
    make_bucket: MakeBucket,
    start_function: Callable[..., Awaitable[RealFunction]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Site:
    """The source and the sink are buckets, unless a test says otherwise."""
    made = Site(
        await make_bucket(), await make_bucket(), await start_function(), tmp_path / "results"
    )
    enter(
        monkeypatch,
        moto,
        made.function,
        SOURCE="bucket",
        SINK="bucket",
        INPUT_BUCKET=made.uploads.name,
        OUTPUT_BUCKET=made.csvs.name,
        FUNCTION_NAME="chosen",
        RESULTS_DIR=str(made.folder),
    )
    return made


async def test_buckets_alone_carry_uploads_and_results(site: Site, journal: Journal) -> None:
    await site.uploads.put("a.mp4")
    await site.write("b.mp4")
    async with running(journal) as bridge:
        (event,) = await site.function.invoked(1)
        await journal.seen("result.written", key="b.mp4")
        assert await bridge.readiness() == (200, {})
        await bridge.end()
    assert parse_s3_event(event)[0].key == "a.mp4"
    found = site.rows()
    assert found["a.mp4"].invoked_at
    assert found["b.mp4"].status == "matched"
    assert (site.folder / "b.mp4.csv").read_text() == site.of("b.mp4").csv.replace("\r\n", "\n")


async def test_source_direct_collects_results_without_a_function(
    site: Site, make_queue: MakeQueue, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    outputs = await make_queue()
    monkeypatch.setenv("HYBRIDSPHERE_SOURCE", "direct")
    monkeypatch.setenv("HYBRIDSPHERE_SINK", "queue")
    monkeypatch.setenv("HYBRIDSPHERE_OUTPUT_QUEUE_URL", outputs.url)
    monkeypatch.delenv("HYBRIDSPHERE_FUNCTION_NAME")
    monkeypatch.delenv("HYBRIDSPHERE_OUTPUT_BUCKET")
    await site.uploads.put("a.mp4")
    await outputs.send(site.of("b.mp4").to_json())
    async with running(journal) as bridge:
        await journal.seen("result.written", key="b.mp4")
        assert await bridge.readiness() == (200, {})
        await bridge.end()
    assert list(site.rows()) == ["b.mp4"]
    assert site.function.events() == []


@pytest.mark.parametrize("variable", ["HYBRIDSPHERE_INPUT_BUCKET", "HYBRIDSPHERE_OUTPUT_BUCKET"])
async def test_a_bucket_that_is_not_there_ends_the_start(
    site: Site, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv(variable, "no-such-bucket")
    with pytest.raises(ConfigurationError, match=f"{variable}='no-such-bucket' names nothing"):
        await Bridge(Settings.load()).serve(asyncio.Event())


async def test_a_bridge_without_its_bucket_ends_with_one_line_and_two(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    await site.uploads.end()
    status, err = await refusal()
    complaints = [line for line in err.splitlines() if not line.startswith("{")]
    assert status == 2
    assert len(complaints) == 2, err
    complaint = f"error: HYBRIDSPHERE_INPUT_BUCKET='{site.uploads.name}' names nothing"
    assert complaints[0].startswith(complaint)
    assert complaints[1].startswith("hint: correct HYBRIDSPHERE_INPUT_BUCKET")


@pytest.mark.parametrize("part", ["input", "output"])
async def test_a_lost_bucket_makes_the_bridge_unready_until_it_returns(
    site: Site, journal: Journal, part: str
) -> None:
    bucket = {"input": site.uploads, "output": site.csvs}[part]
    async with running(journal) as bridge:
        await bucket.end()
        await journal.seen("trouble.began", part=f"{part} bucket")
        status, troubles = await bridge.readiness()
        assert status == 503
        assert "NoSuchBucket" in troubles[f"{part} bucket"]
        await bucket.begin()
        await journal.seen("trouble.ended", part=f"{part} bucket")
        assert await bridge.readiness() == (200, {})
        await bridge.end()


async def test_no_listing_is_acted_on_while_results_cannot_be_stored(
    site: Site, journal: Journal
) -> None:
    async with running(journal) as bridge:
        away = site.folder.rename(site.folder.with_name("away"))
        await journal.seen("trouble.began", part="results")
        await site.uploads.put("a.mp4")
        await site.write("b.mp4")
        status, troubles = await bridge.readiness()
        assert status == 503
        assert str(site.folder) in troubles["results"]
        away.rename(site.folder)
        await journal.seen("trouble.ended", part="results")
        await journal.seen("result.written", key="b.mp4")
        await journal.seen("event.invoked", key="a.mp4")
        assert await bridge.readiness() == (200, {})
        await bridge.end()
    marks = ("trouble.began", "trouble.ended")
    began, ended = (journal.lines.index(journal.of(mark, part="results")[0]) for mark in marks)
    assert "event.invoked" not in {line["event"] for line in journal.lines[began:ended]}
    assert len(await site.function.invoked(1)) == 1


async def test_a_second_bridge_of_a_folder_stands_by_and_takes_over(
    site: Site, journal: Journal
) -> None:
    async with running(journal) as first, running(journal) as second:
        # One waits for the input bucket, the other for the output bucket.
        await journal.seen("watch.standby", times=2)
        assert await second.readiness() == (200, {})
        await site.uploads.put("a.mp4")
        await site.write("a-csv.mp4")
        await until(lambda: {"a.mp4", "a-csv.mp4"} <= site.rows().keys())
        await first.end()
        await site.uploads.put("b.mp4")
        await site.write("b-csv.mp4")
        await until(lambda: {"b.mp4", "b-csv.mp4"} <= site.rows().keys())
        await second.end()
    assert sorted(line["key"] for line in journal.of("event.invoked")) == ["a.mp4", "b.mp4"]
    assert sorted(line["key"] for line in journal.of("result.written")) == [
        "a-csv.mp4",
        "b-csv.mp4",
    ]
