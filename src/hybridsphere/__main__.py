"""`python -m hybridsphere`, the same as `hybridsphere`."""

from hybridsphere.cli import main

main()
