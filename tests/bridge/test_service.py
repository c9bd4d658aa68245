"""The life of the bridge: its parts in this process, and the command as a separate process."""

import asyncio
import json
import os
import signal
import socket
import stat
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio

from hybridsphere.bridge import probes, tasks
from hybridsphere.bridge.queue import poller
from hybridsphere.bridge.service import Bridge
from hybridsphere.errors import ConfigurationError
from hybridsphere.ledger.ledger import Upload, ledger_path
from hybridsphere.local.account import CREDENTIALS
from hybridsphere.messages import parse_s3_event
from hybridsphere.paths import OWN_FOLDER
from hybridsphere.settings import Settings
from tests.bridge.bridge_stage import Journal, MakeQueue, RealFunction, RealQueue, rows, storing
from tests.bridge.service_stage import enter, refusal, running
from tests.bridge_process import USUAL, started
from tests.samples import BUCKET, record, result, s3_event
from tests.stage import PATIENCE_S, until

ROLE = "arn:aws:iam::123456789012:role"

pytestmark = pytest.mark.asyncio(loop_scope="session")


@dataclass
class Site:
    """Two queues with their dead letters, a function, and the environment that names them."""

    inputs: RealQueue
    outputs: RealQueue
    dead: RealQueue
    function: RealFunction
    folder: Path


@pytest_asyncio.fixture(loop_scope="session")
async def site(
    moto: str,
    make_queue: MakeQueue,
    start_function: Callable[..., Awaitable[RealFunction]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Site:
    inputs, outputs, dead = await make_queue(), await make_queue(), await make_queue()
    function = await start_function()
    enter(
        monkeypatch,
        moto,
        function,
        INPUT_QUEUE_URL=inputs.url,
        OUTPUT_QUEUE_URL=outputs.url,
        DEAD_LETTER_QUEUE_URL=dead.url,
        FUNCTION_NAME="chosen",
        INPUT_BUCKET=BUCKET,
        RESULTS_DIR=str(tmp_path / "results"),
    )
    return Site(inputs, outputs, dead, function, tmp_path / "results")


def ledger(site: Site) -> dict[str, Upload]:
    return {row.key: row for row in rows(site.folder)}


async def test_events_go_out_and_results_come_in_at_the_same_time(
    site: Site, journal: Journal
) -> None:
    keys = [f"{i}.mp4" for i in range(12)]
    await site.inputs.send(
        json.dumps({"Event": "s3:TestEvent"}), *(s3_event(record(key)) for key in keys)
    )
    await site.outputs.send(*(result(key).to_json() for key in keys))
    async with running(journal) as bridge:
        events = await site.function.invoked(len(keys))
        await journal.seen("result.written", times=len(keys))
        assert await bridge.readiness() == (200, {})
        await bridge.end()
    assert sorted(parse_s3_event(event)[0].key for event in events) == sorted(keys)
    assert all(row.status == "matched" and row.invoked_at for row in ledger(site).values())
    assert sorted(path.name for path in site.folder.glob("*.csv")) == sorted(
        f"{key}.csv" for key in keys
    )
    assert await site.inputs.counts() == await site.outputs.counts() == (0, 0)
    assert await site.dead.counts() == (0, 0)


async def test_bad_input_of_both_queues_goes_to_the_dead_letters(
    site: Site, journal: Journal
) -> None:
    await site.inputs.send("{}", s3_event(record(bucket="other")))
    await site.outputs.send("{}", result(bucket="other").to_json())
    async with running(journal) as bridge:
        await until(lambda: holds(site.dead, 4))
        await bridge.end()
    assert await site.inputs.counts() == await site.outputs.counts() == (0, 0)
    letters = await site.dead.read()
    assert sorted(one["MessageAttributes"]["queue"]["StringValue"] for one in letters) == [
        "input",
        "input",
        "output",
        "output",
    ]


async def holds(queue: RealQueue, count: int) -> bool:
    return await queue.counts() == (count, 0)


async def test_without_dead_letters_bad_input_is_left_to_the_queue(
    site: Site, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HYBRIDSPHERE_DEAD_LETTER_QUEUE_URL")
    await site.inputs.send("{}")
    async with running(journal) as bridge:
        await journal.seen("message.rejected", stored=False)
        await bridge.end()
    assert await site.inputs.counts() == (0, 1)


async def test_a_bridge_that_cannot_store_deletes_and_receives_nothing(
    site: Site, journal: Journal
) -> None:
    async with running(journal) as bridge:
        away = site.folder.rename(site.folder.with_name("away"))
        await site.outputs.send(result("held.mp4").to_json())
        await journal.seen("trouble.began", part="results")
        status, troubles = await bridge.readiness()
        assert status == 503
        # In the words of the ledger, or of its folder, whichever was missed last.
        assert str(site.folder) in troubles["results"]
        # It is held: neither deleted nor there for others.
        assert await site.outputs.counts() == (0, 1)
        away.rename(site.folder)
        await journal.seen("trouble.ended", part="results")
        await journal.seen("result.written", key="held.mp4")
        assert await bridge.readiness() == (200, {})
        await bridge.end()
    assert await site.outputs.counts() == (0, 0)
    assert list(ledger(site)) == ["held.mp4"]


async def test_a_result_whose_place_is_taken_is_held_while_the_others_go_on(
    site: Site, journal: Journal
) -> None:
    async with running(journal) as bridge:
        taker = site.folder / "held.mp4.csv"
        taker.mkdir()
        await site.outputs.send(result("held.mp4").to_json())
        await journal.seen("trouble.began", part=f"file {taker}")
        await site.outputs.send(result("other.mp4").to_json())
        await journal.seen("result.written", key="other.mp4")
        await until(lambda: are_held(site.outputs, 1))
        status, troubles = await bridge.readiness()
        assert status == 503
        assert "move away what blocks" in troubles[f"file {taker}"]
        taker.rmdir()
        await journal.seen("result.written", key="held.mp4")
        assert await bridge.readiness() == (200, {})
        await bridge.end()
    assert await site.outputs.counts() == await site.dead.counts() == (0, 0)
    assert sorted(ledger(site)) == ["held.mp4", "other.mp4"]


async def are_held(queue: RealQueue, count: int) -> bool:
    return await queue.counts() == (0, count)


async def test_a_stop_gives_back_what_cannot_be_stored(
    site: Site, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(poller, "RELEASE_SHARE", 0.9)
    async with running(journal) as bridge:
        site.folder.rename(site.folder.with_name("away"))
        await site.outputs.send(result().to_json())
        await journal.seen("trouble.began", part="results")
        await bridge.end()
    assert journal.of("queue.drained", queue="output", left=0)
    assert await site.outputs.count() == 1
    assert await journal.seen("bridge.stopped")


@pytest.mark.parametrize("count", [1, 1000])
async def test_a_stop_gives_back_what_runs_too_long(
    site: Site, journal: Journal, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    monkeypatch.setattr(poller, "RELEASE_SHARE", 0.9)
    monkeypatch.setenv("HYBRIDSPHERE_INVOCATION_TYPE", "RequestResponse")
    await site.inputs.send(s3_event(*(record(f"wait {i}.mp4") for i in range(count))))
    async with running(journal) as bridge:
        await site.function.gate.arrivals(1)
        await bridge.end()
    assert journal.of("queue.drained", queue="input", left=0)
    assert await site.inputs.count() == 1
    assert await journal.seen("bridge.stopped")


async def test_two_bridges_share_the_queues_and_the_folder(site: Site, journal: Journal) -> None:
    keys = [f"{i}.mp4" for i in range(20)]
    async with running(journal) as one:
        stop = asyncio.Event()
        two = asyncio.create_task(Bridge(Settings.load()).serve(stop))
        await journal.seen("bridge.ready", times=2)
        for key in keys:
            await site.inputs.send(s3_event(record(key)))
            await site.outputs.send(result(key).to_json())
        await journal.seen("result.written", times=len(keys))
        await until(lambda: all(row.invoked_at for row in ledger(site).values()))
        await one.end()
        stop.set()
        await two
    assert sorted(ledger(site)) == sorted(keys)
    assert all(row.status == "matched" for row in ledger(site).values())
    assert len(list(site.folder.glob("*.csv"))) == len(keys)
    assert await site.inputs.counts() == await site.outputs.counts() == (0, 0)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("HYBRIDSPHERE_INPUT_QUEUE_URL", "{moto}/123456789012/nothing"),
        ("HYBRIDSPHERE_OUTPUT_QUEUE_URL", "{moto}/123456789012/nothing"),
        ("HYBRIDSPHERE_DEAD_LETTER_QUEUE_URL", "{moto}/123456789012/nothing"),
        ("HYBRIDSPHERE_FUNCTION_NAME", "nothing"),
    ],
)
async def test_a_missing_queue_bucket_or_function_ends_the_start(
    site: Site, moto: str, monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value.format(moto=moto))
    with pytest.raises(ConfigurationError, match=f"{variable}='.*nothing' names nothing") as ended:
        await Bridge(Settings.load()).serve(asyncio.Event())
    assert ended.value.hint.startswith(f"correct {variable}")


async def test_a_network_that_is_not_up_yet_is_waited_for(
    site: Site, journal: Journal, monkeypatch: pytest.MonkeyPatch, silent: str
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{silent}")
    async with running(journal) as bridge:
        assert len(journal.of("probe.failed")) == 3
        await until(lambda: bool(journal.of("trouble.began", part="output queue")))
        status, troubles = await bridge.readiness()
        assert status == 503
        assert "input queue" in troubles
        await bridge.end()


@asynccontextmanager
async def mute() -> AsyncIterator[tuple[str, asyncio.Event]]:
    """The address of a server that answers nobody, and when it has been asked."""
    asked = asyncio.Event()

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.set()
        # Until the caller hangs up.
        await reader.read()
        writer.close()

    async with await asyncio.start_server(listen, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", asked


async def test_a_stop_during_the_start_ends_it_at_once_and_closes_all(
    site: Site, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Nobody here would wait for the end of a probe.
    monkeypatch.setattr(probes, "PROBE_S", 3600)
    await site.inputs.send(s3_event(record()))
    before = asyncio.all_tasks()
    async with mute() as (address, asked):
        monkeypatch.setenv("AWS_ENDPOINT_URL_LAMBDA", address)
        stop = asyncio.Event()
        serving = asyncio.create_task(Bridge(Settings.load()).serve(stop))
        async with asyncio.timeout(PATIENCE_S):
            await asked.wait()
            stop.set()
            await serving
        port = journal.of("web.listening")[0]["port"]
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", port)
    assert journal.of("bridge.stopped")
    assert not journal.of("bridge.ready")
    assert await site.inputs.counts() == (1, 0)
    # The ledger is closed: the last one to do so takes the log of its changes away.
    assert [path.name for path in ledger_path(site.folder).parent.glob("ledger*")] == [
        "ledger.sqlite3"
    ]
    assert asyncio.all_tasks() - before - {serving} == set()


async def test_a_fault_is_reported_even_beside_a_stop() -> None:
    stop = asyncio.Event()

    async def wrong() -> None:
        stop.set()
        raise ConfigurationError("wrong")

    with pytest.raises(ConfigurationError, match="wrong"):
        await tasks.unless(stop, wrong())


async def test_systemd_hears_of_readiness_and_of_the_stop(
    site: Site, journal: Journal, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.setblocking(False)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        async with running(journal) as bridge:
            await bridge.end()
        told: list[list[str]] = []
        while not told or "STOPPING=1" not in told[-1]:
            told.append(manager.recv(4096).decode().split("\n"))
    assert any("READY=1" in words for words in told[:-1])


# The tests below run the command itself.


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_drains_and_ends_with_zero(site: Site, number: int) -> None:
    # Started as by a shell: the others are forked.
    async with started(before=["env"]) as bridge:
        await bridge.seen("bridge.ready")
        await site.outputs.send(result("a/b.mp4").to_json())
        await site.inputs.send(s3_event(record("c.mp4")))
        written = await bridge.seen("result.written")
        await site.function.invoked(1)
        await until(lambda: holds(site.inputs, 0))
        assert await bridge.stop(number) == 0
    assert (written["bucket"], written["key"], written["version"]) == (BUCKET, "a/b.mp4", "01:e1")
    assert bridge.lines[-1]["event"] == "bridge.stopped"
    assert await site.outputs.counts() == (0, 0)
    # Results name people: nobody else reads them.
    for path in [site.folder, *site.folder.rglob("*")]:
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path


@asynccontextmanager
async def read_in_vain(pipe: Path) -> AsyncIterator[None]:
    """Once somebody reads from a named pipe, and as long as nothing comes."""
    writers: list[int] = []

    def opened() -> bool:
        with suppress(OSError):  # which it is while nobody reads
            writers.append(os.open(pipe, os.O_WRONLY | os.O_NONBLOCK))
        return bool(writers)

    await until(opened)
    yield
    os.close(writers[0])


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_is_heard_while_credentials_are_waited_for(
    site: Site, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, number: int
) -> None:
    # A program that gives credentials once somebody writes to the pipe, which nobody does.
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "config").write_text(f"[default]\ncredential_process = cat {tmp_path / 'pipe'}\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    for name in CREDENTIALS:
        monkeypatch.delenv(name)
    async with started() as bridge, read_in_vain(tmp_path / "pipe"):
        assert await bridge.stop(number) == 0
    assert [line["event"] for line in bridge.lines] == ["bridge.stopped"]


HANGING = """
import sys, uuid

uuid.uuid4 = lambda: uuid.UUID(int=0)
sys.argv[1:] = ["bridge"]
from hybridsphere.__main__ import main
main()
"""
"""The command, with a name that is known for the file it is writing."""


async def test_a_write_that_hangs_holds_up_no_stop(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HYBRIDSPHERE_DRAIN_S", "2")
    async with started(["-c", HANGING]) as bridge:
        await bridge.seen("bridge.ready")
        # Opening a FIFO to write waits for a reader, and nobody reads.
        os.mkfifo(site.folder / OWN_FOLDER / "partial" / uuid.UUID(int=0).hex)
        await site.outputs.send(result().to_json())
        await until(lambda: are_held(site.outputs, 1))
        assert await bridge.stop() == 0
    assert [line["event"] for line in bridge.lines[-2:]] == ["close.failed", "bridge.stopped"]
    assert rows(site.folder) == []
    assert sum(await site.outputs.counts()) == 1


SIGNALLED = """
import os, sys

module, number = sys.argv[1:]
sys.argv[1:] = ["bridge"]

class Signaller:
    def find_spec(self, name, path=None, target=None):
        if name == module:
            os.kill(os.getpid(), int(number))

sys.meta_path.insert(0, Signaller())
from hybridsphere.__main__ import main
main()
"""
"""The command, to which a signal comes while a module is looked for."""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("module", ["pydantic", "hybridsphere.bridge.service", "uvloop"])
async def test_a_signal_during_the_import_ends_the_bridge_silently_with_0(
    site: Site, module: str, number: int
) -> None:
    async with started(["-c", SIGNALLED, module, str(int(number))]) as bridge:
        assert await bridge.ended() == 0
    assert bridge.lines == []


async def test_a_variable_that_nothing_reads_is_warned_of_at_the_start(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HYBRIDSPHERE_MAX_INFLIGHT", "5")
    async with started() as bridge:
        line = await bridge.seen("variable.unknown")
    assert line["variable"] == "HYBRIDSPHERE_MAX_INFLIGHT"
    assert line["nearest"] == "HYBRIDSPHERE_MAX_IN_FLIGHT"


async def test_a_killed_bridge_has_deleted_no_unfinished_message(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HYBRIDSPHERE_INVOCATION_TYPE", "RequestResponse")
    await site.inputs.send(s3_event(record("wait.mp4")))
    async with started() as bridge:
        await site.function.gate.arrivals(1)
        await bridge.kill()
    assert await site.inputs.counts() == (0, 1)


async def test_the_bridge_loads_no_face_library_and_no_account(site: Site) -> None:
    async with started(["-X", "importtime", *USUAL]) as bridge:
        await bridge.seen("bridge.ready")
        lines = [line["event"] for line in bridge.lines]
    names = {line.rpartition("|")[2].strip().partition(".")[0] for line in lines}
    assert {"aiobotocore", "uvloop"} <= names
    heavy = {"dlib", "_dlib_pybind11", "face_recognition", "moto", "av", "numpy", "lambda_fn"}
    assert names & {*heavy, "flask", "skimage", "boto3"} == set()


@pytest.mark.parametrize(
    ("variable", "value", "says"),
    [
        ("HYBRIDSPHERE_INPUT_BUCKET", "", "is not set"),
        ("HYBRIDSPHERE_FUNCTION_NAME", "nothing", "names nothing"),
        ("HYBRIDSPHERE_HTTP", "{taken}", "in use"),
    ],
)
async def test_a_configuration_that_cannot_work_ends_with_one_line_and_two(
    site: Site, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, says: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        monkeypatch.setenv(variable, value.format(taken=f"127.0.0.1:{taken.getsockname()[1]}"))
        status, err = await refusal()
    complaints = [line for line in err.splitlines() if not line.startswith("{")]
    assert status == 2
    # A hint may follow.
    assert len(complaints) <= 2, err
    assert complaints[0].startswith("error: ")
    assert variable in complaints[0]
    assert says in complaints[0]
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("profile", "status", "says"),
    [
        # systemd starts a bridge again that ended with 1, and leaves one alone that ended with 2.
        ("credential_process = false", 1, "no AWS credentials at the moment: "),
        ("credential_process = /nowhere/creds", 2, "the AWS credentials cannot be used: "),
        (f"role_arn = {ROLE}/a\nmfa_serial = {ROLE}/u\nsource_profile = base", 2, "MFA code"),
    ],
    ids=["fails", "missing", "asks"],
)
async def test_credentials_that_fail_at_the_start_end_it_with_one_line(
    *,
    site: Site,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    profile: str,
    status: int,
    says: str,
) -> None:
    config = tmp_path / "config"
    base = "aws_access_key_id = local\naws_secret_access_key = local"
    config.write_text(f"[default]\n{profile}\n[profile base]\n{base}\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    for name in CREDENTIALS:
        monkeypatch.delenv(name)
    ended, err = await refusal()
    assert ended == status
    complaints = [line for line in err.splitlines() if not line.startswith("{")]
    assert len(complaints) == 1, err
    assert complaints[0].startswith("error: ")
    assert says in complaints[0]


async def test_a_folder_of_another_bucket_is_left_unchanged(site: Site, journal: Journal) -> None:
    async with storing(site.folder) as store:
        await store.put([result(bucket="another-bucket")])
    (site.folder / "test_0.mp4.csv").unlink()
    with pytest.raises(ConfigurationError, match=r"another-bucket.*name another folder"):
        async with running(journal):
            pass
    assert not (site.folder / "test_0.mp4.csv").exists()


async def test_two_bridges_of_two_buckets_do_not_share_an_empty_folder(
    site: Site, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop = asyncio.Event()
    bridges = []
    for bucket in (BUCKET, "another-bucket"):
        monkeypatch.setenv("HYBRIDSPHERE_INPUT_BUCKET", bucket)
        bridges.append(asyncio.create_task(Bridge(Settings.load()).serve(stop)))
    await journal.seen("bridge.ready")
    refused, _ = await asyncio.wait(bridges, return_when=asyncio.FIRST_COMPLETED)
    stop.set()
    await asyncio.wait(bridges)
    assert len(journal.of("bridge.ready")) == len(refused) == 1
    with pytest.raises(ConfigurationError, match="is the folder of the bucket"):
        await refused.pop()
    assert sum(bridge.exception() is None for bridge in bridges) == 1
