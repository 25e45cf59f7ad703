"""Raw events in, clean immutable Parquet out. Knows no dbt, no Dagster, no metric."""

from collections.abc import Iterator
from pathlib import Path

from ingest.formats.source import UnusableSource
from ingest.landing import quarantine
from ingest.landing.batches import BatchReceipt, ensure_landing
from ingest.loading import LoadFailed, load

__all__ = [
    "BatchReceipt",
    "LoadFailed",
    "UnusableSource",
    "demo_sources",
    "ensure_landing",
    "load",
    "load_demo",
    "quarantine",
]


DEMO = Path(__file__).resolve().parents[1] / "demo" / "data"


def demo_sources() -> list[tuple[Path, str]]:
    """Return the bundled real data sets: the file, and the mapping to load it with (credits: demo/data/CREDITS.md)."""
    return [(DEMO / f"{name}.parquet", name) for name in ("online_retail", "ev_charging")]


def load_demo(home: Path) -> Iterator[BatchReceipt]:
    """Load all that the demo shows: the real sets, the synthetic products, and what was spent on one of them."""
    for path, mapping in demo_sources():
        yield from load([path], home, mapping=mapping)
    yield from load([DEMO / "studio.parquet", DEMO / "volt.parquet"], home)
    yield from load([DEMO / "studio_spend.csv"], home, kind="spend")
