"""The process in which moto's server runs: `python -m hybridsphere.local.moto_process`.

Serves on a free port, and writes its number as the only line on standard output.
"""

import logging
import os
import sys

from moto.moto_server.werkzeug_app import (
    DomainDispatcherApplication,
    MotoRequestHandler,
    create_backend_app,
)
from werkzeug.serving import make_server


def main() -> None:
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
    # Nobody reads on; whatever moto prints goes where people look.
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    server.serve_forever()


if __name__ == "__main__":
    main()
