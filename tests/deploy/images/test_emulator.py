"""The Runtime Interface Emulator in the function's image: by address and SHA-256, or not at all."""

import subprocess
import threading
from collections.abc import Iterator
from functools import partial
from hashlib import sha256
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from image_stage import IMAGES, REPOSITORY, container_of

pytestmark = pytest.mark.images

EMULATOR = b"#!/bin/sh\n"
IMAGE = "localhost/hybridsphere-emulator"


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    """Where a program is to be had that could be the emulator, for all that the build knows."""
    (tmp_path / "emulator").write_bytes(EMULATOR)
    handler = partial(SimpleHTTPRequestHandler, directory=str(tmp_path))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/emulator"
        server.shutdown()
        thread.join()


def build(address: str, digest: str) -> subprocess.CompletedProcess[str]:
    """Builds the stage of the image that fetches the emulator."""
    arguments = {
        "BASE": "localhost/hybridsphere-base",
        "EMULATOR_URL": address,
        "EMULATOR_SHA256": digest,
    }
    options = [f"--build-arg={name}={value}" for name, value in arguments.items()]
    return subprocess.run(
        [IMAGES, "buildah", "bud", *options, "--target", "emulator", "--tag", IMAGE]
        + ["--format", "docker", "--file", REPOSITORY / "Dockerfile.lambda", REPOSITORY],
        capture_output=True,
        text=True,
        check=False,
    )


def test_it_is_taken_if_it_is_what_it_should_be(images: None, address: str) -> None:
    built = build(address, sha256(EMULATOR).hexdigest())
    assert built.returncode == 0, built.stderr
    with container_of(IMAGE) as container:
        listing = container.run("ls", "-l", "/emulator")
    assert "-rwxr-xr-x" in listing
    assert "aws-lambda-rie" in listing


def test_it_is_refused_if_it_is_anything_else(images: None, address: str) -> None:
    built = build(address, sha256(b"another").hexdigest())
    assert built.returncode != 0
    assert "aws-lambda-rie: FAILED" in built.stdout + built.stderr
