"""The ledger as CSV and as JSON."""

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from hybridsphere.commands.export import (
    COLUMNS,
    PEOPLE_COLUMNS,
    Format,
    Selection,
    export,
)
from hybridsphere.ledger.ledger import Upload

ADA = {"name": "ada", "major": "physics", "year": "junior", "distance": 0.3, "at_s": 0.0}
BEN = {"name": "ben", "major": "", "year": "", "distance": 0.4, "at_s": 1.0}

ROW = Upload(
    bucket="videos",
    key='a,"b"\n.mp4',
    version="01",
    etag="e",
    sequencer="01",
    event_time="2026-11-21T00:00:00.000Z",
    created_at="2026-11-21T00:00:01.000Z",
    received_at="2026-11-21T00:00:01.000Z",
    invoked_at="2026-11-21T00:00:02.000Z",
    attempts=0,
    status="matched",
    reason=None,
    people=[ADA],
    csv="name\r\n",
    output_bucket="csvs",
    output_key='a,"b"\n.mp4.csv',
    started_at=None,
    finished_at=None,
    stored_at="2026-11-21T00:00:03.000Z",
)


CLEO = {
    "name": "cleo",
    "major": "art",
    "year": "senior",
    "distance": 0.25,
    "at_s": 2.5,
    "status": "matched",
    "first_s": 0.0,
    "last_s": 12.0,
    "sightings": 9,
    "spans": [[0, 3500], [10000, 12000]],
    "runner_up": "=ada",
    "runner_up_distance": 0.5,
    "certainty": "sure",
}
DORA = {**BEN, "name": "dora", "status": "no_record"}


def exported(*rows: Upload, form: Format, selection: Selection | None = None) -> str:
    out = io.StringIO(newline="")
    export(rows, form, out, selection or Selection())
    return out.getvalue()


def keys_of(*rows: Upload, selection: Selection) -> list[str]:
    return [row["key"] for row in json.loads(exported(*rows, form="json", selection=selection))]


def from_csv(text: str) -> list[dict[str, Any]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_the_columns_are_those_of_the_contract() -> None:
    header = exported(form="csv")

    assert header == (
        "bucket,key,version,status,name,major,year,output_key,received_at,invoked_at,started_at,"
        "finished_at,stored_at,reason\r\n"
    )


def test_a_row_reads_back_as_it_was_whatever_its_key() -> None:
    (row,) = from_csv(exported(ROW, form="csv"))

    assert row["key"] == ROW.key
    assert (row["name"], row["major"], row["year"]) == ("ada", "physics", "junior")
    assert row["started_at"] == row["reason"] == ""


FORMULAS = [
    '=HYPERLINK("http:x","y").webm',
    "+1.mp4",
    "-1.mp4",
    "@sum.webm",
    "\t=1",
    "\r=1",
    "\n=1",
    "＝1",
    "＋1",
    "－1",
    "＠1",
]


@pytest.mark.parametrize("key", FORMULAS)
def test_no_cell_is_a_formula_to_a_spreadsheet(key: str) -> None:
    forged = replace(ROW, key=key, output_key=key, reason=key, people=[{**ADA, "name": key}])

    (row,) = from_csv(exported(forged, form="csv"))

    for column in ("key", "output_key", "reason", "name"):
        assert row[column].startswith("'")
        assert row[column].replace("'", "") == key
    assert (row["bucket"], row["major"], row["started_at"]) == ("videos", "physics", "")


@pytest.mark.parametrize("key", FORMULAS)
def test_json_has_every_cell_as_it_is(key: str) -> None:
    (row,) = json.loads(exported(replace(ROW, key=key), form="json"))

    assert row["key"] == key


def test_several_people_are_joined_in_the_same_order_in_every_column() -> None:
    (row,) = from_csv(exported(replace(ROW, people=[BEN, ADA]), form="csv"))

    assert (row["name"], row["major"], row["year"]) == ("ben;ada", ";physics", ";junior")


def test_json_is_a_list_of_objects_with_the_same_fields() -> None:
    rows = json.loads(exported(ROW, replace(ROW, people=[]), form="json"))

    assert [list(row) for row in rows] == [list(COLUMNS)] * 2
    assert rows[0]["key"] == ROW.key
    assert rows[0]["started_at"] is None
    assert rows[1]["name"] == ""


def test_an_empty_ledger_is_an_empty_list() -> None:
    assert json.loads(exported(form="json")) == []


def test_rows_are_written_as_they_come() -> None:
    written = io.StringIO()

    def rows() -> Iterator[Upload]:
        for number in range(3):
            yield replace(ROW, key=str(number))
            assert f"videos,{number}," in written.getvalue()

    export(rows(), "csv", written)


def test_a_version_is_told_as_s3_wrote_it() -> None:
    padded = replace(ROW, version="0A", sequencer="0A00")
    nameless = replace(ROW, version="e@2026", sequencer=None)

    told = [row["version"] for row in from_csv(exported(padded, nameless, form="csv"))]

    assert told == ["0A00", "e@2026"]


def test_csv_for_excel_begins_with_the_mark_of_utf8() -> None:
    assert exported(ROW, form="excel-csv") == "\ufeff" + exported(ROW, form="csv")


def test_people_have_a_row_each_with_all_that_is_known_of_them() -> None:
    lecture = replace(ROW, people=[CLEO, DORA])

    cleo, dora = from_csv(exported(lecture, form="csv", selection=Selection("people")))

    assert list(cleo) == list(PEOPLE_COLUMNS)
    assert (cleo["key"], cleo["name"], cleo["status"]) == (ROW.key, "cleo", "matched")
    assert (cleo["distance"], cleo["at_s"], cleo["sightings"]) == ("0.25", "2.5", "9")
    assert (cleo["runner_up"], cleo["runner_up_distance"]) == ("'=ada", "0.5")
    assert (cleo["first_s"], cleo["last_s"]) == ("0.0", "12.0")
    assert (cleo["spans"], cleo["certainty"]) == ("0.0-3.5 10.0-12.0", "sure")
    assert (dora["name"], dora["status"], dora["spans"]) == ("dora", "no_record", "")


def test_people_in_json_keep_numbers_and_spans() -> None:
    lecture = replace(ROW, people=[CLEO])

    (row,) = json.loads(exported(lecture, form="json", selection=Selection("people")))

    assert list(row) == list(PEOPLE_COLUMNS)
    assert {column: row[column] for column in CLEO} == CLEO


def test_an_upload_without_people_has_a_row_among_people() -> None:
    empty = replace(ROW, people=[], status="no_face")

    (row,) = from_csv(exported(empty, form="csv", selection=Selection("people")))

    assert (row["name"], row["status"], row["distance"]) == ("", "no_face", "")


def test_a_person_is_found_in_whichever_form_the_name_is_written() -> None:
    both = replace(ROW, key="both", people=[ADA, {**BEN, "name": "Zo\u00eb"}])
    other = replace(ROW, key="other")
    zoe = Selection(person=" Zoe\u0308 ")

    assert keys_of(both, other, selection=zoe) == ["both"]
    (row,) = from_csv(exported(both, other, form="csv", selection=replace(zoe, rows="people")))
    assert row["name"] == "Zo\u00eb"


def test_a_status_chooses_uploads_or_people() -> None:
    lecture = replace(ROW, key="lecture", people=[CLEO, DORA])
    damaged = replace(ROW, key="damaged", people=[], status="unreadable")
    waiting = replace(ROW, key="waiting", people=[], status=None)
    rows = (lecture, damaged, waiting)

    assert keys_of(*rows, selection=Selection(statuses=("matched",))) == ["lecture"]
    several = Selection(statuses=("unreadable", "matched"))
    assert keys_of(*rows, selection=several) == ["lecture", "damaged"]
    (row,) = from_csv(
        exported(*rows, form="csv", selection=Selection("people", statuses=("no_record",)))
    )
    assert row["name"] == "dora"
