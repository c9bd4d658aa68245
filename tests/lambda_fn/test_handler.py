import struct
from pathlib import Path

import numpy as np
import pytest

from hybridsphere.messages import BadMessage, csv_key, result_of_object
from hybridsphere.recognition.gallery import Gallery
from lambda_fn import handler
from lambda_fn.runtime import aws
from lambda_fn.runtime.settings import SettingsError
from tests.lambda_fn.function_stage import ClipMaker, LogLines, Portrait, Stage, failing_as

PLAYLIST = b"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n/etc/hostname\n#EXT-X-ENDLIST\n"


def test_a_known_student_is_matched_with_major_and_year(
    stage: Stage, make_clip: ClipMaker, portrait: Portrait
) -> None:
    record = stage.upload("a b+ü/ada.mp4", make_clip(portrait("ada")), sequencer="0A")

    [result] = stage.run(record)

    assert (result.status, result.reason) == ("matched", None)
    assert result.csv == "name,major,year,status\r\nada,physics,junior,matched\r\n"
    [person] = result.people
    assert (person.name, person.major, person.year, person.at_s) == ("ada", "physics", "junior", 0)
    assert person.distance < 0.3
    assert (result.bucket, result.key, result.version) == (
        record.bucket,
        record.key,
        record.version,
    )
    assert result.output_bucket == stage.output_bucket
    assert result.output_key == "a b+ü/ada.mp4.csv"
    assert "" < (result.started_at or "") <= (result.finished_at or "")
    assert stage.csv_object("a b+ü/ada.mp4.csv")["text"] == result.csv


def test_a_known_face_without_a_student_record_keeps_its_name(
    stage: Stage, make_clip: ClipMaker, portrait: Portrait
) -> None:
    [result] = stage.run(stage.upload("ben.mp4", make_clip(portrait("ben"))))
    assert result.status == "no_record"
    assert result.csv == "name,major,year,status\r\nben,,,no_record\r\n"
    assert [(p.name, p.major, p.year) for p in result.people] == [("ben", "", "")]


@pytest.mark.parametrize(("name", "status"), [("stranger", "unknown_face"), ("nobody", "no_face")])
def test_a_video_without_anybody_known_has_a_row_without_a_person(
    stage: Stage, make_clip: ClipMaker, portrait: Portrait, name: str, status: str
) -> None:
    [result] = stage.run(stage.upload("clip.mp4", make_clip(portrait(name))))
    assert (result.status, result.reason, result.people) == (status, None, ())
    assert result.csv == f"name,major,year,status\r\n,,,{status}\r\n"
    assert stage.csv_object("clip.mp4.csv")["text"] == result.csv


@pytest.mark.parametrize(
    ("body", "reason"), [(b"", "empty"), (b"hello " * 99, "not_video"), (PLAYLIST, "not_video")]
)
def test_an_upload_that_is_no_video_is_unreadable(stage: Stage, body: bytes, reason: str) -> None:
    [result] = stage.run(stage.upload("clip.mp4", body))
    assert (result.status, result.reason) == ("unreadable", reason)
    assert stage.csv_object("clip.mp4.csv")["text"] == "name,major,year,status\r\n,,,unreadable\r\n"


def test_a_video_of_which_nothing_can_be_decoded_is_damaged(
    stage: Stage, make_clip: ClipMaker, portrait: Portrait
) -> None:
    clip = make_clip(portrait("ada"))
    [result] = stage.run(stage.upload("clip.mp4", clip[: len(clip) // 3]))
    assert (result.status, result.reason) == ("unreadable", "damaged")


@pytest.mark.parametrize(
    "key",
    ["gone.mp4", "../../../../etc/passwd.mp4", "a/../b.mp4", "/abs.mp4", "n\0l.mp4", "x" * 1030],
)
def test_an_object_that_is_not_there_is_gone(stage: Stage, key: str) -> None:
    [result] = stage.run(stage.record(key, "0" * 32))
    assert (result.key, result.status, result.reason) == (key, "unreadable", "gone")
    assert result.output_key == csv_key(key)
    assert stage.csv_object(csv_key(key))["text"] == result.csv


def test_an_object_that_was_overwritten_is_superseded(
    stage: Stage, make_clip: ClipMaker, portrait: Portrait
) -> None:
    older = stage.upload("clip.mp4", b"the version of the event")
    stage.upload("clip.mp4", make_clip(portrait("ada")))
    [result] = stage.run(older)
    assert (result.status, result.reason) == ("unreadable", "superseded")


def test_short_of_time_it_ends_with_what_it_has_seen(
    stage: Stage, make_clip: ClipMaker, portrait: Portrait
) -> None:
    [result] = stage.run(stage.upload("clip.mp4", make_clip(portrait("ada"))), seconds=0)
    assert (result.status, result.reason) == ("no_face", "cut_short")


@pytest.mark.parametrize("mode", ["identify", "attendance"])
def test_short_of_time_the_search_for_an_index_ends_too(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    monkeypatch.setenv("HYBRIDSPHERE_MODE", mode)
    box = struct.pack(">I4s", 16, b"free") + bytes(8)
    [result] = stage.run(stage.upload("clip.mp4", b"\0\0\0\x08ftyp" + box * 9999), seconds=0)
    assert (result.status, result.reason) == ("no_face", "cut_short")


def test_the_answer_names_each_record_with_its_status(
    stage: Stage, make_clip: ClipMaker, portrait: Portrait
) -> None:
    records = [
        stage.upload("one.mp4", make_clip(portrait("nobody"))),
        stage.upload("a b+ü.mp4", b"", sequencer="0A"),
    ]
    event = {"Records": [record.to_event()["Records"][0] for record in records]}

    answer = handler.face_recognition_handler(event, stage.context())

    assert [result.key for result in stage.messages()] == ["one.mp4", "a b+ü.mp4"]
    assert answer == {
        "videos": [
            {
                "bucket": record.bucket,
                "key": record.key,
                "etag": record.etag,
                "sequencer": record.sequencer,
                "event_time": record.event_time,
                "status": status,
                "reason": reason,
            }
            for record, status, reason in zip(
                records, ("no_face", "unreadable"), (None, "empty"), strict=True
            )
        ]
    }


def test_a_student_is_read_by_key_and_the_message_follows_the_csv(
    stage: Stage, make_clip: ClipMaker, portrait: Portrait
) -> None:
    stage.run(stage.upload("ada.mp4", make_clip(portrait("ada"))))
    assert stage.calls == [
        *("s3.PutObject", "s3.GetObject", "dynamodb.GetItem"),
        *("s3.PutObject", "s3.PutObject", "sqs.SendMessage", "sqs.ReceiveMessage"),
    ]


def test_each_video_is_one_log_line_without_its_embedding(
    stage: Stage, make_clip: ClipMaker, portrait: Portrait, log_lines: LogLines
) -> None:
    record = stage.upload("ada.mp4", make_clip(portrait("ada")), sequencer="0A")
    stage.run(record)
    [line] = log_lines()
    assert line.keys() == {
        *("timestamp", "level", "event", "bucket", "key", "version"),
        *("status", "reason", "seconds", "peak_mb"),
    }
    assert (line["event"], line["key"], line["version"]) == (
        "video.finished",
        "ada.mp4",
        record.version.id,
    )


def test_an_outage_is_logged_and_raised_so_that_lambda_tries_again(
    stage: Stage,
    monkeypatch: pytest.MonkeyPatch,
    log_lines: LogLines,
) -> None:
    monkeypatch.setenv("HYBRIDSPHERE_OUTPUT_BUCKET", "no-such-bucket")
    record = stage.upload("clip.mp4", b"")
    with failing_as("NoSuchBucket", match="NoSuchBucket"):
        stage.run(record)
    assert [(line["event"], line["key"]) for line in log_lines()] == [("video.failed", "clip.mp4")]
    assert stage.messages() == []


def test_another_event_than_of_s3_is_refused(stage: Stage) -> None:
    with pytest.raises(BadMessage, match="no Records"):
        handler.face_recognition_handler({"hello": "world"}, stage.context())


def test_without_a_gallery_every_face_is_unknown(
    stage: Stage, make_clip: ClipMaker, portrait: Portrait, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HYBRIDSPHERE_GALLERY", "")
    [result] = stage.run(stage.upload("ada.mp4", make_clip(portrait("ada"))))
    assert result.status == "unknown_face"


def test_the_nearest_of_several_people_within_the_tolerance_counts(
    stage: Stage, make_clip: ClipMaker, portrait: Portrait, gallery: Gallery, tmp_path: Path
) -> None:
    ada = gallery.embeddings[2]
    decoy = ada + 0.35 * np.eye(128)[0]
    Gallery(["decoy", "ada"], [decoy, ada]).save(tmp_path / "gallery.npz")
    [result] = stage.run(stage.upload("ada.mp4", make_clip(portrait("ada"))))
    assert [person.name for person in result.people] == ["ada"]


@pytest.mark.parametrize("name", ["OUTPUT_BUCKET", "TABLE"])
def test_a_missing_setting_is_named(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.delenv(f"HYBRIDSPHERE_{name}")
    with pytest.raises(SettingsError, match=f"HYBRIDSPHERE_{name} is not set"):
        stage.run(stage.record("clip.mp4", "0" * 32))


@pytest.mark.parametrize(
    ("name", "value"), [("TOLERANCE", "wide"), ("FRAMES_PER_S", "0"), ("MODE", "everybody")]
)
def test_a_setting_that_cannot_work_is_named_with_its_value(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(f"HYBRIDSPHERE_{name}", value)
    with pytest.raises(SettingsError, match=f"HYBRIDSPHERE_{name} is '{value}'"):
        stage.run(stage.record("clip.mp4", "0" * 32))


def test_attendance_has_a_row_for_everybody_with_when_they_were_seen(
    stage: Stage, make_clip: ClipMaker, portrait: Portrait, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HYBRIDSPHERE_MODE", "attendance")
    both = np.hstack([portrait("ada", 320), portrait("ben", 320)])
    [result] = stage.run(stage.upload("class.mp4", make_clip(portrait("ben"), both, both)))

    assert (result.status, result.reason) == ("matched", None)
    assert result.csv == (
        "name,major,year,status,first_s,last_s,sightings,spans\r\n"
        "ben,,,no_record,0.0,2.833,4,0.0-2.833\r\n"
        "ada,physics,junior,matched,1.0,2.833,3,1.0-2.833\r\n"
    )
    assert [(p.name, p.status, p.first_s, p.last_s, p.sightings) for p in result.people] == [
        ("ben", "no_record", 0.0, 2.833, 4),
        ("ada", "matched", 1.0, 2.833, 3),
    ]
    assert all(person.distance < 0.3 for person in result.people)


@pytest.mark.parametrize(
    ("body", "rows"),
    [
        (b"", ",,,unreadable,,,,\r\n"),
        ("nobody", ",,,no_face,,,,\r\n"),
        ("stranger", "unknown_1,,,unknown_face,0.0,0.833,2,0.0-0.833\r\n"),
    ],
)
def test_attendance_without_anybody_known_has_rows_of_strangers_or_a_status(
    *,
    stage: Stage,
    make_clip: ClipMaker,
    portrait: Portrait,
    monkeypatch: pytest.MonkeyPatch,
    body: bytes | str,
    rows: str,
) -> None:
    monkeypatch.setenv("HYBRIDSPHERE_MODE", "attendance")
    clip = body if isinstance(body, bytes) else make_clip(portrait(body))
    [result] = stage.run(stage.upload("clip.mp4", clip))
    assert (result.status, result.people) == (rows.split(",")[3], ())
    assert result.csv == f"name,major,year,status,first_s,last_s,sightings,spans\r\n{rows}"


def test_attendance_lists_strangers_behind_the_known_but_not_among_the_people(
    stage: Stage, make_clip: ClipMaker, portrait: Portrait, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HYBRIDSPHERE_MODE", "attendance")
    both = np.hstack([portrait("stranger", 320), portrait("ada", 320)])
    [result] = stage.run(stage.upload("class.mp4", make_clip(portrait("stranger"), both, both)))
    rows = [line.split(",")[0] for line in result.csv.splitlines()[1:]]
    assert rows == ["ada", "unknown_1"]
    assert result.status == "matched"
    assert [(person.name, person.spans) for person in result.people] == [("ada", ((1000, 2833),))]
    metadata = stage.csv_object("class.mp4.csv")["Metadata"]
    mirrored = result_of_object(stage.output_bucket, "class.mp4.csv", metadata, result.csv)
    assert [(person.name, person.spans) for person in mirrored.people] == [("ada", ((1000, 2833),))]


def test_without_an_output_queue_the_csv_is_written_and_no_message_sent(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HYBRIDSPHERE_OUTPUT_QUEUE_URL")
    assert stage.run(stage.upload("notes.mp4", b"no video")) == []
    listed = aws.client("s3").list_objects_v2(Bucket=stage.output_bucket)
    assert [found["Key"] for found in listed["Contents"]] == ["notes.mp4.csv"]
