"""Secrets in failures: no output holds a proxy's password or a session token."""

import asyncio
import base64
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests import bridge_process
from tests.acts import Act, Exchange, page, reset, say
from tests.faults.fault_stage import Site
from tests.forked import Forked
from tests.leaks import SECRET
from tests.proxy import Proxy
from tests.stage import PATIENCE_S, until

pytestmark = pytest.mark.asyncio(loop_scope="session")

PASSWORD = "the-proxy-password-of-all-tests"
TOKEN = "the-session-token-of-all-tests"
SECRETS = (PASSWORD, base64.b64encode(f"user:{PASSWORD}".encode()).decode(), TOKEN)


async def quote(exchange: Exchange) -> None:
    """Answer with an error that quotes the request, as signature errors do."""
    headers = "\\n".join(f"{name}:{text}" for name, text in exchange.call.headers.items())
    message = f"The signature does not match.\\n\\nThe Canonical String is\\n{headers}"
    body = f'{{"__type": "InvalidSignatureException", "message": "{message}"}}'
    say(exchange, 403, body.encode())


ANSWERS = {
    "asks who is there": page(407, b"<html>Proxy Authentication Required"),
    "finds nobody": page(502, b"<html>Bad Gateway"),
    "is no proxy": page(204, b""),
    "speaks no HTTP": page(999_999, b""),
    "resets": reset,
    "quotes the request": quote,
}


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("manner", ANSWERS)
async def test_no_log_or_readiness_holds_a_password_or_a_session_token(
    site: Site, scheme: str, manner: str
) -> None:
    act: Act = ANSWERS[manner]
    async with Proxy("http://127.0.0.1:1") as proxy:
        address = f"http://user:{PASSWORD}@127.0.0.1:{proxy.port}"
        environment = site.environment(
            AWS_ENDPOINT_URL=f"{scheme}://aws.hybridsphere.test",
            AWS_SESSION_TOKEN=TOKEN,
            HTTP_PROXY=address,
            HTTPS_PROXY=address,
        )
        del environment["AWS_ENDPOINT_URL_LAMBDA"]
        with proxy.failing(act):
            async with bridge_process.running(environment, site.size.bridge) as bridge:
                await until(lambda: bridge.is_troubled("input queue", "output queue"))
                _, troubles = await bridge.readiness()
                told = f"{bridge.lines} {troubles}"
                # The password did reach the proxy.
                assert any("proxy-authorization" in call.headers for call in proxy.calls)
                assert bridge.of("probe.failed")
                assert await bridge.stop() == 0
        told += str(bridge.lines)
    assert [secret for secret in SECRETS if secret in told] == []


ASSUMED = f"""<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
<AssumeRoleResult><Credentials><AccessKeyId>ASIAROLE</AccessKeyId>
<SecretAccessKey>{SECRET}</SecretAccessKey><SessionToken>{TOKEN}</SessionToken>
<Expiration>2099-01-01T00:00:00Z</Expiration></Credentials>"""
"""An answer of STS with new credentials, without its end."""


@pytest_asyncio.fixture(
    loop_scope="session",
    params=[
        ("http", page(200, ASSUMED.encode(), "text/xml")),
        ("https", ANSWERS["asks who is there"]),
        ("https", ANSWERS["finds nobody"]),
    ],
    ids=["is cut", "the proxy asks who is there", "the proxy finds nobody"],
)
async def without_a_role(
    request: pytest.FixtureRequest, site: Site, tmp_path: Path
) -> AsyncIterator[dict[str, str]]:
    """The environment of somebody whose role's credentials STS is asked for, through a proxy."""
    scheme, act = request.param
    config = tmp_path / "config"
    config.write_text(
        "[profile role]\nrole_arn = arn:aws:iam::123456789012:role/bridge\nsource_profile = base\n"
        f"[profile base]\naws_access_key_id = AKIABASE\naws_secret_access_key = {SECRET}\n"
    )
    async with Proxy("http://127.0.0.1:1") as proxy:
        address = f"http://user:{PASSWORD}@127.0.0.1:{proxy.port}"
        environment = site.environment(
            AWS_CONFIG_FILE=str(config),
            AWS_PROFILE="role",
            AWS_ENDPOINT_URL_STS=f"{scheme}://sts.hybridsphere.test",
            HTTP_PROXY=address,
            HTTPS_PROXY=address,
            NO_PROXY="127.0.0.1",
            # botocore would ask STS again and again, for a minute.
            AWS_MAX_ATTEMPTS="1",
        )
        del environment["AWS_ACCESS_KEY_ID"], environment["AWS_SECRET_ACCESS_KEY"]
        with proxy.failing(act):
            yield environment
        assert any("proxy-authorization" in call.headers for call in proxy.calls)


async def test_a_bridge_without_its_role_logs_no_credentials_or_password(
    without_a_role: dict[str, str],
) -> None:
    async with bridge_process.started(environment=without_a_role) as bridge:
        await bridge.seen("library.message", level="warning")
        await bridge.stop()
        told = str(bridge.lines)
    assert "Refreshing temporary credentials failed" in told
    assert [secret for secret in (*SECRETS, SECRET) if secret in told] == []


async def test_a_doctor_without_its_role_prints_no_credentials_or_password(
    without_a_role: dict[str, str],
) -> None:
    process = await Forked.start("hybridsphere", "doctor", environ=without_a_role)
    async with asyncio.timeout(PATIENCE_S):
        told = b"".join(await process.communicate()).decode()
    assert process.returncode == 1
    assert "Refreshing temporary credentials failed" in told
    assert "Traceback" not in told
    assert [secret for secret in (*SECRETS, SECRET) if secret in told] == []
