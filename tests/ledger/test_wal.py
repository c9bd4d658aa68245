"""The WAL: bounded whoever reads, and shortened once the reader has gone."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from hybridsphere.ledger import ledger as ledger_module
from hybridsphere.ledger import wal
from hybridsphere.ledger.ledger import Ledger, ledger_path
from tests.ledger.ledger_stage import put
from tests.samples import result

KILOBYTES = 64


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wal, "SHORTEN_AT_BYTES", KILOBYTES * 1024)
    monkeypatch.setattr(wal, "MOST_BYTES", 16 * KILOBYTES * 1024)
    monkeypatch.setattr(wal, "AGAIN_S", 0)
    monkeypatch.setattr(wal, "WAIT_S", 0.01)
    monkeypatch.setattr(ledger_module, "PAGE", 5)


@pytest.fixture
def ledger(_small: None, folder: Path) -> Iterator[Ledger]:
    with Ledger.open(folder) as ledger:
        put(ledger, *(result(f"{number}.mp4") for number in range(20)))
        yield ledger


@contextmanager
def reading(folder: Path) -> Iterator[sqlite3.Connection]:
    """Another program that reads and does not end its transaction."""
    with closing(sqlite3.connect(ledger_path(folder), isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM uploads").fetchone()
        yield reader


def size(folder: Path) -> int:
    return ledger_path(folder).with_name("ledger.sqlite3-wal").stat().st_size


def write(ledger: Ledger, times: int) -> None:
    for number in range(times):
        put(ledger, result(f"{number}.mp4", sequencer=f"{number:04}", csv="x" * 5_000))


def test_a_reader_that_stays_is_noted_and_stops_results_at_the_bound(
    folder: Path, ledger: Ledger
) -> None:
    with reading(folder):
        write(ledger, 5)
        assert ledger.held
        assert "busy with reading" in ledger.held
        with pytest.raises(wal.WalHeldError, match=r"ledger\.sqlite3-wal has grown to 1 MB"):
            write(ledger, 400)
        most = size(folder)
        assert most < 18 * KILOBYTES * 1024
        with pytest.raises(wal.WalHeldError):
            write(ledger, 1)
        assert size(folder) == most
    write(ledger, 1)
    assert ledger.held is None
    assert size(folder) < most / 2


def test_our_own_reader_of_all_rows_holds_nothing(folder: Path, ledger: Ledger) -> None:
    with Ledger.read(folder) as reader:
        rows = reader.uploads()
        next(rows)
        write(ledger, 100)
        assert size(folder) < 4 * KILOBYTES * 1024
        assert ledger.held is None
        assert len(list(rows)) == 119
