"""The versions of uploads that count: a newer version replaces the older ones of its key."""

from collections.abc import Iterable, Iterator

from hybridsphere.ledger.ledger import Ledger, Upload


def current(ledger: Ledger, uploads: Iterable[Upload]) -> Iterator[Upload]:
    """Leave out the versions of uploads that were replaced."""
    replaced = {
        name: newest.version if (newest := ledger.newest(*name)) else None
        for name in ledger.rewritten()
    }
    for upload in uploads:
        stands = replaced.get((upload.bucket, upload.key), upload.version)
        # Without any result, each version waits for its own.
        if stands in {None, upload.version}:
            yield upload
