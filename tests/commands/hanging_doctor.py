"""`hybridsphere doctor` where the look-up of one name hangs; it waits for answers a second."""

import socket
import time
from typing import Any

from hybridsphere.__main__ import main as command
from hybridsphere.commands.doctor import services

NAME = "aws.invalid"
ANSWER_S = 1.0


def main() -> None:
    """Run the command."""
    look_up = socket.getaddrinfo

    def getaddrinfo(host: Any, *more: Any, **others: Any) -> Any:
        if host == NAME:
            time.sleep(600)
        return look_up(host, *more, **others)

    socket.getaddrinfo = getaddrinfo
    services.ANSWER_S = ANSWER_S
    command()
