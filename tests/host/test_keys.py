"""The file of key pairs."""

import os
import stat
from pathlib import Path

import pytest

from hybridsphere.errors import ConfigurationError
from hybridsphere.keys import KeyPair, make_keys, read_keys

PAIRS = """\
[default]
aws_access_key_id = ONE
aws_secret_access_key = first%secret=of many
[other]
aws_access_key_id=TWO
aws_secret_access_key=second-secret-of-many
"""


def written(folder: Path, text: str, mode: int = 0o600) -> Path:
    file = folder / "keys"
    file.write_text(text)
    file.chmod(mode)
    return file


def test_pairs_are_read_in_order(tmp_path: Path) -> None:
    assert read_keys(written(tmp_path, PAIRS)) == [
        KeyPair("ONE", "first%secret=of many"),
        KeyPair("TWO", "second-secret-of-many"),
    ]


def test_a_made_file_is_private_and_is_read_back(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    pair = make_keys(file)
    assert read_keys(file) == [pair]
    assert file.stat().st_mode & 0o777 == 0o600
    with pytest.raises(ConfigurationError, match="there already"):
        make_keys(file)


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604])
def test_a_file_that_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    with pytest.raises(ConfigurationError, match="read by others"):
        read_keys(written(tmp_path, PAIRS, mode))


@pytest.mark.parametrize(("mode", "refused"), [(0o440, False), (0o444, True), (0o460, True)])
def test_a_file_of_root_may_be_opened_to_the_group(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: int, *, refused: bool
) -> None:
    file = written(tmp_path, PAIRS, mode)
    real = file.stat()
    fields = list(real)
    fields[stat.ST_UID] = 0
    monkeypatch.setattr(Path, "stat", lambda _, **__: os.stat_result(fields))
    monkeypatch.setattr("os.geteuid", lambda: 10001)
    if refused:
        with pytest.raises(ConfigurationError, match="read by others"):
            read_keys(file)
    else:
        assert len(read_keys(file)) == 2


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[default]",
        "no section",
        "[a]\naws_access_key_id=X",
        "[a]\naws_access_key_id=X\naws_secret_access_key=short",
        "[a]\naws_secret_access_key=a-secret-of-some-length\n",
        f"{PAIRS}[default]\n",
    ],
)
def test_a_file_without_whole_pairs_is_refused_without_its_secrets(
    tmp_path: Path, text: str
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        read_keys(written(tmp_path, text))
    assert "secret-of" not in str(caught.value)


def test_a_pair_does_not_show_its_secret() -> None:
    assert "hidden" not in repr(KeyPair("ONE", "hidden"))
