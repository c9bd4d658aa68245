"""Faces that are old enough leave, and take their pictures and embeddings with them."""

from pathlib import Path

from hybridsphere.memory.memory import Memory, memory_path
from tests.memory.memory_stage import embedding, face, judge, keep, video

OLD, NOW = "2026-11-01T00:00:00.000Z", "2026-11-21T00:00:00.000Z"


def age(memory: Memory, *keys: str, to: str = OLD) -> None:
    """Let the memory have taken these videos at another time."""
    for key in keys:
        one = memory._connection.execute("SELECT id FROM videos WHERE key = ?", (key,)).fetchone()
        memory._connection.execute("UPDATE videos SET seen_at = ? WHERE id = ?", (to, *one))
        memory._connection.execute("UPDATE faces SET seen_at = ? WHERE video = ?", (to, *one))


def expire(memory: Memory, *, unknown: str = NOW, faces: str = OLD, most: int = 100) -> int:
    with memory.transaction():
        return memory.expire(unknown_before=unknown, faces_before=faces, most=most)


def test_faces_without_a_name_leave_first(memory: Memory) -> None:
    for key in ("old.mp4", "new.mp4"):
        keep(memory, video(key), [face(0, 1, "anna"), face(1, 2)])
    age(memory, "old.mp4")
    # A face, and the scene.
    assert expire(memory) == 2
    assert sorted((one.person or "") for one in memory.find()) == ["", "anna", "anna"]
    assert expire(memory) == 0
    assert expire(memory, faces=NOW) == 1
    assert [one.key for one in memory.videos()] == ["new.mp4"]


def test_a_judged_face_keeps_its_row_and_nothing_else(memory: Memory) -> None:
    number = keep(memory, video(), [face(0, 1, "anna")])
    (one,) = memory.faces(number)
    judge(memory, one.id, "bert")
    age(memory, "test_0.mp4")
    assert expire(memory, faces=NOW) == 2
    assert expire(memory, faces=NOW) == 0
    (stayed,) = memory.faces(number)
    assert stayed.person == "bert"
    assert memory.picture(one.id) is None
    assert memory.looks(one.id) is None


def test_pages_go_on_where_the_last_one_ended(memory: Memory) -> None:
    for number in range(5):
        keep(memory, video(f"{number}.mp4"), [face(0, number)])
    age(memory, *(f"{number}.mp4" for number in range(5)))
    assert [expire(memory, most=4) for _ in range(4)] == [4, 4, 2, 0]
    assert list(memory.videos()) == []


def test_nothing_of_an_old_face_is_left_in_the_files(folder: Path) -> None:
    with Memory.open(folder) as memory:
        keep(memory, video(), [face(0, 1), face(1, 2, "anna")])
        age(memory, "test_0.mp4")
        expire(memory)
        assert memory.shorten_wal()
        # Read while the memory is open, as the bridge keeps it.
        files = memory_path(folder).parent.iterdir()
        content = b"".join(file.read_bytes() for file in files)
    assert embedding(1).tobytes() not in content
    assert embedding(2).tobytes() in content
