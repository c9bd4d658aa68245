"""Set-ups that cannot work: region, credentials, endpoint."""

import os
import socket
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from hybridsphere.aws import (
    AwsError,
    Unavailable,
    connect,
    credentials,
)
from hybridsphere.aws.one_shot import client
from hybridsphere.errors import CannotRun, CannotRunNow, ConfigurationError
from tests.aws.aws_stage import QUEUE, Service


async def test_a_refused_connection_is_reported_without_certificates(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{port}")
    async with connect(polls=1, invocations=1, invocation_type="Event") as aws:
        with pytest.raises(Unavailable) as failed:
            await aws.queue(f"http://127.0.0.1:{port}/1/queue").receive(1, visibility_timeout_s=30)
    assert f"Cannot connect to host 127.0.0.1:{port} [" in str(failed.value)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"AWS_REGION": None}, "AWS_REGION is not set"),
        ({"AWS_REGION": "not a region"}, "'not a region'"),
        ({"AWS_SECRET_ACCESS_KEY": None}, "AWS_SECRET_ACCESS_KEY"),
        ({"AWS_ACCESS_KEY_ID": None, "AWS_SECRET_ACCESS_KEY": None}, "AWS_PROFILE"),
        ({"AWS_PROFILE": "nobody"}, "nobody"),
        ({"AWS_ENDPOINT_URL": "somewhere"}, "AWS_ENDPOINT_URL.*somewhere"),
        ({"AWS_ENDPOINT_URL": "http://["}, "AWS_ENDPOINT_URL"),
        ({"AWS_CONFIG_FILE": "{broken}"}, "AWS_CONFIG_FILE.*broken"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else "",
)
async def test_an_unusable_set_up_is_a_configuration_error_of_one_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, change: dict[str, str | None], says: str
) -> None:
    broken = tmp_path / "broken"
    broken.write_text("[profile default\n")
    for name, value in change.items():
        if value is None:
            monkeypatch.delenv(name)
        else:
            monkeypatch.setenv(name, value.format(broken=broken))
    with pytest.raises(ConfigurationError, match=says) as caught:
        async with connect(polls=1, invocations=1, invocation_type="Event"):
            pass
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("profile", "says", "kind"),
    [
        ("proc", "credential_process of the profile proc cannot be started", ConfigurationError),
        ("mfa", "MFA code.*AWS_PROFILE", ConfigurationError),
        ("chained", "MFA code.*AWS_PROFILE", ConfigurationError),
        ("odd", "no AWS credentials at the moment", CannotRunNow),
        ("circle", "AWS", CannotRun),
    ],
)
@pytest.mark.parametrize("tool", [True, False], ids=["tool", "bridge"])
async def test_a_failing_source_of_credentials_is_reported_in_one_line(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    *,
    profile: str,
    says: str,
    kind: type[CannotRun],
    tool: bool,
) -> None:
    config = tmp_path / "config"
    config.write_text(PROFILES)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    monkeypatch.setenv("AWS_PROFILE", profile)
    made = client("s3") if tool else connect(polls=1, invocations=1, invocation_type="Event")
    with pytest.raises(kind, match=says) as caught:
        async with made:
            pass
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code in (1, 2)


async def test_a_source_of_credentials_that_drips_in_ends_the_start_in_time(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    service.body, service.drips_s = b"x" * 1000, 0.05
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", os.environ["AWS_ENDPOINT_URL"])
    monkeypatch.setattr(credentials, "FOUND_WITHIN_S", 0.3)
    with pytest.raises(CannotRunNow, match=r"has not answered within 0\.3 s"):
        async with connect(polls=1, invocations=1, invocation_type="Event"):
            pass


PROFILES = """
[profile proc]
credential_process = /nowhere/creds
[profile odd]
credential_process = echo
[profile mfa]
role_arn = arn:aws:iam::123456789012:role/a
source_profile = base
mfa_serial = arn:aws:iam::123456789012:mfa/u
[profile chained]
role_arn = arn:aws:iam::123456789012:role/b
source_profile = mfa
[profile circle]
role_arn = arn:aws:iam::123456789012:role/b
source_profile = other
[profile other]
role_arn = arn:aws:iam::123456789012:role/b
source_profile = circle
[profile base]
aws_access_key_id = local
aws_secret_access_key = local
"""


@pytest.mark.parametrize("address", ["me:hunter2@host", "http://me:hunter2@the host"])
async def test_an_error_about_an_unusable_endpoint_hides_its_password(
    monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", address)
    with pytest.raises(ConfigurationError, match=r"AWS_ENDPOINT_URL.*…@") as caught:
        async with connect(polls=1, invocations=1, invocation_type="Event"):
            pass
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    "address", ["http://me:hunter2@127.0.0.1:1", "http://hunter2@127.0.0.1:99999"]
)
async def test_a_failed_call_to_a_url_with_a_password_hides_it(
    monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", address)
    async with connect(polls=1, invocations=1, invocation_type="Event") as aws:
        queue = aws.queue(QUEUE)
        for call in (
            partial(queue.receive, 1, visibility_timeout_s=30),
            partial(queue.change_visibility, ["a"], 0),
            aws.bucket("input-bucket-video").probe,
        ):
            with pytest.raises(AwsError) as failed:
                await call()
            assert "hunter2" not in str(failed.value)


def test_the_room_that_knows_aws_needs_nothing_of_the_settings() -> None:
    check = (
        "import sys, hybridsphere.aws, hybridsphere.aws.one_shot;"
        "print('hybridsphere.settings' in sys.modules)"
    )
    answer = subprocess.run(
        [sys.executable, "-c", check], check=True, capture_output=True, text=True
    )
    assert answer.stdout.strip() == "False"
