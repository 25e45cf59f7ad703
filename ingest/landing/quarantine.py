# ruff: noqa: S608 (identifiers and literals are quoted by envelope.quoted and envelope.literal)
"""The quarantine: what could not land, byte for byte, why, and the way back."""

import builtins
import json
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb

from ingest.envelope import literal
from ingest.formats.source import UnusableSource, is_parquet
from ingest.landing.batches import BatchReceipt, Source, UnknownBatch, list_batches, read_batch, work_folder
from ingest.landing.paths import publish_file, quarantine_dir


@dataclass(frozen=True)
class QuarantinedBatch:
    """The quarantined rows of one batch, and the batch of their replay if there was one."""

    batch_id: str
    source: Source
    loaded_at: datetime
    rows: int
    reasons: dict[str, int]
    replayed_as: str | None


@dataclass(frozen=True)
class QuarantinedRow:
    """One quarantined row; `row_number` counts from 1 in its file (for text, the line it begins on)."""

    row_number: int | None
    reason: str
    detail: str | None
    raw: bytes


def list(home: Path) -> builtins.list[QuarantinedBatch]:
    """Return the batches of `home` that hold quarantined rows, oldest first."""
    return [
        QuarantinedBatch(
            batch.batch_id,
            batch.source,
            batch.loaded_at,
            batch.quarantined,
            batch.quarantined_by_reason,
            _replayed_as(home, batch.batch_id),
        )
        for batch in list_batches(home)
        if batch.quarantined
    ]


def read(home: Path, batch_id: str, limit: int | None = None) -> builtins.list[QuarantinedRow]:
    """Return the quarantined rows of one batch in the order of its file, at most `limit` of them.

    Raises:
        UnknownBatch: when there is no such batch, or it quarantined nothing.
    """
    path = _file(home, batch_id)
    some = "" if limit is None else f"limit {int(limit)}"
    with duckdb.connect() as connection:
        rows = connection.execute(f"""
            select row_number, reason, detail, raw from read_parquet({literal(path)}) order by row_number {some}""")
        return [QuarantinedRow(*row) for row in rows.fetchall()]


def write_raw(home: Path, batch_id: str, target: Path) -> None:
    """Write the raw bytes of a batch's quarantined rows, one a line and under the file's header, to mend and replay.

    Raises:
        UnknownBatch: when there is no such batch, or it quarantined nothing.
    """
    source = read_batch(home, batch_id).source
    path = _file(home, batch_id)
    with duckdb.connect() as connection, target.open("wb") as file:
        if source.format == "csv" and source.header is not None:
            file.write(source.header.encode(source.encoding) + b"\n")
        # a row that produced several bad events is one row of the file; a received batch tells its bad events apart
        rows = connection.execute(f"""
            select raw from read_parquet({literal(path)}) group by row_number, raw order by row_number, raw""")
        while chunk := rows.fetchmany(1000):
            file.writelines(raw + b"\n" for (raw,) in chunk)


def replay(
    home: Path,
    batch_id: str,
    *,
    file: Path | None = None,
    mapping: str | None = None,
    app: str | None = None,
    timezone: str | None = None,
) -> BatchReceipt:
    """Load the quarantined rows of a batch again, after a fix, as a batch of their own.

    What still is not good is quarantined in the new batch. Events that had landed are duplicates, so a replay that is
    killed, or run twice, repeats nothing.

    Args:
        home: the folder of all state.
        batch_id: the batch whose rows to load.
        file: the rows as mended by hand (see `write_raw`), in place of the quarantined bytes.
        mapping: a mended mapping in place of the one the batch was loaded with.
        app: in place of the one that the load was told, else the mapping says, else the batch had; likewise `timezone`.

    Raises:
        UnknownBatch: when there is no such batch, or it quarantined nothing.
        UnusableSource: when the mended file or the mapping cannot be used.
    """
    from ingest.formats.mapping import read_mapping
    from ingest.formats.spend import KIND
    from ingest.loading import load_file

    batch = read_batch(home, batch_id)
    source = batch.source
    with work_folder(home, f"replay_{secrets.token_hex(4)}") as work:
        rows = file or work / "rows"
        if file is None:
            write_raw(home, batch_id, rows)
        if source.format == "parquet" and rows.is_file() and not is_parquet(rows):
            rows = _as_parquet(rows, work / "rows.parquet", source)
        used = mapping or source.mapping
        app, timezone = app or source.told_app, timezone or source.told_timezone
        said = read_mapping(used) if used and used != KIND else None
        receipt = load_file(
            rows,
            home,
            source.format,
            used,
            app or (said and said.app) or batch.app,
            timezone or (said and said.told_timezone) or source.timezone,
            name=f"replay of {batch_id}",
        )
        note = work / "replayed.json"
        note.write_text(json.dumps({"batch_id": receipt.batch_id, "replayed_at": datetime.now(UTC).isoformat()}))
        publish_file(note, _replay_file(home, batch_id))
    return receipt


def _as_parquet(rows: Path, made: Path, source: Source) -> Path:
    """Turn rows of JSON back into the Parquet rows they were.

    Raises:
        UnusableSource: when they are no JSON, or a value is not of its column's type.
    """
    columns: Any = json.loads(source.header or "{}")
    cast = ", ".join(f"{literal(name)}: {literal(kind)}" for name, kind in columns.items())
    with duckdb.connect() as connection:
        try:
            connection.execute(f"""
                copy (select * from read_json({literal(rows)}, format = 'newline_delimited', columns = {{{cast}}}))
                to {literal(made)} (format parquet)""")
        except duckdb.Error as error:
            raise UnusableSource(f"{rows} does not hold rows of {source.name}: {error}. Mend it.") from None
    return made


def _file(home: Path, batch_id: str) -> Path:
    if not read_batch(home, batch_id).quarantined:
        raise UnknownBatch(f"Batch {batch_id} quarantined nothing; 'footfall quarantine list' shows those that did.")
    return quarantine_dir(home) / f"{batch_id}.parquet"


def _replay_file(home: Path, batch_id: str) -> Path:
    return quarantine_dir(home) / f"{batch_id}.replayed.json"


def _replayed_as(home: Path, batch_id: str) -> str | None:
    path = _replay_file(home, batch_id)
    return str(json.loads(path.read_text())["batch_id"]) if path.exists() else None
