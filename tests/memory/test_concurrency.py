"""Two people judge at the same time while the bridge keeps faces; every word finds its answer."""

import random
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from hybridsphere.ledger.ledger import Answer
from hybridsphere.memory.answers import answer_of, derive_stale
from hybridsphere.memory.memory import Face
from hybridsphere.memory.records import Records
from hybridsphere.memory.words import Kind
from tests.memory.judge_stage import Stage, result_of
from tests.samples import BUCKET

KEYS = ["a.mp4", "b.mp4", "c.mp4"]
FOUND = ["ada", "ben", "cleo", None, None]
ROUNDS = 12

Act = Callable[[Stage, random.Random, Face], object]


def say(stage: Stage, chance: random.Random, face: Face) -> None:
    kinds: list[Kind] = ["is", "is_not", "nobody"]
    name = chance.choice(["ada", "ben", "zoe"])
    stage.say(chance.choice(kinds), face, video=face.video, name=name)


def say_same(stage: Stage, chance: random.Random, face: Face) -> None:
    other = chance.choice(stage.memory.find())
    if other.id != face.id:
        stage.say("same", face, video=face.video, other=other.id)


def undo(stage: Stage, _: random.Random, face: Face) -> None:
    with stage.memory.transaction():
        if last := stage.memory.judgements.last(face.video):
            stage.memory.judgements.take_back(last, by="a teacher")


def confirm(stage: Stage, _: random.Random, face: Face) -> None:
    with stage.memory.transaction():
        stage.memory.judgements.confirm(face.video, ["ada"], by="a teacher")


def name_group(stage: Stage, chance: random.Random, face: Face) -> None:
    with stage.memory.transaction():
        if face.group and (group := stage.memory.grouping.current(face.group)):
            stage.memory.judgements.name_group(group, chance.choice(["hal", "ida"]), by="a teacher")


def unname_group(stage: Stage, _: random.Random, face: Face) -> None:
    with stage.memory.transaction():
        if face.group and (group := stage.memory.grouping.current(face.group)):
            stage.memory.judgements.unname_group(group, by="a teacher")


def decide(stage: Stage, chance: random.Random, face: Face) -> None:
    stage.decide({face.id: chance.choice(FOUND)}, face.video)


def expire(stage: Stage, chance: random.Random, _: Face) -> None:
    """Let unknown faces expire, or all, as the bridge does."""
    with stage.memory.transaction():
        stage.memory.expire(
            unknown_before="~",
            faces_before=chance.choice(["", "", "~"]),
            most=chance.choice([2, 9]),
        )


ACTS: list[Act] = [say, say, say_same, undo, confirm, name_group, unname_group, decide, expire]


def judge(folder: Path, seed: int) -> None:
    """Judge as commands do: each word opens the files anew."""
    chance = random.Random(seed)
    for _ in range(ROUNDS):
        with Stage.open(folder) as stage:
            faces = stage.memory.find()
            # Those of every video may have expired.
            if faces:
                until_free(lambda: chance.choice(ACTS)(stage, chance, chance.choice(faces)))  # noqa: B023 - called at once
            until_free(stage.derive)


def collect(folder: Path) -> None:
    """Store results and keep faces as the bridge does, with replays, some without faces."""
    chance = random.Random(0)
    attempts = dict.fromkeys(KEYS, 1)
    with Stage.open(folder) as stage:
        for _ in range(ROUNDS):
            key, names = chance.choice(KEYS), chance.sample(FOUND, 3)
            attempts[key] += 1
            result = result_of(names, key, attempt=attempts[key])
            until_free(lambda: stage.store(result))  # noqa: B023 - called at once
            keep = mark_stale if chance.random() < 0.3 else Stage.take
            until_free(lambda: keep(stage, names, key, attempt=attempts[key]))  # noqa: B023 - called at once
            until_free(lambda: derive_stale(stage.memory, stage.ledger, stage.files))


def mark_stale(stage: Stage, _: object, key: str, *, attempt: int) -> None:
    """Do as the bridge does where the faces of an attempt are gone."""
    with stage.memory.transaction():
        if video := stage.memory.video(BUCKET, key, "01:e1"):
            stage.memory.mark_stale(video.id)


def until_free(work: Callable[[], object]) -> None:
    """Repeat work until no other program keeps the files busy."""
    while True:
        try:
            work()
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY:
                raise
        else:
            return


@pytest.mark.parametrize("seed", [1, 2])
def test_words_of_two_people_find_their_answers_while_faces_come(tmp_path: Path, seed: int) -> None:
    with Stage.open(tmp_path) as stage:
        for key in KEYS:
            stage.see(["ada", "ben", None], key=key)
    with ThreadPoolExecutor(3) as pool:
        working = [pool.submit(judge, tmp_path, seed * 10 + number) for number in range(2)]
        working.append(pool.submit(collect, tmp_path))
    for one in working:
        one.result()
    with Stage.open(tmp_path) as stage:
        stage.derive()
        check(stage)
    assert list(tmp_path.glob("*.edited")) == []


def check(stage: Stage) -> None:
    """Check that ledger, files, faces and groups say what all words together make of them."""
    assert stage.memory.stale() == []
    records = Records(stage.memory, stage.ledger)
    for video in stage.memory.videos():
        upload = stage.upload(video.key)
        assert stage.csv(video.key) == upload.effective_csv
        given = Answer(upload.answer_status or "", upload.effective_people, upload.answer_csv or "")
        assert answer_of(stage.memory, video, upload, records) == (
            given if upload.answer_status else None
        )
        faces = stage.memory.faces(video.id)
        standings = stage.memory.judgements.standings([face.id for face in faces])
        assert {face.id: face.said for face in faces} == {
            face: standing.said for face, standing in standings.items()
        }
    query = """SELECT size, (SELECT count(*) FROM faces WHERE group_id = groups.id AND looks > 0)
        FROM groups"""
    assert all(size == faces for size, faces in stage.memory.connection.execute(query))
