"""CSV files that somebody edited: kept beside, never lost, and never taken for our own."""

from pathlib import Path

import pytest

from hybridsphere.ledger import csv_files
from hybridsphere.ledger.csv_files import CsvFiles
from hybridsphere.ledger.ledger import Answer, Ledger
from hybridsphere.paths import OWN_FOLDER
from tests.bridge.bridge_stage import Journal, rows, storing
from tests.bridge.store.store_stage import files
from tests.samples import BUCKET, result
from tests.stage import until

EDITED = "name,major,year,status\r\nsomebody else,,,matched\r\n"


def copies(folder: Path) -> dict[str, str]:
    found = (path for path in folder.rglob("*.edited*") if path.is_file())
    return {path.name: path.read_bytes().decode() for path in found}


async def test_an_edited_file_is_kept_beside_at_the_next_start(
    folder: Path, journal: Journal
) -> None:
    async with storing(folder) as store:
        await store.put([result("a/ü.mp4"), result("b.mp4")])
    place = folder / "a/ü.mp4.csv"
    place.write_bytes(EDITED.encode())
    async with storing(folder):
        line = await journal.seen("file.edited")
        await journal.seen("files.restored", files=1)
    assert (line["key"], line["kept_as"]) == ("a/ü.mp4", f"{place}.edited")
    assert copies(folder) == {"ü.mp4.csv.edited": EDITED}
    assert files(folder)["a/ü.mp4.csv"] == result("a/ü.mp4").csv


async def test_every_edit_is_kept(folder: Path, journal: Journal) -> None:
    for turn in range(1, 4):
        async with storing(folder) as store:
            await store.put([result(sequencer=f"0{turn}", csv=f"turn {turn}")])
        (folder / "test_0.mp4.csv").write_text(f"edit {turn}")
    async with storing(folder):
        await journal.seen("file.edited", times=3)
    assert copies(folder) == {
        "test_0.mp4.csv.edited": "edit 1",
        "test_0.mp4.csv.edited.2": "edit 2",
        "test_0.mp4.csv.edited.3": "edit 3",
    }


async def test_our_own_files_are_no_edits(folder: Path) -> None:
    async with storing(folder) as store:
        await store.put([result(csv="first")])
        await store.put([result(csv="second", attempt=2)])
        await store.put([result(csv="third", sequencer="02")])
        await store.put([result(csv="fourth", sequencer="03")])
    assert files(folder) == {"test_0.mp4.csv": "fourth"}
    assert copies(folder) == {}


async def test_a_file_that_a_crash_left_ahead_of_the_ledger_is_no_edit(folder: Path) -> None:
    async with storing(folder) as store:
        await store.put([result(csv="old")])
    # The file of a result whose transaction was not committed.
    ahead = CsvFiles(folder)
    ahead.prepare()
    ahead.write("test_0.mp4", b"ahead")
    async with storing(folder):
        await until(lambda: files(folder) == {"test_0.mp4.csv": "old"})
    assert copies(folder) == {}


@pytest.mark.parametrize("known", [True, False])
async def test_on_a_disk_without_fractions_of_seconds_the_ledger_decides(
    folder: Path, monkeypatch: pytest.MonkeyPatch, known: bool
) -> None:
    monkeypatch.setattr(csv_files, "_is_signed", lambda *_: False)
    async with storing(folder) as store:
        await store.put([result(csv="first")])
        if not known:
            (folder / "test_0.mp4.csv").write_text("edit")
        await store.put([result(csv="second", sequencer="02")])
    assert copies(folder) == ({} if known else {"test_0.mp4.csv.edited": "edit"})


async def test_a_long_name_is_shortened_for_its_copy(folder: Path, journal: Journal) -> None:
    key = "k" * 251
    async with storing(folder) as store:
        await store.put([result(key)])
        (folder / f"{key}.csv").write_text("edit")
        await store.put([result(key, sequencer="02", csv="next")])
        await journal.seen("file.edited")
    assert copies(folder) == {"k" * 248 + ".edited": "edit"}


async def test_the_file_is_that_of_the_answer_people_get(folder: Path) -> None:
    async with storing(folder) as store:
        await store.put([result()])
    answer = Answer("no_record", [{"name": "bert", "major": "", "year": ""}], "what people said")
    with Ledger.open(folder) as ledger, ledger.transaction():
        assert ledger.put_answer(BUCKET, "test_0.mp4", "01:e1", answer, "2026-11-22")
    async with storing(folder) as store:
        await until(lambda: files(folder) == {"test_0.mp4.csv": answer.csv})
        # Another result of the same version changes nothing that people said.
        await store.put([result(csv="second", attempt=2)])
        assert files(folder) == {"test_0.mp4.csv": answer.csv}
        await store.put([result(csv="newer", sequencer="02")])
        assert files(folder) == {"test_0.mp4.csv": "newer"}
    first = rows(folder)[0]
    assert (first.csv, first.effective_csv) == ("second", answer.csv)
    assert (first.effective_status, first.effective_people) == ("no_record", answer.people)
    assert copies(folder) == {}


def test_a_file_that_cannot_be_replaced_is_kept_beside_once(tmp_path: Path) -> None:
    found: list[str] = []
    files = CsvFiles(tmp_path, lambda key, _: found.append(key))
    (tmp_path / OWN_FOLDER).mkdir()
    files.prepare()
    files.write("test_0.mp4", b"ours")
    (tmp_path / "test_0.mp4.csv").write_text("edit")
    partial = tmp_path / OWN_FOLDER / "partial"
    partial.rmdir()
    for _ in range(3):
        with pytest.raises(OSError, match="cannot be written"):
            files.write("test_0.mp4", b"new")
    partial.mkdir()
    files.write("test_0.mp4", b"new")
    assert copies(tmp_path) == {"test_0.mp4.csv.edited": "edit"}
    assert found == ["test_0.mp4"]
