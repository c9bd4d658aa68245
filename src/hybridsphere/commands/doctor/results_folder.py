"""The results folder: the disk under it, and the ledger in it. Nothing is created or changed."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from hybridsphere.commands.doctor.check import Check
from hybridsphere.files import try_writing
from hybridsphere.ledger.ledger import Ledger, LedgerError, ledger_path
from hybridsphere.settings import Settings, variable
from hybridsphere.troubles import Symptom, remedy_for_trouble

LEAST_FREE_BYTES = 100_000_000
FSTAB = Path("/etc/fstab")


def check_folder(settings: Settings) -> list[Check]:
    """Check the disk, then the ledger."""
    return [check_disk(settings.results_dir), *check_ledger(settings)]


def check_disk(results_dir: Path) -> Check:
    """Check that results could be written; a folder that does not exist is not created."""
    folder = results_dir.absolute()
    try:
        if point := unmounted_above(folder):
            detail = f"{folder} is on the disk of {point}, which is not mounted"
            return Check.bad("disk", detail, f"mount {point}", Symptom.NOT_MOUNTED)
        place = next(place for place in (folder, *folder.parents) if place.exists())
        if place == folder:
            try_writing(folder)
        elif not os.access(place, os.W_OK | os.X_OK):
            raise PermissionError(0, "may not be written to", str(place))
        free = shutil.disk_usage(place).free
    except OSError as error:
        reason = f"{folder}: {error.strerror}"
        return Check("disk", reason, "bad", remedy_for_trouble("results", reason))
    room = f"{free / 1e9:.1f} GB free"
    if free < LEAST_FREE_BYTES:
        return Check.bad("disk", f"{room} in {place}", "make room on the disk", Symptom.DISK_FULL)
    if place != folder:
        detail = f"{folder} does not exist yet; the bridge creates it on the disk of {place}"
        return Check.note("disk", f"{detail}, {room}")
    return Check("disk", f"{room} in {folder}")


def unmounted_above(folder: Path) -> Path | None:
    """The mount point that `/etc/fstab` names above a folder, if no disk is mounted there."""
    try:
        lines = FSTAB.read_text(errors="replace").splitlines()
    except OSError:
        return None
    points = [Path(point) for line in lines if (point := _mount_point(line))]
    real = folder.resolve()
    above = [point for point in points if real.is_relative_to(point.resolve())]
    nearest = max(above, key=lambda point: len(point.parts), default=None)
    return nearest if nearest and not nearest.is_mount() else None


def _mount_point(line: str) -> str | None:
    r"""Return the second field of a line of fstab(5), which writes a space as `\040`."""
    fields = line.split()
    if len(fields) < 2 or line.lstrip().startswith("#") or not fields[1].startswith("/"):
        return None
    return fields[1].replace("\\040", " ")


def check_ledger(settings: Settings) -> Iterator[Check]:
    """Check the ledger as a bridge would at its start; it is only read."""
    folder, bucket = settings.results_dir, settings.input_bucket
    path = ledger_path(folder)
    try:
        Ledger.kind.refuse_remains(path)
        if not path.exists():
            yield Check.note("ledger", f"{path} does not exist yet; the bridge creates it")
            return
        with Ledger.read(folder) as ledger:
            owner = ledger.owner(bucket or "")
    except LedgerError as error:
        yield Check.bad("ledger", error.message, error.hint, Symptom.LEDGER_DAMAGED)
        return
    except OSError as error:
        detail = f"{path}: {error.strerror}"
        yield Check.bad("ledger", detail, "read it as the bridge's user", Symptom.FOLDER)
        return
    if bucket and owner not in {None, bucket}:
        detail = (
            f"{variable('results_dir')}={str(folder)!r} is the folder of the bucket {owner}, "
            f"and {variable('input_bucket')} is {bucket}"
        )
        yield Check.bad("ledger", detail, "name another folder", Symptom.ANOTHER_BUCKET)
        return
    yield Check("ledger", f"{path} can be read")
