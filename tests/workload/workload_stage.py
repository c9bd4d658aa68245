"""An account and a results folder in which uploads come out as a bridge would leave them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from hybridsphere.ledger.ledger import Ledger, ledger_path
from hybridsphere.messages import (
    Person,
    Result,
    S3Record,
    csv_key,
    csv_text,
    object_metadata,
    utc_text,
)
from hybridsphere.paths import csv_path
from hybridsphere.settings import Settings
from hybridsphere.workload.check import Check
from hybridsphere.workload.checks import run_checks
from hybridsphere.workload.manifest import Manifest
from hybridsphere.workload.upload import upload_files

ADA = Person("ada", "physics", "junior", 0.3, 0.0)


@dataclass
class Stage:
    """Buckets, queues and a folder of one test; `quiet` is a console that nobody sees."""

    settings: Settings
    s3: Any
    sqs: Any
    videos: Path
    quiet: Console
    manifest: Manifest | None = None

    @property
    def results_dir(self) -> Path:
        return self.settings.results_dir

    @property
    def input_bucket(self) -> str:
        return self.settings.need("input_bucket")

    @property
    def output_bucket(self) -> str:
        return self.settings.need("output_bucket")

    async def upload(self, *keys: str, clear: bool = False) -> Manifest:
        """Upload a small file under each of some keys."""
        files = []
        for number, key in enumerate(keys):
            file = self.videos / f"{number}.mp4"
            file.write_bytes(f"video {key}".encode(errors="replace"))
            files.append((file, key))
        manifest = await upload_files(files, self.settings, clear=clear, console=self.quiet)
        self.manifest = manifest
        return manifest

    def complete(self, *keys: str, **fields: Any) -> None:
        """Let uploads come out well; `fields` replace those of the result."""
        for key in keys:
            result = self.result(key, **fields)
            self.invoke(key)
            self.store(result)
            self.write_file(result)
            self.write_object(result)

    def etag(self, key: str) -> str:
        """That of an upload; of what was not uploaded, any."""
        files = self.manifest.files if self.manifest else ()
        return next((file.etag for file in files if file.key == key), "etag")

    def record(self, key: str, sequencer: str = "01") -> S3Record:
        return S3Record(self.input_bucket, key, self.etag(key), sequencer, utc_text())

    def result(self, key: str, sequencer: str = "01", **fields: Any) -> Result:
        now = utc_text()
        row = (ADA.name, ADA.major, ADA.year, "matched")
        plain: dict[str, Any] = {
            "status": "matched",
            "people": (ADA,),
            "csv": csv_text([row]),
            "started_at": now,
            "finished_at": now,
            "output_bucket": self.output_bucket,
            "output_key": csv_key(key),
        }
        version = {"etag": self.etag(key), "sequencer": sequencer, "event_time": now}
        return Result(bucket=self.input_bucket, key=key, **{**version, **plain, **fields})

    def invoke(self, key: str, *, at: str | None = None) -> None:
        with self.ledger() as ledger, ledger.transaction():
            ledger.note_invoked(self.record(key), at or utc_text(), at or utc_text())

    def store(self, result: Result) -> None:
        with self.ledger() as ledger, ledger.transaction():
            ledger.put_result(result, utc_text())

    def ledger(self) -> Ledger:
        ledger_path(self.results_dir).parent.mkdir(parents=True, exist_ok=True)
        return Ledger.open(self.results_dir)

    def file(self, key: str) -> Path:
        return self.results_dir / csv_path(csv_key(key))

    def write_file(self, result: Result) -> None:
        self.file(result.key).parent.mkdir(parents=True, exist_ok=True)
        self.file(result.key).write_bytes(result.csv.encode())

    def write_object(self, result: Result, **replaced: Any) -> None:
        """Put the CSV object as the function does; `replaced` are fields that differ from it."""
        content = {"Body": result.csv.encode(), "Metadata": object_metadata(result)}
        self.s3.put_object(
            Bucket=self.output_bucket, Key=csv_key(result.key), **{**content, **replaced}
        )

    def keys(self, bucket: str) -> list[str]:
        return [item["Key"] for item in self.s3.list_objects_v2(Bucket=bucket).get("Contents", [])]

    async def checks(self, **options: Any) -> dict[str, Check]:
        options = {"expectations": {}, **options}
        return {check.name: check for check in await run_checks(self.settings, **options)}

    async def check(self, name: str, **options: Any) -> Check:
        return (await self.checks(**options))[name]
