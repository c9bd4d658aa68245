"""Sheets: who was in which session, from when until when."""

import csv
import io
import json
import zipfile
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from hybridsphere.cli.app import main
from hybridsphere.ledger.ledger import Ledger, ledger_path
from hybridsphere.messages import ATTENDANCE_COLUMNS, CSV_COLUMNS, Person, csv_text
from hybridsphere.messages import Result as VideoResult

DAY_1, DAY_2 = "2026-11-02T09:00:00.000Z", "2026-11-03T09:00:00.000Z"


def seen(name: str, *spans: tuple[float, float], certainty: str | None = None) -> dict[str, Any]:
    """A person as the ledger has them, with times in seconds."""
    person: dict[str, Any] = {"name": name, "major": "art", "year": "junior", "status": "matched"}
    if spans:
        person |= {"first_s": spans[0][0], "last_s": spans[-1][1], "sightings": 9}
        person["spans"] = tuple((round(a * 1000), round(b * 1000)) for a, b in spans)
    return person | ({"certainty": certainty} if certainty else {})


def stranger(number: int, first_s: float, last_s: float) -> tuple[object, ...]:
    return (f"unknown_{number}", "", "", "unknown_face", first_s, last_s, 3, "")


def video(
    key: str,
    *people: dict[str, Any],
    at: str = DAY_1,
    strangers: Sequence[tuple[object, ...]] = (),
    status: str = "matched",
    etag: str = "e",
) -> VideoResult:
    known = set(Person.__slots__)
    listed = tuple(
        Person(**{name: value for name, value in one.items() if name in known}) for one in people
    )
    rows = [*((one.name, one.major, one.year, one.status) for one in listed)]
    columns: Sequence[str] = CSV_COLUMNS
    if strangers:
        rows, columns = [*strangers], ATTENDANCE_COLUMNS  # type: ignore[list-item]
    elif status == "unknown_face":
        rows = [("", "", "", "unknown_face")]
    return VideoResult(
        *("videos", key, etag, None, at, status), csv=csv_text(rows, columns), people=listed
    )


class Class:
    """A roster and a ledger, and the sheet of both."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.roster = folder / "class.csv"
        self.roster.write_text("name;major;year\nada;art;junior\nben;;\n", encoding="utf-8")
        ledger_path(folder).parent.mkdir()

    def hold(self, *videos: VideoResult) -> None:
        with Ledger.open(self.folder) as ledger, ledger.transaction():
            for one in videos:
                ledger.put_result(one, "2026-11-04T00:00:00.000Z")

    def run(self, *options: str) -> Result:
        command = ["sheet", "--roster", str(self.roster), "--timezone", "UTC", *options]
        environment = {"HYBRIDSPHERE_RESULTS_DIR": str(self.folder)}
        return CliRunner().invoke(main, command, env=environment)

    def rows(self, *options: str) -> dict[str, list[str]]:
        """The rows of the CSV by their first cell."""
        ended = self.run(*options)
        assert ended.exit_code == 0, ended.output
        return {row[0]: row[1:] for row in csv.reader(io.StringIO(ended.stdout)) if row}

    def cells(self, name: str, *options: str) -> list[str]:
        rows = self.rows(*options)
        return rows[name][2 : rows["name"].index("present")]


@pytest.fixture
def lesson(tmp_path: Path) -> Class:
    return Class(tmp_path)


def test_a_row_a_student_and_a_column_a_day(lesson: Class) -> None:
    lesson.hold(
        video("a.mp4", seen("ada", (0, 100), (200, 2650)), seen("ben", (700, 2600))),
        video("b.mp4", seen("ada", (5, 20)), at=DAY_2),
    )

    rows = lesson.rows()

    assert rows["name"][2:] == ["2026-11-02", "2026-11-03", "present", "late", "absent", "unclear"]
    assert rows["ada"][2:] == [
        *("present 0:00-44:10, 42 min", "present 0:05-0:20, under 1 min"),
        *("2", "0", "0", "0"),
    ]
    assert rows["ben"][2:] == ["late 11:40-43:20, 32 min", "absent", "0", "1", "1", "0"]


def test_lateness_counts_from_the_first_sighting_of_anybody(lesson: Class) -> None:
    lesson.hold(video("a.mp4", seen("ada", (1500, 1600)), strangers=[stranger(1, 1000, 1100)]))

    assert lesson.cells("ada") == ["present 25:00-26:40, 2 min"]
    assert lesson.cells("ada", "--late-after", "5") == ["late 25:00-26:40, 2 min"]


def test_who_was_identified_without_times_is_present_and_never_late(lesson: Class) -> None:
    lesson.hold(video("a.mp4", seen("ada")))

    assert lesson.cells("ada", "--late-after", "0") == ["present"]
    assert lesson.cells("ben") == ["absent"]


def test_of_several_videos_one_that_shows_the_student_early_is_enough(lesson: Class) -> None:
    lesson.hold(
        video("front.mp4", seen("ben", (0, 60)), seen("ada", (900, 960))),
        video("rear.mp4", seen("ada", (30, 1800))),
    )

    assert lesson.cells("ada") == ["present 0:30-30:00, 30 min, in 2 of 2 videos"]


def test_videos_in_order_are_one_long_video(lesson: Class) -> None:
    lesson.hold(
        video("2.mp4", seen("ada", (30, 90)), at="2026-11-02T10:00:00.000Z"),
        video("1.mp4", seen("ben", (0, 1200))),
    )

    assert lesson.cells("ada") == ["present 0:30-1:30, 1 min, in 1 of 2 videos"]
    assert lesson.cells("ada", "--in-order") == ["late 20:30-21:30, 1 min, in 1 of 2 videos"]


def test_nobody_is_absent_from_a_video_that_was_not_read(lesson: Class) -> None:
    lesson.hold(video("a.mp4", seen("ada", (0, 9))), video("b.mp4", status="failed"))

    assert lesson.cells("ben") == ["absent?"]
    assert lesson.rows()["ben"][3:] == ["0", "0", "0", "1"]
    assert lesson.rows()["Videos not read to the end"] == ["", "", "1"]


def test_a_doubtful_recognition_is_marked(lesson: Class) -> None:
    if "certainty" not in Person.__slots__:
        pytest.skip("results have no certainty yet")
    lesson.hold(video("a.mp4", seen("ada", certainty="doubtful"), seen("ben", certainty="sure")))

    assert (lesson.cells("ada"), lesson.cells("ben")) == (["present?"], ["present"])


def test_guests_and_strangers_stand_below(lesson: Class) -> None:
    lesson.hold(
        video("a.mp4", seen("zoe", (0, 9)), strangers=[stranger(1, 0, 4), stranger(2, 3, 4)]),
        video("b.mp4", at=DAY_2, status="unknown_face"),
    )

    rows = list(lesson.rows().items())

    names = [name for name, _ in rows]
    assert names[1:4] == ["ada", "ben", "Guests: recognised, but not on the roster"]
    assert rows[4] == ("zoe", ["art", "junior", "present 0:00-0:09, under 1 min", ""])
    assert rows[5] == ("Strangers, at least", ["", "", "2", "1"])


def test_names_are_compared_in_their_one_form(lesson: Class) -> None:
    lesson.roster.write_text("name\nJose\u0301\n", encoding="utf-8")
    lesson.hold(video("a.mp4", seen("Jos\u00e9")))

    assert lesson.cells("Jos\u00e9") == ["present"]


def test_a_session_may_be_a_folder(lesson: Class) -> None:
    lesson.hold(
        video("art/2/a.mp4", seen("ada"), at=DAY_2),
        video("art/1/a.mp4", seen("ada")),
        video("maths/1/a.mp4", seen("ada")),
    )

    header = lesson.rows("--session", "prefix", "--key", "art/")["name"]

    assert header[2:4] == ["art/1", "art/2"]


def test_days_are_those_of_the_time_zone(lesson: Class) -> None:
    lesson.hold(video("a.mp4", seen("ada"), at="2026-11-02T23:30:00.000Z"))

    assert lesson.rows("--timezone", "Europe/Athens")["name"][2] == "2026-11-03"
    assert lesson.rows("--until", "2026-11-01")["name"][2] == "present"


def test_the_newest_version_of_a_video_counts_alone(lesson: Class) -> None:
    lesson.hold(
        video("a.mp4", seen("ada")),
        video("a.mp4", seen("ben"), at="2026-11-02T10:00:00.000Z", etag="f"),
    )

    assert (lesson.cells("ada"), lesson.cells("ben")) == (["absent"], ["present"])
    assert lesson.rows()["Videos"][2] == "1"


def test_json_has_every_figure(lesson: Class) -> None:
    lesson.hold(video("a.mp4", seen("ada", (1, 61))))

    found = json.loads(lesson.run("--json").stdout)

    assert found["sessions"] == [
        {"session": "2026-11-02", "videos": 1, "unread": 0, "strangers": 0}
    ]
    (ada, ben) = found["students"]
    assert (ada["present"], ben["absent"], found["guests"]) == (1, 1, [])
    assert ada["sessions"] == [
        {
            "session": "2026-11-02",
            "state": "present",
            "doubtful": False,
            "videos": 1,
            "from_s": 1.0,
            "to_s": 61.0,
            "seconds": 60.0,
        }
    ]


def test_a_workbook_has_dates_and_durations_and_no_formula(lesson: Class, tmp_path: Path) -> None:
    lesson.roster.write_text("name\nada\n=1+1\n", encoding="utf-8")
    lesson.hold(video("a.mp4", seen("ada", (60, 120)), seen("=1+1", (0, 1))))
    file = tmp_path / "sheet.xlsx"

    ended = lesson.run("-o", str(file))

    assert ended.exit_code == 0, ended.output
    assert f"1 session of 2 students in {file}" in ended.output.replace("\n", "")
    with zipfile.ZipFile(file) as book:
        first, second = (book.read(f"xl/worksheets/sheet{n}.xml").decode() for n in (1, 2))
        styles = book.read("xl/styles.xml").decode()
    assert "<f>" not in first + second
    assert ">=1+1<" in first
    days = (date(2026, 11, 2) - date(1899, 12, 30)).days
    assert f"<v>{days}</v>" in first
    assert f"<v>{days}</v>" in second
    assert f"<v>{60 / 86400:.16g}"[:12] in second
    assert 'formatCode="yyyy\\-mm\\-dd"' in styles or 'formatCode="yyyy-mm-dd"' in styles
    assert 'formatCode="[h]:mm:ss"' in styles


def test_an_empty_ledger_makes_a_sheet_with_a_note(lesson: Class) -> None:
    Ledger.open(lesson.folder).close()

    ended = lesson.run()

    assert ended.exit_code == 0
    assert "no video belongs to this sheet" in ended.stderr
    assert ended.stdout.startswith("name,major,year,present,late,absent,unclear\nada")


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--timezone", "Mars/Base"], "there is no time zone 'Mars/Base'"),
        (["-o", "/nowhere/sheet.csv"], "there is no such folder to write to"),
    ],
)
def test_what_cannot_work_is_said_first(lesson: Class, options: list[str], reason: str) -> None:
    ended = lesson.run(*options)

    assert ended.exit_code == 2
    assert reason in ended.stderr
