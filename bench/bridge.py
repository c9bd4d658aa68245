"""Messages a second: events out and results in, through a bridge on one core."""

from collections.abc import Callable
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from bench.bridge_run import LEAST, OURS, USUAL, Bridge, Run, run_bridge
from bench.report.row import CPU_A_MESSAGE, Part, Row, Target
from bench.rounds import Rounds
from bench.ways import node_bridge
from bench.ways.node_bridge import NoNode

_THROUGHPUT = Target(2000, "figure")
_BESIDE_NODE = Target(2, "times")

_USUAL_SHARE = 20
"""How many times fewer messages the loop around boto3 is given: its rate is the same with any."""

_SECONDS = 100

_BUSY = 0.9
"""Share of its core above which the double itself may limit the result."""


def measure(scratch: Path, *, messages: int, rounds: Rounds, report: Callable[[str], None]) -> Part:
    """All bridges in turn, warm, on fresh queues each time; medians of the rounds.

    Results are kept below `scratch` meanwhile. Raises WrongAnswer where a bridge did other work.
    """
    bridges, no_node = [USUAL, OURS, LEAST], ""
    try:
        bridges.insert(1, Bridge("sqs-consumer", node_bridge.command(scratch)))
    except NoNode as error:
        no_node = str(error)
    runs: dict[str, list[Run]] = {bridge.name: [] for bridge in bridges}
    with TemporaryDirectory(dir=scratch) as folder:
        for number in rounds.within(_SECONDS):
            # Rotate the order: the second bridge finds a busy disk.
            turn = number % len(bridges)
            for bridge in bridges[turn:] + bridges[:turn]:
                rounds.check()
                share = _USUAL_SHARE if bridge == USUAL else 1
                run = run_bridge(bridge, Path(folder), max(1, messages // share))
                runs[bridge.name].append(run)
                report(
                    f"round {number}, {bridge.name}: {run.messages_per_s:.0f} "
                    f"messages/s, {run.cpu_ms_a_message:.2f} ms of CPU each"
                )
    rates = {name: median(run.messages_per_s for run in taken) for name, taken in runs.items()}
    costs = {name: median(run.cpu_ms_a_message for run in taken) for name, taken in runs.items()}
    return Part(
        name="bridge",
        title=f"The bridge: {messages:,} uploads in and as many results on disk, one core",
        usual_way="one loop around boto3, a message at a time",
        least_way="batches over bare HTTP: nothing signed, nothing kept",
        rows=[
            _throughput("throughput", rates, "usual", _THROUGHPUT),
            _throughput(
                "throughput beside sqs-consumer", rates, "sqs-consumer", _BESIDE_NODE, no_node
            ),
            Row(CPU_A_MESSAGE, "ms", costs["usual"], costs["ours"], costs["least"]),
            Row(
                f"{CPU_A_MESSAGE} beside sqs-consumer",
                "ms",
                costs.get("sqs-consumer"),
                costs["ours"],
                costs["least"],
                remark=no_node,
            ),
        ],
        notes=[
            "All send one Event an upload, and delete all that they receive.",
            "All but the least leave the same files; these are checked, and our ledger's rows.",
            "Only ours renames its files, keeps a ledger synced to the disk, and logs every event.",
            "sqs-consumer: four consumers a queue, batches of ten, the AWS SDK's own connections.",
            "Each has had as many messages before, which are not timed.",
            f"The usual loop is given a {_USUAL_SHARE}th of the uploads.",
            *(_note(name, taken) for name, taken in runs.items()),
        ],
    )


def _throughput(
    what: str, rates: dict[str, float], usual: str, target: Target, remark: str = ""
) -> Row:
    return Row(
        what,
        "messages/s",
        rates.get(usual),
        rates["ours"],
        rates["least"],
        more_is_better=True,
        target=target,
        remark=remark,
    )


def _note(name: str, runs: list[Run]) -> str:
    """How much of their cores a bridge and the double took, and what that says of the rate."""
    own = median(run.cpu_s / run.seconds for run in runs)
    double = median(run.double_busy for run in runs)
    note = f"{name} took {own:.0%} of its core, the double {double:.0%} of another"
    if double > _BUSY:
        return f"{note}: the double may be what was measured, and the bridge faster."
    return f"{note}."
