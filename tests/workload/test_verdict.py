"""How checks are shown."""

import io
from pathlib import Path

from rich.console import Console

from hybridsphere.workload.check import check_workload
from hybridsphere.workload.verdict import Check, print_checks
from tests.workload.workload_stage import Stage


def shown(*checks: Check) -> list[str]:
    out = io.StringIO()
    print_checks(checks, Console(file=out, width=40))
    return out.getvalue().splitlines()


def test_a_check_is_one_line_however_narrow_the_terminal() -> None:
    detail = "5 of 5 " + "figures " * 20

    assert shown(Check("uploaded", passed=True, detail=detail)) == [f"✓ uploaded       {detail}"]


def test_what_is_wanting_stands_below_its_check() -> None:
    check = Check.none_of(["x.mp4: none"], "events", "0 of 1")

    assert shown(check) == ["✗ events         0 of 1", "    x.mp4: none"]


def test_of_very_many_wanting_things_the_first_are_shown() -> None:
    lines = shown(Check.none_of((f"{number}: none" for number in range(100)), "events", "0"))

    assert len(lines) == 22
    assert lines[-1] == "    … and 80 more"


def test_keys_can_neither_steer_the_terminal_nor_style_the_text() -> None:
    check = Check.none_of(["\x1b[2J\r[red]x\u202e.mp4: none"], "events", "")

    assert shown(check)[1] == r"    \x1b[2J\r[red]x\u202e.mp4: none"


async def test_checking_a_workload_waits_for_it_prints_it_and_tells_whether_all_holds(
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
    assert "    x.mp4: year freshman expected, junior found" in out.getvalue().splitlines()
