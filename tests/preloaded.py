"""All that commands load, for the process from which they are forked."""

import gc
import importlib
from collections import defaultdict
from typing import Any

from botocore import loaders, session

MODULES = (
    "hybridsphere.__main__",
    "hybridsphere.bridge.service",
    "hybridsphere.cli.app",
    "hybridsphere.commands.doctor",
    "hybridsphere.commands.doctor.report",
    "hybridsphere.local.serve",
    "tests.commands.hanging_doctor",
    "tests.faults.dying_bridge",
    "tests.local.owner",
    "tests.local.serving",
)

_create_loader = loaders.create_loader
_read: dict[str | None, dict[Any, Any]] = defaultdict(dict)


def _sharing_loader(search_path: str | None = None) -> loaders.Loader:
    """Create a loader that knows what earlier ones read."""
    loader = _create_loader(search_path)
    loader._cache = _read[search_path]
    return loader


def _read_descriptions() -> None:
    """Read the descriptions of the services, which are megabytes of JSON."""
    aws = session.get_session()
    for service in ("sqs", "s3", "lambda", "dynamodb", "sts"):
        aws.create_client(
            service, region_name="eu-west-1", aws_access_key_id="x", aws_secret_access_key="x"
        )


for _module in MODULES:
    importlib.import_module(_module)
session.create_loader = _sharing_loader
_read_descriptions()
# The collector of a forked process need not look at what is here, nor copy its pages.
gc.collect()
gc.freeze()
