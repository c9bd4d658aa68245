"""Files made once: where they are kept, and what happens where they are damaged or cannot be."""

import os
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest

from lambda_fn.faces.engine import engine
from lambda_fn.faces.sface import SFace
from lambda_fn.models import cache as module
from lambda_fn.models.cache import Unexpected, keep, prepared
from lambda_fn.video.video import Frame
from tests.lambda_fn.function_stage import LogLines, Portrait

CONTENTS = [b"weights" * 1000, b"a model"]
NAMES = ["model-1.weights", "model-1.bin"]


def files_of(names: list[str], contents: list[bytes]) -> dict[str, str]:
    """What files are expected to hold, by name."""
    return {
        name: sha256(content).hexdigest() for name, content in zip(names, contents, strict=True)
    }


FILES = files_of(NAMES, CONTENTS)


class Maker:
    """Gives contents, and counts how often."""

    def __init__(self, contents: list[bytes] = CONTENTS) -> None:
        self.contents = contents
        self.times = 0

    def __call__(self) -> list[bytes]:
        self.times += 1
        return self.contents


@pytest.fixture
def beside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What stands for the folder beside the module; it does not exist."""
    monkeypatch.setattr(module, "BESIDE", tmp_path / "beside")
    return tmp_path / "beside"


@pytest.fixture
def cache(beside: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder in the user's cache; it does not exist."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    module._warn_once.cache_clear()
    return tmp_path / "cache" / "hybridsphere"


def read(files: list[Path] | list[bytes]) -> list[bytes]:
    """The contents of files that are kept."""
    return [file.read_bytes() for file in files if isinstance(file, Path)]


def kept_name(at: int) -> str:
    stem, _, suffix = NAMES[at].partition(".")
    return f"{stem}-{sha256(CONTENTS[at]).hexdigest()}.{suffix}"


def test_files_are_made_once_and_named_after_their_content(cache: Path) -> None:
    make = Maker()
    first, again = prepared(FILES, make), prepared(FILES, make)
    assert first == again == [cache / kept_name(0), cache / kept_name(1)]
    assert read(first) == CONTENTS
    assert make.times == 1
    assert {path.name for path in cache.iterdir()} == {kept_name(0), kept_name(1)}


def test_files_prepared_beside_the_function_come_first(beside: Path, cache: Path) -> None:
    kept = keep(beside, FILES, CONTENTS)
    assert prepared(FILES, Maker()) == kept
    assert not cache.exists()


@pytest.mark.parametrize("at", [0, 1])
@pytest.mark.parametrize("damage", [b"", CONTENTS[0][:-1], b"a modem"])
def test_a_damaged_file_is_made_again(
    cache: Path, at: int, damage: bytes, log_lines: LogLines
) -> None:
    keep(cache, FILES, CONTENTS)
    (cache / kept_name(at)).write_bytes(damage)
    assert read(prepared(FILES, Maker())) == CONTENTS
    [line] = log_lines()
    assert (line["event"], line["path"]) == ("model.unusable", str(cache / kept_name(at)))
    make = Maker()
    assert read(prepared(FILES, make)) == CONTENTS
    assert make.times == 0


@pytest.mark.parametrize("folder", ["beside", "cache"])
def test_a_foreign_file_under_its_own_digest_is_not_used(
    folder: str, request: pytest.FixtureRequest, cache: Path, log_lines: LogLines
) -> None:
    foreign = [b"foreign weights", b"a foreign model"]
    there: Path = request.getfixturevalue(folder)
    paths = keep(there, files_of(NAMES, foreign), foreign)
    assert read(prepared(FILES, Maker())) == CONTENTS
    lines = [(line["event"], line["path"]) for line in log_lines()]
    assert lines == [("model.unusable", str(path)) for path in paths]


def test_neither_file_of_a_pair_is_used_if_one_is_foreign(beside: Path, cache: Path) -> None:
    keep(beside, files_of(NAMES, [CONTENTS[0], b"foreign"]), [CONTENTS[0], b"foreign"])
    make = Maker()
    assert prepared(FILES, make) == [cache / kept_name(0), cache / kept_name(1)]
    assert make.times == 1


def test_an_unexpected_conversion_is_not_kept(cache: Path, log_lines: LogLines) -> None:
    other = [CONTENTS[0], b"made by another release"]
    with pytest.raises(Unexpected, match="install what deploy/requirements pins"):
        keep(cache, FILES, other)
    assert prepared(FILES, Maker(other)) == other
    assert not cache.exists()
    [line] = log_lines()
    assert (line["event"], line["path"]) == ("model.not_kept", str(cache))


def test_conversions_have_the_expected_bits_in_every_process() -> None:
    program = (
        "from hashlib import sha256; from lambda_fn.faces import detector, dlib_encoder, sface\n"
        "for module in (detector, dlib_encoder, sface):\n"
        "    made = [sha256(content).hexdigest() for content in module.make()]\n"
        "    assert made == list(module.FILES.values()), made\n"
    )
    # As on a processor that has none of the newer instructions. numpy warns of names that it does
    # not know, and then ignores all of them.
    newer = np.show_config(mode="dicts")["SIMD Extensions"].get("found", [])
    environ = os.environ | {"NPY_DISABLE_CPU_FEATURES": " ".join(newer), "PYTHONHASHSEED": "7"}
    strict = ["-W", "error::ImportWarning"]
    subprocess.run([sys.executable, *strict, "-c", program], check=True, env=environ)


def test_a_file_without_its_partner_is_made_again(cache: Path) -> None:
    keep(cache, FILES, CONTENTS)
    (cache / kept_name(0)).unlink()
    assert read(prepared(FILES, Maker())) == CONTENTS


def test_files_of_another_version_are_not_taken(cache: Path) -> None:
    prepared(files_of(["model-1.bin"], [b"older"]), Maker([b"older"]))
    assert read(prepared(files_of(["model-2.bin"], [b"newer"]), Maker([b"newer"]))) == [b"newer"]


@pytest.mark.parametrize("in_the_way", ["cache", "cache/hybridsphere"])
def test_contents_that_cannot_be_kept_are_returned_and_logged_once(
    cache: Path, tmp_path: Path, in_the_way: str, log_lines: LogLines
) -> None:
    cache.parent.mkdir()
    path = tmp_path / in_the_way
    path.rmdir() if path.exists() else None
    path.write_text("a file")
    assert prepared(FILES, Maker()) == CONTENTS
    assert prepared(files_of(["other-1.bin"], [b"other"]), Maker([b"other"])) == [b"other"]
    assert {(line["event"], line["path"]) for line in log_lines()} == {
        ("model.not_kept", str(cache))
    }


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="/dev/full is Linux's")
def test_a_full_disk_leaves_nothing_behind(
    cache: Path, monkeypatch: pytest.MonkeyPatch, log_lines: LogLines
) -> None:
    # Every write to what mkstemp gives ends as on a disk that has no room left.
    real = module.tempfile.mkstemp

    def mkstemp(**options: object) -> tuple[int, str]:
        descriptor, name = real(**options)
        os.dup2(os.open("/dev/full", os.O_WRONLY), descriptor)
        return descriptor, name

    monkeypatch.setattr(module.tempfile, "mkstemp", mkstemp)
    assert prepared(FILES, Maker()) == CONTENTS
    assert list(cache.iterdir()) == []
    assert [line["event"] for line in log_lines()] == ["model.not_kept"]


def test_a_relative_cache_folder_is_not_used(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    prepared(FILES, Maker())
    assert (tmp_path / "home/.cache/hybridsphere" / kept_name(0)).is_file()
    assert not (tmp_path / "relative").exists()


def test_the_encoder_works_where_nothing_can_be_kept(cache: Path, portrait: Portrait) -> None:
    cache.parent.write_text("in the way")
    frame = Frame.from_rgb(portrait("ada"))
    faces = engine("yunet-sface").glance(frame)
    found = SFace().encode(frame.rgb(), faces)
    assert (found == engine("yunet-sface").encode(frame, faces)).all()


def test_processes_that_start_at_once_find_the_same_and_leave_nothing_else(cache: Path) -> None:
    program = (
        "from pathlib import Path; from lambda_fn.models import cache; "
        "cache.BESIDE = Path('nowhere'); "
        "from lambda_fn.faces.engine import engine; "
        "engine('yunet-sface'); engine('dlib')"
    )
    processes = [subprocess.Popen([sys.executable, "-c", program]) for _ in range(2)]
    assert [process.wait() for process in processes] == [0, 0]
    assert sorted(path.suffix for path in cache.iterdir()) == [*[".onnx"] * 3, *[".weights"] * 3]


def test_onnx_runtime_reports_nothing_home(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Its official builds leave an identifier for such reports in the user's cache.
    monkeypatch.delenv("ORT_DISABLE_TELEMETRY")
    program = "from lambda_fn.faces.engine import engine; engine('yunet-sface')"
    subprocess.run([sys.executable, "-c", program], check=True)
    assert {path.name for path in cache.parent.glob("*")} <= {cache.name}
