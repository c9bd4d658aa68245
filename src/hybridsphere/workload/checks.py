"""The eleven checks of an upload, from the bucket to the disk."""

from collections.abc import Callable, Collection
from collections.abc import Set as AbstractSet
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from hybridsphere.ledger.delays import figures, invocation_delay_s
from hybridsphere.ledger.ledger import Upload
from hybridsphere.messages import csv_key
from hybridsphere.paths import csv_file
from hybridsphere.screen import Screen
from hybridsphere.settings import Settings
from hybridsphere.workload.check import Check, print_checks
from hybridsphere.workload.concurrency import check_concurrency
from hybridsphere.workload.contents import check_contents
from hybridsphere.workload.evidence import Evidence, gather
from hybridsphere.workload.manifest import Manifest
from hybridsphere.workload.mapping import Expectations, read_mapping
from hybridsphere.workload.settle import SILENCE_S, STANDSTILL_S, wait_until_settled


async def run_checks(
    settings: Settings, *, expectations: Expectations, workers: int | None = None
) -> list[Check]:
    """Check the upload of the manifest beside the results, as things stand now.

    `workers` is how many videos the function may work on at once, None if unknown. Raises
    CannotRun without a manifest, and AwsError where looking is refused.
    """
    manifest = Manifest.read(settings.results_dir)
    evidence = await gather(settings, manifest, workers)
    return [
        check_buckets_empty(evidence),
        check_uploaded(evidence),
        check_input_objects(evidence),
        check_events(evidence),
        check_invoked(evidence),
        check_results(evidence),
        check_concurrency(evidence),
        check_output_objects(evidence),
        check_queues_drained(evidence),
        check_files_on_disk(evidence),
        check_contents(evidence, expectations),
    ]


async def check_workload(settings: Settings, *, mapping: Path | None, console: Console) -> bool:
    """Wait for the results of the last upload, check its way, and print the checks."""
    expectations = read_mapping(mapping) if mapping else {}
    manifest = Manifest.read(settings.results_dir)
    progress = Screen(stderr=True)
    if not await wait_until_settled(settings, manifest, console=progress, silence_s=SILENCE_S):
        progress.print(
            f"Nothing has moved for {STANDSTILL_S:.0f} s: checking what there is. "
            "Is a bridge running? See `hybridsphere status`."
        )
    checks = await run_checks(settings, expectations=expectations)
    print_checks(checks, console)
    return all(check.passed for check in checks)


def check_buckets_empty(evidence: Evidence) -> Check:
    if evidence.manifest.buckets_were_empty:
        return Check("buckets-empty", passed=True, detail="both were, before the upload")
    detail = "one of them was not, before the upload: `workload upload --clear` empties both"
    return Check("buckets-empty", passed=False, detail=detail)


def check_uploaded(evidence: Evidence) -> Check:
    manifest = evidence.manifest
    lines = [f"{file.key}: {file.reason}" for file in manifest.failed]
    size = sum(file.size for file in manifest.files)
    given = len(manifest.files) + len(manifest.failed)
    detail = f"{len(manifest.files)} of {given} files, {size / 1e6:.1f} MB"
    return Check.without_faults(lines, "uploaded", detail)


def check_input_objects(evidence: Evidence) -> Check:
    uploads = evidence.manifest.keys
    detail = f"{len(evidence.input_keys)} objects, {len(uploads)} uploads"
    lines = _differences(evidence.input_keys, uploads, missing="not in the input bucket")
    return Check.without_faults(lines, "input-objects", detail)


def check_events(evidence: Evidence) -> Check:
    if evidence.settings.source == "direct":
        return _not_applicable("events", "the bucket triggers the function itself")
    received = _keys_where(evidence, lambda row: row.received_at is not None)
    return _each_upload("events", evidence, received, "an event received for")


def check_invoked(evidence: Evidence) -> Check:
    if evidence.settings.source == "direct":
        return _not_applicable("invoked", "the bucket triggers the function itself")
    invoked = _keys_where(evidence, lambda row: row.invoked_at is not None or row.attempts > 0)
    check = _each_upload("invoked", evidence, invoked, "the function invoked for")
    rows = (row for versions in evidence.rows.values() for row in versions)
    delays = [delay for row in rows if (delay := invocation_delay_s(row)) is not None]
    if not delays:
        return check
    return replace(check, detail=f"{check.detail}; {figures(delays)} after receipt")


def check_results(evidence: Evidence) -> Check:
    if evidence.settings.sink == "bucket":
        return _not_applicable("results", "they are fetched from the output bucket")
    return _each_upload("results", evidence, evidence.results.keys(), "a message received for")


def check_output_objects(evidence: Evidence) -> Check:
    failed = {
        key for key, rows in evidence.rows.items() if {row.status for row in rows} == {"failed"}
    }
    wanted = {csv_key(key) for key in evidence.manifest.keys - failed}
    # Lambda may put its failure records here, which are JSON.
    found = {key for key in evidence.output_keys if key.endswith(".csv")}
    detail = f"{len(found)} CSV objects, {len(wanted)} uploads that did not fail"
    lines = _differences(found, wanted, missing="not in the output bucket")
    return Check.without_faults(lines, "output-objects", detail)


def check_queues_drained(evidence: Evidence) -> Check:
    if not evidence.queues:
        return _not_applicable("queues-drained", "no queue is used")
    depths = [
        f"{queue.name}: {queue.visible} visible, {queue.in_flight} in flight"
        for queue in evidence.queues
    ]
    drained = not any(queue.visible or queue.in_flight for queue in evidence.queues)
    return Check("queues-drained", drained, "; ".join(depths))


def check_files_on_disk(evidence: Evidence) -> Check:
    folder, uploads = evidence.settings.results_dir, sorted(evidence.manifest.keys)
    with_file = {key for key in uploads if csv_file(folder, csv_key(key)).is_file()}
    rows = {key: len(evidence.rows.get(key, ())) for key in uploads}
    lines = []
    for key in uploads:
        if key not in evidence.results:
            lines.append(f"{key}: no row with a status")
        if key not in with_file:
            lines.append(f"{key}: no file")
        if rows[key] > 1:
            lines.append(f"{key}: {rows[key]} rows for one upload")
    detail = f"{len(with_file)} files and {sum(rows.values())} rows of {len(uploads)} uploads"
    return Check.without_faults(lines, "files-on-disk", detail)


def _keys_where(evidence: Evidence, holds: Callable[[Upload], bool]) -> set[str]:
    return {key for key, rows in evidence.rows.items() if any(map(holds, rows))}


def _each_upload(name: str, evidence: Evidence, found: Collection[str], what: str) -> Check:
    uploads = evidence.manifest.keys
    detail = f"{what} {len(found)} of {len(uploads)} uploads"
    return Check.without_faults(
        sorted(f"{key}: none" for key in uploads - set(found)), name, detail
    )


def _differences(found: AbstractSet[str], wanted: AbstractSet[str], *, missing: str) -> list[str]:
    return [
        *(f"{key}: {missing}" for key in sorted(wanted - found)),
        *(f"{key}: there, but of no upload" for key in sorted(found - wanted)),
    ]


def _not_applicable(name: str, why: str) -> Check:
    return Check(name, passed=True, detail=f"does not apply: {why}")
