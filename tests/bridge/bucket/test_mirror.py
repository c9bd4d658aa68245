"""From the output bucket's listing to the disk: each object once, as far as it is ours."""

from dataclasses import astuple, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybridsphere.aws import Bucket, Unavailable
from hybridsphere.bridge.bucket.mirror import Mirror
from hybridsphere.bridge.pacing import backoff
from hybridsphere.messages import (
    ATTENDANCE_COLUMNS,
    MAX_KEY_BYTES,
    MOST_CSV_BYTES,
    STATUSES,
    Person,
    Result,
    csv_key,
    csv_text,
    object_metadata,
    result_of_object,
)
from tests.acts import Act, Exchange, page
from tests.bridge.bridge_stage import Journal, storing
from tests.bridge.bucket.mirror_stage import FAILURE_RECORDS, Site
from tests.call import Call
from tests.proxy import Proxy
from tests.samples import BUCKET, CHARACTERS, ODD_KEYS, failure_record, record, result
from tests.stage import client_of, until

pytestmark = pytest.mark.asyncio(loop_scope="session")


def carried(one: Result) -> tuple[Any, ...]:
    """Everything that a CSV object carries of a result: all but distance and moment."""
    people = tuple(
        replace(person, distance=None, at_s=None, status=person.status or one.status)
        for person in one.people
    )
    return astuple(replace(one, people=people))


@pytest.mark.parametrize("key", ["test_0.mp4", *(key for key in ODD_KEYS if ".." not in key)])
async def test_a_csv_object_carries_its_result(key: str) -> None:
    one = result(
        key,
        csv=csv_text([("president_trump", "physics", "junior", "matched")]),
        output_key=csv_key(key),
    )
    assert one.output_bucket
    found = result_of_object(one.output_bucket, csv_key(key), object_metadata(one), one.csv)
    assert carried(found) == carried(one)


TEXT = st.text(CHARACTERS)
TOKEN = st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=1)


@given(
    names=st.lists(st.tuples(TEXT.filter(bool), TEXT, TEXT), max_size=3),
    key=st.text(CHARACTERS, min_size=1).filter(lambda key: len(key.encode()) <= MAX_KEY_BYTES),
    status=st.sampled_from(STATUSES),
    etag=TOKEN,
    sequencer=st.none() | TOKEN,
    reason=st.none() | TOKEN,
    finished_at=st.none() | st.just("2026-11-21T00:00:02.000Z"),
)
async def test_any_result_comes_back_from_its_csv_object(
    names: list[tuple[str, str, str]], key: str, status: str, **more: str | None
) -> None:
    if status not in {"matched", "no_record"}:
        # Rows of other statuses are about nobody who is known.
        names = []
    people = tuple(Person(*name, status=status) for name in names)
    text = csv_text([(*name, status) for name in names] or [("", "", "", status)])
    one = result(key, people=people, status=status, csv=text, output_key=csv_key(key), **more)
    assert one.output_bucket
    assert result_of_object(one.output_bucket, csv_key(key), object_metadata(one), text) == one


async def test_each_csv_reaches_the_disk_and_the_ledger_once(site: Site, journal: Journal) -> None:
    made = [site.of("a b+ü/ß.mp4"), site.of("b.mp4", status="no_face", people=(), csv=csv_text([]))]
    await site.output.put("_faces/b.mp4.csv.zip", b"PK", object_metadata(made[1]))
    await site.put(*made)
    async with site.mirroring():
        found = await site.fetched("a b+ü/ß.mp4", "b.mp4")
        # Later objects are fetched, and no earlier one again.
        await site.put(site.of("c.mp4"))
        await site.fetched("c.mp4")
    for one in made:
        row = found[one.key]
        assert (row.bucket, row.version, row.status) == (BUCKET, one.version.id, one.status)
        assert (row.output_bucket, row.output_key) == (site.output.name, csv_key(one.key))
        assert (row.started_at, row.finished_at) == (one.started_at, one.finished_at)
        assert row.csv == one.csv
        assert site.file(one.key) == one.csv.encode()
    assert len(journal.of("result.written")) == 3
    # Faces are no results, and nothing to complain about.
    assert site.received == 3
    assert journal.of("object.rejected") == []


async def test_after_a_restart_only_what_is_new_is_fetched(site: Site) -> None:
    await site.put(site.of("a.mp4"), site.of("b.mp4"))
    async with site.mirroring():
        await site.fetched("a.mp4", "b.mp4")
    await site.put(site.of("c.mp4"))
    async with site.mirroring():
        await site.fetched("c.mp4")
    assert site.received == 3


async def test_a_later_attempt_replaces_the_row_and_the_file(site: Site) -> None:
    await site.put(site.of())
    async with site.mirroring():
        await site.fetched("test_0.mp4")
        later = site.of(attempt=2, status="no_face", people=(), csv=csv_text([]))
        await site.put(later)
        await until(lambda: [row.status for row in site.rows()] == ["no_face"])
    assert site.file() == later.csv.encode()


async def test_a_newer_version_has_its_own_row_and_the_file(site: Site) -> None:
    await site.put(site.of())
    async with site.mirroring():
        await site.fetched("test_0.mp4")
        newer = site.of(sequencer="02", status="no_face", people=(), csv=csv_text([]))
        await site.put(newer)
        await until(lambda: len(site.rows()) == 2)
    assert [row.status for row in site.rows()] == ["matched", "no_face"]
    assert site.file() == newer.csv.encode()


async def test_a_result_that_is_written_again_changes_nothing(site: Site, journal: Journal) -> None:
    await site.put(site.of())
    async with site.mirroring():
        await site.fetched("test_0.mp4")
        before = site.rows()
        # The same version, though the object is another.
        await site.put(site.of(csv=csv_text([]), status="no_face", people=()))
        await until(lambda: site.received == 2)
        await site.put(site.of("after.mp4"))
        await site.fetched("after.mp4")
    assert [row for row in site.rows() if row.key == "test_0.mp4"] == before
    assert site.file() == site.of().csv.encode()
    assert len(journal.of("result.written")) == 2


FOREIGN: dict[str, tuple[dict[str, str], bytes, str]] = {
    "no metadata.csv": ({}, b"name\r\n", "no metadata of a CSV, and no failure record"),
    "notes.txt": (object_metadata(result("notes.mp4")), b"", "name another video: 'notes.mp4'"),
    "a.mp4.csv": (object_metadata(result("b.mp4")), b"", "name another video: 'b.mp4'"),
    "text.mp4.csv": (object_metadata(result("text.mp4")), b"\xff", "not UTF-8"),
    "status.mp4.csv": (object_metadata(result("status.mp4", status="won")), b"", "status is 'won'"),
    "time.mp4.csv": (
        object_metadata(result("time.mp4", event_time="noon")),
        b"",
        "event-time is 'noon'",
    ),
    "base64.mp4.csv": ({**object_metadata(result()), "key": "*"}, b"", "no readable key"),
    "rows.mp4.csv": (
        object_metadata(result("rows.mp4")),
        b"name,major\r\nada,physics\r\n",
        "not a CSV of the function",
    ),
    "seconds.mp4.csv": (
        object_metadata(result("seconds.mp4")),
        csv_text([("a", "b", "c", "matched", "soon", "late", 3)], ATTENDANCE_COLUMNS).encode(),
        "not a CSV of the function",
    ),
    "size.mp4.csv": (
        object_metadata(result("size.mp4")),
        b"name,major,year,status\r\n".ljust(MOST_CSV_BYTES + 1, b" "),
        f"GetObject: {MOST_CSV_BYTES + 1} bytes, more than {MOST_CSV_BYTES}",
    ),
    "foreign.mp4.csv": (
        object_metadata(result("foreign.mp4", bucket="other-bucket")),
        b"",
        f"bucket is other-bucket, not {BUCKET}",
    ),
    f"{FAILURE_RECORDS}broken": ({}, b"{", "not JSON"),
    f"{FAILURE_RECORDS}strange": ({}, b"{}", "schema is missing"),
    f"{FAILURE_RECORDS}foreign": (
        {},
        failure_record(record(bucket="other-bucket"), condition="RetriesExhausted").encode(),
        f"bucket is other-bucket, not {BUCKET}",
    ),
}
"""Objects without a result for us, each with the reason that is logged."""


async def test_foreign_objects_are_set_aside_once_and_delay_nothing(
    site: Site, journal: Journal
) -> None:
    for key, (fields, content, _) in FOREIGN.items():
        await site.output.put(key, content, fields)
    await site.put(site.of("z.mp4"))
    async with site.mirroring():
        await site.fetched("z.mp4")
        await journal.seen("object.rejected", times=len(FOREIGN))
    async with site.mirroring():
        await site.put(site.of("zz.mp4"))
        await site.fetched("zz.mp4")
        await until(lambda: site.vitals.health.troubles == {})
    said = {line["key"]: line["reason"] for line in journal.of("object.rejected")}
    assert len(journal.of("object.rejected")) == site.rejected == len(FOREIGN)
    for key, (_, _, reason) in FOREIGN.items():
        assert reason in said[key]
    assert {row.key for row in site.rows()} == {"z.mp4", "zz.mp4"}


async def test_a_foreign_object_is_fetched_once_its_bucket_is_served(
    site: Site, journal: Journal
) -> None:
    await site.put(site.of())
    async with site.mirroring(input_bucket="mistyped"):
        await journal.seen("object.rejected")
    async with site.mirroring():
        await site.fetched("test_0.mp4")


async def test_an_object_set_aside_counts_once_it_is_replaced_by_ours(site: Site) -> None:
    await site.output.put("test_0.mp4.csv", b"by hand")
    async with site.mirroring():
        await until(lambda: site.rejected == 1)
        await site.put(site.of())
        await site.fetched("test_0.mp4")
    assert site.file() == site.of().csv.encode()


async def test_a_failure_record_makes_each_of_its_uploads_failed(site: Site) -> None:
    exhausted = failure_record(
        record("a.mp4"),
        record("b ü.mp4"),
        condition="RetriesExhausted",
        responsePayload={"errorType": "GalleryError", "errorMessage": "no gallery"},
    )
    await site.fail(exhausted)
    await site.fail(failure_record(record("old.mp4"), condition="EventAgeExceeded"), "older")
    async with site.mirroring():
        found = await site.fetched("a.mp4", "b ü.mp4", "old.mp4")
    reasons = {key: (row.status, row.reason) for key, row in found.items()}
    assert reasons == {
        "a.mp4": ("failed", "RetriesExhausted: GalleryError: no gallery"),
        "b ü.mp4": ("failed", "RetriesExhausted: GalleryError: no gallery"),
        "old.mp4": ("failed", "EventAgeExceeded"),
    }
    assert site.file("b ü.mp4") == b"name,major,year,status\r\n,,,failed\r\n"


async def test_a_result_replaces_failed(site: Site) -> None:
    await site.fail(failure_record(record(), condition="RetriesExhausted"))
    async with site.mirroring():
        await site.fetched("test_0.mp4")
        await site.put(site.of())
        await until(lambda: [row.status for row in site.rows()] == ["matched"])
    assert site.file() == site.of().csv.encode()


async def test_failed_never_replaces_a_result(site: Site) -> None:
    await site.put(site.of())
    async with site.mirroring():
        await site.fetched("test_0.mp4")
        await site.fail(failure_record(record(), condition="RetriesExhausted"))
        await until(lambda: site.received == 2)
        await site.put(site.of("after.mp4"))
        await site.fetched("after.mp4")
    assert {row.status for row in site.rows()} == {"matched"}
    assert site.file() == site.of().csv.encode()


async def test_a_replaced_object_is_left_to_the_next_listing(
    site: Site,
) -> None:
    await site.put(site.of())
    before = await site.output.listed("test_0.mp4.csv")
    newer = site.of(sequencer="02", csv=csv_text([]))
    await site.put(newer)
    async with storing(site.folder, site.vitals) as store:
        mirror = Mirror(site.output.bucket, BUCKET, store, site.vitals.metrics, site.vitals.health)
        await mirror.handle(before)
        assert site.rows() == []
        (listed,) = await mirror.new(await site.output.all())
        await mirror.handle(listed)
        assert [row.version for row in site.rows()] == ["02:e1"]
        await site.output.remove("test_0.mp4.csv")
        await mirror.handle(replace(listed, etag="gone"))
    assert site.rejected == 0
    assert len(site.rows()) == 1


@pytest.mark.parametrize("body", [b"<html>Welcome</html>", b""])
async def test_a_proxy_s_page_sets_nothing_aside(site: Site, moto: str, body: bytes) -> None:
    await site.put(site.of())
    listed = await site.output.listed("test_0.mp4.csv")
    async with (
        storing(site.folder, site.vitals) as store,
        Proxy(moto) as proxy,
        client_of("s3", proxy.endpoint) as client,
    ):
        mirror = Mirror(
            Bucket(client, site.output.name), BUCKET, store, site.vitals.metrics, site.vitals.health
        )
        with proxy.failing(page(200, body)), pytest.raises(Unavailable, match="GetObject"):
            await mirror.handle(listed)
        assert await mirror.new([listed]) == [listed]
        await mirror.handle(listed)
    assert [row.status for row in site.rows()] == ["matched"]
    assert site.rejected == 0


def of_objects(status: int, code: str) -> Act:
    """S3 that shows what there is, and gives nothing of it."""
    refusal = page(status, f"<Error><Code>{code}</Code></Error>".encode(), "application/xml")

    async def act(exchange: Exchange) -> None:
        if is_listing(exchange.call):
            exchange.writer.write(await exchange.forward())
        else:
            await refusal(exchange)

    return act


def is_listing(call: Call) -> bool:
    return "list-type" in call.path


@pytest.mark.parametrize(
    ("status", "code"), [(503, "SlowDown"), (500, "InternalError"), (403, "AccessDenied")]
)
async def test_while_s3_refuses_objects_they_are_asked_for_one_by_one(
    *,
    site: Site,
    moto: str,
    journal: Journal,
    monkeypatch: pytest.MonkeyPatch,
    status: int,
    code: str,
) -> None:
    monkeypatch.setattr(backoff, "FIRST_S", 0.1)
    monkeypatch.setattr(backoff, "LONGEST_IN_PLACE_S", 0.1)
    keys = [f"{number:02}.mp4" for number in range(30)]
    most, tries = 3, 10
    async with (
        Proxy(moto) as proxy,
        client_of("s3", proxy.endpoint) as client,
        site.mirroring(client=client, most=most),
    ):
        with proxy.failing(of_objects(status, code)):
            await site.put(*map(site.of, keys))
            await journal.seen("object.failed", times=most + tries)
            asked = [call.at for call in proxy.calls if not is_listing(call)]
            # Beside those that were under way when the first failed.
            assert len(asked) <= most + 1 + (asked[-1] - asked[0]) / backoff.FIRST_S
            assert code in site.vitals.health.troubles["output bucket"]
            assert len(journal.of("trouble.began", part="output bucket")) == 1
        await site.fetched(*keys)
        await journal.seen("trouble.ended", part="output bucket")
    assert site.rejected == 0


async def test_attendance_comes_back_with_seconds_and_sightings(site: Site) -> None:
    people = (
        Person("ada", "physics", "junior", status="matched", first_s=0.5, last_s=7, sightings=8),
        Person("bob", "", "", status="no_record", first_s=2.0, last_s=2.0, sightings=1),
    )
    text = csv_text(
        [(p.name, p.major, p.year, p.status, p.first_s, p.last_s, p.sightings) for p in people],
        ATTENDANCE_COLUMNS,
    )
    await site.put(site.of(people=people, csv=text))
    async with site.mirroring():
        row = (await site.fetched("test_0.mp4"))["test_0.mp4"]
    assert row.people == [person.to_dict() for person in people]
    assert row.status == "matched"
    assert site.file() == text.encode()


async def test_blocked_places_stop_no_other_result(site: Site) -> None:
    keys = [f"blocked/{number}.mp4" for number in range(3)]
    site.folder.mkdir()
    (site.folder / "blocked").touch()
    # After those in the listing.
    await site.put(*(site.of(key) for key in [*keys, "good.mp4"]))
    async with site.mirroring(most=1):
        await site.fetched("good.mp4")
        assert [row.key for row in site.rows()] == ["good.mp4"]
        assert str(site.folder / "blocked") in str(site.vitals.health.troubles)
        (site.folder / "blocked").unlink()
        await site.fetched(*keys)
        await until(lambda: site.vitals.health.troubles == {})


async def test_a_replica_that_lags_behind_replaces_nothing(site: Site) -> None:
    old, new = (
        site.of(
            sequencer=f"0{number}", etag=f"e{number}", csv=csv_text([(str(number), "", "", "")])
        )
        for number in (1, 2)
    )
    async with site.mirroring():
        for count, shown in enumerate((old, new, old, new, old), 1):
            # Listing and body of the older object come again, as from a replica of Swift's.
            await site.put(shown)
            await until(lambda count=count: site.received >= count)
        await until(lambda: site.vitals.figure("objects_in_flight", bucket="output") == 0)
    assert site.file() == new.csv.encode()
    assert sorted(row.etag for row in site.rows()) == ["e1", "e2"]
