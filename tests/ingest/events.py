"""Small files of events, and what a home holds after loading them."""

import json
from pathlib import Path
from typing import Any

import duckdb

import ingest

REAL_DATA = Path(__file__).resolve().parents[3] / "shared" / "data"


def event(number: int = 1, **fields: Any) -> dict[str, Any]:
    return {
        "event_id": f"e{number}",
        "event_name": "page_view",
        "occurred_at": f"2025-03-01T10:{number // 60 % 60:02}:{number % 60:02}Z",
        "user_id": f"u{number % 7}",
        **fields,
    }


def write_ndjson(path: Path, rows: list[Any]) -> Path:
    path.write_text("".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows))
    return path


def landed(home: Path, columns: str = "*", where: str = "true") -> list[tuple[Any, ...]]:
    files = [str(home / batch.path) for batch in batches(home) if batch.path]
    if not files:
        return []
    with duckdb.connect() as connection:
        return connection.execute(
            f"select {columns} from read_parquet({files}, hive_partitioning = false) where {where} order by all"
        ).fetchall()


def batches(home: Path) -> list[ingest.BatchReceipt]:
    from ingest.landing.batches import list_batches

    return list_batches(home)


def one(path: Path, home: Path, **options: Any) -> ingest.BatchReceipt:
    (receipt,) = ingest.load([path], home, **options)
    assert receipt.received == receipt.accepted + receipt.duplicate + receipt.quarantined
    return receipt


def quarantined(home: Path, receipt: ingest.BatchReceipt) -> list[tuple[int | None, str, bytes]]:
    return [(row.row_number, row.reason, row.raw) for row in ingest.quarantine.read(home, receipt.batch_id)]
