"""The index of the search: what leaves the files leaves it, too."""

import sqlite3
from contextlib import closing
from pathlib import Path

from hybridsphere.ledger.ledger import ledger_path
from hybridsphere.memory.memory import Memory
from tests.page.page_stage import Visitor, keep, seen, store


async def found(visitor: Visitor, query: str) -> list[str]:
    rows = (await visitor.json(f"/videos.json?q={query}"))["rows"]
    return [row["key"] for row in rows]


async def test_a_vacuum_that_renumbers_rows_loses_no_video(
    visitor: Visitor, tmp_path: Path
) -> None:
    store(tmp_path, *(seen(f"{number}.mp4", "ada_quill") for number in range(5)))
    await visitor.until(lambda: visitor.site.index.complete)
    with closing(sqlite3.connect(ledger_path(tmp_path))) as connection:
        connection.execute("DELETE FROM uploads WHERE key IN ('0.mp4', '1.mp4')")
        connection.commit()
        connection.execute("VACUUM")
    store(tmp_path, seen("new.mp4", "otto_brand"))
    await visitor.until(
        lambda: visitor.site.index.complete and visitor.site.state.latest.get("matched") == 4
    )
    assert await found(visitor, "otto") == ["new.mp4"]
    assert await found(visitor, "ada") == ["4.mp4", "3.mp4", "2.mp4"]


async def test_the_name_of_a_forgotten_person_leaves_the_index(
    visitor: Visitor, tmp_path: Path
) -> None:
    store(tmp_path, seen("a.mp4", "ada_quill"))
    keep(tmp_path, "a.mp4", "ada_quill")
    await visitor.until(lambda: visitor.site.index.complete)
    before = visitor.site.index._connection
    with Memory.open(tmp_path) as memory, memory.transaction():
        memory._connection.execute("INSERT INTO receipts (at, what) VALUES ('now', 'faces')")
    store(tmp_path, seen("b.mp4", "otto_brand"))
    await visitor.until(lambda: visitor.site.index._connection is not before)
    await visitor.until(lambda: visitor.site.index.complete)
    assert await found(visitor, "otto") == ["b.mp4"]
