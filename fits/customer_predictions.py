"""The table that the dbt model int_customer_predictions returns: a prediction for each customer history."""

from __future__ import annotations

from dataclasses import fields
from itertools import pairwise

import numpy as np
import pyarrow as pa

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


def predict(histories: pa.Table) -> pa.Table:
    """Predict each history of a population (app and purpose) from all of it.

    Args:
        histories: columns app, purpose, person_id, horizon_days, purchase_days, recency_days, age_days, revenue_cents,
            in any order of rows.

    Returns:
        The keys and the fields of `Forecast`, money in cents. Where there is no number it is null; `fault` is null
        where there is one.
    """
    predicted = [_predict_population(rows) for rows in _populations(histories)]
    columns = {name: KEYS.get(name) for name in KEYS}
    columns |= {NAMES.get(f.name, f.name): TYPES.get(f.name, pa.float64()) for f in fields(Forecast)}
    return pa.concat_tables([pa.schema(columns.items()).empty_table(), *predicted])


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
