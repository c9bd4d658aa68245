"""The process that runs moto: `python -m hybridsphere.local.moto_process`.

It serves on a free port, and prints the port's number as the only line of standard output.
"""

import logging
import os
import sys
from functools import cache, wraps
from typing import Any

from moto.moto_server.werkzeug_app import (
    DomainDispatcherApplication,
    MotoRequestHandler,
    create_backend_app,
)
from moto.s3.models import S3Backend
from werkzeug.serving import make_server


def notify_once() -> None:
    """Have an upload in parts notify once, at its end, as S3 does.

    moto also sends the event of the PUT by which it stores the parts together.
    """
    put_object = S3Backend.put_object

    @wraps(put_object)
    def put(*values: Any, **options: Any) -> Any:
        if options.get("multipart") is not None:
            options["disable_notification"] = True
        return put_object(*values, **options)

    S3Backend.put_object = put  # type: ignore[method-assign]


def remember_services() -> None:
    """Find the service of each host's name once.

    moto reads the folder of all services for every request, which is a quarter of a request's CPU.
    """
    find = cache(DomainDispatcherApplication.get_backend_for_host)
    DomainDispatcherApplication.get_backend_for_host = find  # type: ignore[method-assign]


def main() -> None:
    """Serve until the process is killed."""
    notify_once()
    remember_services()
    # werkzeug logs every request unless it finds a level set.
    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    server = make_server(
        "127.0.0.1",
        0,
        DomainDispatcherApplication(create_backend_app),
        threaded=True,
        request_handler=MotoRequestHandler,
    )
    sys.stdout.write(f"{server.port}\n")
    sys.stdout.flush()
    # Nobody reads standard output from here on, and moto prints to it.
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    server.serve_forever()


if __name__ == "__main__":
    main()
