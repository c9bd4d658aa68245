"""With a bucket as sink, an upload whose result was overwritten before a listing showed it ends."""

from pathlib import Path

import pytest

from hybridsphere.bridge.bucket.overtaken import end_overtaken
from hybridsphere.messages import OVERTAKEN
from tests.bridge.bridge_stage import Vitals, message, rows, storing
from tests.bridge.bucket.mirror_stage import Site
from tests.bridge.test_invoker import StartFunction, invoking
from tests.samples import BUCKET, EVENT_TIME, record, result, s3_event
from tests.stage import until

pytestmark = pytest.mark.asyncio(loop_scope="session")

OLDER = [record(sequencer=f"0{number}", etag=f"e{number}") for number in range(1, 5)]
NEWEST = {"sequencer": "05", "etag": "e5"}


async def test_invoked_uploads_that_a_newer_result_overtook_end_as_failed(site: Site) -> None:
    async with site.mirroring() as store:
        for one in [*OLDER, record(**NEWEST), record("another.mp4")]:
            await store.note_invoked(one, EVENT_TIME, EVENT_TIME)
        await store.count_attempt(record(sequencer="005", etag="retried"), EVENT_TIME)
        await site.put(site.of(**NEWEST))
        await until(lambda: all(row.status for row in site.rows()[:5]))
    ends = {(row.key, row.etag): (row.status, row.reason) for row in site.rows()}
    assert ends == {
        **{("test_0.mp4", one.etag): ("failed", OVERTAKEN) for one in OLDER},
        ("test_0.mp4", "e5"): ("matched", None),
        # Not invoked yet, and of another key.
        ("test_0.mp4", "retried"): (None, None),
        ("another.mp4", "e1"): (None, None),
    }
    assert site.file() == site.of(**NEWEST).csv.encode()
    # Four in a row would be a trouble, if the function had failed.
    assert "uploads" not in site.vitals.health.troubles


async def test_a_result_that_is_found_all_the_same_replaces_the_failure(
    tmp_path: Path, vitals: Vitals
) -> None:
    async with storing(tmp_path, vitals) as store:
        await store.note_invoked(OLDER[0], EVENT_TIME, EVENT_TIME)
        await store.put([result(**NEWEST)])
        await end_overtaken(store, BUCKET, OLDER[0].key)
        assert rows(tmp_path)[0].status == "failed"
        await store.put([result(sequencer="01", etag="e1", status="no_face")])
    assert [row.status for row in rows(tmp_path)] == ["no_face", "matched"]


@pytest.mark.parametrize("ends_overtaken", [True, False])
async def test_a_late_invocation_of_an_older_upload_ends_if_the_sink_is_a_bucket(
    start_function: StartFunction, tmp_path: Path, vitals: Vitals, *, ends_overtaken: bool
) -> None:
    function = await start_function()
    async with invoking(function.function(), tmp_path, vitals) as invoker:
        invoker.ends_overtaken = ends_overtaken
        await invoker.store.put([result(**NEWEST)])
        await invoker.handle(message(s3_event(OLDER[0])))
    [late] = [row for row in rows(tmp_path) if row.etag == "e1"]
    assert late.invoked_at
    assert (late.status, late.reason) == (("failed", OVERTAKEN) if ends_overtaken else (None, None))
