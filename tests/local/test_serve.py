"""`hybridsphere local` from outside: a process like any other."""

import asyncio
import json
import os
import pickle
import select
import signal
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from hybridsphere.cli.app import main
from hybridsphere.local.commands import load_gallery, run_command
from hybridsphere.messages import S3Record
from tests.forked import Forked
from tests.local.local_stage import client_of, gone
from tests.samples import EVENT_TIME


async def start(*arguments: object) -> Forked:
    """Start `local` for an environment file, and perhaps students."""
    return await Forked.start("tests.local.serving", *map(str, arguments))


async def lines(process: Forked) -> dict[str, str]:
    """The variables that it prints, read until it has printed as many as it writes to a file."""
    exports: dict[str, str] = {}
    while len(exports) < 15:
        line = (await process.stdout.readline()).decode()
        assert line.startswith("export "), line
        name, _, text = line.removeprefix("export ").strip().partition("=")
        exports[name] = text.removeprefix("'").removesuffix("'")
    return exports


def children(pid: int) -> list[int]:
    text = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii")
    return [int(child) for child in text.split()]


def names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def port_of(url: str) -> int:
    return int(url.rpartition(":")[2])


async def refuses(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except ConnectionRefusedError:
        return True
    writer.close()
    return False


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_local_prints_its_variables_and_serves_until_a_signal(
    tmp_path: Path, number: signal.Signals
) -> None:
    env_file = tmp_path / "env"
    process = await start(env_file)
    exports = await lines(process)
    text = env_file.read_text(encoding="utf-8")
    assert dict(line.split("=", 1) for line in text.splitlines()) == exports
    assert names(tmp_path) == ["env"]
    started = children(process.pid)
    assert started
    process.send_signal(number)
    output, errors = await process.communicate()
    nobody, ready = errors.decode().splitlines()
    assert (process.returncode, output) == (0, b"")
    assert nobody.startswith("note: without --encodings nobody is known, ")
    assert "Ctrl-C ends the account" in ready
    for pid in started:
        await gone(pid)
    # Nobody is to knock at ports where nobody is.
    assert names(tmp_path) == []


async def test_the_file_of_a_killed_run_is_removed_at_once(
    tmp_path: Path,
) -> None:
    env_file = tmp_path / "env"
    killed = await start(env_file)
    await lines(killed)
    (moto,) = (os.pidfd_open(pid) for pid in children(killed.pid))
    killed.kill()
    await killed.communicate()
    # Its port refuses only once it is gone.
    await asyncio.to_thread(select.select, [moto], [], [])
    os.close(moto)
    assert names(tmp_path) == ["env"]
    os.mkfifo(tmp_path / "students.csv")
    process = await start(env_file, tmp_path / "students.csv")
    # It is about to be ready once it reads this, and waits for what is in it.
    with await asyncio.to_thread((tmp_path / "students.csv").open, "wb"):
        assert names(tmp_path) == ["students.csv"]
        process.send_signal(signal.SIGINT)
        assert await process.communicate() == (b"", b"")
    assert process.returncode == 0
    assert names(tmp_path) == ["students.csv"]


async def test_the_file_of_a_running_account_stays(tmp_path: Path) -> None:
    env_file = tmp_path / "env"
    first = await start(env_file)
    await lines(first)
    text = env_file.read_text(encoding="utf-8")
    second = CliRunner().invoke(main, ["local", "--env-file", str(env_file)])
    assert (second.exit_code, second.stdout) == (2, "")
    error, hint = second.stderr.splitlines()
    assert error.startswith(f"error: --env-file {env_file}: the account of this file still answers")
    assert hint.startswith("hint: name another file")
    assert env_file.read_text(encoding="utf-8") == text
    first.terminate()
    await first.communicate()
    assert names(tmp_path) == []


async def test_a_file_that_appears_during_the_start_stays(tmp_path: Path) -> None:
    env_file, students = tmp_path / "env", tmp_path / "students.csv"
    os.mkfifo(students)
    process = await start(env_file, students)
    with await asyncio.to_thread(students.open, "w", encoding="utf-8") as pipe:
        env_file.write_text("mine\n", encoding="utf-8")
        pipe.write("name,major,year\nada,mathematics,senior\n")
    # Else it serves, and has no end to be waited for.
    assert await process.stdout.read(1) == b""
    _, errors = await process.communicate()
    assert process.returncode != 0
    assert b"`hybridsphere local` did not write it" in errors
    assert env_file.read_text(encoding="utf-8") == "mine\n"


async def test_a_changed_file_stays_at_the_end_of_local(tmp_path: Path) -> None:
    env_file = tmp_path / "env"
    process = await start(env_file)
    await lines(process)
    env_file.write_text("mine\n", encoding="utf-8")
    process.terminate()
    await process.communicate()
    assert process.returncode == 0
    assert env_file.read_text(encoding="utf-8") == "mine\n"


async def test_an_unwritable_env_file_is_named_at_once(
    tmp_path: Path,
) -> None:
    process = await start(tmp_path / "none" / "env")
    output, errors = await process.communicate()
    assert (process.returncode, output) == (1, b"")
    assert errors.endswith(b"env: there is no such folder to write to\n")


def test_missing_packages_end_local_with_a_hint(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "moto", None)
    ended = CliRunner().invoke(main, ["local"])
    assert (ended.exit_code, ended.stdout) == (2, "")
    assert ended.stderr == (
        "error: No module named 'moto'\n"
        "hint: only the bridge is installed here; `make setup` in a clone installs the rest\n"
    )


async def test_nothing_outlives_it_when_it_is_killed() -> None:
    process = await Forked.start("tests.local.owner")
    told: dict[str, Any] = json.loads(await process.stdout.readline())
    started = children(process.pid)
    assert told["worker"] in started
    assert len(started) == 2
    process.kill()
    await process.communicate()
    for pid in started:
        await gone(pid)
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_LAMBDA"):
        assert await refuses(port_of(told["environment"][name]))


async def test_local_ends_with_an_error_when_its_server_ends(tmp_path: Path) -> None:
    process = await start(tmp_path / "env")
    await lines(process)
    (server,) = children(process.pid)
    os.kill(server, signal.SIGKILL)
    _, errors = await process.communicate()
    assert process.returncode == 1
    assert b"moto's server ended" in errors


async def test_the_students_are_in_the_table_before_it_is_ready(tmp_path: Path) -> None:
    students = tmp_path / "students.csv"
    students.write_text("name,major,year\nada,mathematics,senior\n", encoding="utf-8")
    process = await start(tmp_path / "env", students)
    variables = await lines(process)
    async with client_of("dynamodb", variables["AWS_ENDPOINT_URL"]) as dynamodb:
        answer = await dynamodb.get_item(
            TableName=variables["HYBRIDSPHERE_TABLE"], Key={"name": {"S": "ada"}}
        )
    assert answer["Item"]["major"] == {"S": "mathematics"}
    process.terminate()
    await process.communicate()


async def test_students_that_cannot_be_loaded_end_local_with_the_reason(tmp_path: Path) -> None:
    students = tmp_path / "students.csv"
    students.write_text("colour\nblue\n", encoding="utf-8")
    process = await start(tmp_path / "env", students)
    output, errors = await process.communicate()
    assert process.returncode != 0
    assert output == b""
    assert b"students.csv, line 1" in errors


async def test_imported_faces_survive_the_removal_of_the_file(
    tmp_path: Path,
) -> None:
    file = tmp_path / "known.npz"
    np.savez(file, names=np.array(["ada"]), embeddings=np.full((1, 128), 0.5))
    gallery = await load_gallery(file, tmp_path)
    file.unlink()
    with np.load(gallery) as arrays:
        assert arrays["names"].tolist() == ["ada"]
        assert (arrays["embeddings"] == 0.5).all()


async def test_known_faces_in_the_legacy_form_are_converted(tmp_path: Path) -> None:
    legacy = tmp_path / "encoding"
    legacy.write_bytes(pickle.dumps({"encoding": [np.zeros(128)], "name": ["ada"]}))
    gallery = await load_gallery(legacy, tmp_path)
    assert gallery != legacy
    assert zipfile.is_zipfile(gallery)


async def test_a_cancelled_command_is_killed(
    tmp_path: Path,
) -> None:
    os.mkfifo(tmp_path / "students.csv")
    others = set(children(os.getpid()))
    command = asyncio.create_task(
        run_command(
            *("students", "load", str(tmp_path / "students.csv")),
            environment={"HYBRIDSPHERE_TABLE": "students"},
        )
    )
    # It is at work once it has opened the file, and then it waits for what is in it.
    with await asyncio.to_thread((tmp_path / "students.csv").open, "wb"):
        assert len(set(children(os.getpid())) - others) == 1
        command.cancel()
        with pytest.raises(asyncio.CancelledError):
            await command
        assert set(children(os.getpid())) <= others


async def test_an_empty_gallery_is_reported(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    nobody = tmp_path / "nobody"
    nobody.write_bytes(pickle.dumps({"encoding": [], "name": []}))
    await load_gallery(nobody, tmp_path)
    told = capsys.readouterr()
    assert told.err == f"{nobody} has no face: every face will end as unknown_face\n"
    assert told.out == ""


def not_a_gallery(file: Path) -> None:
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("hello.txt", "hello")


BAD: dict[str, Callable[[Path], object]] = {
    "no form at all": lambda file: file.write_text("ada\n", encoding="utf-8"),
    "an empty file": lambda file: file.touch(),
    "another archive": not_a_gallery,
    "a gallery without embeddings": lambda file: np.savez(file, names=np.array(["ada"])),
}


@pytest.mark.parametrize("bad", BAD)
async def test_unusable_known_faces_end_local_before_it_serves(tmp_path: Path, bad: str) -> None:
    file = tmp_path / "faces.npz"
    BAD[bad](file)
    process = await Forked.start("hybridsphere", "local", "--encodings", str(file))
    output, errors = await process.communicate()
    assert (process.returncode, output) == (2, b"")
    error, hint = errors.decode().splitlines()
    assert error.startswith(f"error: --encodings {file}: not a ")
    assert "`hybridsphere enroll PHOTOS -o gallery.npz` makes" in hint


async def test_the_mode_reaches_the_function() -> None:
    process = await Forked.start("hybridsphere", "local", "--mode", "attendance")
    variables = await lines(process)
    event = S3Record(variables["HYBRIDSPHERE_INPUT_BUCKET"], "gone.mp4", "e", None, EVENT_TIME)
    async with client_of("lambda", variables["AWS_ENDPOINT_URL_LAMBDA"]) as function:
        await function.invoke(
            FunctionName=variables["HYBRIDSPHERE_FUNCTION_NAME"],
            Payload=json.dumps(event.to_event()),
        )
    async with client_of("s3", variables["AWS_ENDPOINT_URL"]) as s3:
        bucket = variables["HYBRIDSPHERE_OUTPUT_BUCKET"]
        answer = await s3.get_object(Bucket=bucket, Key="gone.mp4.csv")
        header, row = (await answer["Body"].read()).decode().splitlines()
    process.terminate()
    await process.communicate()
    assert header == "name,major,year,status,first_s,last_s,sightings,spans"
    assert row == ",,,unreadable,,,,"
