"""The function's own way with a video, from the object to who is in it."""

import io
import re
from pathlib import Path
from typing import Any

from bench.answer import Answer
from hybridsphere.recognition.gallery import Gallery
from lambda_fn.faces.engine import Engine, engine_of
from lambda_fn.recognition.attendance import Attendance, attend
from lambda_fn.recognition.identify import identify
from lambda_fn.runtime.deadline import Deadline
from lambda_fn.runtime.settings import RuntimeSettings
from lambda_fn.video.s3file import S3File
from lambda_fn.video.video import Unreadable, Video

DEFAULTS = RuntimeSettings(output_bucket="", output_queue_url="", table="")
_LAMBDA_S = 900


def recognise(
    video: Path,
    gallery: Gallery,
    tolerance: float = DEFAULTS.tolerance,
    engine: Engine | None = None,
) -> Answer:
    """Recognise the face of a video with the function's reading and search."""
    try:
        with opened(video) as file:
            seen = identify(
                file,
                engine=engine or engine_of(gallery),
                gallery=gallery,
                tolerance=tolerance,
                frames_per_s=DEFAULTS.frames_per_s,
                deadline=Deadline(_LAMBDA_S),
            )
    except Unreadable:
        return Answer("unreadable")
    if seen.person:
        return Answer("known", seen.person.name)
    return Answer("unknown_face" if seen.any_face else "no_face")


def attendance(video: Path, gallery: Gallery) -> Attendance:
    """Everybody in a video. Raises Unreadable."""
    with opened(video) as file:
        return attend(
            file,
            engine=engine_of(gallery),
            gallery=gallery,
            tolerance=DEFAULTS.tolerance,
            frames_per_s=DEFAULTS.frames_per_s,
            deadline=Deadline(_LAMBDA_S),
        )


def opened(video: Path) -> Video:
    """A video as the function reads it, but from disk. Raises Unreadable."""
    return Video(S3File(_Disk(), "", str(video), ""))


class _Disk:
    """S3's `GetObject` of a range, out of the file that the key names."""

    def get_object(self, **asked: str) -> dict[str, Any]:
        first, last = map(int, re.findall(r"\d+", asked["Range"]))
        with Path(asked["Key"]).open("rb") as file:
            size = file.seek(0, io.SEEK_END)
            file.seek(first)
            body = io.BytesIO(file.read(last - first + 1))
        found = f"bytes {first}-{last}/{size}"
        return {"Body": body, "ContentRange": found, "ETag": asked["IfMatch"]}
