"""A process that looks at every file of a folder, and is killed where that makes a socket."""

import io
import socket
import sys
from pathlib import Path

import av

from lambda_fn.video.video import Unreadable, Video
from tests.lambda_fn.video.canaries import forbid_sockets


def main(what: str, where: Path) -> None:
    if not forbid_sockets():
        sys.exit("cannot forbid sockets here")
    if what == "python":
        socket.socket()
    if what == "ffmpeg":
        options = {"safe": "0", "protocol_whitelist": "http,tcp"}
        av.open(io.BytesIO(where.read_bytes()), container_options=options)
    for path in sorted(where.iterdir()):
        print(path.name, flush=True)  # noqa: T201
        try:
            with Video(io.BytesIO(path.read_bytes())) as video:
                list(video.frames(lambda: 1.0))
        except Unreadable:
            continue
        sys.exit(f"{path.name} was read as a video")


main(sys.argv[1], Path(sys.argv[2]))
