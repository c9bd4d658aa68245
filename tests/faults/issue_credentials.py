"""A credential process: a new pair every time, valid for as long as a file says; else none."""

import json
import os
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

if __name__ == "__main__":
    folder = Path(sys.argv[1])
    valid_s = (folder / "valid_s").read_text()
    if not valid_s:
        sys.exit("no credentials for you")
    key = f"KEY{os.getpid()}"
    with (folder / "issued").open("a") as issued:
        issued.write(f"{key}\n")
    ends = datetime.now(UTC) + timedelta(seconds=float(valid_s))
    pair = {"AccessKeyId": key, "SecretAccessKey": "secret", "SessionToken": "token"}
    json.dump({"Version": 1, **pair, "Expiration": ends.isoformat()}, sys.stdout)
