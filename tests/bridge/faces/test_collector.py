"""Faces come into the memory beside the results, once each, or leave a note why not."""

import zipfile
from dataclasses import replace
from io import BytesIO

import pytest

from hybridsphere.ledger.csv_files import CsvFiles
from hybridsphere.ledger.ledger import Ledger, ledger_path
from hybridsphere.memory.answers import derive_all
from hybridsphere.memory.evidence import parse
from hybridsphere.memory.memory import Memory, memory_path
from hybridsphere.messages import csv_text
from tests.acts import Act, answer, hang, page, reset
from tests.bridge.bridge_stage import Journal
from tests.bridge.faces.faces_stage import FacesSite
from tests.memory.evidence_stage import archive, evidence_object, face
from tests.samples import result

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_the_faces_of_a_result_come_into_the_memory(site: FacesSite) -> None:
    keys = [f"{number}.mp4" for number in range(40)]
    await site.put(*keys)
    async with site.collecting() as store:
        await store.put([*map(site.of, keys), result("without.mp4")])
        await site.settled()
    assert len(site.faces()) == 40
    assert {row.faces_note for row in site.rows().values()} == {None}
    assert site.vitals.figure("faces_stored_total") == 40
    assert site.vitals.figure("faces_objects_total", outcome="kept") == 40


async def test_a_folder_without_faces_gets_no_memory(site: FacesSite) -> None:
    async with site.collecting() as store:
        await store.put([result()])
    assert not memory_path(site.folder).exists()


async def test_debts_of_an_earlier_bridge_are_paid(site: FacesSite) -> None:
    ledger_path(site.folder).parent.mkdir(parents=True)
    with Ledger.open(site.folder) as ledger, ledger.transaction():
        ledger.put_result(site.of(), "2026-11-21T00:00:03.000Z")
    await site.put("test_0.mp4")
    async with site.collecting():
        await site.settled()
    assert len(site.faces()) == 1


async def test_results_never_wait_for_faces(site: FacesSite) -> None:
    await site.put("a.mp4", "b.mp4")
    async with (
        site.proxied() as (proxy, client),
        site.collecting(client=client) as store,
    ):
        with proxy.failing(hang, "GET"):
            await store.put([site.of("a.mp4")])
            await proxy.arrived(1)
            await store.put([site.of("b.mp4")])
            assert site.rows().keys() == {"a.mp4", "b.mp4"}
        await site.settled()
    assert len(site.faces()) == 2


@pytest.mark.parametrize("act", [reset, answer(503, "SlowDown"), answer(403, "AccessDenied")])
async def test_a_trouble_of_s3_passes_and_shows(
    site: FacesSite, act: Act, journal: Journal
) -> None:
    await site.put("test_0.mp4")
    async with (
        site.proxied() as (proxy, client),
        site.collecting(client=client) as store,
    ):
        with proxy.failing(act, "GET"):
            await store.put([site.of()])
            await journal.seen("trouble.began", part="faces")
            assert "faces" in site.vitals.health.troubles
        await site.settled()
        await journal.seen("trouble.ended", part="faces")
    assert len(site.faces()) == 1
    assert site.vitals.health.troubles == {}


async def test_faces_that_are_gone_are_noted(site: FacesSite) -> None:
    async with site.collecting() as store:
        await store.put([site.of()])
        await site.settled()
    assert site.rows()["test_0.mp4"].faces_note == "gone"
    assert site.faces() == []


async def test_faces_of_a_newer_upload_are_not_those_of_an_older(site: FacesSite) -> None:
    await site.put("test_0.mp4", etag="e2", sequencer="02")
    async with site.collecting() as store:
        await store.put([site.of()])
        await site.settled()
        assert site.rows()["test_0.mp4"].faces_note == "gone"
        await store.put([site.of(etag="e2", sequencer="02")])
        await site.settled()
    (one,) = site.faces()
    with Memory.read(site.folder) as memory:
        video = memory.video_of(one.video)
    assert video
    assert video.version == "02:e2"


async def test_faces_of_a_lower_attempt_do_not_pay_for_a_higher(site: FacesSite) -> None:
    await site.put("test_0.mp4")
    async with site.collecting() as store:
        await store.put([site.of(attempt=2)])
        await site.settled()
    assert site.rows()["test_0.mp4"].faces_note == "gone"
    assert site.faces() == []


def bomb() -> bytes:
    file = BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as output:
        output.writestr("faces.json", b" " * 50_000_000)
    return file.getvalue()


HOSTILE = {
    "bomb": bomb(),
    "climbs": archive({"../../etc/passwd": b"x"}),
    "no zip": b"<html>" * 100,
    "large": b"x" * (3 * 2**20),
    "shapes": evidence_object(face(looks=3, looks_ms=[1])),
    "no jpeg": archive({"faces.json": b"{}", "0.jpg": b"GIF89a"}),
    "another video": evidence_object(face(), key="other.mp4"),
}


@pytest.mark.parametrize("name", HOSTILE)
async def test_a_hostile_object_is_refused_once_and_costs_nothing(
    site: FacesSite, name: str, journal: Journal
) -> None:
    await site.put("evil.mp4", content=HOSTILE[name])
    await site.put("good.mp4")
    async with site.collecting() as store:
        await store.put([site.of("evil.mp4"), site.of("good.mp4")])
        await site.settled()
        await journal.seen("faces.not_kept")
    note = site.rows()["evil.mp4"].faces_note
    assert note
    assert note.startswith("refused: ")
    assert len(site.faces()) == 1
    assert len(journal.of("faces.not_kept")) == 1
    assert site.vitals.health.troubles == {}


async def test_a_page_of_a_proxy_is_no_verdict(site: FacesSite) -> None:
    await site.put("test_0.mp4")
    etag = f'ETag: "{"0" * 32}"'
    async with (
        site.proxied() as (proxy, client),
        site.collecting(client=client) as store,
    ):
        with proxy.failing(page(200, b"<html>log in", "text/html", etag), "GET", calls=2):
            await store.put([site.of()])
            await site.settled()
    assert len(site.faces()) == 1


async def test_a_forged_result_does_not_choose_the_bucket(site: FacesSite) -> None:
    await site.put("test_0.mp4")
    async with site.collecting(configured="our-bucket") as store:
        await store.put([site.of()])
        await site.settled()
    note = f"refused: the bucket is {site.output.name}, not our-bucket"
    assert site.rows()["test_0.mp4"].faces_note == note


async def test_a_memory_that_cannot_be_written_delays_faces_alone(
    site: FacesSite, journal: Journal
) -> None:
    memory_path(site.folder).parent.mkdir(parents=True)
    memory_path(site.folder).mkdir()
    await site.put("test_0.mp4")
    async with site.collecting() as store:
        await store.put([site.of()])
        assert site.rows()["test_0.mp4"].status == "matched"
        await journal.seen("trouble.began", part="memory")
        memory_path(site.folder).rmdir()
        await site.settled()
        await journal.seen("trouble.ended", part="memory")
    assert len(site.faces()) == 1


async def test_a_later_attempt_derives_the_answer_again(site: FacesSite) -> None:
    await site.put("test_0.mp4")
    async with site.collecting() as store:
        await store.put([site.of()])
        await site.settled()
        with Memory.open(site.folder) as memory:
            (one,) = memory.find()
            with memory.transaction():
                memory.judgements.say("is", by="a test", video=one.video, face=one.id, name="bert")
                memory.mark_stale(one.video)
        await site.put("test_0.mp4", attempt=2)
        await store.put([site.of(attempt=2, csv="name,major,year,status\r\nada,,,no_record\r\n")])
        await site.settled()
    row = site.rows()["test_0.mp4"]
    assert row.attempt == 2
    assert [person["name"] for person in row.effective_people] == ["bert"]
    assert (site.folder / "test_0.mp4.csv").read_bytes().decode() == row.effective_csv
    (one,) = site.faces()
    assert one.person == "bert"


async def test_a_later_attempt_counts_though_its_faces_are_gone(site: FacesSite) -> None:
    await site.put("test_0.mp4")
    (wrong,) = site.of().people
    cleo = replace(wrong, name="cleo")
    later = site.of(attempt=2, people=(cleo,), csv=csv_text([("cleo", "", "", "matched")]))
    async with site.collecting() as store:
        await store.put([site.of()])
        await site.settled()
        with Memory.open(site.folder) as memory, Ledger.open(site.folder) as ledger:
            with memory.transaction():
                memory.judgements.say("is_not", by="a test", video=1, name=wrong.name)
            derive_all(memory, ledger, CsvFiles(site.folder))
        assert site.rows()["test_0.mp4"].effective_people[0]["name"] == "ada"
        await store.put([replace(later, faces_key="_faces/gone.zip")])
        await site.settled()
    row = site.rows()["test_0.mp4"]
    assert row.faces_note == "gone"
    assert [person["name"] for person in row.effective_people] == ["cleo"]


async def test_old_faces_leave_in_a_sweep(site: FacesSite, journal: Journal) -> None:
    memory_path(site.folder).parent.mkdir(parents=True)
    with Memory.open(site.folder) as memory:
        with memory.transaction():
            memory.take_evidence(parse(evidence_object(face(), key="a.mp4")), "01:e1")
        memory._connection.execute("UPDATE faces SET seen_at = '2020-01-01T00:00:00.000Z'")
    async with site.collecting():
        await journal.seen("faces.expired", faces=1)
    assert site.faces() == []
