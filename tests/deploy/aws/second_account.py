"""A second, independent account: MiniStack, which enforces the policies of its identities."""

import asyncio
import json
import os
import secrets
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3

import lambda_fn
from hybridsphere.demo.bridge import running_bridge
from hybridsphere.host.function import FunctionSettings
from hybridsphere.local import resources
from hybridsphere.local.account import LocalAccount
from hybridsphere.local.lambda_host import LambdaHost
from tests.deploy.aws.aws_template import FOLDER
from tests.deploy.daemons import Daemons, daemons, free_port
from tests.leaks import function_log
from tests.pipeline.pipeline_stage import Pipeline

REGION = "eu-west-1"
CERTIFICATE = "certificate.pem"
ROOT = {"AWS_ACCESS_KEY_ID": "root", "AWS_SECRET_ACCESS_KEY": secrets.token_hex(16)}


@dataclass(frozen=True, slots=True)
class SecondAccount:
    """The account, the scripts of deploy/aws, and a folder that they run in."""

    endpoint: str
    folder: Path
    tools: tuple[str, ...]
    """Folders of the commands that the scripts call."""

    def client(self, service: str, keys: Mapping[str, str] = ROOT) -> Any:
        """A client with the keys of an identity."""
        return boto3.client(
            service,
            region_name=REGION,
            endpoint_url=self.endpoint,
            verify=str(self.folder / CERTIFICATE),
            **{name.lower(): text for name, text in keys.items()},
        )

    def environment(self, keys: Mapping[str, str] = ROOT) -> dict[str, str]:
        """The variables of a program that runs with the keys of an identity."""
        return {
            "PATH": os.pathsep.join([*self.tools, os.defpath]),
            "HOME": str(self.folder),
            "PYTHONPATH": os.pathsep.join(sys.path),
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_CA_BUNDLE": str(self.folder / CERTIFICATE),
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            **keys,
        }

    def keys(self, identity: str) -> dict[str, str]:
        """A new access key of a user of the stack."""
        return self._new_key(f"hybridsphere-{identity}-{REGION}")

    def deployer_keys(self) -> dict[str, str]:
        """The access key of a new user with deployer-policy.json alone."""
        iam = self.client("iam")
        iam.create_user(UserName="deployer")
        document = (FOLDER / "deployer-policy.json").read_text(encoding="utf-8")
        policy = iam.create_policy(PolicyName="deployer", PolicyDocument=document)
        iam.attach_user_policy(UserName="deployer", PolicyArn=policy["Policy"]["Arn"])
        return self._new_key("deployer")

    def _new_key(self, user: str) -> dict[str, str]:
        made = self.client("iam").create_access_key(UserName=user)["AccessKey"]
        return {
            "AWS_ACCESS_KEY_ID": made["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": made["SecretAccessKey"],
        }

    def allow_batches(self) -> None:
        """Let the bridge call SQS in batches.

        In AWS the action of the single call allows the batch too; MiniStack wants another.
        """
        actions = ["sqs:DeleteMessageBatch", "sqs:ChangeMessageVisibilityBatch"]
        statement = {"Effect": "Allow", "Action": actions, "Resource": "*"}
        self.client("iam").put_user_policy(
            UserName=f"hybridsphere-bridge-{REGION}",
            PolicyName="batches",
            PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [statement]}),
        )

    def run(self, *command: str, keys: Mapping[str, str] = ROOT, code: int = 0) -> str:
        """Run a command in the folder, and return what it printed."""
        done = subprocess.run(
            command,
            cwd=self.folder,
            env=self.environment(keys),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert done.returncode == code, done.stdout
        return done.stdout

    def deploy(self, *arguments: str, keys: Mapping[str, str] = ROOT) -> dict[str, str]:
        """Run deploy.sh, and return the bridge's variables that it wrote."""
        self.run(str(FOLDER / "deploy.sh"), *arguments, keys=keys)
        lines = (self.folder / "bridge.env").read_text().splitlines()
        return dict(line.split("=", 1) for line in lines)

    def queues(self) -> set[str]:
        urls = self.client("sqs").list_queues().get("QueueUrls", [])
        return {url.rpartition("/")[2] for url in urls}

    def function_variables(self) -> dict[str, str]:
        """The environment of the deployed function."""
        name = "hybridsphere-face-recognition"
        answer = self.client("lambda").get_function_configuration(FunctionName=name)
        return {key: str(value) for key, value in answer["Environment"]["Variables"].items()}


@dataclass
class Deployed(Pipeline):
    """The deployed system: a bridge with the stack's variables, and the function beside it.

    MiniStack runs a function's image in Docker, so the function runs in the Lambda host here, with
    the variables of the deployed function.
    """

    account: LocalAccount = field(init=False, repr=False)
    second: SecondAccount = field(kw_only=True)

    @asynccontextmanager
    async def client(self, service: str) -> AsyncIterator[Any]:
        yield _Awaitable(self.second.client(service))


class _Awaitable:
    """The calls of a client of boto3, each in a thread."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def __getattr__(self, name: str) -> Any:
        call = getattr(self._client, name)
        return lambda **parameters: asyncio.to_thread(call, **parameters)


@asynccontextmanager
async def system(
    second: SecondAccount, keys: Mapping[str, str], **changes: str
) -> AsyncIterator[Deployed]:
    """Run bridge and function as bridge.env says; `changes` replace some of the variables."""
    lines = (second.folder / "bridge.env").read_text().splitlines()
    variables = dict(line.split("=", 1) for line in lines)

    async def fail(record: dict[str, Any]) -> None:
        raise AssertionError(f"the function has given up: {json.dumps(record)}")

    with function_log(second.folder) as log:
        function = FunctionSettings(
            name="hybridsphere-face-recognition",
            handler=resources.FUNCTION.handler,
            timeout_s=900,
            memory_mb=2048,
            reserved_concurrency=1,
            environment={
                **second.function_variables(),
                **ROOT,
                "AWS_ENDPOINT_URL": second.endpoint,
                "AWS_CA_BUNDLE": str(second.folder / CERTIFICATE),
            },
            region=REGION,
        )
        root = Path(lambda_fn.__file__).parents[1]
        async with LambdaHost(function, task_root=root, on_failure=fail, log=log) as host:
            environment = {
                **second.environment(keys),
                **variables,
                "AWS_ENDPOINT_URL_LAMBDA": host.endpoint,
                "HYBRIDSPHERE_RESULTS_DIR": str(second.folder / "results"),
                "HYBRIDSPHERE_HTTP": "",
                **changes,
            }
            async with running_bridge(environment, second.folder / "bridge.log") as bridge:
                yield Deployed(
                    bridge=bridge,
                    environment=environment,
                    results=Path(environment["HYBRIDSPHERE_RESULTS_DIR"]),
                    second=second,
                )
                assert await bridge.stop(within_s=30) == 0


@contextmanager
def ministack(command: str, folder: Path, tools: tuple[str, ...]) -> Iterator[SecondAccount]:
    """The account, in a process on a free port."""
    port = free_port()
    environment = {
        "PATH": os.defpath,
        "HOME": str(folder),
        "GATEWAY_PORT": str(port),
        "BIND_HOST": "127.0.0.1",
        "MINISTACK_HOST": "127.0.0.1",
        "MINISTACK_REGION": REGION,
        "AUTH": "true",
        # The template's bucket policies refuse requests without TLS.
        "USE_SSL": "1",
        "MINISTACK_SSL_CERT": str(folder / CERTIFICATE),
        "MINISTACK_SSL_KEY": str(folder / "key.pem"),
        **ROOT,
    }
    with daemons(folder, environment) as started:
        _make_certificate(started)
        started.start("ministack", command)
        endpoint = f"https://127.0.0.1:{port}"
        started.await_answer(f"{endpoint}/_ministack/health", folder / CERTIFICATE)
        yield SecondAccount(endpoint, folder, tools)


def _make_certificate(daemons: Daemons) -> None:
    options = ("-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1")
    names = ("-addext", "subjectAltName=IP:127.0.0.1", "-addext", "basicConstraints=CA:FALSE")
    files = ("-keyout", "key.pem", "-out", CERTIFICATE)
    daemons.run("openssl", "req", *options, *names, *files)
