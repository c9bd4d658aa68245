"""The evidence of one video: which faces are kept, and in which form."""

from typing import NamedTuple

from hybridsphere.messages import S3Record
from hybridsphere.recognition.gallery import Gallery
from hybridsphere.recognition.space import Space
from lambda_fn.evidence.album import Album
from lambda_fn.evidence.faces import faces_of
from lambda_fn.evidence.pack import packed
from lambda_fn.recognition.attendance import Attendance
from lambda_fn.recognition.identify import Identification
from lambda_fn.recognition.tracks import PATIENCE_FRAMES
from lambda_fn.runtime.log import log
from lambda_fn.runtime.settings import RuntimeSettings


class KeptFaces(NamedTuple):
    """The content of an evidence object, and the number of faces in it."""

    content: bytes
    number: int


class Keeper:
    """The keeper of a video's faces; `album` is None if no face is kept."""

    def __init__(self, settings: RuntimeSettings, gallery: Gallery, space: Space) -> None:
        self._settings = settings
        self._gallery = gallery
        self._space = space
        self._unknown = settings.evidence == "all"
        wanted = self._unknown or (settings.evidence == "known" and len(gallery) > 0)
        gap_s = (PATIENCE_FRAMES + 1) / settings.frames_per_s
        self.album = Album(gap_s) if wanted else None

    def kept(self, seen: Identification | Attendance, record: S3Record) -> KeptFaces | None:
        """Return the evidence of a video; None without faces to keep."""
        if self.album is None:
            return None
        try:
            return self._kept(self.album, seen, record)
        # A picture that cannot be made must not lose the answer.
        except Exception as error:  # noqa: BLE001 - logged by its class, since it may quote pixels
            log("faces.failed", level="error", key=record.key, error=type(error).__name__)
            return None

    def _kept(
        self, album: Album, seen: Identification | Attendance, record: S3Record
    ) -> KeptFaces | None:
        found = faces_of(seen, album, unknown=self._unknown)
        if not found.faces:
            return None
        content = packed(
            found,
            album.scene,
            record,
            mode=self._settings.mode,
            space=self._space,
            tolerance=self._settings.tolerance,
            gallery=self._gallery,
            unknown=self._unknown,
        )
        return KeptFaces(content, len(found.faces))
