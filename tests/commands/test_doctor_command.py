"""doctor as a command: its lines, its marks and its exit codes."""

import asyncio
import io
import json

import pytest
from rich.console import Console

from hybridsphere.commands.doctor.report import print_checks
from hybridsphere.commands.lines import print_item
from tests.commands import hanging_doctor
from tests.commands.doctor_stage import Patient
from tests.forked import Forked

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def diagnosis(*options: str, module: str = "hybridsphere") -> tuple[int | None, str, str]:
    """Exit code, standard output and standard error of the command."""
    process = await Forked.start(module, "doctor", *options)
    out, err = await process.communicate()
    return process.returncode, out.decode(), err.decode()


async def test_the_command_exits_with_0_if_no_check_is_bad(patient: Patient) -> None:
    code, out, err = await diagnosis()
    assert (code, err) == (0, "")
    checks = await patient.checks()
    lines = out.splitlines()
    assert len(lines) == len(checks)
    marks = {"ok": "✓", "note": "–"}
    heads = [f"{marks[check.state]} {check.part}: " for check in checks]
    assert [line[: len(head)] for line, head in zip(lines, heads, strict=True)] == heads
    assert "✓ input queue: sqs:ReceiveMessage is allowed" in lines


async def test_the_command_exits_with_1_and_prints_the_remedy(patient: Patient) -> None:
    patient.set(FUNCTION_NAME="nobody")
    code, out, err = await diagnosis()
    assert (code, err) == (1, "")
    (bad,) = (line for line in out.splitlines() if line.startswith("✗ "))
    assert bad.startswith("✗ function: nobody: ")
    assert bad.endswith(
        "; hint: correct HYBRIDSPHERE_FUNCTION_NAME "
        "(docs/operations.md#a-queue-bucket-or-function-does-not-exist)"
    )


async def test_the_command_reports_every_wrong_variable_and_checks_the_rest(
    patient: Patient,
) -> None:
    patient.set(SOURCE="mail", DRAIN_S="soon", INPUT_BUCKET="s3://x", OUTPUT_QUEUE="x")
    code, out, err = await diagnosis()
    assert (code, err) == (1, "")
    lines = out.splitlines()
    bad = [line.removeprefix("✗ variables: ") for line in lines if line.startswith("✗")]
    assert [line.partition("; hint: ")[0] for line in bad] == [
        "HYBRIDSPHERE_SOURCE is 'mail'",
        "HYBRIDSPHERE_INPUT_BUCKET is 's3://x'",
        "HYBRIDSPHERE_DRAIN_S is 'soon'",
        "HYBRIDSPHERE_OUTPUT_QUEUE is unknown",
    ]
    assert all("; hint: " in line for line in bad)
    assert "✓ output queue: sqs:ReceiveMessage is allowed" in lines


async def test_the_command_prints_json(patient: Patient) -> None:
    patient.set(FUNCTION_NAME="nobody")
    code, out, err = await diagnosis("--json")
    assert (code, err) == (1, "")
    report = json.loads(out)
    assert report["well"] is False
    # The details of two runs may differ: the room on the disk, for example.
    found = [(check["part"], check["state"], check["see"]) for check in report["checks"]]
    again = [check.to_dict() for check in await patient.checks()]
    assert found == [(check["part"], check["state"], check["see"]) for check in again]
    (bad,) = (check for check in report["checks"] if check["state"] == "bad")
    assert (bad["part"], bad["fix"]) == ("function", "correct HYBRIDSPHERE_FUNCTION_NAME")


@pytest.mark.parametrize("width", [80, 120])
async def test_a_terminal_gets_aligned_columns_and_whole_words(
    patient: Patient, width: int
) -> None:
    patient.set(FUNCTION_NAME="nobody", HTTP="192.0.2.1:8080")
    out = io.StringIO()
    checks = await patient.checks()
    for check in checks:
        console = Console(file=out, width=width, force_terminal=True, color_system=None)
        print_item(console, check.state, check.part, check.detail, check.remedy)
    lines = out.getvalue().splitlines()
    words = {word for line in lines for word in line.split()}
    texts = [text for check in checks for text in (check.detail, check.fix)]
    assert {word for text in texts for word in text.split()} <= words
    for line in lines:
        assert len(line) <= width or len(line[21:].split()) == 1
        assert line[20] == " "
        assert line[21] != " "


async def test_a_terminal_shows_what_is_waited_for(patient: Patient) -> None:
    out = io.StringIO()
    await print_checks(Console(file=out, width=80, force_terminal=True))
    assert "waiting for: " in out.getvalue()


async def test_the_command_ends_while_a_look_up_of_a_name_hangs(patient: Patient) -> None:
    address = f"http://{hanging_doctor.NAME}"
    patient.environment.setenv("AWS_ENDPOINT_URL", address)
    patient.environment.setenv("AWS_ENDPOINT_URL_LAMBDA", address)
    async with asyncio.timeout(120):
        code, out, err = await diagnosis(module=hanging_doctor.__name__)
    assert (code, err) == (1, "")
    assert f"no answer within {hanging_doctor.ANSWER_S:g} s" in out
    assert "✓ disk: " in out
