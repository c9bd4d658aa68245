"""Forgetting a person: everything that has the name or the face, and nothing else."""

import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import numpy as np
import pytest
from click.testing import CliRunner, Result

from hybridsphere.cli.app import main
from hybridsphere.commands.desk import Desk
from hybridsphere.commands.forget.folder import ResultsFolder
from hybridsphere.commands.forget.trace import Trace
from hybridsphere.memory.forgetting import Forgetter
from hybridsphere.memory.memory import Memory
from hybridsphere.messages import faces_key, object_metadata
from hybridsphere.recognition.gallery import Gallery
from tests.memory.judge_stage import Stage, result_of
from tests.moto_account import moto_account

NAME = "Zoë O'Hara-İnce"
"""A name that JSON, XML and URLs escape, beyond ASCII."""


@pytest.fixture(scope="module", autouse=True)
def account() -> Iterator[None]:
    with moto_account():
        yield


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    results = tmp_path / "results"
    results.mkdir()
    with Stage.open(results) as stage:
        stage.see([NAME, "ben", None])
        # Number 0 is one face, and number 1 is Ben, in both.
        stage.see([None, "ben"], key="b.mp4")
        stage.say("is", stage.faces(2)[0], video=2, name=NAME)
        stage.say("note", video=2, note=f"{NAME} was late")
        with stage.memory.transaction():
            stage.memory.connection.execute("UPDATE videos SET decided = ? WHERE id = 1", (NAME,))
        stage.derive()
    monkeypatch.setenv("HYBRIDSPHERE_RESULTS_DIR", str(results))
    return results


def run(*words: str, code: int = 0) -> Result:
    done = CliRunner().invoke(main, words)
    assert done.exit_code == code, done.output
    return done


def forget(*words: str, code: int = 0) -> Any:
    return json.loads(run("forget", NAME, *words, "--json", code=code).stdout)


def scan(folder: Path, *names: str) -> list[str]:
    """The files whose bytes, unpacked too, have one of these names in UTF-8, -16 or -32."""
    forms = [name.encode(code) for name in names for code in ("utf-8", "utf-16-le", "utf-32-le")]
    forms += [json.dumps(name)[1:-1].encode() for name in names]
    found = []
    for file in folder.rglob("*"):
        if not file.is_file():
            continue
        content = file.read_bytes()
        if zipfile.is_zipfile(io.BytesIO(content)):
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                content += b"".join(archive.read(name) for name in archive.namelist())
        if any(form in content for form in forms):
            found.append(str(file.relative_to(folder)))
    return found


def test_nothing_is_changed_without_yes(folder: Path) -> None:
    before = scan(folder, NAME)
    found = forget(code=1)["found"]
    assert (found["faces"], found["results"], found["words"]) == (2, 2, 2)
    assert scan(folder, NAME) == before != []


def test_a_forgotten_person_is_in_no_byte_of_the_folder(folder: Path) -> None:
    run("results", "export", "--format", "csv")
    (folder / "export.json").write_text(run("results", "export", "--format", "json").stdout)
    (folder / "escaped.json").write_text(json.dumps({"name": NAME}))
    with zipfile.ZipFile(folder / "sheet.xlsx", "w") as workbook:
        workbook.writestr("xl/sharedStrings.xml", f"<t>{NAME}</t>")
    (folder / "a.mp4.csv").write_text(f"somebody's edit,{NAME}\n")
    with Memory.read(folder) as memory:
        looks = memory.looks(1)
    done = forget("--yes")
    assert done["left"] == []
    assert scan(folder, NAME) == []
    assert looks is not None
    memory_file = folder / "_hybridsphere" / "memory.sqlite3"
    assert looks.tobytes() not in memory_file.read_bytes()
    rows = (folder / "a.mp4.csv").read_text().splitlines()
    assert [row.partition(",")[0] for row in rows[1:]] == ["forgotten", "ben", "unknown_1"]
    assert forget()["found"]["faces"] == 0


def test_a_gallery_and_photographs_of_the_demo_lose_the_person(folder: Path) -> None:
    own = folder / "_hybridsphere" / "demo"
    (own / "photos").mkdir(parents=True)
    for name in (NAME, "ben"):
        (own / "photos" / f"{name}.jpg").write_bytes(b"a picture")
    Gallery([NAME, "ben", NAME], np.eye(3, 128)).save(own / "gallery.npz")
    assert forget("--yes")["left"] == []
    assert Gallery.load(own / "gallery.npz").names == ["ben"]
    assert [file.name for file in (own / "photos").iterdir()] == ["ben.jpg"]
    assert scan(folder, NAME) == []


def test_a_file_that_bears_the_name_is_reported(folder: Path) -> None:
    (folder / f"{NAME}.png").write_bytes(b"a picture")
    assert forget("--yes", code=1)["left"] == [f"{NAME}.png"]


def test_others_keep_their_faces_words_and_status(folder: Path) -> None:
    forget("--yes")
    found = json.loads(run("results", "find", "--json").stdout)
    assert [one["status"] for one in found] == ["no_record", "no_record"]
    assert {person["name"] for one in found for person in one["people"]} == {"ben", "forgotten"}
    with Memory.open(folder) as memory:
        assert [face.person for face in memory.find(person="ben")] == ["ben", "ben"]
        (receipt,) = memory.connection.execute("SELECT what FROM receipts").fetchall()
        assert json.loads(receipt[0])["faces"] == 2
        with pytest.raises(Exception, match="never"):
            memory.connection.execute("DELETE FROM judgements")


def test_a_part_of_another_word_is_not_the_name(folder: Path) -> None:
    trace = Trace("ben")
    assert trace.without("ben, benjamin and ben.") == "forgotten, benjamin and forgotten."
    assert not trace.name_in_bytes(b"benjamin")
    assert trace.name_in_bytes(b"a,ben\n")


def test_galleries_lose_the_person_in_every_version(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    both = Gallery([NAME, "ben"], np.eye(2, 128))
    local = tmp_path / "gallery.npz"
    both.save(local)
    s3 = boto3.client("s3")
    s3.create_bucket(Bucket="galleries")
    s3.put_bucket_versioning(Bucket="galleries", VersioningConfiguration={"Status": "Enabled"})
    for gallery in (both, Gallery(["ben"], np.eye(1, 128)), both):
        s3.put_object(Bucket="galleries", Key="g.npz", Body=gallery.to_bytes())
    monkeypatch.setenv("HYBRIDSPHERE_GALLERY", "s3://galleries/g.npz")
    done = forget("--yes", "--gallery", str(local))
    assert done["left"] == []
    assert done["found"]["gallery_versions"] == 2
    assert Gallery.load(local).names == ["ben"]
    versions = s3.list_object_versions(Bucket="galleries")["Versions"]
    for version in versions:
        answer = s3.get_object(Bucket="galleries", Key="g.npz", VersionId=version["VersionId"])
        assert Gallery.read(io.BytesIO(answer["Body"].read()), "").names == ["ben"]
    assert len(versions) == 2


def test_csv_and_evidence_objects_and_the_record_go(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    s3, dynamodb = boto3.client("s3"), boto3.client("dynamodb")
    s3.create_bucket(Bucket="csvs")
    dynamodb.create_table(
        TableName="forgetful-students",
        KeySchema=[{"AttributeName": "name", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "name", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    dynamodb.put_item(TableName="forgetful-students", Item={"name": {"S": NAME}})
    result = result_of([NAME, "ben"])
    s3.put_object(
        Bucket="csvs", Key="a.mp4.csv", Body=result.csv.encode(), Metadata=object_metadata(result)
    )
    # The second shows the person without a name, as people said later.
    for key, text in (("a.mp4", json.dumps({"name": NAME})), ("b.mp4", "{}"), ("c.mp4", "{}")):
        content = io.BytesIO()
        with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("faces.json", text)
        s3.put_object(Bucket="csvs", Key=faces_key(key), Body=content.getvalue())
    s3.put_object(Bucket="csvs", Key="list.txt", Body=NAME.encode())
    monkeypatch.setenv("HYBRIDSPHERE_OUTPUT_BUCKET", "csvs")
    monkeypatch.setenv("HYBRIDSPHERE_TABLE", "forgetful-students")
    done = forget("--yes", "--students", code=1)
    # Somebody's own object stays, and is named.
    assert done["left"] == ["s3://csvs/list.txt"]
    keys = [item["Key"] for item in s3.list_objects_v2(Bucket="csvs")["Contents"]]
    assert keys == [faces_key("c.mp4"), "a.mp4.csv", "list.txt"]
    answer = s3.get_object(Bucket="csvs", Key="a.mp4.csv")
    assert answer["Body"].read().decode().splitlines()[1].startswith("forgotten,,,")
    assert answer["Metadata"]["etag"] == "e1"
    assert "Item" not in dynamodb.get_item(
        TableName="forgetful-students", Key={"name": {"S": NAME}}
    )


def test_a_quoted_name_leaves_what_somebody_confirmed(tmp_path: Path) -> None:
    name = 'Dwayne "Rock" J'
    with Stage.open(tmp_path) as stage:
        stage.see([name, "ben"])
        stage.derive()
        stage.confirm()
        forgetter = Forgetter(stage.memory, [name])
        with stage.memory.transaction():
            forgetter.forget(forgetter.find())
        notes = stage.memory.connection.execute("SELECT note FROM judgements").fetchall()
    assert "Rock" not in str(notes)
    assert "ben" in str(notes)


def test_the_record_goes_though_another_result_replaced_the_rows(tmp_path: Path) -> None:
    with Stage.open(tmp_path) as stage:
        stage.see(["ada"])
        stage.see(["ben"], attempt=2)
        assert stage.ledger.student("ada")
    with Desk.open(tmp_path) as desk:
        place = ResultsFolder(desk, Trace("ada"))
        remembered, rows, _ = place.find()
        place.forget(remembered, rows, {})
        place.sweep()
        assert desk.ledger.student("ada") is None
        assert place.search()[2] == []


def test_a_memory_that_somebody_reads_is_reported_though_longer_words_hide_the_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hybridsphere.commands.forget.folder.SWEEP_WAIT_MS", 10)
    with Stage.open(tmp_path) as stage:
        stage.see(["joanna", None])
        stage.say("note", note="ann was late")
    with Memory.read(tmp_path) as reader, Desk.open(tmp_path) as desk:
        reader.connection.execute("BEGIN")
        reader.connection.execute("SELECT count(*) FROM faces").fetchone()
        place = ResultsFolder(desk, Trace("ann"))
        remembered, rows, _ = place.find()
        place.forget(remembered, rows, {})
        place.sweep()
        assert "_hybridsphere/memory.sqlite3" in place.search()[2]
        reader.connection.execute("COMMIT")
