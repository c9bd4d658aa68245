"""The archive of an evidence object, read without trust and within bounds."""

import io
import zipfile

from hybridsphere.messages.fields import excerpt

MOST_BYTES = 2 * 2**20
"""Largest object that is read: 64 faces of 8 KB and 16 looks take half of it."""

MOST_FACES = 64

_MOST_JSON_BYTES = 3 * 2**19
_MOST_JPEG_BYTES = 64 * 2**10

# The archive's end (PKWARE's APPNOTE, 4.3.16), and more than its directory takes for one entry.
_END_BYTES = 22
_ENTRY_BYTES = 128


class EvidenceError(ValueError):
    """An object that cannot be evidence; the text names the fault, in one line."""


def read_entries(content: bytes) -> dict[str, bytes]:
    """Return the archive's files by name. Raises EvidenceError for names that are not ours."""
    if len(content) > MOST_BYTES:
        raise EvidenceError(f"{len(content)} bytes, more than {MOST_BYTES}")
    end = content[-_END_BYTES:]
    directory = int.from_bytes(end[12:16], "little")
    # A second end, for archives of gigabytes, would give another size of the directory.
    if b"PK\6\7" in content[-2 * _END_BYTES : -_END_BYTES]:
        raise EvidenceError("an archive for gigabytes")
    if end[:4] != b"PK\5\6" or directory > (MOST_FACES + 2) * _ENTRY_BYTES:
        raise EvidenceError("no archive of faces, or one with too many files")
    entries: dict[str, bytes] = {}
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        for entry in archive.infolist():
            if entry.orig_filename in entries:
                raise EvidenceError(f"{excerpt(entry.orig_filename)} is there twice")
            entries[entry.orig_filename] = _read(archive, entry)
    return entries


def _read(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    name = entry.orig_filename
    stem, _, kind = name.rpartition(".")
    is_ours = name in {"faces.json", "scene.jpg"} or (
        kind == "jpg" and stem.isascii() and stem.isdecimal() and stem == str(int(stem[:4]))
    )
    if not is_ours:
        raise EvidenceError(f"{excerpt(name)} is no file of an evidence object")
    if entry.flag_bits & 1:
        raise EvidenceError(f"{name} is encrypted")
    if entry.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
        raise EvidenceError(f"{name} is compressed in a way that the function does not use")
    most = _MOST_JSON_BYTES if kind == "json" else _MOST_JPEG_BYTES
    with archive.open(entry) as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise EvidenceError(f"{name} has more than {most} bytes")
    return content
