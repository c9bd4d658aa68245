"""`make setup`'s part in the files made of the models: all of them are there, or it begins anew."""

import runpy
import shutil
import subprocess
from pathlib import Path

import pytest

from lambda_fn.faces import detector
from lambda_fn.models import cache

MAKEFILE = Path(__file__).parents[2] / "Makefile"
STAMP = "lambda_fn/prepared/made"


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
def test_a_half_prepared_folder_is_made_again_and_a_whole_one_stays(
    tmp_path: Path,
) -> None:
    shutil.copy(MAKEFILE, tmp_path)
    python = tmp_path / ".venv" / "bin" / "python"
    names = ("faces/detector", "faces/sface", "faces/dlib_encoder", "models/dlib_onnx")
    sources = [f"{name}.py" for name in names]
    for file in (python, *(tmp_path / "lambda_fn" / source for source in sources)):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    # What stands for the module: it notes that it ran, makes a file, and ends as it is told.
    python.write_text(
        "#!/bin/sh\necho ran >>runs\nmkdir -p lambda_fn/prepared\n"
        "touch lambda_fn/prepared/detector\nexit $(cat code)\n"
    )
    python.chmod(0o755)

    def setup(code: int) -> bool:
        (tmp_path / "code").write_text(str(code))
        command = ["make", "--silent", "--old-file=.venv/installed", STAMP]
        ended = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False)
        return ended.returncode == 0

    assert [setup(130), setup(0), setup(0)] == [False, True, True]
    assert (tmp_path / "runs").read_text().split() == ["ran"] * 2


def test_a_new_folder_has_no_stamp_until_it_is_complete(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted() -> list[bytes]:
        raise KeyboardInterrupt

    (tmp_path / "prepared").mkdir()
    (tmp_path / "prepared" / "made").touch()
    monkeypatch.setattr(cache, "BESIDE", tmp_path / "prepared")
    monkeypatch.setattr(detector, "make", interrupted)
    with pytest.raises(KeyboardInterrupt):
        runpy.run_module("lambda_fn.prepare", run_name="__main__")
    assert not (tmp_path / "prepared" / "made").exists()
