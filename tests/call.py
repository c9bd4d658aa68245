"""A call of AWS's API, as it arrives: just enough of HTTP to tell one from the next."""

import asyncio
import json
import re
from dataclasses import dataclass


@dataclass
class Call:
    """A request as it arrived, and the body of the real answer, if there was one.

    `at` and `answered_at` in seconds of the loop's clock.
    """

    at: float
    path: str
    headers: dict[str, str]
    body: bytes
    raw: bytes
    is_under_way: bool = True
    answer: bytes = b""
    answered_at: float = 0.0

    @property
    def operation(self) -> str:
        """The call's name in AWS's API; of S3, which has none, the method."""
        if target := self.headers.get("x-amz-target"):
            return target.rpartition(".")[2]
        if self.path.endswith("/invocations"):
            dry = self.headers.get("x-amz-invocation-type") == "DryRun"
            return "DryRun" if dry else "Invoke"
        return self.raw.partition(b" ")[0].decode()

    @property
    def queue(self) -> str:
        """The name of the queue that it is about, if any."""
        if "x-amz-target" not in self.headers:
            return ""
        return str(json.loads(self.body).get("QueueUrl", "")).rpartition("/")[2]

    @property
    def access_key(self) -> str:
        """Who signed it."""
        found = re.search("Credential=([^/]+)/", self.headers.get("authorization", ""))
        return found[1] if found else ""


async def read_call(reader: asyncio.StreamReader) -> Call:
    """The next call on a connection; raises IncompleteReadError at its end."""
    head = await reader.readuntil(b"\r\n\r\n")
    first, *rest = head.decode("latin-1").strip().split("\r\n")
    pairs = (line.partition(":") for line in rest)
    headers = {name.lower(): value.strip() for name, _, value in pairs}
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    # Ours says `Connection: close`, whatever the bridge says of its own.
    kept = [line for line in rest if not line.lower().startswith("connection:")]
    raw = "\r\n".join([first, *kept]).encode("latin-1") + b"\r\n\r\n" + body
    at = asyncio.get_running_loop().time()
    return Call(at, first.split(" ")[1], headers, body, raw)
