"""The answers that people get, written into the ledger and onto the disk."""

from collections.abc import Callable

from hybridsphere.ledger.csv_files import Blocked, CsvFiles
from hybridsphere.ledger.ledger import Answer, Ledger, Upload
from hybridsphere.memory.derivation import derive
from hybridsphere.memory.memory import Memory
from hybridsphere.memory.records import Records
from hybridsphere.memory.video import Video
from hybridsphere.memory.words import Standing
from hybridsphere.messages import utc_text

PAGE = 100
"""Answers that are derived in one transaction, so that results are stored between two."""


def derive_stale(
    memory: Memory,
    ledger: Ledger,
    files: CsvFiles,
    *,
    most: int = PAGE,
    on_blocked: Callable[[Blocked], object] = lambda _: None,
) -> int:
    """Derive the answers of up to `most` videos that are marked stale; returns how many.

    `on_blocked` is called for a place that takes no file: its answer is in the ledger all the same,
    and the bridge writes the file at its next start. Raises OSError or sqlite3.Error; then all stay
    marked.
    """
    # No word may come in between: its mark would be removed with the others.
    with memory.transaction():
        videos = memory.stale(most)
        records = Records(memory, ledger)
        with ledger.transaction():
            for number in videos:
                if video := memory.video_of(number):
                    try:
                        derive_video(memory, ledger, files, video, records)
                    except Blocked as error:
                        on_blocked(error)
        for number in videos:
            memory.settle(number)
    return len(videos)


def derive_all(
    memory: Memory,
    ledger: Ledger,
    files: CsvFiles,
    *,
    on_blocked: Callable[[Blocked], object] = lambda _: None,
) -> int:
    """Derive the answers of all videos that are marked stale; returns how many."""
    count = 0
    while done := derive_stale(memory, ledger, files, on_blocked=on_blocked):
        count += done
    return count


def derive_video(
    memory: Memory, ledger: Ledger, files: CsvFiles, video: Video, records: Records
) -> None:
    """Derive one answer, inside transactions of both files. Raises Blocked, once it is recorded."""
    upload = ledger.upload(video.bucket, video.key, video.version)
    if upload is None or upload.status is None:
        return
    answer = answer_of(memory, video, upload, records)
    # A result without faces may replace `failed`; the ledger must know that words were said.
    is_unmarked = upload.status == "failed" and upload.answer_at is None
    if answer != _current(upload) or is_unmarked:
        publish(ledger, files, upload, answer)


def answer_of(memory: Memory, video: Video, upload: Upload, records: Records) -> Answer | None:
    """Return the answer that people's words make of a function's; None for the function's own."""
    faces = memory.faces(video.id)
    standings = memory.judgements.standings([face.id for face in faces])
    words = memory.judgements.of_video(video.id)
    left_out, decided = video.left_out, video.decided
    if video.attempt < upload.attempt:
        # The result has replaced the one of these faces, and its own are late or gone. People's
        # words about them stand; the machine's names do not.
        faces = [face for face in faces if standings.get(face.id, Standing()) != Standing()]
        left_out, decided = max(1, left_out), None
    return derive(upload, faces, standings, words, records.find, left_out=left_out, decided=decided)


def publish(ledger: Ledger, files: CsvFiles, upload: Upload, answer: Answer | None) -> None:
    """Write an answer into the ledger, inside its transaction, and the CSV file.

    None is for the function's own answer again. Raises OSError; Blocked if this place alone takes
    no file.
    """
    place = (upload.bucket, upload.key)
    if ledger.put_answer(*place, upload.version, answer, utc_text()):
        text = answer.csv if answer else upload.csv or ""
        # The file may still be that of the answer until now, in a folder that was copied.
        earlier = (upload.effective_csv or "").encode()
        files.write(upload.key, text.encode(), lambda: {*ledger.csvs(*place), earlier})


def _current(upload: Upload) -> Answer | None:
    """Return what people get by now instead of the function's answer."""
    if upload.answer_status is None:
        return None
    people, text = upload.effective_people, upload.effective_csv or ""
    return Answer(upload.answer_status, people, text)
