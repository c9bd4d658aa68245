"""How checks are printed."""

import io
from pathlib import Path

from rich.console import Console

from hybridsphere.workload.check import Check, print_checks
from hybridsphere.workload.checks import check_workload
from tests.workload.workload_stage import Stage


def printed(*checks: Check, terminal: bool = False) -> list[str]:
    out = io.StringIO()
    console = Console(file=out, width=40, force_terminal=terminal, color_system=None)
    print_checks(checks, console)
    return out.getvalue().splitlines()


def test_a_program_gets_a_check_as_one_line() -> None:
    detail = "5 of 5 " + "figures " * 20

    assert printed(Check("uploaded", passed=True, detail=detail)) == [f"✓ uploaded {detail}"]


def test_a_terminal_gets_columns_wrapped_between_words() -> None:
    checks = Check("uploaded", True, "figures " * 6), Check("queues-drained", True, "words " * 6)
    lines = printed(*checks, terminal=True)

    assert [line[:17].strip() for line in lines] == ["✓ uploaded", "", "✓ queues-drained", ""]
    assert {word for line in lines for word in line[17:].split()} == {"figures", "words"}


def test_faults_stand_below_their_check() -> None:
    check = Check.without_faults(["x.mp4: none"], "events", "0 of 1")

    assert printed(check) == ["✗ events 0 of 1", "  x.mp4: none"]


def test_only_the_first_of_many_faults_are_printed() -> None:
    lines = printed(
        Check.without_faults((f"{number}: none" for number in range(100)), "events", "0")
    )

    assert len(lines) == 22
    assert lines[-1] == "  … and 80 more"


def test_a_key_neither_steers_the_terminal_nor_styles_the_text() -> None:
    check = Check.without_faults(["\x1b[2J\r[red]x\u202e.mp4: none"], "events", "")

    assert printed(check)[1] == r"  \x1b[2J\r[red]x\u202e.mp4: none"


async def test_a_workload_check_waits_prints_and_returns_the_verdict(
    stage: Stage, tmp_path: Path
) -> None:
    mapping = tmp_path / "mapping"
    mapping.write_text("x.mp4:physics,freshman\n")
    await stage.upload("x.mp4")
    stage.complete("x.mp4")
    out = io.StringIO()
    console = Console(file=out)

    assert await check_workload(stage.settings, mapping=None, console=console)
    assert len(out.getvalue().splitlines()) == 11
    assert not await check_workload(stage.settings, mapping=mapping, console=console)
    assert "  x.mp4: year freshman expected, junior found" in out.getvalue().splitlines()
