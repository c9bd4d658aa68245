"""The health check of the bridge's container: exit 0 while `/healthz` answers 200.

It is also 0 where `HYBRIDSPHERE_HTTP` is off, or names port 0: there is nothing to ask.
"""

import http.client
import os
import sys

TIMEOUT_S = 3
_EVERY_ADDRESS = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - not bound


def is_alive(address: str) -> bool:
    """Return whether the bridge at `host:port` answers, or cannot be asked."""
    host, _, port = address.rpartition(":")
    if not port.isdecimal() or int(port) == 0:
        return True
    host = host.strip("[]")
    bridge = http.client.HTTPConnection(_EVERY_ADDRESS.get(host, host), int(port), TIMEOUT_S)
    try:
        bridge.request("GET", "/healthz")
        return bridge.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        bridge.close()


if __name__ == "__main__":
    sys.exit(not is_alive(os.environ.get("HYBRIDSPHERE_HTTP", "127.0.0.1:8080")))
