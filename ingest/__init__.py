"""Raw events in, clean immutable Parquet out. Knows no dbt, no Dagster, no metric."""

from ingest.landing import quarantine
from ingest.landing.batches import BatchReceipt
from ingest.landing.paths import ensure_landing
from ingest.loading import LoadFailed, load

__all__ = ["BatchReceipt", "LoadFailed", "ensure_landing", "load", "quarantine"]
