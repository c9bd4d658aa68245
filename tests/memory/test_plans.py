"""Look-ups by key and by name go through an index, however many rows there are."""

from collections.abc import Callable
from pathlib import Path

import pytest

from hybridsphere.ledger.database import Database
from hybridsphere.memory.kept import kept_pages
from hybridsphere.memory.records import Records
from tests.memory.judge_stage import Stage

LOOKUPS: dict[str, Callable[[Stage], object]] = {
    "the newest version of a key": lambda stage: stage.ledger.newest_of_key("a.mp4"),
    "the versions of a key": lambda stage: stage.ledger.versions_of_key("a.mp4"),
    "the faces of a key": lambda stage: stage.memory.faces_of_key("a.mp4"),
    "the record of a person": lambda stage: Records(stage.memory, stage.ledger).find("ada"),
    "a word and its answer": lambda stage: stage.say("nobody", stage.faces()[1]) and stage.derive(),
    "a name and its answers": lambda stage: name_group(stage) and stage.derive(),
    "the last word": lambda stage: stage.memory.judgements.last(stage.say("is", name="ada")),
    "the faces of a person": lambda stage: stage.memory.find(person="ada"),
    "faces without a name": lambda stage: stage.memory.find(person=""),
    "faces of a certainty": lambda stage: stage.memory.find(certainty="sure"),
    "faces of a group": lambda stage: stage.memory.find(group=1),
    "faces of a day": lambda stage: stage.memory.find(since="2026"),
    "videos of a day": lambda stage: list(stage.memory.videos(since="2026")),
    "the looks of videos": lambda stage: list(kept_pages(stage.memory)),
}


def name_group(stage: Stage) -> list[int]:
    with stage.memory.transaction():
        return stage.memory.judgements.name_group(1, "cleo", by="a teacher")


@pytest.mark.parametrize("lookup", LOOKUPS.values(), ids=LOOKUPS)
def test_a_look_up_reads_no_table_as_a_whole(
    tmp_path: Path, lookup: Callable[[Stage], object]
) -> None:
    with Stage.open(tmp_path) as stage:
        stage.see(["ada", None])
        seen = {one: traced(one) for one in (stage.ledger, stage.memory)}
        assert lookup(stage)
        plans = [step for one, queries in seen.items() for step in steps(one, queries)]
    assert plans
    scans = [step for step in plans if step.startswith(("SCAN uploads", "SCAN faces", "SCAN vid"))]
    assert scans == []


def traced(database: Database) -> list[str]:
    """Collect the statements of a database from now on."""
    queries: list[str] = []
    database.connection.set_trace_callback(queries.append)
    return queries


def steps(database: Database, queries: list[str]) -> list[str]:
    database.connection.set_trace_callback(None)
    return [
        str(row[3])
        for query in queries
        if query.lstrip().startswith(("SELECT", "WITH", "UPDATE", "DELETE", "INSERT"))
        for row in database.connection.execute(f"EXPLAIN QUERY PLAN {query}")
    ]
