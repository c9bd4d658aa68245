"""The words for a teacher: how an upload ended, and how sure a name is."""

from hybridsphere.memory.face import Face
from hybridsphere.page.archive import Entry

STATUS = {
    None: "in work",
    "matched": "recognised",
    "no_record": "no record",
    "unknown_face": "unknown",
    "no_face": "no face",
    "unreadable": "unreadable",
    "failed": "failed",
}

TONE = {
    None: "work",
    "matched": "sure",
    "no_record": "likely",
    "unknown_face": "unknown",
    "no_face": "soft",
    "unreadable": "bad",
    "failed": "bad",
    "sure": "sure",
    "confirmed": "sure",
    "likely": "likely",
    "doubtful": "doubtful",
    "unknown": "unknown",
    "nobody": "soft",
}
"""The colour of a word; the word itself stands beside it."""

_UNREADABLE = {
    "empty": ("The file is empty", "upload it again"),
    "gone": ("The file was deleted before it was read", "upload it again"),
    "superseded": ("A newer upload replaced it", "see the newer one"),
    "not_video": ("Not a video", "upload it again as a video"),
    "damaged": ("The video is damaged", "upload it again"),
    "too_large": ("The video is too large", "upload a shorter one"),
}


def headline(entry: Entry) -> str:
    """Say in a few words what was seen."""
    names = [name for name in entry.names if name]
    if len(names) > 2:
        return f"{names[0]} and {len(names) - 1} more"
    if names:
        return " and ".join(names)
    reason = entry.upload.reason or ""
    return {
        None: "Looking for faces",
        "unknown_face": "Who is this?",
        "no_face": "No face was seen",
        "unreadable": _UNREADABLE.get(reason, ("The video cannot be read", ""))[0],
        "failed": "The function could not look at it",
    }.get(entry.status, "Somebody")


def advice(entry: Entry) -> str:
    """Say what somebody can do about it; empty where nothing need be done."""
    if entry.status == "unreadable":
        return _UNREADABLE.get(entry.upload.reason or "", ("", "upload it again"))[1]
    if entry.status == "failed":
        return "look at the reason, then replay it"
    if entry.status == "no_record":
        return "add the student's record"
    return ""


def label(face: Face) -> str:
    """Give the name that counts, or the number of a stranger."""
    if face.person:
        return face.person
    return f"unknown {face.group}" if face.group else "unknown"


def certainty(face: Face) -> str:
    """Say in one word how sure a name is."""
    if face.said:
        return "confirmed"
    if face.said == "":
        return "unknown"
    return face.certainty if face.person else "unknown"
