"""The check of each CSV, on disk and in the bucket: the right video, the expected answer."""

from base64 import b64encode
from collections.abc import Iterator

from hybridsphere.ledger.ledger import Upload
from hybridsphere.messages import csv_key
from hybridsphere.paths import csv_file
from hybridsphere.workload.check import Check
from hybridsphere.workload.evidence import CsvObject, Evidence
from hybridsphere.workload.mapping import Expectations, disagreement, expected_of


def check_contents(evidence: Evidence, expectations: Expectations) -> Check:
    lines: list[str] = []
    compared = 0
    etags = {file.key: file.etag for file in evidence.manifest.files}
    failed = sum(row.status == "failed" for row in evidence.results.values())
    for key, row in sorted(evidence.results.items()):
        lines += _alterations(evidence, row)
        if row.etag != etags[key]:
            lines.append(f"{key}: the result is that of another version, ETag {row.etag}")
        if expected := expected_of(key, expectations):
            compared += 1
            if departure := disagreement(row.effective_csv or "", expected):
                lines.append(f"{key}: {departure}")
    detail = f"{len(evidence.results)} CSVs of their videos read"
    if failed:
        detail += f", {failed} say that the function failed"
    if expectations:
        detail += f", {compared} compared with what was expected"
        if evidence.results and not compared:
            lines.append("none of the uploads is among what was expected: is it the right mapping?")
    if not evidence.results:
        lines.append("no upload has a result: there is nothing to read")
    elif failed == len(evidence.results):
        row = next(iter(evidence.results.values()))
        lines.append(f"the function failed for every upload, as for {row.key}: {row.reason}")
    return Check.without_faults(lines, "contents", detail)


def _alterations(evidence: Evidence, row: Upload) -> Iterator[str]:
    """List the places where a CSV differs from the ledger."""
    content = (row.effective_csv or "").encode()
    file = csv_file(evidence.settings.results_dir, csv_key(row.key))
    if file.is_file() and file.read_bytes() != content:
        yield f"{row.key}: the file on disk is not the CSV in the ledger"
    found = evidence.csv_objects.get(row.key)
    if found is None or row.status == "failed":
        return
    # The bucket has the function's own answer, whatever people said.
    if found.content != (row.csv or "").encode():
        yield f"{row.key}: the object in the output bucket is not the CSV in the ledger"
    if not _names(found, row):
        yield f"{row.key}: the metadata of the object in the output bucket name another video"


def _names(found: CsvObject, row: Upload) -> bool:
    """Return whether an object's metadata, which are base64, name a row's video."""
    expected = {"bucket": row.bucket, "key": row.key}
    return all(
        found.metadata.get(name) == b64encode(value.encode()).decode()
        for name, value in expected.items()
    )
