"""What of an error may leave the function: its runtime logs it, and Lambda hands it on."""

from typing import Any

from botocore.exceptions import HTTPClientError

from hybridsphere.messages import reason_of


def fit_to_tell(error: Exception) -> Exception:
    """The same error by the name of its class and its traceback, with one safe line as its text."""
    # Lambda's records and the ledger name an error by its class, which its filters go by.
    kind = type(type(error).__name__, (Exception,), {})
    told: Exception = kind(_text(error)).with_traceback(error.__traceback__)
    return told


def _text(error: Any) -> str:
    if type(error) is HTTPClientError:
        # It quotes what came from below botocore, which may be about a proxy's address.
        return f"no answer of AWS's: {type(error.kwargs['error']).__name__}"
    return reason_of(str(error))
