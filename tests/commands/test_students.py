"""Student records: what is taken, what is refused, and what reaches the table."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from hybridsphere.aws import AwsError
from hybridsphere.commands import students
from hybridsphere.commands.roster import StudentRecord, read_students
from hybridsphere.commands.students import load_students
from hybridsphere.errors import CannotRun, ConfigurationError
from hybridsphere.settings import Settings
from tests.moto_account import moto_account

ADA = {"name": "ada", "major": "physics", "year": "junior"}


@pytest.fixture(scope="module")
def dynamodb() -> Iterator[Any]:
    with moto_account():
        client = boto3.client("dynamodb")
        client.create_table(
            TableName="students",
            KeySchema=[{"AttributeName": "name", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "name", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        yield client
        client.close()


def written(folder: Path, content: object) -> Path:
    file = folder / "students"
    file.write_text(content if isinstance(content, str) else json.dumps(content))
    return file


async def test_students_of_several_batches_are_loaded(dynamodb: Any, tmp_path: Path) -> None:
    students = [{**ADA, "name": f"ada {number}", "id": number} for number in range(60)]

    count = await load_students(written(tmp_path, students), Settings(table="students"))

    assert count == 60
    answer = dynamodb.get_item(TableName="students", Key={"name": {"S": "ada 59"}})
    assert answer["Item"] == {
        "name": {"S": "ada 59"},
        "major": {"S": "physics"},
        "year": {"S": "junior"},
        "id": {"S": "59"},
    }


async def test_an_id_keeps_its_leading_zeros(dynamodb: Any, tmp_path: Path) -> None:
    file = written(tmp_path, "name,major,year,id\nzoe,physics,junior,0042\n")

    await load_students(file, Settings(table="students"))

    answer = dynamodb.get_item(TableName="students", Key={"name": {"S": "zoe"}})
    assert answer["Item"]["id"] == {"S": "0042"}


@pytest.mark.parametrize("endpoint", ["http://127.0.0.1:99999", "no address"])
async def test_a_wrong_endpoint_is_named_by_its_variable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, endpoint: str
) -> None:
    for name in ("AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "some")
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)

    with pytest.raises(ConfigurationError, match="AWS_ENDPOINT_URL"):
        await load_students(written(tmp_path, [ADA]), Settings(table="students"))


async def test_a_student_of_the_same_name_is_replaced(dynamodb: Any, tmp_path: Path) -> None:
    settings = Settings(table="students")
    await load_students(written(tmp_path, [{**ADA, "name": "eve"}]), settings)
    await load_students(written(tmp_path, [{**ADA, "name": "eve", "year": "senior"}]), settings)

    answer = dynamodb.get_item(TableName="students", Key={"name": {"S": "eve"}})
    assert answer["Item"]["year"] == {"S": "senior"}


async def test_a_bad_row_keeps_the_whole_file_out(dynamodb: Any, tmp_path: Path) -> None:
    file = written(tmp_path, [{**ADA, "name": "good"}, {**ADA, "name": ""}])

    with pytest.raises(CannotRun):
        await load_students(file, Settings(table="students"))

    assert "Item" not in dynamodb.get_item(TableName="students", Key={"name": {"S": "good"}})


async def test_a_missing_table_is_named_in_one_line(dynamodb: Any, tmp_path: Path) -> None:
    with pytest.raises(AwsError, match=r"table nobody-made-this: .*ResourceNotFound"):
        await load_students(written(tmp_path, [ADA]), Settings(table="nobody-made-this"))


async def test_a_missing_variable_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="HYBRIDSPHERE_TABLE is not set"):
        await load_students(written(tmp_path, [ADA]), Settings(table=None))


class Reluctant:
    """DynamoDB above its capacity, where it takes half of a batch at most; moto knows no such."""

    def __init__(self, *, stubborn: bool = False) -> None:
        self.taken: list[Any] = []
        self._stubborn = stubborn

    async def batch_write_item(self, RequestItems: dict[str, list[Any]]) -> dict[str, Any]:  # noqa: N803 - DynamoDB's own name
        (table, requests), *_ = RequestItems.items()
        take = 0 if self._stubborn else (len(requests) + 1) // 2
        self.taken += requests[:take]
        rest = requests[take:]
        return {"UnprocessedItems": {table: rest} if rest else {}}


STUDENTS = [StudentRecord(f"{number}", "physics", "junior") for number in range(25)]


async def test_what_dynamodb_hands_back_is_written_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(students, "_LONGEST_PAUSE_S", 0)
    dynamodb = Reluctant()

    await students._write(dynamodb, "students", STUDENTS)

    names = [request["PutRequest"]["Item"]["name"]["S"] for request in dynamodb.taken]
    assert sorted(names, key=int) == [student.name for student in STUDENTS]


async def test_records_that_dynamodb_always_returns_are_an_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(students, "_LONGEST_PAUSE_S", 0)

    with pytest.raises(CannotRun, match="would not take 25 of 25 students"):
        await students._write(Reluctant(stubborn=True), "students", STUDENTS)


def test_json_and_csv_say_the_same(tmp_path: Path) -> None:
    expected = [
        StudentRecord("ada", "physics", "junior", "7"),
        StudentRecord("Ölaf, jr", "math", "senior"),
    ]
    as_json = written(
        tmp_path,
        [{**ADA, "id": 7}, {"name": "Ölaf, jr", "major": "math", "year": "senior"}],
    )
    assert read_students(as_json) == expected
    as_csv = written(
        tmp_path,
        '\ufeffid,name,major,year\r\n7,ada,physics,junior\r\n,"Ölaf, jr",math, senior \r\n',
    )
    assert read_students(as_csv) == expected


ADA_AND_JOSE = [
    StudentRecord("ada", "math", "senior", "0012"),
    StudentRecord("José", "physics", "junior"),
]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp1252"])
@pytest.mark.parametrize(
    "content",
    [
        "id,name,major,year\n0012,ada,math,senior\n,José,physics,junior\n",
        "id, name, major, year\n0012, ada, math, senior\n, José, physics, junior\n",
        "ID;Name;Major;Year\r\n0012;ada;math;senior\r\n;José;physics;junior\r\n",
        "id\tname\tmajor\tyear\n0012\tada\tmath\tsenior\n\tJosé\tphysics\tjunior\n",
        "sep=,\nid,name,major,year\n0012,ada,math,senior\n,José,physics,junior\n",
        "sep=;\r\nid;name;major;year\r\n0012;ada;math;senior\r\n;José;physics;junior\r\n",
        "id,name,major,year\n\n0012,ada,math,senior\n,José,physics,junior\n,,,\n\n,,,\n",
        "id,name,major,year,,\n0012,ada,math,senior,,\n,José,physics,junior,,\n",
        'id, "name", major, year\n0012, "ada", math, "senior"\n, José, physics, junior\n',
    ],
    ids=[
        *("plain", "blanks", "semicolons", "tabs", "sep=,", "sep=;"),
        *("empty rows", "empty columns", "quotes"),
    ],
)
def test_rosters_are_read_as_spreadsheets_write_them(
    tmp_path: Path, encoding: str, content: str
) -> None:
    file = tmp_path / "students.csv"
    file.write_bytes(content.encode(encoding))
    assert read_students(file) == ADA_AND_JOSE


def test_names_have_one_form(tmp_path: Path) -> None:
    file = written(
        tmp_path, "name,major,year\n\u00a0Jose\u0301 Nu\u0301n\u0303ez \u3000,math,senior\n"
    )
    assert [student.name for student in read_students(file)] == ["Jos\u00e9 N\u00fa\u00f1ez"]
    file.write_text("name,major,year\nJos\u00e9,math,senior\nJose\u0301,math,senior\n")
    with pytest.raises(CannotRun, match="is there twice"):
        read_students(file)


async def test_further_columns_reach_the_table(dynamodb: Any, tmp_path: Path) -> None:
    file = written(tmp_path, "name,major,year,Group,note\nfay,math,senior,007,\n")
    await load_students(file, Settings(table="students"))
    as_json = written(tmp_path, [{**ADA, "name": "gil", "Group": 7, "tags": ["a"], "note": None}])
    await load_students(as_json, Settings(table="students"))

    def further(name: str) -> dict[str, Any]:
        item = dynamodb.get_item(TableName="students", Key={"name": {"S": name}})["Item"]
        return {field: value for field, value in item.items() if field not in ADA}

    assert further("fay") == {"Group": {"S": "007"}}
    assert further("gil") == {"Group": {"S": "7"}, "tags": {"S": '["a"]'}}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "is empty: give a JSON list, or a CSV with a header"),
        ("colour\n", "line 1: no column major, name, year"),
        ("name,major\nada,physics\n", "line 1: no column year"),
        ("Name;major\n", "line 1: no column year: begin with the header"),
        ("sep=;\nname;major\n", "line 2: no column year: begin"),
        ("name,major,year,YEAR\n", "line 1: column year is there twice: keep one"),
        ("name,major,year\nDoe, Jane,math,senior\n", "line 2: 'senior' belongs to no column"),
        ("sep=,\nname,major,year\nada,math\n", "line 3: year is missing"),
        ("name,major,year\nada\u202e,math,senior\n", r"line 2: the name has .* \(U\+202E\)"),
        ("PK\x03\x04", "is a workbook or an archive: save the sheet as CSV UTF-8"),
        ("name,major,year\n", "holds no student"),
        ("name,major,year\nada,physics,junior\nben,math\n", "line 3: year is missing"),
        ('name,major,year\nada,physics,junior\n"ben', "is not CSV after line 2"),
        ('"name', "is not CSV after line 0"),
        ("[", "is not JSON"),
        ("[]", "holds no student"),
        ({"name": "ada"}, "put the students into a list"),
        ([ADA, "ben"], "student 2: 'ben' is not an object"),
        ([ADA, {**ADA, "name": "  "}], "student 2: name is '  '"),
        ([{**ADA, "major": None}], "student 1: major is missing"),
        ([{**ADA, "year": ["junior"]}], r"student 1: year is \['junior'\]"),
        ([{**ADA, "year": True}], "student 1: year is True"),
        ([ADA, {**ADA, "year": "senior"}], "student 2: name 'ada' is there twice"),
    ],
)
def test_an_unusable_row_is_named_in_one_line(
    tmp_path: Path, content: object, message: str
) -> None:
    with pytest.raises(CannotRun, match=message) as error:
        read_students(written(tmp_path, content))

    assert "students" in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("content", [b"\xff\xfe\0", b"name,major,year\n\x81,a,b\n", None])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "students"
    if content is not None:
        file.write_bytes(content)

    with pytest.raises(CannotRun, match="students cannot be read"):
        read_students(file)
