import resource
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from hybridsphere.recognition.space import Embeddings
from lambda_fn import handler
from lambda_fn.faces.detector import Face
from lambda_fn.runtime.memory import bounded
from lambda_fn.video.video import Frame
from tests.lambda_fn.function_stage import ClipMaker, Portrait, Stage, Watched

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells and bounds it")

MB = 2**20


@pytest.fixture(autouse=True)
def _function_of_512_mb(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "512")


# In a process of its own: what other tests have left, and is given back meanwhile, could be taken
# once more.
_TAKES_A_SHARE = f"""
import numpy as np
from lambda_fn.runtime.memory import bounded

with bounded():
    assert np.ones({250 * MB}, np.uint8).all()
    try:
        np.ones({350 * MB}, np.uint8)
    except MemoryError:
        print("no more")
assert np.ones({350 * MB}, np.uint8).all()
print("lifted")
"""


def test_a_share_of_the_function_s_memory_can_be_taken_and_no_more() -> None:
    told = subprocess.run(
        [sys.executable, "-c", _TAKES_A_SHARE], check=True, capture_output=True, text=True
    )
    assert told.stdout.splitlines() == ["no more", "lifted"]


def test_the_bound_is_lifted_after_an_error_too() -> None:
    before = resource.getrlimit(resource.RLIMIT_DATA)
    with pytest.raises(ZeroDivisionError), bounded():
        raise ZeroDivisionError
    assert resource.getrlimit(resource.RLIMIT_DATA) == before


def test_a_video_that_needs_more_to_be_looked_at_is_too_large(
    stage: Stage, make_clip: ClipMaker, portrait: Portrait, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Greedy(Watched):
        def encode(self, frame: Frame, faces: list[Face], *more: Any) -> Embeddings:
            assert np.ones(1000 * MB, np.uint8).all()
            return super().encode(frame, faces, *more)

    greedy = Greedy()
    clip = make_clip(portrait("ada"))
    monkeypatch.setattr(handler, "engine_of", lambda *_: greedy)
    [result] = stage.run(stage.upload("clip.mp4", clip))
    assert (result.status, result.reason) == ("unreadable", "too_large")
