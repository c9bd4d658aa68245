"""Secrets in what fails: a proxy's password and a session token are told to nobody."""

import base64

import bridge_process
import pytest
from acts import Act, Exchange, page, reset, say
from fault_stage import Site
from proxy import Proxy
from stage import until

pytestmark = pytest.mark.asyncio(loop_scope="session")

PASSWORD = "the-proxy-password-of-all-tests"
TOKEN = "the-session-token-of-all-tests"
SECRETS = (PASSWORD, base64.b64encode(f"user:{PASSWORD}".encode()).decode(), TOKEN)


async def quote(exchange: Exchange) -> None:
    """An error of AWS's that quotes the request, as those of signatures do."""
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
async def test_no_line_and_no_readiness_tells_a_proxy_s_password_or_a_session_token(
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
                # What is not told is known: it did reach the proxy.
                assert any("proxy-authorization" in call.headers for call in proxy.calls)
                assert bridge.of("probe.failed")
                assert await bridge.stop() == 0
        told += str(bridge.lines)
    assert [secret for secret in SECRETS if secret in told] == []
