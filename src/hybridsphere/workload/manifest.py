"""The manifest: the files of an upload, with which the checks compare all else."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from hybridsphere.errors import CannotRun
from hybridsphere.files import make_private, remedy_for, try_out, write_whole
from hybridsphere.paths import OWN_FOLDER
from hybridsphere.settings import variable


@dataclass(frozen=True, slots=True)
class UploadedFile:
    """A file that is in the bucket; `size` in bytes, `etag` as the ledger has it, unquoted."""

    key: str
    size: int
    etag: str


@dataclass(frozen=True, slots=True)
class FailedFile:
    """A file that is not in the bucket, and the reason."""

    key: str
    reason: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """One run of `workload upload`; `begun_at` as in `messages.utc_text`."""

    begun_at: str
    input_bucket: str
    output_bucket: str
    buckets_were_empty: bool
    files: tuple[UploadedFile, ...]
    failed: tuple[FailedFile, ...] = ()

    @property
    def keys(self) -> frozenset[str]:
        return frozenset(file.key for file in self.files)

    def write(self, results_dir: Path) -> None:
        """Write it beside the results in one step; it replaces that of an earlier upload."""
        path = manifest_path(results_dir)
        # Private, since the manifest names every upload; the bridge may not have run yet.
        make_private(path.parent)
        write_whole(path, json.dumps(asdict(self), indent=1))

    @classmethod
    def read(cls, results_dir: Path) -> Self:
        """Read the manifest of the last upload; raises CannotRun if it is missing."""
        path = manifest_path(results_dir)
        try:
            fields: dict[str, Any] = json.loads(path.read_bytes())
            fields["files"] = tuple(UploadedFile(**file) for file in fields["files"])
            fields["failed"] = tuple(FailedFile(**file) for file in fields["failed"])
            return cls(**fields)
        except FileNotFoundError:
            raise CannotRun(
                f"no manifest at {path}",
                hint="run `hybridsphere workload upload` first, with the same "
                "HYBRIDSPHERE_RESULTS_DIR",
            ) from None
        except (ValueError, KeyError, TypeError) as error:
            raise CannotRun(
                f"{path} is not a manifest of this release ({error!r})", hint="upload again"
            ) from error


def check_place(results_dir: Path) -> None:
    """Raise CannotRun if the manifest could not be written."""
    folder = manifest_path(results_dir).parent
    try:
        try_out(folder)
    except OSError as error:
        raise CannotRun(
            f"{folder}: {error.strerror}; nothing was uploaded, since there is no place for the "
            "manifest",
            hint=remedy_for(error, variable("results_dir")),
        ) from error


def manifest_path(results_dir: Path) -> Path:
    return results_dir / OWN_FOLDER / "manifest.json"
