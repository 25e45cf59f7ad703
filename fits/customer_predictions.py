"""The table that the dbt model int_customer_predictions returns: a prediction for each customer history."""

from __future__ import annotations

import hashlib
from dataclasses import fields
from functools import cache
from importlib.metadata import version
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from fits.customer_value import Forecast, forecast_customers

NAMES = {
    "expected_value": "expected_purchase_cents",
    "predicted_revenue": "predicted_revenue_cents",
    "revenue_lower": "predicted_revenue_lower_cents",
    "revenue_upper": "predicted_revenue_upper_cents",
    "alpha": "alpha_days",
    "gamma": "gamma_cents",
}
TYPES = {"purchases_lower": pa.int64(), "purchases_upper": pa.int64(), "fault": pa.string(), "is_simpler": pa.bool_()}
KEYS = {"app": pa.string(), "purpose": pa.string(), "person_id": pa.string()}
# of all that a prediction is made from; equal for all histories of a population
DIGEST = "histories_digest"


def predict(histories: pa.Table, before: pa.Table | None = None) -> pa.Table:
    """Predict each history of a population (app and purpose) from all of it.

    Args:
        histories: columns app, purpose, person_id, horizon_days, purchase_days, recency_days, age_days, revenue_cents,
            in any order of rows.
        before: what this returned for other histories: a population that was the same then is not fitted again.

    Returns:
        The keys, the fields of `Forecast`, money in cents, and the digest of the population's histories. Where there
        is no number it is null; `fault` is null where there is one.
    """
    columns = {name: KEYS.get(name) for name in KEYS}
    columns |= {NAMES.get(f.name, f.name): TYPES.get(f.name, pa.float64()) for f in fields(Forecast)}
    schema = pa.schema([*columns.items(), (DIGEST, pa.string())])
    known = before.select(schema.names).cast(schema) if before and DIGEST in before.column_names else None
    found = [schema.empty_table()]
    for rows in _populations(histories):
        digest = _digest(rows)
        kept = known.filter(pc.equal(known[DIGEST], digest)) if known else schema.empty_table()
        if not len(kept):
            predicted = _predict_population(rows)
            kept = predicted.append_column(DIGEST, pa.array([digest] * len(rows), pa.string()))
        found.append(kept)
    return pa.concat_tables(found)


@cache
def _made_by() -> bytes:
    """The code of the fits and the libraries that they fit with: with others a fit may find something else."""
    code = [file.read_bytes() for file in sorted(Path(__file__).parent.glob("*.py"))]
    return b"".join([*code, *(version(name).encode() for name in ("numpy", "scipy", "pyarrow"))])


def _digest(rows: pa.Table) -> str:
    """A digest of the rows, of the code that fits, and of the libraries that it fits with."""
    digest = hashlib.sha256(_made_by())
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, rows.schema.remove_metadata()) as stream:
        stream.write_table(rows.replace_schema_metadata().combine_chunks())
    digest.update(sink.getvalue())
    return digest.hexdigest()[:20]


def _populations(histories: pa.Table) -> list[pa.Table]:
    ordered = histories.sort_by([(name, "ascending") for name in KEYS])
    apps, purposes = (np.array(ordered[name].to_pylist(), dtype=object) for name in ("app", "purpose"))
    changes = np.flatnonzero((apps[1:] != apps[:-1]) | (purposes[1:] != purposes[:-1])) + 1
    bounds = [0, *changes.tolist(), len(ordered)]
    return [ordered.slice(start, end - start) for start, end in pairwise(bounds) if end > start]


def _predict_population(rows: pa.Table) -> pa.Table:
    names = ("purchase_days", "recency_days", "age_days", "revenue_cents")
    days, recency, age, revenue = (rows[name].to_numpy().astype(float) for name in names)
    forecast = forecast_customers(days, recency, age, revenue, float(rows["horizon_days"][0].as_py()))
    columns = {name: rows[name].cast(kind) for name, kind in KEYS.items()}
    for field in fields(Forecast):
        values = getattr(forecast, field.name)
        missing = values == "" if field.name == "fault" else values != values
        array = pa.array(values.tolist() if field.name == "fault" else values, mask=missing)
        columns[NAMES.get(field.name, field.name)] = array.cast(TYPES.get(field.name, pa.float64()))
    return pa.table(columns)
