"""What makes way for the file of variables, and what does not."""

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from hybridsphere.errors import CannotRun
from hybridsphere.local.account import CREDENTIALS
from hybridsphere.local.env_file import remove_stale, written


def environment(port: int) -> dict[str, str]:
    endpoint = {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}"}
    return {**CREDENTIALS, "AWS_REGION": "here", **endpoint, "HYBRIDSPHERE_TABLE": "students"}


def content(port: int = 1) -> str:
    return "".join(f"{name}={text}\n" for name, text in environment(port).items())


@pytest.mark.parametrize("text", ["", content()], ids=["empty", "of an account that is gone"])
def test_what_nobody_needs_makes_way(tmp_path: Path, text: str) -> None:
    file = tmp_path / "env"
    file.write_text(text, encoding="utf-8")
    remove_stale(file)
    assert not file.exists()


def test_the_file_of_a_served_port_stays(tmp_path: Path) -> None:
    file = tmp_path / "env"
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        file.write_text(content(port), encoding="utf-8")
        with pytest.raises(CannotRun, match=rf"env: .* still answers, at port {port}: name anoth"):
            remove_stale(file)
        assert file.read_text(encoding="utf-8") == content(port)
    remove_stale(file)
    assert not file.exists()


OTHERS: dict[str, Callable[[Path], object]] = {
    "a text": lambda file: file.write_text("# mine\n", encoding="utf-8"),
    "no text": lambda file: file.write_bytes(b"\xff\xfe"),
    "variables": lambda file: file.write_text("AWS_ACCESS_KEY_ID=mine\n", encoding="utf-8"),
    "ours with a line of another": lambda file: file.write_text(content() + "A=b\n"),
    "another endpoint": lambda file: file.write_text(content().replace("127.0.0.1", "aws")),
    "a pipe": os.mkfifo,
    "a link to nothing": lambda file: file.symlink_to("nothing"),
    "a link to a device": lambda file: file.symlink_to(os.devnull),
}


@pytest.mark.parametrize("other", OTHERS)
def test_the_file_of_somebody_else_stays(tmp_path: Path, other: str) -> None:
    file = tmp_path / "env"
    OTHERS[other](file)
    before = file.lstat()
    with pytest.raises(
        CannotRun, match=r"env: the file exists, and .* name another file, or remove"
    ):
        remove_stale(file)
    assert file.lstat() == before


def test_the_file_exists_while_its_variables_are_true(tmp_path: Path) -> None:
    file = tmp_path / "env"
    with written(file, environment(1)):
        assert file.read_text(encoding="utf-8") == content(1)
    assert not file.exists()


@pytest.mark.parametrize("text", [content(2), "mine\n", None], ids=["other", "mine", "gone"])
def test_a_changed_file_stays_at_the_end(tmp_path: Path, text: str | None) -> None:
    file = tmp_path / "env"
    with written(file, environment(1)):
        file.unlink()
        if text is not None:
            file.write_text(text, encoding="utf-8")
    assert (file.read_text(encoding="utf-8") if file.exists() else None) == text
