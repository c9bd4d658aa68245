"""The place of a video's CSV below the results folder.

The path equals the CSV's key, except for parts that would leave the folder, collide with another
file, or not fit a file name. Those are escaped with `%`. Every key has its own path, and every path
can be read back:

- `%` itself, NUL, and a segment that is `.` or `..`, as `%` and two hexadecimal digits a byte;
- an empty segment (`a//b`, `/a`) as `%-`;
- the ending `.csv` of a folder, which could be the name of a file, as `%2Ecsv`;
- the first segment `_hybridsphere`, the folder of the bridge's own files, as `%5Fhybridsphere`;
- a segment longer than a file name may be is cut into pieces, each but the last ending in `%+`;
- on a file system that folds names: capitals, and all characters beyond ASCII.
"""

import re
from pathlib import Path, PurePosixPath
from urllib.parse import unquote

from hybridsphere.files import folds_names

OWN_FOLDER = "_hybridsphere"
"""Below the results folder: the ledger, the manifest and half-written files."""

MAX_NAME_BYTES = 255
"""Longest file name on ext4, XFS and APFS, in bytes."""

_CUT = "%+"
_EMPTY = "%-"
_FOLDED = re.compile(r"[A-Z]|[^\x00-\x7f]")
"""Characters that a file system may take for others: `É` for `é`, for `e` and its accent."""


def csv_path(csv_key: str, *, folds: bool = False) -> PurePosixPath:
    """Give the path of a CSV, relative to the results folder; `csv_key` ends in `.csv`.

    `folds` is true where names that differ in case or Unicode form are one file.
    """
    return PurePosixPath(csv_place(csv_key, folds=folds))


def csv_place(csv_key: str, *, folds: bool = False) -> str:
    """Give the same path as a text, which takes a fraction of the time."""
    *folders, name = csv_key.split("/")
    segments = [_escape(folder, folds=folds) for folder in folders]
    segments = [*map(_escape_ending, segments), _escape(name, folds=folds)]
    if segments[0] == OWN_FOLDER:
        segments[0] = f"%5F{OWN_FOLDER[1:]}"
    return "/".join(piece for segment in segments for piece in _pieces(segment))


def csv_file(results_dir: Path, csv_key: str) -> Path:
    """Give the place of a CSV below a results folder, as its file system takes names."""
    return results_dir / csv_path(csv_key, folds=folds_names(results_dir / OWN_FOLDER))


def csv_key_of(path: PurePosixPath) -> str:
    """Read `csv_path` backwards: give the key of the CSV at a path."""
    joined = "/".join(path.parts).replace(f"{_CUT}/", "")
    return "/".join(
        "" if segment == _EMPTY else unquote(segment, errors="strict")
        for segment in joined.split("/")
    )


def _escape(segment: str, *, folds: bool) -> str:
    if segment == "":
        return _EMPTY
    if segment in {".", ".."}:
        return segment.replace(".", "%2E")
    escaped = segment.replace("%", "%25").replace("\0", "%00")
    return _FOLDED.sub(_as_bytes, escaped) if folds else escaped


def _as_bytes(found: re.Match[str]) -> str:
    return "".join(f"%{byte:02X}" for byte in found[0].encode())


def _escape_ending(segment: str) -> str:
    return f"{segment[:-4]}%2Ecsv" if segment.endswith(".csv") else segment


def _pieces(segment: str) -> list[str]:
    """Cut a segment into file names that fit, between characters and never inside an escape."""
    pieces = []
    while len(segment.encode()) > MAX_NAME_BYTES:
        room = MAX_NAME_BYTES - len(_CUT)
        piece = segment.encode()[:room].decode(errors="ignore")
        if "%" in piece[-2:]:
            piece = piece[: piece.rindex("%")]
        pieces.append(piece + _CUT)
        segment = segment[len(piece) :]
    return [*pieces, segment]
