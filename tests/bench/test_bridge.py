"""Bridges are measured by work that they have done, and only then."""

import json
import shutil
import urllib.request
from pathlib import Path
from urllib.error import HTTPError

import pytest

from bench import bridge, bridge_run, idle, latency, process
from bench.bridge_checks import check_files, check_queues
from bench.bridge_run import LEAST, OURS, Bridge, Run
from bench.doubles.account import FUNCTION
from bench.doubles.process import FAST, PLAIN, BridgeFailed, running_double
from bench.report.row import WrongAnswer
from bench.rounds import Rounds
from bench.uploads import csv, record
from bench.ways import node_bridge
from bench.ways.node_bridge import NoNode

UPLOADS = 30


@pytest.fixture
def no_node(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A PATH on which there is nothing at all."""
    monkeypatch.setenv("PATH", str(tmp_path))


def test_a_bridge_is_measured_by_work_it_has_done(tmp_path: Path) -> None:
    run = bridge_run.run_bridge(LEAST, tmp_path, UPLOADS)
    assert run.messages == UPLOADS
    assert run.seconds > 0
    assert run.cpu_s > 0


def test_a_bridge_that_ends_is_reported_with_its_last_words(tmp_path: Path) -> None:
    failing = Bridge("failing", process.python("-c", "raise SystemExit('no such luck')"))
    with pytest.raises(BridgeFailed, match=r"exit status 1\n(.|\n)*no such luck"):
        bridge_run.run_bridge(failing, tmp_path, UPLOADS)


def test_a_bridge_that_keeps_no_files_has_not_done_the_work(tmp_path: Path) -> None:
    careless = Bridge("careless", LEAST.command, keeps_files=True)
    with pytest.raises(WrongAnswer, match=f"{2 * UPLOADS} files are missing"):
        bridge_run.run_bridge(careless, tmp_path, UPLOADS)


@pytest.mark.usefixtures("no_node")
def test_without_node_its_rows_say_so_and_the_others_are_measured(tmp_path: Path) -> None:
    part = bridge.measure(tmp_path, messages=UPLOADS, rounds=Rounds(1), report=print)
    rows = {row.what: row for row in part.rows}
    throughput = rows["throughput"]
    assert throughput.usual
    assert throughput.ours
    assert throughput.least
    assert throughput.reached is not None
    for double in ("our double", "a plain double"):
        beside_node = rows[f"CPU a message beside sqs-consumer, {double}"]
        assert beside_node.ours
        assert beside_node.usual is None
        assert beside_node.reached is None
        assert beside_node.remark == "not measured: there is no node on the PATH"


def test_the_packages_for_node_are_installed_once(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (programs := tmp_path / "programs").mkdir()
    for name, script in (("node", "exit 1"), ("npm", 'echo "$@" >> installs')):
        (programs / name).write_text(f"#!/bin/sh\n{script}\n")
        (programs / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(programs))
    (out := tmp_path / "out").mkdir()
    commands = [node_bridge.command(out) for _ in range(2)]
    assert commands == [[str(programs / "node"), str(out / "node" / "bridge.js")]] * 2
    (install,) = (out / "node" / "installs").read_text().splitlines()
    assert f"--cache={out / 'node' / 'cache'}" in install
    assert "--no-package-lock" in install


def test_what_npm_says_is_in_the_row(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("node", "npm"):
        (tmp_path / name).write_text("#!/bin/sh\necho no network >&2\nexit 1\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    (out := tmp_path / "out").mkdir()
    with pytest.raises(NoNode, match="npm could not install it: no network"):
        node_bridge.command(out)


def test_the_packages_for_node_are_pinned() -> None:
    package = json.loads((Path(node_bridge.__file__).parent / "node" / "package.json").read_text())
    assert "sqs-consumer" in package["dependencies"]
    assert all(version.replace(".", "").isdecimal() for version in package["dependencies"].values())


def test_the_consumer_of_node_is_a_program(tmp_path: Path) -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("there is no node on the PATH")
    script = Path(node_bridge.__file__).parent / "node" / "bridge.js"
    with process.running([node, "--check", str(script)], {}) as checked:
        assert checked.wait() == 0


def test_latency_is_that_of_events_one_by_one(tmp_path: Path) -> None:
    part = latency.measure(tmp_path, messages=UPLOADS, seconds=0.5, rounds=Rounds(1), report=print)
    assert [row.what.startswith("half load") for row in part.rows] == [False, False, True, True]
    for median, worst in (part.rows[:2], part.rows[2:]):
        assert 0 < (median.ours or 0) <= (worst.ours or 0)
        assert 0 < (median.least or 0) <= (worst.least or 0)


def test_bridges_are_watched_while_they_wait(tmp_path: Path) -> None:
    part = idle.measure(tmp_path, seconds=0.5, report=print)
    (row,) = part.rows
    assert row.unit == "%"
    assert row.ours is not None
    assert row.reached is not None


def test_a_missing_file_is_no_result(tmp_path: Path) -> None:
    files = [tmp_path / f"{record(number).key}.csv" for number in range(3)]
    for number, file in enumerate(files):
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(csv(number).encode())
    check_files(tmp_path, 3)
    files[1].unlink()
    with pytest.raises(WrongAnswer, match="000001"):
        check_files(tmp_path, 3)


def test_a_message_received_twice_is_no_equal_work() -> None:
    once = {"visible": 0, "in_flight": 0, "received": 3, "deleted": 3, "waiting": 2}
    stats = {"invoked": 3, "invoked_as_events": 3, "input": once, "output": once}
    check_queues(stats, 3)
    with pytest.raises(WrongAnswer, match="input queue"):
        check_queues({**stats, "input": {**once, "received": 4}}, 3)


def test_an_invocation_that_is_waited_for_is_no_equal_work() -> None:
    once = {"visible": 0, "in_flight": 0, "received": 3, "deleted": 3, "waiting": 2}
    stats = {"invoked": 3, "invoked_as_events": 2, "input": once, "output": once}
    with pytest.raises(WrongAnswer, match="3 invocations, 2 of them events, for 3 uploads"):
        check_queues(stats, 3)


def test_the_double_tells_events_from_other_invocations() -> None:
    with running_double() as double:
        double.fill(2)
        invoke = f"{double.endpoint}/2015-03-31/functions/{FUNCTION}/invocations"
        for number, kind in enumerate(("Event", "RequestResponse")):
            body = json.dumps(record(number).to_event()).encode()
            call = urllib.request.Request(invoke, body, {"X-Amz-Invocation-Type": kind})
            urllib.request.urlopen(call).close()
        stats = double.stats()
    assert (stats["invoked"], stats["invoked_as_events"]) == (2, 1)


def test_each_round_begins_with_another_bridge(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, no_node: None
) -> None:
    order: list[str] = []

    def run(taken: Bridge, _: Path, messages: int, **setting: object) -> Run:
        order.append(f"{taken.name} {setting}")
        return Run(messages, 1, 1, 0.5)

    monkeypatch.setattr(bridge, "run_bridge", run)
    monkeypatch.setattr(bridge, "run_whole", run)
    bridge.measure(tmp_path, messages=UPLOADS, rounds=Rounds(3), report=print)
    each = len(order) // 3
    rounds = [order[first : first + each] for first in range(0, len(order), each)]
    assert len({names[0] for names in rounds}) == 3
    assert len({frozenset(names) for names in rounds}) == 1


def test_bridges_are_measured_five_times_and_with_their_spread(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    costs = iter(range(1, 1000))

    def run(taken: Bridge, _: Path, messages: int, **setting: object) -> Run:
        return Run(messages, 1, messages * next(costs) / 1000, 0.5)

    monkeypatch.setattr(bridge, "run_bridge", run)
    monkeypatch.setattr(bridge, "run_whole", run)
    monkeypatch.setattr(node_bridge, "command", lambda _: ["node"])
    part = bridge.measure(tmp_path, messages=10_000, rounds=Rounds(1), report=print)
    beside = part.rows[0]
    assert "Medians of 5 rounds" in part.notes[0]
    least, _, most = beside.remark.partition(" and ")[0].split()
    assert int(least) < (beside.usual or 0) < int(most)


@pytest.mark.parametrize("double", [FAST, PLAIN])
@pytest.mark.parametrize("pinned", [True, False])
def test_a_bridge_is_measured_whole_before_either_double(
    double: str, pinned: bool, tmp_path: Path
) -> None:
    run = bridge_run.run_whole(OURS, tmp_path, UPLOADS, double=double, pinned=pinned)
    assert run.messages == UPLOADS
    # Its start alone takes some tenths of a second.
    assert run.cpu_s > 0.1
    assert run.seconds > 0.1


def test_the_double_refuses_an_event_that_is_none_of_its_uploads() -> None:
    with running_double() as double:
        double.fill(1)
        event = record(0).to_event()
        invoke = f"{double.endpoint}/2015-03-31/functions/{FUNCTION}/invocations"
        with urllib.request.urlopen(invoke, json.dumps(event).encode()) as answer:
            assert answer.status == 200
        event["Records"][0]["s3"]["object"]["key"] = "another.mp4"
        with pytest.raises(HTTPError, match="500"):
            urllib.request.urlopen(invoke, json.dumps(event).encode())
        assert double.stats()["invoked"] == 1


def test_ours_is_the_bridge_itself() -> None:
    assert OURS.command[1:] == ["-m", "hybridsphere", "bridge"]
    assert OURS.keeps_files
    assert OURS.keeps_ledger
