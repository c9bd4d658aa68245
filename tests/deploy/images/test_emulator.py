"""The Runtime Interface Emulator in the function's image: by address and SHA-256, or not at all."""

import subprocess
import threading
from collections.abc import Iterator
from functools import partial
from hashlib import sha256
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.deploy.images.image_stage import IMAGES, REPOSITORY, container_of

pytestmark = pytest.mark.images

EMULATOR = b"#!/bin/sh\n"
IMAGE = "localhost/hybridsphere-emulator"


@pytest.fixture
def _image_removed(images: None) -> Iterator[None]:
    yield
    subprocess.run([IMAGES, "buildah", "rmi", IMAGE], capture_output=True, check=False)


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    """The address of a program that the build takes for the emulator."""
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
    options = {
        "--build-arg=BASE": "localhost/hybridsphere-base",
        "--build-arg=EMULATOR_URL": address,
        "--build-arg=EMULATOR_SHA256": digest,
        "--target": "emulator",
        "--tag": IMAGE,
        "--file": str(REPOSITORY / "Dockerfile.lambda"),
    }
    command = [IMAGES, "buildah", "bud", "--format=docker"]
    command += [f"{option}={value}" for option, value in options.items()]
    return subprocess.run([*command, str(REPOSITORY)], capture_output=True, text=True, check=False)


@pytest.mark.usefixtures("_image_removed")
def test_it_is_taken_if_it_is_what_it_should_be(address: str) -> None:
    built = build(address, sha256(EMULATOR).hexdigest())
    assert built.returncode == 0, built.stderr
    with container_of(IMAGE) as container:
        listing = container.run("ls", "-l", "/emulator")
    assert "-rwxr-xr-x" in listing
    assert "aws-lambda-rie" in listing


@pytest.mark.usefixtures("_image_removed")
def test_it_is_refused_if_it_is_anything_else(address: str) -> None:
    built = build(address, sha256(b"another").hexdigest())
    assert built.returncode != 0
    assert "aws-lambda-rie: FAILED" in built.stdout + built.stderr
