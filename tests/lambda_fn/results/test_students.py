import unicodedata

import pytest

from hybridsphere.messages import Result
from lambda_fn.results.students import MISSING, StudentRecord, StudentTable
from lambda_fn.runtime import aws
from tests.lambda_fn.function_stage import ClipMaker, LogLines, Portrait, Stage


def test_numbers_are_read_as_text(stage: Stage) -> None:
    dynamodb = aws.client("dynamodb")
    ben = {"name": {"S": "ben"}, "major": {"S": " math "}, "year": {"N": "2"}}
    dynamodb.put_item(TableName=stage.table, Item=ben)
    students = StudentTable(stage.table, dynamodb)
    assert students.get("ben") == StudentRecord("ben", major="math", year="2")
    assert students.get("ada") == StudentRecord("ada", major="physics", year="junior")
    assert students.get("nobody") is None


@pytest.mark.parametrize(
    ("item", "found"),
    [
        ({}, {}),
        ({"year": {"S": " "}}, {"year": "{'S': ' '}"}),
        ({"year": {"NULL": True}}, {"year": "{'NULL': True}"}),
        ({"year": {"L": [{"S": "junior"}]}}, {"year": "{'L': [{'S': 'junior'}]}"}),
    ],
)
def test_a_field_that_is_missing_or_no_text_is_logged_and_shown(
    stage: Stage, log_lines: LogLines, item: dict[str, object], found: dict[str, str]
) -> None:
    dynamodb = aws.client("dynamodb")
    ben = {"name": {"S": "ben"}, "major": {"S": "math"}, **item}
    dynamodb.put_item(TableName=stage.table, Item=ben)

    record = StudentTable(stage.table, dynamodb).get("ben")

    assert record == StudentRecord("ben", major="math", year=MISSING)
    (line,) = log_lines()
    assert (line["event"], line["level"]) == ("student.incomplete", "warning")
    assert (line["name"], line["missing"], line["found"]) == ("ben", ["year"], found)


@pytest.mark.parametrize("mode", ["identify", "attendance"])
def test_an_incomplete_record_is_named_in_the_result(
    stage: Stage,
    make_clip: ClipMaker,
    portrait: Portrait,
    monkeypatch: pytest.MonkeyPatch,
    mode: str,
) -> None:
    monkeypatch.setenv("HYBRIDSPHERE_MODE", mode)
    aws.client("dynamodb").put_item(
        TableName=stage.table, Item={"name": {"S": "ben"}, "year": {"S": "junior"}}
    )

    (result,) = stage.run(stage.upload("ben.mp4", make_clip(portrait("ben"))))

    assert isinstance(result, Result)
    assert (result.status, result.reason) == ("matched", "incomplete_record")
    assert result.csv.splitlines()[1].startswith(f"ben,{MISSING},junior,matched")


def test_a_record_under_a_decomposed_name_is_found(stage: Stage) -> None:
    dynamodb = aws.client("dynamodb")
    name = "Jos\u00e9"
    written = {"name": {"S": unicodedata.normalize("NFD", name)}, "major": {"S": "math"}}
    dynamodb.put_item(TableName=stage.table, Item={**written, "year": {"S": "senior"}})
    assert StudentTable(stage.table, dynamodb).get(name) == StudentRecord(name, "math", "senior")
