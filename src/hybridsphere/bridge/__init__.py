"""The bridge: one asyncio process between two queues, a function and a disk."""

import sys

# structlog loads rich, if it is there, for tracebacks. Ours are our own, and rich takes a tenth of
# the start.
if "structlog" not in sys.modules and "rich" not in sys.modules:
    sys.modules["rich"] = None  # type: ignore[assignment]
    import structlog  # noqa: F401

    del sys.modules["rich"]
