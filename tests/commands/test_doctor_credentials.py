"""doctor and the way to AWS: credentials, endpoint, proxy, certificates, clock and patience."""

import asyncio
import datetime as dt
import ipaddress
import os
import ssl
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from hybridsphere.commands.doctor import services
from hybridsphere.commands.doctor.check import Check
from tests.acts import answer
from tests.commands.doctor_stage import Patient
from tests.proxy import Proxy

pytestmark = pytest.mark.asyncio(loop_scope="session")

QUEUES = ("INPUT", "OUTPUT", "DEAD_LETTER")
SERVICES = {
    "input queue",
    "output queue",
    "input bucket",
    "output bucket",
    "dead-letter queue",
    "function",
}


def endpoint(patient: Patient, url: str, queues: str = "") -> None:
    """Send every call to another endpoint; `queues` stands in the URLs of the queues."""
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_LAMBDA"):
        patient.environment.setenv(name, url)
    for name in QUEUES:
        if f"HYBRIDSPHERE_{name}_QUEUE_URL" not in os.environ:
            continue
        path = os.environ[f"HYBRIDSPHERE_{name}_QUEUE_URL"].split("/", 3)[3]
        patient.set(**{f"{name}_QUEUE_URL": f"{queues or url}/{path}"})


async def by_part(patient: Patient) -> dict[str, list[Check]]:
    found: dict[str, list[Check]] = {}
    for check in await patient.checks():
        found.setdefault(check.part, []).append(check)
    return found


async def test_without_credentials_the_whole_list_comes(patient: Patient) -> None:
    patient.environment.delenv("AWS_ACCESS_KEY_ID")
    patient.environment.delenv("AWS_SECRET_ACCESS_KEY")
    patient.environment.setenv("AWS_EC2_METADATA_DISABLED", "true")
    check = await patient.complaint("credentials")
    assert "no AWS credentials" in check.detail
    await nothing_is_asked(patient)


CONFIG = """
[profile proc]
credential_process = /nowhere/creds
[profile slow]
credential_process = sleep 60
[profile mfa]
role_arn = arn:aws:iam::123456789012:role/a
source_profile = base
mfa_serial = arn:aws:iam::123456789012:mfa/u
[profile chain]
role_arn = arn:aws:iam::123456789012:role/b
source_profile = mfa
[profile base]
aws_access_key_id = local
aws_secret_access_key = local
"""


@pytest.mark.parametrize(
    ("profile", "words"),
    [
        ("proc", "/nowhere/creds"),
        ("slow", "has not answered within"),
        ("mfa", "the AWS profile asks for an MFA code"),
        ("chain", "the AWS profile asks for an MFA code"),
        ("nobody", "(nobody) could not be found"),
    ],
)
async def test_a_profile_without_credentials_leaves_the_list_whole(
    patient: Patient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, profile: str, words: str
) -> None:
    monkeypatch.setattr("hybridsphere.commands.doctor.credentials.ANSWER_S", 2)
    (tmp_path / "config").write_text(CONFIG)
    patient.environment.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    patient.environment.setenv("AWS_PROFILE", profile)
    patient.environment.delenv("AWS_ACCESS_KEY_ID")
    patient.environment.delenv("AWS_SECRET_ACCESS_KEY")
    check = await patient.complaint("credentials")
    assert words in check.detail
    assert "AWS_PROFILE" in check.fix
    await nothing_is_asked(patient)


async def nothing_is_asked(patient: Patient) -> None:
    """Every service has its line, and none is called well."""
    found = await by_part(patient)
    assert {"variables", "disk", "ledger", "address", "credentials"} | SERVICES <= found.keys()
    for part in SERVICES - {"dead-letter queue"} | {"clock"}:
        assert [check.state for check in found[part]] == ["note"]


@pytest.mark.parametrize("code", ["InvalidClientTokenId", "ExpiredTokenException"])
async def test_refused_credentials_are_named_as_such(patient: Patient, code: str) -> None:
    async with Proxy(os.environ["AWS_ENDPOINT_URL"]) as proxy:
        endpoint(patient, proxy.endpoint)
        with proxy.failing(answer(403, code)):
            bad = [check for check in await patient.checks() if check.is_bad]
    assert {"input queue", "output queue", "function", "credentials"} <= {one.part for one in bad}
    assert {check.fix for check in bad} == {"renew the AWS credentials, or correct them"}


async def test_an_unreachable_endpoint_is_reported_for_each_part(
    patient: Patient, silent: str
) -> None:
    endpoint(patient, f"http://{silent}")
    found = await by_part(patient)
    bad = {part: checks[0] for part, checks in found.items() if checks[0].is_bad}
    assert bad.keys() == {"input queue", "output queue", "dead-letter queue", "function"}
    assert all("network" in check.fix for check in bad.values())
    for part in ("credentials", "clock", "input bucket", "output bucket"):
        assert [check.state for check in found[part]] == ["note"]


@pytest.mark.parametrize("address", ["http://me:hunter2@127.0.0.1:1", "me:hunter2@127.0.0.1"])
async def test_no_password_of_an_endpoint_is_printed(patient: Patient, address: str) -> None:
    patient.set(SOURCE="bucket", SINK="bucket", INPUT_QUEUE_URL=None, OUTPUT_QUEUE_URL=None)
    patient.environment.setenv("AWS_ENDPOINT_URL", address)
    details = [check.detail for check in await patient.checks() if check.is_bad]
    assert details
    assert [detail for detail in details if "hunter2" in detail] == []


async def test_an_aws_that_hangs_is_asked_at_once_and_given_up_soon(
    patient: Patient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services, "ANSWER_S", 1.0)
    patient.set(DEAD_LETTER_QUEUE_URL=None)
    present, most = 0, 0
    release = asyncio.Event()

    async def hang(_: web.Request) -> web.Response:
        nonlocal present, most
        present += 1
        most = max(most, present)
        await release.wait()
        return web.Response()

    async with served(hang) as url:
        endpoint(patient, url)
        found = await by_part(patient)
        release.set()
    # Two queues, two buckets and the function.
    assert most == len(SERVICES) - 1
    for part in ("input queue", "output queue", "function"):
        assert [check.detail.endswith("no answer within 1 s") for check in found[part]] == [True]
        assert "network" in found[part][0].fix
    for part in ("input bucket", "output bucket", "dead-letter queue", "credentials", "clock"):
        assert [check.state for check in found[part]] == ["note"]


async def test_every_check_goes_through_the_proxy_of_the_bridge(patient: Patient) -> None:
    account = os.environ["AWS_ENDPOINT_URL"]
    lambda_host = os.environ["AWS_ENDPOINT_URL_LAMBDA"]
    async with Proxy(account) as proxy:
        # An address for documentation (RFC 5737), which only the proxy knows.
        endpoint(patient, "http://192.0.2.1")
        patient.environment.setenv("AWS_ENDPOINT_URL_LAMBDA", lambda_host)
        patient.environment.setenv("NO_PROXY", "127.0.0.1")
        patient.environment.setenv("HTTP_PROXY", proxy.endpoint)
        found = await by_part(patient)
    assert [check for checks in found.values() for check in checks if check.is_bad] == []
    assert found["clock"] == [Check("clock", "agrees with the clock of AWS")]


async def test_every_check_trusts_the_certificates_of_the_bridge(
    patient: Patient, tmp_path: Path
) -> None:
    certificate, context = self_signed(tmp_path)
    patient.environment.setenv("AWS_CA_BUNDLE", str(certificate))
    async with served(refuse_at(0), context) as url:
        endpoint(patient, url)
        found = await by_part(patient)
    assert found["clock"] == [Check("clock", "agrees with the clock of AWS")]


async def test_a_wrong_clock_is_reported(patient: Patient) -> None:
    async with served(refuse_at(400)) as url:
        endpoint(patient, url)
        (clock,) = (await by_part(patient))["clock"]
    assert clock.is_bad
    assert clock.detail.endswith(" s behind the clock of AWS")
    assert "NTP" in clock.fix


Answer = Callable[[web.Request], "asyncio.Future[web.Response]"]


def refuse_at(ahead_s: float) -> "Callable[[web.Request], object]":
    """Refuse every call, with a clock that runs ahead."""

    async def refuse(_: web.Request) -> web.Response:
        date = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(time.time() + ahead_s))
        return web.Response(headers={"Date": date}, status=403)

    return refuse


@asynccontextmanager
async def served(
    handler: "Callable[[web.Request], object]", context: ssl.SSLContext | None = None
) -> AsyncIterator[str]:
    """The endpoint of a server that answers every call so."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handler)  # type: ignore[arg-type]
    server = TestServer(app, host="127.0.0.1", scheme="https" if context else "http")
    await server.start_server(ssl=context)
    try:
        yield str(server.make_url("")).rstrip("/")
    finally:
        await server.close()


def self_signed(folder: Path) -> tuple[Path, ssl.SSLContext]:
    """A certificate for 127.0.0.1, and a server's context with it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = dt.datetime.now(dt.UTC)
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    path, private = folder / "certificate.pem", folder / "key.pem"
    path.write_bytes(certificate.public_bytes(pem))
    private.write_bytes(key.private_bytes(pem, form, serialization.NoEncryption()))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path, private)
    return path, context
