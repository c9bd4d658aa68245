"""The scripts with the real aws command, against moto's server."""

import asyncio
import json
import os
import shutil
import stat
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import boto3
import pytest
import yaml

from hybridsphere.local.moto_server import MotoServer
from tests.deploy.aws.aws_stack import stack_arguments
from tests.deploy.aws.aws_template import FOLDER, IMAGE, chosen

CREDENTIALS = {"aws_access_key_id": "x", "aws_secret_access_key": "x"}
USER = "hybridsphere-bridge-eu-west-1"


class Scripts:
    """deploy.sh and destroy.sh with a template that moto understands, and an account for them."""

    def __init__(self, folder: Path, endpoint: str, aws: str) -> None:
        self._endpoint = endpoint
        self.folder = folder
        shutil.copytree(FOLDER, folder / "aws")
        (folder / "aws" / "template.yaml").write_text(yaml.safe_dump(chosen(), sort_keys=False))
        command = folder / "bin" / "hybridsphere"
        command.parent.mkdir()
        command.write_text(f'#!/bin/sh\nexec {sys.executable} -m hybridsphere "$@"\n')
        command.chmod(0o755)
        self._environment = {
            "PATH": os.pathsep.join([str(command.parent), str(Path(aws).parent), os.defpath]),
            "HOME": str(folder),
            "PYTHONPATH": os.pathsep.join(sys.path),
            "AWS_REGION": "eu-west-1",
            "AWS_ENDPOINT_URL": endpoint,
            **{name.upper(): text for name, text in CREDENTIALS.items()},
        }

    def client(self, service: str) -> Any:
        return boto3.client(
            service, region_name="eu-west-1", endpoint_url=self._endpoint, **CREDENTIALS
        )

    async def run(self, script: str, *arguments: str) -> None:
        process = await asyncio.create_subprocess_exec(
            str(self.folder / "aws" / script),
            *arguments,
            cwd=self.folder,
            env=self._environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        output, _ = await process.communicate()
        assert process.returncode == 0, output.decode()


@pytest.fixture
async def scripts(
    no_aws_variables: None, tmp_path: Path, tool: Callable[[str], str]
) -> AsyncIterator[Scripts]:
    pytest.importorskip(
        "openapi_spec_validator", reason="moto's CloudFormation needs openapi-spec-validator"
    )
    aws = tool("aws")
    async with MotoServer() as server:
        yield Scripts(tmp_path, server.endpoint, aws)


async def test_a_stack_is_deployed_deployed_again_and_destroyed(scripts: Scripts) -> None:
    # A stack that moto makes by a change set, as the aws command does, has no outputs.
    scripts.client("cloudformation").create_stack(**stack_arguments({}))
    students = [{"name": "ada", "major": "math", "year": "senior"}]
    (scripts.folder / "students.json").write_text(json.dumps(students))
    (scripts.folder / "gallery.npz").write_bytes(b"faces")

    await scripts.run(
        *("deploy.sh", "--image", IMAGE),
        *("--students", "students.json", "--gallery", "gallery.npz"),
    )
    environment = scripts.folder / "bridge.env"
    assert stat.S_IMODE(environment.stat().st_mode) == 0o600
    variables = dict(line.split("=", 1) for line in environment.read_text().splitlines())
    assert variables["HYBRIDSPHERE_FUNCTION_NAME"] == "hybridsphere-face-recognition"
    found = scripts.client("dynamodb").get_item(
        TableName="hybridsphere-students", Key={"name": {"S": "ada"}}
    )
    assert found["Item"]["major"] == {"S": "math"}

    await scripts.run("deploy.sh", "--image", IMAGE, "Tolerance=0.5")
    function = scripts.client("lambda").get_function(
        FunctionName=variables["HYBRIDSPHERE_FUNCTION_NAME"]
    )["Configuration"]["Environment"]["Variables"]
    assert float(function["HYBRIDSPHERE_TOLERANCE"]) == 0.5
    bucket, _, key = function["HYBRIDSPHERE_GALLERY"].removeprefix("s3://").partition("/")
    assert scripts.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read() == b"faces"

    scripts.client("iam").create_access_key(UserName=USER)
    await scripts.run("destroy.sh", "--yes")
    assert scripts.client("s3").list_buckets()["Buckets"] == []
    assert scripts.client("iam").list_users()["Users"] == []
    await scripts.run("destroy.sh", "--yes")
