import shutil
import subprocess
from pathlib import Path

import pytest

USER_DATA = Path(__file__).parents[3] / "deploy/openstack/user-data.yaml"

pytestmark = pytest.mark.skipif(
    shutil.which("cloud-init") is None, reason="cloud-init is not installed"
)


def schema(path: Path) -> subprocess.CompletedProcess[str]:
    # PYTHONPATH is for this project's Python, not for the system's that cloud-init runs on.
    return subprocess.run(
        ["cloud-init", "schema", "--config-file", path],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
    )


def test_cloud_inits_schema_accepts_the_user_data() -> None:
    done = schema(USER_DATA)
    assert done.returncode == 0, done.stderr


def test_cloud_inits_schema_would_find_a_mistake(tmp_path: Path) -> None:
    wrong = tmp_path / "user-data.yaml"
    wrong.write_text(USER_DATA.read_text().replace("package_update: true", "package_update: [1]"))
    assert schema(wrong).returncode != 0
