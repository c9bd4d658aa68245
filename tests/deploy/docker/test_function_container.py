"""The function's image by its two entries: Lambda's runtime, and the host."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.deploy.conftest import ROOT
from tests.deploy.docker.conftest import Account
from tests.deploy.docker.documented import block, commands
from tests.deploy.docker.engine import Engine, until
from tests.deploy.docker.material import VIDEO, Material

pytestmark = pytest.mark.docker

AWS = ROOT / ".cache/account/bin"
HOST = "hybridsphere-host"


@pytest.fixture(scope="session")
def aws() -> str:
    """The PATH with the `aws` command at its end."""
    if not (AWS / "aws").exists():
        pytest.skip("aws is not installed: `make deploy-tools` installs it")
    return f"/usr/bin:/bin:{AWS}"


@pytest.fixture
def _emulated(
    docker: Engine, function_image: str, account: Account, stuff: Material
) -> Iterator[None]:
    chmod, run = commands("deploy.md", "chmod 644 gallery.npz")
    docker.shell(chmod, stuff.folder)
    docker.start(run, stuff.folder, stuff.folder / "function.log")
    until(lambda: docker.answers("http://127.0.0.1:8080/"))
    yield
    docker.remove(docker.docker("ps", "--quiet", "--filter", f"ancestor={function_image}"))


@pytest.fixture
def _hosted(
    docker: Engine, function_image: str, account: Account, stuff: Material, aws: str
) -> Iterator[None]:
    galleries = "set -a && . ./local.env && aws s3 mb s3://galleries && aws s3 cp gallery.npz"
    docker.shell(f"{galleries} s3://galleries/gallery.npz", stuff.folder, PATH=aws)
    location = {"HYBRIDSPHERE_GALLERY": "s3://galleries/gallery.npz"}
    account.write_for_containers(stuff.folder / "host.env", **location)
    make_keys = block("places.md", "hybridsphere host --make-keys").partition("#")[0]
    docker.shell(f"ip address add 10.0.0.5/32 dev lo; .venv/bin/{make_keys}", stuff.folder)
    docker.shell(block("places.md", "docker run --detach --name hybridsphere-host"), stuff.folder)
    until(lambda: docker.answers("http://10.0.0.5:9000/healthz"))
    yield
    docker.remove(HOST)


def test_it_adds_at_most_325_mb_to_its_base(
    docker: Engine, production_image: str, base_image: str, figures: Callable[[str], None]
) -> None:
    added = (docker.size_of(production_image) - docker.size_of(base_image)) / 1e6
    figures(f"the function's image adds {added:.0f} MB to its base")
    assert added <= 325


@pytest.mark.usefixtures("_emulated")
def test_the_documented_call_of_the_emulator_recognises_a_real_video(
    docker: Engine, stuff: Material, aws: str, figures: Callable[[str], None]
) -> None:
    call = block("deploy.md", "set -a && . ./local.env").replace("curl", "curl --silent")
    took = []
    for _ in range(2):
        before = time.monotonic()
        (video,) = json.loads(docker.shell(call, stuff.folder, PATH=aws))["videos"]
        took.append(time.monotonic() - before)
        assert (video["key"], video["status"]) == (VIDEO, "matched")
    figures(f"an upload and a call: cold {took[0]:.2f} s, warm {took[1]:.2f} s")
    csv = "set -a; . ./local.env; aws s3 cp s3://$HYBRIDSPHERE_OUTPUT_BUCKET/test_0.mp4.csv -"
    assert stuff.person in docker.shell(csv, stuff.folder, PATH=aws)


def invocation(stuff: Material, etag: str) -> Path:
    """Write the event of an upload to a file."""
    record = {
        "eventSource": "aws:s3",
        "eventName": "ObjectCreated:Put",
        "eventTime": time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime()),
        "s3": {
            "bucket": {"name": "input-bucket-video"},
            "object": {"key": VIDEO, "eTag": etag},
        },
    }
    path = stuff.folder / "event.json"
    path.write_text(json.dumps({"Records": [record]}))
    return path


@pytest.mark.usefixtures("_hosted")
def test_the_host_answers_any_aws_client_that_has_a_key(
    docker: Engine, stuff: Material, aws: str, figures: Callable[[str], None]
) -> None:
    put = "set -a; . ./local.env; aws s3api put-object --bucket $HYBRIDSPHERE_INPUT_BUCKET"
    put = f"{put} --key {VIDEO} --body {VIDEO} --query ETag --output text"
    event = invocation(stuff, docker.shell(put, stuff.folder, PATH=aws).strip().strip('"'))
    call = (
        "aws --region us-east-1 --endpoint-url http://10.0.0.5:9000 lambda invoke"
        f" --function-name any --payload file://{event} answer.json"
    )
    keys = {"PATH": aws, "AWS_SHARED_CREDENTIALS_FILE": str(stuff.folder / "host-keys")}
    before = time.monotonic()
    docker.shell(call, stuff.folder, **keys)
    figures(f"the first call of the host, by the aws command: {time.monotonic() - before:.2f} s")
    (video,) = json.loads((stuff.folder / "answer.json").read_text())["videos"]
    assert (video["key"], video["status"]) == (VIDEO, "matched")

    forged = {"PATH": aws, "AWS_ACCESS_KEY_ID": "nobody", "AWS_SECRET_ACCESS_KEY": "nothing"}
    with pytest.raises(
        AssertionError, match=r"403|AccessDenied|InvalidSignature|UnrecognizedClient"
    ):
        docker.shell(call, stuff.folder, **forged)

    docker.docker("stop", HOST)
    assert docker.docker("inspect", "--format", "{{.State.ExitCode}}", HOST) == "0"


def test_without_lambda_and_emulator_it_says_so(docker: Engine, production_image: str) -> None:
    with pytest.raises(AssertionError, match="aws-lambda-rie is not on the PATH"):
        docker.docker("run", "--rm", production_image)
