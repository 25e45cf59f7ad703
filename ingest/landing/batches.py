"""Batches: one manifest per loaded file, the commit point of its load."""

import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import date, datetime
from pathlib import Path

import duckdb
import filelock
from pydantic import BaseModel, ConfigDict, model_validator

from ingest.envelope import LANDING_COLUMNS
from ingest.landing.paths import batches_dir, events_dir, publish_file, quarantine_dir, work_dir

QUARANTINE_COLUMNS = {
    "batch_id": "VARCHAR",
    "source": "VARCHAR",
    "row_number": "BIGINT",
    "reason": "VARCHAR",
    "detail": "VARCHAR",
    "raw": "BLOB",
}
STALE_AFTER_SECONDS = 10  # a load that has only just made its folder may not hold its lock yet


class UnknownBatch(LookupError):
    """There is no such batch, or nothing of it was quarantined."""


class Source(BaseModel):
    """The file of a batch, and what its replay needs: what the load was told, the header or schema of its rows."""

    model_config = ConfigDict(frozen=True)

    name: str
    sha256: str
    bytes: int
    format: str
    mapping: str | None = None
    timezone: str = "UTC"
    told_app: str | None = None
    told_timezone: str | None = None
    header: str | None = None
    encoding: str = "utf-8"


class BatchReceipt(BaseModel):
    """What became of a file: `received = accepted + duplicate + quarantined`, always.

    `received` counts events: one for each row of a file of envelopes; with a mapping, one for each event that a row
    produced, and one for each row that could not be read. Rows that a mapping's conditions leave out are no events:
    they are counted beside, in `left_out`, and so are events of which nothing is stored: of persons who were erased in
    `suppressed`, of those who refused or opted out in `opted_out`. Blank lines count nothing.
    """

    model_config = ConfigDict(frozen=True)

    batch_id: str
    load_date: date
    path: str | None
    source: Source
    app: str
    received: int
    accepted: int
    duplicate: int
    quarantined: int
    left_out: int = 0
    suppressed: int = 0
    opted_out: int = 0
    quarantined_by_reason: dict[str, int]
    min_event_date: date | None
    max_event_date: date | None
    loaded_at: datetime
    footfall_version: str
    content_version: int = 1

    @property
    def advice(self) -> str | None:
        """What to try where not one row of the file is an event for want of the envelope's names."""
        unnamed = sum(
            self.quarantined_by_reason.get(reason, 0) for reason in ("missing_event_name", "missing_occurred_at")
        )
        if not self.received or unnamed < self.received or self.source.mapping:
            return None
        return (
            f"{self.source.name}: no row has event_name and occurred_at. If it is a file of another shape, load it "
            "with --mapping, which says what means what (ingest/mappings/README.md)."
        )

    @model_validator(mode="after")
    def _nothing_is_lost(self) -> "BatchReceipt":
        if self.received != self.accepted + self.duplicate + self.quarantined:
            raise ValueError(
                f"{self.source.name}: received {self.received} events, but accepted {self.accepted}, duplicate "
                f"{self.duplicate} and quarantined {self.quarantined} do not add up to it; nothing was committed"
            )
        if self.quarantined != sum(self.quarantined_by_reason.values()):
            raise ValueError(f"{self.source.name}: {self.quarantined} quarantined, yet {self.quarantined_by_reason}")
        return self


def list_batches(home: Path) -> list[BatchReceipt]:
    """Return the committed batches of `home` in the order of their ids; an empty home has none."""
    return list(each_batch(home))


def each_batch(home: Path) -> Iterator[BatchReceipt]:
    """The committed batches in the order of their ids, one at a time: there may be many thousands."""
    for path in sorted(path for path in batches_dir(home).glob("*.json") if path.name != "schema.json"):
        yield BatchReceipt.model_validate_json(path.read_bytes())


def read_batch(home: Path, batch_id: str) -> BatchReceipt:
    """Return one committed batch.

    Raises:
        UnknownBatch: when `home` has no such batch.
    """
    path = batches_dir(home) / f"{batch_id}.json"
    if not batch_id[:1].isdigit() or not path.is_file():
        raise UnknownBatch(
            f"There is no batch {batch_id} in {home}; 'footfall quarantine list' shows those that hold rows."
        )
    return BatchReceipt.model_validate_json(path.read_bytes())


def commit(home: Path, receipt: BatchReceipt, work: Path) -> None:
    """Write the manifest of `receipt`; from here on the batch exists."""
    draft = work / "manifest.json"
    draft.write_text(receipt.model_dump_json(indent=2) + "\n")
    publish_file(draft, batches_dir(home) / f"{receipt.batch_id}.json")


@contextmanager
def work_folder(home: Path, name: str) -> Iterator[Path]:
    """Make a folder for work in progress, hold its lock, and remove it when done."""
    work = work_dir(home) / name
    work.mkdir(parents=True)
    with filelock.FileLock(work / "lock"):
        try:
            yield work
        finally:
            _remove(home, work)


def clear_stale_work(home: Path) -> None:
    """Remove what killed loads left behind; a load that still runs holds the lock of its folder and is left alone."""
    for work in work_dir(home).glob("*/"):
        lock = filelock.FileLock(work / "lock")
        try:
            if time.time() - work.stat().st_mtime < STALE_AFTER_SECONDS:
                continue
            lock.acquire(timeout=0)
        except (filelock.Timeout, OSError):  # at work still, or gone since it was listed
            continue
        try:
            _remove(home, work)
        finally:
            lock.release()


def _remove(home: Path, work: Path) -> None:
    """Remove a folder of work, its lock last, so that a half-removed one is still known as stale.

    What it published goes too, unless its manifest says that it was committed.
    """
    if not (batches_dir(home) / f"{work.name}.json").exists():
        landed = events_dir(home).glob(f"*/{work.name}.parquet")
        for orphan in [*landed, quarantine_dir(home) / f"{work.name}.parquet"]:
            orphan.unlink(missing_ok=True)
    for path in sorted(work.rglob("*"), reverse=True):
        if path.name == "lock":
            continue
        path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink(missing_ok=True)
    (work / "lock").unlink(missing_ok=True)
    with suppress(OSError):  # another load that clears has opened a lock there since, and removes the folder itself
        work.rmdir()


def ensure_landing(home: Path) -> None:
    """Make the folders of `home`, with empty files of the exact schema, so that no reader's glob ever finds nothing.

    Files of an older version lack the columns that came since; readers take those from here.
    """
    empty = {
        events_dir(home) / "load_date=0001-01-01" / "schema.parquet": LANDING_COLUMNS,
        quarantine_dir(home) / "schema.parquet": QUARANTINE_COLUMNS,
    }
    with duckdb.connect() as connection:
        for path, columns in empty.items():
            if not path.exists() or connection.read_parquet(str(path)).columns != list(columns):
                with work_folder(home, f"schema_{secrets.token_hex(4)}") as work:
                    nulls = ", ".join(f"null::{kind} as {name}" for name, kind in columns.items())
                    connection.sql(f"select {nulls} limit 0").write_parquet(str(work / path.name), compression="zstd")
                    publish_file(work / path.name, path)
    batches_dir(home).mkdir(parents=True, exist_ok=True)
    (batches_dir(home) / "schema.json").touch()
