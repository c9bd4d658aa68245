"""`hybridsphere local` with two workers: ENV_FILE [STUDENTS]."""

import sys
from pathlib import Path

from hybridsphere.local.serve import LocalOptions, run_local


def main() -> None:
    """Serve until a signal."""
    env_file, *students = map(Path, sys.argv[1:])
    options = LocalOptions(students=students[0] if students else None, workers=2, env_file=env_file)
    sys.exit(run_local(options))
