"""Files made once: where they are kept, and what happens where they are damaged or cannot be."""

from hashlib import sha256
from pathlib import Path

import pytest
from function_stage import LogLines

from lambda_fn import prepared as module
from lambda_fn.prepared import prepared

NAME = "model-1.bin"
CONTENT = b"a model" * 1000


class Maker:
    """Counts how often it is asked."""

    def __init__(self, content: bytes = CONTENT) -> None:
        self.content = content
        self.times = 0

    def __call__(self) -> bytes:
        self.times += 1
        return self.content


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


def content_of(file: Path | bytes) -> bytes:
    assert isinstance(file, Path)
    return file.read_bytes()


def test_a_file_is_made_once_and_named_after_its_content(cache: Path) -> None:
    make = Maker()
    first, again = prepared(NAME, make), prepared(NAME, make)
    assert first == again == cache / f"model-1-{sha256(CONTENT).hexdigest()}.bin"
    assert content_of(first) == CONTENT
    assert make.times == 1
    assert list(cache.iterdir()) == [first]


def test_what_was_prepared_beside_the_function_comes_first(beside: Path, cache: Path) -> None:
    kept = module.keep(beside, NAME, CONTENT)
    assert prepared(NAME, Maker()) == kept
    assert not cache.exists()


@pytest.mark.parametrize("damage", [b"", CONTENT[:-1], CONTENT[:-1] + b"!"])
def test_a_damaged_file_is_made_anew(cache: Path, damage: bytes, log_lines: LogLines) -> None:
    path = cache / f"model-1-{sha256(CONTENT).hexdigest()}.bin"
    cache.mkdir(parents=True)
    path.write_bytes(damage)
    assert content_of(prepared(NAME, Maker())) == CONTENT
    assert [(line["event"], line["path"]) for line in log_lines()] == [("model.damaged", str(path))]
    make = Maker()
    assert content_of(prepared(NAME, make)) == CONTENT
    assert make.times == 0


def test_a_file_of_another_name_is_not_taken(cache: Path) -> None:
    prepared(NAME, Maker(b"older"))
    assert content_of(prepared("model-2.bin", Maker(b"newer"))) == b"newer"
    assert content_of(prepared("model.bin", Maker(b"other"))) == b"other"


def test_where_nothing_can_be_kept_the_content_is_given_and_the_log_says_so_once(
    cache: Path, log_lines: LogLines
) -> None:
    cache.parent.write_text("in the way")
    assert prepared(NAME, Maker()) == CONTENT
    assert prepared("another-1.bin", Maker(b"another")) == b"another"
    [line] = log_lines()
    assert (line["event"], line["folder"]) == ("model.not_kept", str(cache))
