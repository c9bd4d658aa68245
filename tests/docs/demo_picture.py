"""Print docs/demo.svg, the screen at the end of a demo, made from the demo's report."""

import io
import json
import sys
from pathlib import Path

from rich.console import Console

from hybridsphere.demo.report import print_results
from hybridsphere.workload.check import Check, print_checks

WIDTH = 113


def picture(report: Path) -> str:
    """Print results and checks as a terminal shows them; return the picture as SVG."""
    content = json.loads(report.read_text(encoding="utf-8"))
    console = Console(file=io.StringIO(), width=WIDTH, record=True, force_terminal=True)
    console.print("$ hybridsphere demo")
    print_results(content["results"], console)
    checks = []
    for check in content["checks"]:
        detail, *lines = check["detail"].split("\n")
        checks.append(Check(check["name"], check["passed"], detail, tuple(lines)))
    print_checks(checks, console)
    return console.export_svg(title="hybridsphere", unique_id="demo")


if __name__ == "__main__":
    sys.stdout.write(picture(Path(sys.argv[1])))
