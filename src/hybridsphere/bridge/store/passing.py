"""The errors of a disk that may pass."""

import errno
import sqlite3

_UNUSABLE = {
    errno.EACCES,
    errno.EPERM,
    errno.ENOENT,
    errno.ENOTDIR,
    errno.EEXIST,
    errno.EISDIR,
    errno.ELOOP,
    errno.EINVAL,
    errno.EILSEQ,
    errno.ENAMETOOLONG,
}
"""Errors of a folder that waiting does not mend."""


def passes(error: Exception) -> bool:
    """Tell whether waiting may help, and no folder or ledger needs a change."""
    if isinstance(error, OSError):
        return error.errno not in _UNUSABLE
    return isinstance(error, sqlite3.Error)
