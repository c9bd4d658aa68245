"""An account by moto's server in a thread, for tests that need S3, SQS or DynamoDB and no more."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from moto.server import ThreadedMotoServer

from hybridsphere.local.moto_process import remember_services
from tests.leaks import SECRET


@contextmanager
def moto_account() -> Iterator[None]:
    """While it lasts, the environment leads every client there, whatever the reader's own says."""
    remember_services()
    server = ThreadedMotoServer(port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("AWS_PROFILE", raising=False)
        patch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
        patch.setenv("AWS_REGION", "us-east-1")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        patch.setenv("AWS_ACCESS_KEY_ID", "test")
        patch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
        yield
    server.stop()
