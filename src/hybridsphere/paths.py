"""Where the CSV of a video lies below the results folder.

The path is that of the CSV's key, but for what would leave the folder, collide with another file
or not fit a file name. That is escaped with `%`, so that every key has a path of its own and every
path can be read back:

- `%` itself, NUL, and a segment that is `.` or `..`, as `%` and two hexadecimal digits a byte;
- an empty segment (`a//b`, `/a`) as `%-`;
- the ending `.csv` of a folder, which could be the name of a file, as `%2Ecsv`;
- the first segment `_hybridsphere`, the folder of the bridge's own files, as `%5Fhybridsphere`;
- a segment longer than a file name may be is cut into pieces, each but the last ending in `%+`.
"""

from pathlib import PurePosixPath
from urllib.parse import unquote

OWN_FOLDER = "_hybridsphere"
"""Below the results folder: the ledger, the manifest and half-written files."""

MAX_NAME_BYTES = 255
"""Longest file name on ext4, XFS and APFS, in bytes."""

_CUT = "%+"
_EMPTY = "%-"


def csv_path(csv_key: str) -> PurePosixPath:
    """The path of a CSV, relative to the results folder; `csv_key` ends in `.csv`."""
    return PurePosixPath(csv_place(csv_key))


def csv_place(csv_key: str) -> str:
    """The same as a text, which takes a fraction of the time."""
    *folders, name = csv_key.split("/")
    segments = [*(_escape_folder(folder) for folder in folders), _escape(name)]
    if segments[0] == OWN_FOLDER:
        segments[0] = f"%5F{OWN_FOLDER[1:]}"
    return "/".join(piece for segment in segments for piece in _pieces(segment))


def csv_key_of(path: PurePosixPath) -> str:
    """The key of the CSV that lies at a path: `csv_path` read backwards."""
    joined = "/".join(path.parts).replace(f"{_CUT}/", "")
    return "/".join(
        "" if segment == _EMPTY else unquote(segment, errors="strict")
        for segment in joined.split("/")
    )


def _escape(segment: str) -> str:
    if segment == "":
        return _EMPTY
    if segment in {".", ".."}:
        return segment.replace(".", "%2E")
    return segment.replace("%", "%25").replace("\0", "%00")


def _escape_folder(segment: str) -> str:
    escaped = _escape(segment)
    return f"{escaped[:-4]}%2Ecsv" if escaped.endswith(".csv") else escaped


def _pieces(segment: str) -> list[str]:
    """A segment as file names that fit, cut between characters and never inside an escape."""
    pieces = []
    while len(segment.encode()) > MAX_NAME_BYTES:
        room = MAX_NAME_BYTES - len(_CUT)
        piece = segment.encode()[:room].decode(errors="ignore")
        if "%" in piece[-2:]:
            piece = piece[: piece.rindex("%")]
        pieces.append(piece + _CUT)
        segment = segment[len(piece) :]
    return [*pieces, segment]
