"""A file that names others is no video, and nothing that it names is opened or called."""

import io
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import pytest

from lambda_fn.video import track
from lambda_fn.video.video import Unreadable, Video
from tests.lambda_fn.function_stage import ClipMaker, Stage
from tests.lambda_fn.video.canaries import KILLED_FOR_A_SOCKET, WatchedFiles, listening
from tests.lambda_fn.video.playlists import TEXTS, all_of

ROOT = Path(__file__).parents[3]
LINK_LOCAL = "169.254.169.254"
CONCAT = b"ffconcat version 1.0\nfile canary.mp4\n"


@pytest.fixture
def folder(tmp_path: Path, make_clip: ClipMaker, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with videos that a playlist may name."""
    folder = tmp_path / "canaries"
    folder.mkdir()
    clip = make_clip(np.full((48, 64, 3), 90, np.uint8))
    for name in ("canary.mp4", "canary.ts", "canary.sub", "clip.sub"):
        (folder / name).write_bytes(clip)
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def files(folder: Path) -> Iterator[WatchedFiles]:
    watched = WatchedFiles(folder)
    yield watched
    watched.close()


def outcome(file: bytes) -> str:
    try:
        with Video(io.BytesIO(file)) as opened:
            return f"{len(list(opened.frames(lambda: 1.0)))} frames"
    except Unreadable as error:
        return error.reason


@pytest.mark.parametrize("under", ["its own name", "a video's name"])
@pytest.mark.parametrize("target", ["{folder}/canary.mp4", "canary.mp4", "file:{folder}/canary.ts"])
def test_no_local_file_is_opened(
    stage: Stage, folder: Path, files: WatchedFiles, target: str, under: str
) -> None:
    for name, file in all_of(target.format(folder=folder), "127.0.0.1", 9).items():
        key = f"clip.{name}" if under == "its own name" else f"{name}.mp4"
        [result] = stage.run(stage.upload(key, file))
        assert result.status == "unreadable", key
        assert not files.opened(), key


@pytest.mark.parametrize(
    ("family", "host"), [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")]
)
def test_no_address_of_this_machine_is_called(
    stage: Stage, family: socket.AddressFamily, host: str
) -> None:
    with listening(family, host) as (port, calls):
        where = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        for name, file in all_of(f"http://{where}/clip.mp4", host, port).items():
            [result] = stage.run(stage.upload(f"{name}.mp4", file))
            assert result.status == "unreadable", name
            assert calls == [], name


ADDRESSES = (
    "http://127.0.0.1:9/clip.mp4",
    f"http://{LINK_LOCAL}/latest/meta-data/",
    "http://[fe80::1%25lo]/clip.mp4",
    f"tcp://{LINK_LOCAL}:80",
    "udp://127.0.0.1:9",
    f"rtsp://{LINK_LOCAL}/clip",
    f"rtmp://{LINK_LOCAL}/clip",
    f"ftp://{LINK_LOCAL}/clip.mp4",
    f"hls+http://{LINK_LOCAL}/clip.m3u8",
    f"concat:http://{LINK_LOCAL}/a.ts|http://{LINK_LOCAL}/b.ts",
    f"subfile,,start,0,end,9,,:http://{LINK_LOCAL}/clip.mp4",
    "unix:/run/socket",
)


def test_no_socket_is_made_for_whatever_address(tmp_path: Path) -> None:
    for number, target in enumerate(ADDRESSES):
        for name, file in all_of(target, LINK_LOCAL, 80).items():
            (tmp_path / f"{number} {name.replace('/', ' ')}").write_bytes(file)
    looked_at = in_a_process_without_sockets("looks", str(tmp_path))
    assert looked_at.returncode == 0, (looked_at.stdout.splitlines()[-1:], looked_at.stderr)
    assert len(looked_at.stdout.splitlines()) == len(ADDRESSES) * (len(TEXTS) + 6)


@pytest.mark.parametrize("what", ["python", "ffmpeg"])
def test_a_socket_would_have_been_noticed(what: str, tmp_path: Path) -> None:
    (tmp_path / "clip").write_bytes(b"ffconcat version 1.0\nfile http://127.0.0.1:9/\n")
    ended = in_a_process_without_sockets(what, str(tmp_path / "clip"))
    assert ended.returncode == KILLED_FOR_A_SOCKET


def in_a_process_without_sockets(*arguments: str) -> subprocess.CompletedProcess[str]:
    ended = subprocess.run(
        [sys.executable, "-m", "tests.lambda_fn.video.without_sockets", *arguments],
        check=False,
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    if "cannot forbid" in ended.stderr:
        pytest.skip("this kernel does not filter system calls (seccomp)")
    return ended


def test_an_opened_file_and_a_call_would_have_been_noticed(
    folder: Path, files: WatchedFiles
) -> None:
    with av.open(io.BytesIO(CONCAT)) as container:
        assert container.format.name == "concat"
    assert files.opened()
    with listening(socket.AF_INET, "127.0.0.1") as (port, calls):
        playlist = f"ffconcat version 1.0\nfile http://127.0.0.1:{port}/clip.mp4\n"
        options = {"safe": "0", "protocol_whitelist": "http,tcp"}
        with pytest.raises(av.error.FFmpegError):
            av.open(io.BytesIO(playlist.encode()), container_options=options)
        assert len(calls) >= 1


def test_a_playlist_that_the_containers_let_in_could_still_open_nothing(
    files: WatchedFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two bolts: the formats that are admitted, and no protocol to follow a name by."""
    monkeypatch.setattr(track, "DEMUXERS", f"{track.DEMUXERS},concat,hls,sdp")
    for name, file in all_of("canary.mp4", "127.0.0.1", 9).items():
        assert outcome(file) in {"not_video", "damaged"}, name
        assert not files.opened(), name


@pytest.mark.parametrize("name", ["sdp", "svg", "vtt", "asf"])
def test_a_format_that_needs_no_protocol_is_not_admitted_either(name: str) -> None:
    """FFmpeg reads these: as an address's streams, as a picture, as subtitles, as lyrics."""
    file = all_of("canary.mp4", "127.0.0.1", 9)[name]
    assert outcome(file) == "not_video"


def test_a_file_with_a_name_on_disk_opens_none_of_its_neighbours(
    folder: Path, tmp_path: Path, files: WatchedFiles
) -> None:
    """Clips of known faces are read from the disk, and the decoder knows what they are called."""
    for name, file in all_of("canaries/canary.mp4", "127.0.0.1", 9).items():
        path = tmp_path / "clip.mp4"
        path.write_bytes(file)
        with path.open("rb") as opened, pytest.raises(Unreadable), Video(opened) as made:
            list(made.frames(lambda: 1.0))
        assert not files.opened(), name
