"""Forecasts of creators' revenue: what can be learnt from, what is told where nothing can, and intervals that hold."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from fits import forecast
from fits.fitting import FitError


def months_of(creator: str, cents: list[int], complete: int) -> list[dict[str, Any]]:
    starts = pd.date_range("2024-01-01", periods=len(cents), freq="MS").date
    return [
        {
            "app": "lit",
            "creator_id": creator,
            "period_start": start,
            "revenue_cents": value,
            "is_whole": n > 0,
            "is_complete": n < complete,
        }
        for n, (start, value) in enumerate(zip(starts, cents, strict=True))
    ]


def test_too_little_history_is_said_and_the_order_of_rows_does_not_matter() -> None:
    rng = np.random.default_rng(4)
    sales = [int(value) for value in rng.integers(100, 900, 12)]
    creators = {
        "fits": (sales, 11),
        "short": (sales[:10], 9),
        "rare": ([0] * 9 + [5, 5, 5], 12),
        "same": ([300] * 12, 12),
        "unbegun": ([7], 0),
        "late": ([300] * 9 + [100, 200, 400], 12),
    }
    rows = [row for creator, (cents, complete) in creators.items() for row in months_of(creator, cents, complete)]
    told = forecast.forecast_creators(pa.Table.from_pylist(rows))
    rng.shuffle(rows)
    assert forecast.forecast_creators(pa.Table.from_pylist(rows)) == told
    frame = told.to_pandas().groupby("creator_id")
    faults = {creator: set(own["fault"].fillna("none")) for creator, own in frame}
    assert faults == {
        "fits": {"none"},
        "late": {"none"},
        "short": {"too_few_months"},
        "rare": {"too_few_months_with_revenue"},
        "same": {"no_variation"},
        "unbegun": {"too_few_months"},
    }
    fits = frame.get_group("fits")
    # the month in which it began and the running one are not learnt from
    assert fits["history_months"].eq(10).all()
    assert [str(start) for start in fits["period_start"]] == ["2024-12-01", "2025-01-01", "2025-02-01"]
    assert next(str(start) for start in frame.get_group("unbegun")["period_start"]) == "2024-01-01"
    assert fits["expected_cents"].between(fits["lower_cents"], fits["upper_cents"]).all()
    # all months before the held-out ones were the same, so nothing could be learnt for the test
    assert frame.get_group("late")["backtest_error_cents"].isna().all()
    assert fits["backtest_error_cents"].gt(0).all()
    with pytest.raises(FitError, match="no_variation"):
        forecast.smooth(np.full(9, 5.0), 3)
    empty = pa.table({name: [] for name in rows[0]})
    assert forecast.forecast_creators(empty).num_rows == 0
    assert forecast.forecast_creators(empty).schema == told.schema


def test_intervals_hold_about_as_many_months_as_they_say() -> None:
    """Series that the model is made for: a level that wanders; 95 % of what came next, less what an estimate costs."""
    rng, inside, months = np.random.default_rng(9), 0, 0
    for _ in range(40):
        level = 1_000 + np.cumsum(rng.normal(0, 40, 27))
        series = level + rng.normal(0, 150, 27)
        told = forecast.smooth(series[:24], 3)
        inside += int(np.sum((told.lower <= series[24:]) & (series[24:] <= told.upper)))
        months += 3
    assert 0.85 < inside / months <= 1
