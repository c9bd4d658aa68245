"""The commands of docs/operations.md that copy the ledger and put a copy back.

They run unchanged, except for the folders, sudo and systemd.
"""

import os
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

PAGE = (Path(__file__).parents[2] / "docs/operations.md").read_text(encoding="utf-8")


def recipe(begin: str, root: Path) -> str:
    """The block of the page that begins so, with all of its folders below `root`."""
    (block,) = (part for part in PAGE.split("```sh\n") if part.startswith(begin))
    return block.partition("```")[0].removeprefix("sudo ").replace("/var/", f"{root}/")


def run(script: str, root: Path) -> "subprocess.CompletedProcess[str]":
    path = f"{root / 'bin'}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        ["sh", "-c", script],
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )


@contextmanager
def opened(ledger: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(ledger, isolation_level=None)) as connection:
        yield connection


def text_of(ledger: Path) -> str:
    with opened(ledger) as connection:
        (text,) = connection.execute("SELECT text FROM told").fetchone()
    return str(text)


def folders_before(root: Path) -> list[Path]:
    return sorted((root / "backups").glob("ledger-before-*"))


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    """A ledger below `tmp_path`, and what writes down how systemd was called."""
    folder = tmp_path / "lib/hybridsphere/results/_hybridsphere"
    for place in (folder, tmp_path / "backups", tmp_path / "bin"):
        place.mkdir(parents=True)
    systemctl = tmp_path / "bin/systemctl"
    systemctl.write_text(f'#!/bin/sh\necho "$1" >> {tmp_path}/systemctl.log\n')
    systemctl.chmod(0o700)
    with opened(folder / "ledger.sqlite3") as connection:
        connection.execute("CREATE TABLE told (text TEXT)")
        connection.execute("INSERT INTO told VALUES ('then')")
    return folder / "ledger.sqlite3"


def bridge_was(root: Path) -> list[str]:
    log = root / "systemctl.log"
    return log.read_text().split() if log.exists() else []


def test_a_copy_replaces_the_ledger_repeatedly(ledger: Path, tmp_path: Path) -> None:
    copied = run(recipe("sudo python3", tmp_path), tmp_path)
    assert (copied.returncode, copied.stdout, copied.stderr) == (0, "", "")
    (copy,) = (tmp_path / "backups").iterdir()
    assert copy.stat().st_mode & 0o777 == 0o600
    restore = recipe("sudo sh", tmp_path).replace("ledger-2026-11-22.sqlite3", copy.name)
    # Two within one second would want the same folder.
    for second in ("01", "02"):
        with opened(ledger) as connection:
            connection.execute("UPDATE told SET text = 'now'")
        ledger.with_name("ledger.sqlite3-wal").touch()
        ended = run(restore.replace("%H%M%S", second), tmp_path)
        assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")
        assert text_of(ledger) == "then"
        moved = folders_before(tmp_path)[-1]
        assert moved.name.endswith(second)
        assert moved.stat().st_mode & 0o777 == 0o700
        assert sorted(path.name for path in moved.iterdir()) == [
            "ledger.sqlite3",
            "ledger.sqlite3-wal",
        ]
        assert text_of(moved / "ledger.sqlite3") == "now"
        assert [path.name for path in ledger.parent.iterdir()] == ["ledger.sqlite3"]
    assert bridge_was(tmp_path) == ["stop", "start"] * 2


def test_a_copy_replaces_a_ledger_that_was_moved_away(ledger: Path, tmp_path: Path) -> None:
    ledger.replace(tmp_path / "backups/ledger-2026-11-22.sqlite3")
    assert run(recipe("sudo sh", tmp_path), tmp_path).returncode == 0
    assert text_of(ledger) == "then"
    assert bridge_was(tmp_path) == ["stop", "start"]


def test_without_a_copy_the_ledger_stays_and_the_bridge_runs_on(
    ledger: Path, tmp_path: Path
) -> None:
    ended = run(recipe("sudo sh", tmp_path), tmp_path)
    (line,) = ended.stderr.splitlines()
    assert ended.returncode != 0
    assert "ledger-2026-11-22.sqlite3" in line
    assert text_of(ledger) == "then"
    assert [path.name for path in ledger.parent.iterdir()] == ["ledger.sqlite3"]
    assert folders_before(tmp_path) == []
    assert bridge_was(tmp_path) == []


def test_the_copy_of_a_missing_ledger_fails_with_one_line(ledger: Path, tmp_path: Path) -> None:
    ledger.unlink()
    ended = run(recipe("sudo python3", tmp_path), tmp_path)
    (line,) = ended.stderr.splitlines()
    assert (ended.returncode, ended.stdout) == (1, "")
    assert line.startswith(f"no copy of {ledger} in {tmp_path}/backups/ledger-")
    assert list((tmp_path / "backups").iterdir()) == []
