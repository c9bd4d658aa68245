import subprocess
from pathlib import Path

import pytest

import lambda_fn

ENTRY = Path(lambda_fn.__file__).with_name("entry.sh")
HANDLER = "lambda_fn.handler.face_recognition_handler"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A folder for PATH with a `python` that says what it was called with."""
    put(tmp_path / "python", "python")
    return tmp_path


def put(program: Path, name: str) -> None:
    program.write_text(f'#!/bin/sh\necho {name} "$@"\n')
    program.chmod(0o755)


def start(path: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    command = ["/bin/sh", str(ENTRY), HANDLER]
    return subprocess.run(
        command, env={"PATH": str(path), **environment}, capture_output=True, text=True, check=False
    )


def test_under_lambda_the_runtime_client_is_started(path: Path) -> None:
    ended = start(path, AWS_LAMBDA_RUNTIME_API="127.0.0.1:9001")
    assert ended.stdout == f"python -m awslambdaric {HANDLER}\n"


def test_elsewhere_it_is_started_under_the_emulator(path: Path) -> None:
    put(path / "aws-lambda-rie", "emulator")
    assert start(path).stdout == f"emulator python -m awslambdaric {HANDLER}\n"


def test_as_a_host_it_starts_the_command(path: Path) -> None:
    command = ["/bin/sh", str(ENTRY), "host", "--listen", ":9000"]
    started = subprocess.run(
        command, env={"PATH": str(path)}, capture_output=True, text=True, check=True
    )
    assert started.stdout == "python -m hybridsphere host --listen :9000\n"


def test_without_either_it_says_what_is_missing(path: Path) -> None:
    ended = start(path)
    assert ended.returncode == 2
    assert "AWS_LAMBDA_RUNTIME_API is not set" in ended.stderr
