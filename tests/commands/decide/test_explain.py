"""Explanations: each clause of the rule with its numbers, and whether they still hold."""

import pytest

from hybridsphere.recognition.space import DLIB
from tests.commands.decide.decide_stage import Folder, gallery_of


def test_an_answer_is_explained_and_computed_again(folder: Folder) -> None:
    gallery = gallery_of("ada", "ben")
    folder.see(["ada", "ben", None], gallery)
    folder.use(gallery)

    ended = folder.run("explain", "a.mp4")

    assert ended.exit_code == 0
    text = ended.stdout
    assert text.startswith("a.mp4: matched, ada, ben\n")
    assert "  ✓ within the tolerance: ada is within 0.600 by " in text
    assert "  ✓ lead over the runner-up: " in text
    assert "  ✓ certainty: sure: margin × √looks is " in text
    assert "  ✗ within the tolerance: nobody is within 0.700 of this face" in text
    assert text.count("  = computed again: the stored answer") == 3
    assert max(map(len, text.splitlines())) <= 80


def test_json_has_every_look_and_clause(folder: Folder) -> None:
    gallery = gallery_of("ada", "ben")
    folder.see(["ada"], gallery)
    folder.use(gallery)

    report = folder.report("explain", "a.mp4")

    (face,) = report["faces"]
    assert (report["exit"], report["agrees"], report["same_gallery"]) == (0, True, True)
    assert face["stored"] == face["computed"]
    assert face["verdict"] == "equal"
    assert [look["nearest"] for look in face["looks"]] == ["ada", "ada"]
    assert [clause["holds"] for clause in face["clauses"]] == [True, True, True]


def test_a_changed_gallery_is_a_reason(folder: Folder) -> None:
    folder.see(["ada"], gallery_of("ada"))
    folder.use(gallery_of(eve=0))

    ended = folder.run("explain", "a.mp4")

    assert ended.exit_code == 0
    assert "the gallery has changed since this was decided" in ended.stdout
    assert "today the answer would be eve 0.0" in ended.stdout


def test_a_difference_without_a_reason_is_a_failure(folder: Folder) -> None:
    gallery = gallery_of("ada")
    folder.see(["ada"], gallery)
    folder.use(gallery)
    with folder.stage() as stage, stage.memory.transaction():
        stage.memory._connection.execute("UPDATE faces SET distance = distance + 0.1")

    ended = folder.run("explain", "a.mp4")

    assert ended.exit_code == 1
    assert "and nothing explains the difference" in ended.stdout
    assert folder.report("explain", "a.mp4")["faces"][0]["verdict"] == "differs"


def test_another_person_of_identify_is_a_failure(folder: Folder) -> None:
    gallery = gallery_of("ada")
    folder.see(["ada"], gallery, mode="identify")
    folder.use(gallery)
    assert folder.run("explain", "a.mp4").exit_code == 0
    with folder.stage() as stage, stage.memory.transaction():
        stage.memory._connection.execute("UPDATE videos SET decided = 'ben'")

    ended = folder.run("explain", "a.mp4")

    assert ended.exit_code == 1
    assert "stored is ben, and nothing explains that" in ended.stdout


def test_peoples_words_are_shown(folder: Folder) -> None:
    gallery = gallery_of("ada")
    folder.see(["ada"], gallery)
    folder.use(gallery)
    with folder.stage() as stage:
        stage.say("is", stage.faces()[0], name="zoe")
        stage.derive()

    text = folder.run("explain", "a.mp4").stdout

    assert text.startswith("a.mp4: no_record, zoe\n")
    assert "  people say: zoe" in text
    assert "a teacher said on " in text
    assert ": face 1 is zoe" in text


def test_an_explanation_follows_an_applied_decision(folder: Folder) -> None:
    folder.see(["ada", None], gallery_of("ada"))
    folder.use(gallery_of("ada", "ben"))
    folder.run("decide", "--apply")

    report = folder.report("explain", "a.mp4")

    assert [face["verdict"] for face in report["faces"]] == ["equal", "equal"]
    assert (report["same_gallery"], report["exit"]) == (True, 0)


@pytest.mark.parametrize(("engine", "verdict"), [("other", "another engine"), ("same", "expired")])
def test_faces_that_cannot_be_computed_are_named(folder: Folder, engine: str, verdict: str) -> None:
    folder.see(["ada"], gallery_of("ada"))
    folder.use(gallery_of("ada", space=DLIB) if engine == "other" else gallery_of("ada"))
    with folder.stage() as stage, stage.memory.transaction():
        if engine == "same":
            stage.memory._connection.execute("DELETE FROM looks")

    report = folder.report("explain", "a.mp4")

    assert [face["verdict"] for face in report["faces"]] == [verdict]
    assert report["exit"] == 0


def test_without_kept_faces_the_message_is_all_there_is(folder: Folder) -> None:
    folder.see(["ada"], gallery_of("ada"))
    folder.use(gallery_of("ada"))
    with folder.stage() as stage, stage.memory.transaction():
        for table in ("looks", "pictures", "faces", "scenes", "stale", "videos"):
            stage.memory._connection.execute(f"DELETE FROM {table}")

    ended = folder.run("explain", "a.mp4")

    assert ended.exit_code == 0
    assert "no faces of this video are kept" in ended.stdout
    assert "  ada: distance 0.25" in ended.stdout


def test_a_version_is_chosen_by_its_name(folder: Folder) -> None:
    gallery = gallery_of("ada")
    folder.see(["ada"], gallery)
    folder.use(gallery)

    assert folder.run("explain", "a.mp4", "--version", "01").exit_code == 0
    ended = folder.run("explain", "a.mp4", "--version", "02")
    assert ended.exit_code == 2
    assert "no result of a.mp4 of version 02 is in the ledger" in ended.stderr
    assert folder.run("explain", "b.mp4").exit_code == 2
