"""Lambda's Invoke API as real clients see it, with the function in its real runtime client."""

import asyncio
import io
import json
import os
import signal
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from hybridsphere.local.account import CREDENTIALS
from hybridsphere.local.lambda_host import LambdaHost
from tests.local.local_stage import PROBE, TASK_ROOT, Gate, Lambda, StartLambda, client_of, gone

ARN = "arn:aws:lambda:us-east-1:123456789012:function:probe"


async def pid_of_worker(aws: Lambda) -> int:
    """The process that answers; an error payload is nobody's."""
    pid = await aws.call({"do": "pid"})
    assert isinstance(pid, int), pid
    return pid


async def refusal(call: Any) -> tuple[int, str, dict[str, Any]]:
    with pytest.raises(ClientError) as caught:
        await call
    response = caught.value.response
    return response["ResponseMetadata"]["HTTPStatusCode"], response["Error"]["Code"], response


async def test_a_synchronous_invocation_returns_the_functions_answer(
    start_lambda: StartLambda,
) -> None:
    aws = await start_lambda()
    answer = await aws.invoke({"text": "ü"})
    assert json.loads(await answer["Payload"].read()) == {"text": "ü"}
    assert answer["StatusCode"] == 200
    assert answer["ExecutedVersion"] == "$LATEST"
    assert "FunctionError" not in answer


async def test_boto3_can_invoke_it_too(start_lambda: StartLambda) -> None:
    aws = await start_lambda()

    def invoke() -> Any:
        client = boto3.client(
            "lambda",
            region_name="us-east-1",
            endpoint_url=aws.host.endpoint,
            aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
        )
        return json.load(client.invoke(FunctionName=ARN, Payload=b'{"x": 1}')["Payload"])

    assert await asyncio.to_thread(invoke) == {"x": 1}


@pytest.mark.parametrize(
    ("name", "more", "told"),
    [
        ("probe", {}, ARN),
        ("probe:live", {}, f"{ARN}:live"),
        ("probe", {"Qualifier": "$LATEST"}, f"{ARN}:$LATEST"),
        (ARN, {}, ARN),
        (f"{ARN}:7", {"Qualifier": "7"}, f"{ARN}:7"),
        ("123456789012:function:probe", {}, ARN),
    ],
)
async def test_the_function_answers_to_its_name_and_its_arn(
    start_lambda: StartLambda, name: str, more: dict[str, str], told: str
) -> None:
    aws = await start_lambda()
    answer = await aws.call({"do": "context"}, FunctionName=name, **more)
    assert answer["arn"] == told


@pytest.mark.parametrize(
    "name", ["prob", "probe2", "arn:aws:lambda:eu-west-1:123456789012:function:probe"]
)
async def test_a_function_that_is_not_there_is_not_found(
    start_lambda: StartLambda, name: str
) -> None:
    aws = await start_lambda()
    status, code, _ = await refusal(aws.invoke({}, FunctionName=name))
    assert (status, code) == (404, "ResourceNotFoundException")


async def test_two_different_qualifiers_are_refused(start_lambda: StartLambda) -> None:
    aws = await start_lambda()
    status, code, _ = await refusal(aws.invoke({}, FunctionName="probe:1", Qualifier="2"))
    assert (status, code) == (400, "InvalidParameterValueException")


async def test_a_dry_run_succeeds_and_runs_nothing(
    start_lambda: StartLambda,
) -> None:
    aws = await start_lambda()
    assert (await aws.invoke({}, "DryRun"))["StatusCode"] == 204
    assert aws.host.worker_count == 0


async def test_an_unknown_invocation_type_is_refused(start_lambda: StartLambda) -> None:
    aws = await start_lambda()
    status, code, _ = await refusal(aws.invoke({}, "Sometimes"))
    assert (status, code) == (400, "InvalidParameterValueException")


@pytest.mark.parametrize("payload", [b"{", b"\xff", b"[" * 100_000], ids=["cut", "bytes", "deep"])
@pytest.mark.parametrize("kind", ["Event", "RequestResponse"])
async def test_a_payload_that_is_no_json_is_refused(
    start_lambda: StartLambda, kind: str, payload: bytes
) -> None:
    aws = await start_lambda()
    call = aws.client.invoke(FunctionName="probe", InvocationType=kind, Payload=payload)
    status, code, _ = await refusal(call)
    assert (status, code) == (400, "InvalidRequestContentException")


async def test_no_payload_is_an_empty_event(start_lambda: StartLambda) -> None:
    aws = await start_lambda()
    answer = await aws.client.invoke(FunctionName="probe")
    assert json.loads(await answer["Payload"].read()) == {}


@pytest.mark.parametrize(("kind", "limit"), [("Event", 1024**2), ("RequestResponse", 6 * 1024**2)])
async def test_a_payload_has_lambdas_limit(
    start_lambda: StartLambda, kind: str, limit: int
) -> None:
    aws = await start_lambda()

    def call(size: int) -> Any:
        payload = io.BytesIO(b'"'.ljust(size - 1, b"x") + b'"')
        return aws.client.invoke(FunctionName="probe", InvocationType=kind, Payload=payload)

    assert (await call(limit))["StatusCode"] < 300
    for more in (1, 3 * 1024**2):
        status, code, _ = await refusal(call(limit + more))
        assert (status, code) == (413, "RequestEntityTooLargeException")


async def test_a_too_large_answer_is_a_function_error(
    start_lambda: StartLambda,
) -> None:
    aws = await start_lambda()
    assert "ResponseSizeTooLarge" in (await aws.call({"do": "babble"}))["errorType"]


async def test_the_function_is_told_about_its_invocation(start_lambda: StartLambda) -> None:
    aws = await start_lambda(timeout_s=40)
    answer = await aws.invoke({"do": "context"})
    told = json.loads(await answer["Payload"].read())
    assert told["request_id"] == answer["ResponseMetadata"]["RequestId"]
    assert (told["name"], told["memory_mb"]) == ("probe", "256")
    assert 30_000 < told["remaining_ms"] <= 40_000
    assert told["trace"].startswith("Root=1-")


async def test_the_function_does_not_see_the_hosts_environment(
    start_lambda: StartLambda, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OF_THE_HOST", "alone")
    aws = await start_lambda(environment={"GREETING": "hello"})
    told = await aws.call({"do": "environment"})
    assert told["AWS_LAMBDA_FUNCTION_NAME"] == "probe"
    assert told["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"] == "256"
    assert told["AWS_LAMBDA_FUNCTION_VERSION"] == "$LATEST"
    assert told["AWS_REGION"] == told["AWS_DEFAULT_REGION"] == "us-east-1"
    assert told["AWS_EXECUTION_ENV"].startswith("AWS_Lambda_python3.")
    assert told["_HANDLER"] == "probe.handler"
    assert told["LAMBDA_TASK_ROOT"] == str(Path(__file__).parent / "function")
    assert told["GREETING"] == "hello"
    assert "OF_THE_HOST" not in told


async def test_what_the_function_prints_goes_to_the_log(
    start_lambda: StartLambda, tmp_path: Path
) -> None:
    aws = await start_lambda()
    await aws.call({"do": "say", "text": "good morning"})
    pid = await pid_of_worker(aws)
    os.kill(pid, signal.SIGKILL)
    await aws.call({"do": "pid"})
    assert "good morning\n" in (tmp_path / "function.log").read_text()


async def test_a_function_error_is_returned_in_lambdas_form(
    start_lambda: StartLambda,
) -> None:
    aws = await start_lambda()
    answer = await aws.invoke({"do": "fail", "text": "broken"})
    assert (answer["StatusCode"], answer["FunctionError"]) == (200, "Unhandled")
    error = json.loads(await answer["Payload"].read())
    assert (error["errorType"], error["errorMessage"]) == ("ValueError", "broken")
    assert "probe.py" in "".join(error["stackTrace"])
    assert aws.failures.empty()


async def test_an_error_with_a_very_long_traceback_arrives(start_lambda: StartLambda) -> None:
    aws = await start_lambda()
    assert (await aws.call({"do": "recurse"}))["errorType"] == "RecursionError"


async def test_a_synchronous_invocation_above_the_concurrency_is_throttled(
    start_lambda: StartLambda, gate: Gate
) -> None:
    aws = await start_lambda(reserved_concurrency=1)
    running = asyncio.create_task(aws.call(gate.event()))
    visitor = await gate.arrival()
    status, code, response = await refusal(aws.invoke({}))
    assert (status, code) == (429, "TooManyRequestsException")
    assert response["Reason"] == "ReservedFunctionConcurrentInvocationLimitExceeded"
    visitor.tell("on")
    assert await running == "on"
    assert await aws.call({"x": 1}) == {"x": 1}


async def test_a_worker_that_takes_too_long_is_killed_and_replaced(
    start_lambda: StartLambda, gate: Gate
) -> None:
    # Also what the next worker has for its answer.
    aws = await start_lambda(timeout_s=2, reserved_concurrency=1)
    answer = await aws.invoke(gate.event())
    visitor = await gate.arrival()
    await gone(visitor.pid)
    assert answer["FunctionError"] == "Unhandled"
    assert json.loads(await answer["Payload"].read()) == {
        "errorType": "Sandbox.Timedout",
        "errorMessage": f"RequestId: {visitor.request_id} Error: Task timed out after 2.00 seconds",
    }
    assert await pid_of_worker(aws) != visitor.pid


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        ({"do": "leave", "status": 3}, "Runtime exited with error: exit status 3"),
        ({"do": "leave", "status": 0}, "Runtime exited without providing a reason"),
        ({"do": "kill", "signal": 9}, "Runtime exited with error: signal: killed"),
        ({"do": "kill", "signal": 11}, "Runtime exited with error: signal: segmentation fault"),
    ],
)
async def test_a_worker_that_crashes_is_an_error_and_is_replaced(
    start_lambda: StartLambda, event: dict[str, Any], reason: str
) -> None:
    aws = await start_lambda(reserved_concurrency=1)
    error = await aws.call(event)
    assert error["errorType"] == "Runtime.ExitError"
    assert error["errorMessage"].endswith(f" Error: {reason}")
    assert await aws.call({"x": 1}) == {"x": 1}


@pytest.mark.parametrize(
    ("source", "kind", "text"),
    [
        ("import no_such_module", "Runtime.ImportModuleError", "no_such_module"),
        ("1 / 0", "ZeroDivisionError", "division by zero"),
        ("raise SystemExit('install the models')", "Runtime.ExitError", "install the models"),
    ],
)
async def test_a_function_that_cannot_be_loaded_says_why(
    start_lambda: StartLambda, tmp_path: Path, source: str, kind: str, text: str
) -> None:
    (tmp_path / "probe.py").write_text(f"{source}\n", encoding="utf-8")
    aws = await start_lambda(host={"task_root": tmp_path})
    error = await aws.call({})
    assert error["errorType"] == kind
    assert text in error["errorMessage"]
    assert aws.host.worker_count == 0


async def test_a_worker_is_used_again(start_lambda: StartLambda) -> None:
    aws = await start_lambda()
    assert await pid_of_worker(aws) == await pid_of_worker(aws)


async def test_a_worker_that_dies_while_idle_is_replaced(
    start_lambda: StartLambda,
) -> None:
    aws = await start_lambda()
    pid = await pid_of_worker(aws)
    (worker,) = aws.host._pool._workers
    os.kill(pid, signal.SIGKILL)
    # Not until it is gone, but until the host has learned of that.
    await worker._process.wait()
    assert await pid_of_worker(aws) != pid


async def test_a_worker_without_work_is_stopped(start_lambda: StartLambda) -> None:
    aws = await start_lambda(host={"idle_s": 0.05})
    pid = await pid_of_worker(aws)
    await gone(pid)
    assert await pid_of_worker(aws) != pid


async def test_there_are_never_more_workers_than_the_reserved_concurrency(
    start_lambda: StartLambda, gate: Gate
) -> None:
    aws = await start_lambda(reserved_concurrency=3)
    for _ in range(10):
        await aws.invoke(gate.event(), "Event")
    pids = set()
    for _ in range(10):
        visitor = await gate.arrival()
        pids.add(visitor.pid)
        assert aws.host.worker_count <= 3
        visitor.tell("on")
    assert len(pids) == 3
    assert gate.most_present <= 3


async def test_leaving_the_host_kills_the_workers_and_frees_the_port(gate: Gate) -> None:
    ignore = asyncio.Queue().put
    async with LambdaHost(PROBE, task_root=TASK_ROOT, on_failure=ignore) as host:
        async with client_of("lambda", host.endpoint) as client:
            aws = Lambda(host, client)
            for _ in range(3):
                await aws.invoke(gate.event(), "Event")
            busy = [(await gate.arrival()).pid, (await gate.arrival()).pid]
        port = int(host.endpoint.rpartition(":")[2])
    for pid in busy:
        await gone(pid)
    with pytest.raises(OSError, match="Connect call failed"):
        await asyncio.open_connection("127.0.0.1", port)
