"""Student records: what is taken, what is refused, and what reaches the table."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from hybridsphere.aws import AwsError
from hybridsphere.commands import students
from hybridsphere.commands.students import StudentRecord, load_students, read_students
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


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "is empty: give a JSON list, or a CSV with a header"),
        ("colour\n", "line 1: no column major, name, year"),
        ("name,major\nada,physics\n", "line 1: no column year"),
        ("name;major;year\n", r"no column .* \(it has semicolons where commas are needed\): begin"),
        ("name\tmajor\tyear\n", r"no column .* \(it has tabs where commas are needed\): begin"),
        ("Name,major,Year\n", r"line 1: no column name, year \(case counts\): begin with the h"),
        ("Name,major\n", "line 1: no column name, year: begin"),
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


@pytest.mark.parametrize("content", [b"\xff\xfe", None])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "students"
    if content is not None:
        file.write_bytes(content)

    with pytest.raises(CannotRun, match="students cannot be read"):
        read_students(file)
