"""Errors in a form that may leave the function: logged by its runtime, passed on by Lambda."""

from typing import Any

from botocore.exceptions import HTTPClientError

from hybridsphere.messages import reason_of


def reportable(error: Exception) -> Exception:
    """Return the error with its class name and traceback, its text cut to one safe line."""
    # Lambda's failure records, the ledger and its filters name an error by its class.
    kind = type(type(error).__name__, (Exception,), {})
    safe: Exception = kind(_text(error)).with_traceback(error.__traceback__)
    return safe


def _text(error: Any) -> str:
    if type(error) is HTTPClientError:
        # The message quotes a lower layer, which may name a proxy's address and password.
        return f"AWS did not answer: {type(error.kwargs['error']).__name__}"
    return reason_of(str(error))
