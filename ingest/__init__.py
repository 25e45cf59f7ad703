"""Raw events in, clean immutable Parquet out. Knows no dbt, no Dagster, no metric."""

from pathlib import Path

from ingest.formats.source import UnusableSource
from ingest.landing import quarantine
from ingest.landing.batches import BatchReceipt, ensure_landing
from ingest.loading import LoadFailed, load

__all__ = ["BatchReceipt", "LoadFailed", "UnusableSource", "demo_sources", "ensure_landing", "load", "quarantine"]


def demo_sources() -> list[tuple[Path, str]]:
    """Return the bundled data sets: the file, and the mapping to load it with (credits: demo/data/CREDITS.md)."""
    folder = Path(__file__).resolve().parents[1] / "demo" / "data"
    return [(folder / f"{name}.parquet", name) for name in ("online_retail", "ev_charging")]
