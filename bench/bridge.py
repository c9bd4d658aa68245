"""CPU a message: events out and results in, through a bridge; and messages a second."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from bench import process
from bench.bridge_run import LEAST, OURS, USUAL, Bridge, Run, run_bridge, run_whole
from bench.doubles.process import FAST, PLAIN
from bench.report.figures import rounded
from bench.report.row import CPU_A_MESSAGE, Part, Row, Target
from bench.rounds import Rounds
from bench.ways import node_bridge
from bench.ways.node_bridge import NoNode

ROUNDS = 5
"""Rounds at least, where there is time: company makes single ones useless."""

_BESIDE_NODE = Target(2.5, "times")
_THROUGHPUT = Target(2000, "figure")
_NOT_SLOWER = Target(1, "times")

_DOUBLES = {"our double": FAST, "a plain double": PLAIN}

_WARM = 2000
"""Uploads for the bridges that are measured warm and alone on a core, and as many untimed."""

_USUAL_SHARE = 20
"""How many times fewer messages the loop around boto3 is given: its rate is the same with any."""

_SECONDS = 200


@dataclass(frozen=True, slots=True)
class _Trial:
    """One bridge in one setting, and its runs."""

    name: str
    run: Callable[[], Run]
    runs: list[Run] = field(default_factory=list)

    @property
    def rate(self) -> float:
        return median(run.messages_per_s for run in self.runs)

    @property
    def ms(self) -> float:
        return median(run.cpu_ms_a_message for run in self.runs)

    @property
    def spread(self) -> str:
        """The smallest and the largest CPU time a message."""
        all_ms = [run.cpu_ms_a_message for run in self.runs]
        return f"{rounded(min(all_ms))} to {rounded(max(all_ms))}"


def measure(scratch: Path, *, messages: int, rounds: Rounds, report: Callable[[str], None]) -> Part:
    """All bridges in turn on fresh queues, round by round; medians of the rounds.

    Results are kept below `scratch` meanwhile. Raises WrongAnswer where a bridge did other work.
    """
    node, no_node = None, ""
    try:
        node = Bridge("sqs-consumer", node_bridge.command(scratch))
    except NoNode as error:
        no_node = str(error)
    rounds = replace(rounds, most=max(rounds.most, ROUNDS if messages >= _WARM else 1))
    with TemporaryDirectory(dir=scratch) as folder:
        trials = _trials(Path(folder), messages, node)
        for number in rounds.within(_SECONDS):
            # Rotate the order: the second bridge finds a busy disk.
            turn = number % len(trials)
            for trial in [*trials.values()][turn:] + [*trials.values()][:turn]:
                rounds.check()
                run = trial.run()
                trial.runs.append(run)
                report(
                    f"round {number}, {trial.name}: {run.messages_per_s:.0f} "
                    f"messages/s, {run.cpu_ms_a_message:.2f} ms of CPU each"
                )
    return Part(
        name="bridge",
        title=f"The bridge: {messages:,} uploads in and as many results on disk",
        usual_way="one loop around boto3, a message at a time; or sqs-consumer",
        least_way="batches over bare HTTP: nothing signed, nothing kept",
        rows=[*_beside_node(trials, no_node), *_on_one_core(trials), *_on_more_cores(trials)],
        notes=_notes(trials, number),
    )


def _trials(folder: Path, messages: int, node: Bridge | None) -> dict[str, _Trial]:
    trials = []
    for name, double in _DOUBLES.items():
        for bridge in (OURS, node):
            if bridge:
                run = partial(run_whole, bridge, folder, messages, double=double)
                trials.append(_Trial(f"{bridge.name}, {name}", run))
    warm = min(messages, _WARM)
    for bridge in (USUAL, OURS, LEAST):
        count = max(1, warm // (_USUAL_SHARE if bridge == USUAL else 1))
        trials.append(_Trial(bridge.name, partial(run_bridge, bridge, folder, count)))
    if process.cores() > 1:
        run = partial(run_whole, OURS, folder, messages, pinned=True)
        trials.append(_Trial("ours, one core", run))
    return {trial.name: trial for trial in trials}


def _beside_node(trials: dict[str, _Trial], no_node: str) -> Iterator[Row]:
    """Compare them as people run them: on any core, from the start on."""
    for name in _DOUBLES:
        ours, node = trials[f"ours, {name}"], trials.get(f"sqs-consumer, {name}")
        yield Row(
            f"{CPU_A_MESSAGE} beside sqs-consumer, {name}",
            "ms",
            node.ms if node else None,
            ours.ms,
            target=_BESIDE_NODE,
            remark=f"{node.spread} and {ours.spread} ms" if node else no_node,
        )
    for name in _DOUBLES:
        ours, node = trials[f"ours, {name}"], trials.get(f"sqs-consumer, {name}")
        yield Row(
            f"throughput beside sqs-consumer, {name}",
            "messages/s",
            node.rate if node else None,
            ours.rate,
            more_is_better=True,
            remark="" if node else no_node,
        )


def _on_one_core(trials: dict[str, _Trial]) -> Iterator[Row]:
    """Compare them warm, each alone on a core."""
    usual, ours, least = (trials[bridge.name] for bridge in (USUAL, OURS, LEAST))
    yield Row(CPU_A_MESSAGE, "ms", usual.ms, ours.ms, least.ms)
    yield Row(
        "throughput",
        "messages/s",
        usual.rate,
        ours.rate,
        least.rate,
        more_is_better=True,
        target=_THROUGHPUT,
    )


def _on_more_cores(trials: dict[str, _Trial]) -> Iterator[Row]:
    if one := trials.get("ours, one core"):
        yield Row(
            "throughput on any core, beside ours on one",
            "messages/s",
            one.rate,
            trials["ours, our double"].rate,
            more_is_better=True,
            target=_NOT_SLOWER,
        )


def _notes(trials: dict[str, _Trial], rounds: int) -> Sequence[str]:
    busy = median(run.double_busy for run in trials[LEAST.name].runs)
    return [
        f"Medians of {rounds} round{'s' * (rounds > 1)}, in turns.",
        "Beside sqs-consumer: nothing is bound to a core, and each start is included.",
        "In brackets: the least and the most of sqs-consumer's rounds, then of ours.",
        "The plain double shares no code with ours: asyncio's streams, one write an answer.",
        f"The other rows: {_WARM:,} messages warm, after as many untimed, alone on one core.",
        "All send one Event an upload, and delete all that they receive.",
        "All but the least leave the same files; these are checked, and our ledger's rows.",
        "Only ours renames its files, keeps a ledger synced to the disk, and logs every event.",
        "sqs-consumer: four consumers a queue, batches of ten, the AWS SDK's own connections.",
        f"The usual loop is given a {_USUAL_SHARE}th of the uploads.",
        f"Before the least, the double took {busy:.0%} of its core.",
    ]
