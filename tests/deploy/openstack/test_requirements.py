"""Where `make openstack-check` is skipped, and what it leaves of a machine's settings."""

import os
import platform
from pathlib import Path

import pytest

from tests.deploy.cloud import packages
from tests.deploy.cloud.requirements import obstacle


@pytest.fixture
def debian(monkeypatch: pytest.MonkeyPatch) -> None:
    release = {"PRETTY_NAME": "Debian GNU/Linux 12 (bookworm)", "VERSION_CODENAME": "bookworm"}
    monkeypatch.setattr(platform, "freedesktop_os_release", lambda: release)


def test_another_system_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    release = {"PRETTY_NAME": "Ubuntu 24.04 LTS", "VERSION_CODENAME": "noble"}
    monkeypatch.setattr(platform, "freedesktop_os_release", lambda: release)
    reason = obstacle(tmp_path)
    assert reason is not None
    assert "needs Debian 12" in reason
    assert "Ubuntu 24.04" in reason


@pytest.mark.usefixtures("debian")
def test_an_ordinary_user_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert "needs root" in str(obstacle(tmp_path))


@pytest.mark.parametrize("before", [None, b"#!/bin/sh\nexit 104\n"])
def test_packages_start_no_service_and_the_policy_is_as_before(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, before: bytes | None
) -> None:
    policy = tmp_path / "policy-rc.d"
    if before:
        policy.write_bytes(before)
        policy.chmod(0o700)
    monkeypatch.setattr(packages, "POLICY", policy)

    def interrupted() -> None:
        with packages.no_services():
            assert policy.read_text() == "#!/bin/sh\nexit 101\n"
            assert policy.stat().st_mode & 0o777 == 0o755
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert (policy.read_bytes() if policy.exists() else None) == before
    assert before is None or policy.stat().st_mode & 0o777 == 0o700
