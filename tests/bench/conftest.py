"""What the tests of the bench share: faces, which take a second to enroll."""

import sys

import pytest

if sys.platform != "linux":
    pytest.skip("cores are bound as Linux does it", allow_module_level=True)

from bench.videos import demo_gallery
from hybridsphere.recognition.gallery import Gallery


@pytest.fixture(scope="session")
def people() -> Gallery:
    """The faces that the demo knows."""
    return demo_gallery()
