"""The statements of every event and result.

Those about one version begin with the same parameters: ?1 bucket, ?2 key, ?3 version, ?4 the
version's name in schema 1, ?5 etag, ?6 sequencer, ?7 event time.
"""

from hybridsphere.ledger.schema import BY_SEQUENCER
from hybridsphere.messages import Result, S3Record

# A row that schema 1 wrote keeps its name; a redelivery must find it.
_VERSION = """coalesce(
    (SELECT version FROM uploads WHERE bucket = ?1 AND key = ?2 AND version = ?4 AND etag = ?5), ?3)
"""

# The first receipt and the first invocation of the highest attempt count; redeliveries change
# nothing.
INVOKED = f"""
INSERT INTO uploads
    (bucket, key, version, etag, sequencer, event_time, created_at, received_at, invoked_at,
     invoked_attempt)
VALUES (?1, ?2, {_VERSION}, ?5, ?6, ?7, ?8, ?8, ?9, ?10)
ON CONFLICT DO UPDATE SET
    received_at = iif(excluded.invoked_attempt > invoked_attempt, excluded.received_at,
        coalesce(received_at, excluded.received_at)),
    invoked_at = iif(excluded.invoked_attempt > invoked_attempt, excluded.invoked_at,
        coalesce(invoked_at, excluded.invoked_at)),
    attempts = iif(excluded.invoked_attempt > invoked_attempt, 0, attempts),
    invoked_attempt = excluded.invoked_attempt
WHERE excluded.invoked_attempt >= invoked_attempt
"""  # noqa: S608 - ours

# Function errors are counted for the highest attempt alone.
ATTEMPT = f"""
INSERT INTO uploads
    (bucket, key, version, etag, sequencer, event_time, created_at, received_at, attempts,
     invoked_attempt)
VALUES (?1, ?2, {_VERSION}, ?5, ?6, ?7, ?8, ?8, 1, ?9)
ON CONFLICT DO UPDATE SET
    received_at = iif(excluded.invoked_attempt > invoked_attempt, excluded.received_at,
        coalesce(received_at, excluded.received_at)),
    invoked_at = iif(excluded.invoked_attempt > invoked_attempt, NULL, invoked_at),
    attempts = iif(excluded.invoked_attempt > invoked_attempt, 1, attempts + 1),
    invoked_attempt = max(invoked_attempt, excluded.invoked_attempt)
RETURNING attempts
"""  # noqa: S608 - ours

# A result replaces `failed`, never the reverse. Otherwise a higher attempt replaces a lower one,
# unless the object has left meanwhile: then the earlier answer is all that there will ever be. A
# later event of one version is a re-upload to a server whose sequencers are all alike.
RESULT = f"""
INSERT INTO uploads
    (bucket, key, version, etag, sequencer, event_time, created_at, stored_at, status, reason,
     people, csv, output_bucket, output_key, started_at, finished_at,
     attempt, faces_key, faces, engine, place, duration_ms, billed_ms, memory_mb, cold, cost_usd)
VALUES (?1, ?2, {_VERSION}, ?5, ?6, ?7, ?8, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16,
     ?17, ?18, ?19, ?20, ?21, ?22, ?23, ?24, ?25, ?26)
ON CONFLICT DO UPDATE SET
    status = excluded.status, reason = excluded.reason, people = excluded.people,
    csv = excluded.csv, output_bucket = excluded.output_bucket, output_key = excluded.output_key,
    started_at = excluded.started_at, finished_at = excluded.finished_at,
    stored_at = excluded.stored_at, attempt = excluded.attempt, faces_key = excluded.faces_key,
    faces = excluded.faces, faces_note = NULL, engine = excluded.engine, place = excluded.place,
    duration_ms = excluded.duration_ms, billed_ms = excluded.billed_ms,
    memory_mb = excluded.memory_mb, cold = excluded.cold, cost_usd = excluded.cost_usd,
    event_time = max(event_time, excluded.event_time)
WHERE status IS NULL OR (status = 'failed' AND excluded.status != 'failed')
    OR ((excluded.attempt > attempt
            OR (excluded.attempt = attempt AND excluded.event_time > event_time))
        AND (status = 'failed' OR (excluded.status != 'failed'
        AND coalesce(excluded.reason, '') NOT IN ('gone', 'superseded'))))
"""  # noqa: S608 - ours

ANSWERED = f"""
SELECT version, answer_csv, answer_at FROM uploads
WHERE bucket = ?1 AND key = ?2 AND version = {_VERSION}
"""  # noqa: S608 - ours

STUDENT = """
INSERT INTO students VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO UPDATE
SET major = ?2, year = ?3, seen_on = ?4 WHERE (major, year, seen_on) IS NOT (?2, ?3, ?4)
"""

DONE = """
SELECT 1 FROM uploads
WHERE bucket = ?1 AND key = ?2 AND (version = ?3 OR (version = ?4 AND etag = ?5))
AND ((invoked_at IS NOT NULL AND invoked_attempt >= ?6) OR (status IS NOT NULL AND attempt >= ?6))
AND event_time >= ?7
"""

# The newest with a sequencer and the newest without, each the first in an index.
NEWEST = f"""
SELECT * FROM (
    SELECT etag, sequencer, event_time FROM uploads
    WHERE bucket = ?1 AND key = ?2 AND status IS NOT NULL AND sequencer IS NOT NULL
    ORDER BY {BY_SEQUENCER} DESC, event_time DESC, etag DESC LIMIT 1)
UNION ALL SELECT * FROM (
    SELECT etag, sequencer, event_time FROM uploads
    WHERE bucket = ?1 AND key = ?2 AND status IS NOT NULL AND sequencer IS NULL
    ORDER BY event_time DESC, etag DESC LIMIT 1)
"""  # noqa: S608 - ours

# Uploads whose status people changed, from the index alone. ?1 the moment.
DIFFERING = """
SELECT status, answer_status, count(*) FROM uploads
WHERE answer_status IS NOT NULL AND answer_status <> status AND stored_at >= ?1 GROUP BY 1, 2
"""

# ?1 status, ?2 the moment, ?3 how many. The newest version leaves last: otherwise the next start
# would restore an older one's file. Versions with a sequencer and those without have a newest each.
EXPIRED = f"""
DELETE FROM uploads WHERE rowid IN (
    SELECT rowid FROM uploads AS old WHERE status = ?1 AND stored_at < ?2 AND (
        EXISTS (
            SELECT 1 FROM uploads WHERE bucket = old.bucket AND key = old.key
            AND status IS NOT NULL AND sequencer IS NOT NULL
            AND ({BY_SEQUENCER}, event_time, etag)
            > (rtrim(upper(old.sequencer), '0'), old.event_time, old.etag))
        OR EXISTS (
            SELECT 1 FROM uploads WHERE bucket = old.bucket AND key = old.key
            AND status IS NOT NULL AND sequencer IS NULL AND old.sequencer IS NULL
            AND (event_time, etag) > (old.event_time, old.etag))
        OR NOT EXISTS (
            SELECT 1 FROM uploads AS other WHERE bucket = old.bucket AND key = old.key
            AND status IS NOT NULL AND other.rowid != old.rowid
            AND (stored_at >= ?2 OR (sequencer IS NULL) = (old.sequencer IS NULL)))
    ) LIMIT ?3)
"""  # noqa: S608 - ours


def buckets_of(table: str) -> str:
    """Select the buckets of a table, each by one step in an index that begins with the bucket.

    A key is found among them without an index that begins with the key.
    """
    return f"""
WITH RECURSIVE buckets (bucket) AS (
    SELECT min(bucket) FROM {table}
    UNION ALL SELECT (SELECT min(bucket) FROM {table} WHERE bucket > buckets.bucket)
    FROM buckets WHERE buckets.bucket IS NOT NULL)
SELECT bucket FROM buckets WHERE bucket IS NOT NULL
"""  # noqa: S608 - ours


def beginning(thing: S3Record | Result) -> tuple[str | None, ...]:
    """Give the parameters with which every statement begins."""
    version = thing.version
    return (
        thing.bucket,
        thing.key,
        version.id,
        version.first_id,
        thing.etag,
        thing.sequencer or None,
        thing.event_time,
    )
