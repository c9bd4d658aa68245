from lambda_fn.results.students import StudentRecord, StudentTable
from lambda_fn.runtime import aws
from tests.lambda_fn.function_stage import Stage


def test_numbers_are_read_as_text_and_missing_fields_as_nothing(stage: Stage) -> None:
    dynamodb = aws.client("dynamodb")
    dynamodb.put_item(TableName=stage.table, Item={"name": {"S": "ben"}, "year": {"N": "2"}})
    students = StudentTable(stage.table, dynamodb)
    assert students.get("ben") == StudentRecord("ben", major="", year="2")
    assert students.get("ada") == StudentRecord("ada", major="physics", year="junior")
    assert students.get("nobody") is None
