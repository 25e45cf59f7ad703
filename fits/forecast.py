"""What creators will earn: simple exponential smoothing of monthly revenue, and how well it would have done."""

from __future__ import annotations

import warnings
from dataclasses import astuple, dataclass, fields
from itertools import groupby

import numpy as np
import pyarrow as pa

from fits.fitting import FitError, Floats

HORIZON_MONTHS = 3
# so that a back-test over the horizon still leaves half a year to learn from
FEWEST_MONTHS = 9
FEWEST_MONTHS_WITH_REVENUE = 4


@dataclass(frozen=True)
class Smoothed:
    """Expected values of the months after a history and the interval that holds each, one value a month."""

    expected: Floats
    lower: Floats
    upper: Floats


@dataclass(frozen=True)
class BackTest:
    """How the last months would have been forecast from those before them; None where nothing could be.

    Errors are mean absolute ones, in cents a month. `naive_error_cents` is that of the guess that each month will be as
    the last one known.
    """

    error_cents: float | None = None
    naive_error_cents: float | None = None
    months_inside: int | None = None


def smooth(history: Floats, horizon: int, level: float = 0.95) -> Smoothed:
    """Forecast `horizon` months by ETS(A,N,N): a level that moves by a fitted share of each surprise.

    It has no trend and no season. The level begins as the mean of the first three months. Intervals are those of
    future months, given the parameters, and do not go below 0 unless the history does.

    Raises:
        FitError: `no_variation` where every month is the same, `not_converged` where the fit was not found.
    """
    # imported here, so that a build without creators does not pay for it
    import pandas as pd
    from statsmodels.tsa.exponential_smoothing.ets import ETSModel

    if np.ptp(history) == 0:
        raise FitError("no_variation")
    unit = float(np.mean(np.abs(history)))
    series = pd.Series(history / unit)
    model = ETSModel(series, error="add", initialization_method="known", initial_level=float(series[:3].mean()))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fit = model.fit(disp=False)
        predicted = fit.get_prediction(start=len(series), end=len(series) + horizon - 1).summary_frame(alpha=1 - level)
    values = predicted[["mean", "pi_lower", "pi_upper"]].to_numpy().T * unit
    if not np.all(np.isfinite(values)):
        raise FitError("not_converged")
    return Smoothed(*np.maximum(values, min(0.0, float(np.min(history)))))


def back_test(history: Floats, horizon: int) -> BackTest:
    """Forecast the last `horizon` months of a history from the months before them."""
    known, held_out = history[:-horizon], history[-horizon:]
    try:
        forecast = smooth(known, horizon)
    except FitError:
        return BackTest()
    inside = (forecast.lower <= held_out) & (held_out <= forecast.upper)
    return BackTest(
        float(np.mean(np.abs(forecast.expected - held_out))),
        float(np.mean(np.abs(known[-1] - held_out))),
        int(np.sum(inside)),
    )


def fault_of(history: Floats) -> str | None:
    """Why a history says too little for a forecast; None where it says enough."""
    if len(history) < FEWEST_MONTHS:
        return "too_few_months"
    if np.sum(history != 0) < FEWEST_MONTHS_WITH_REVENUE:
        return "too_few_months_with_revenue"
    return None


def forecast_creators(months: pa.Table) -> pa.Table:
    """Forecast each creator's revenue of the months after the last complete one.

    Args:
        months: columns app, creator_id, period_start, revenue_cents, is_whole, is_complete, in any order of
            rows. Months in which a creator began, or which have not ended, are not learnt from.

    Returns:
        A row for each creator and month of the horizon, money in cents; `fault` says why there is no forecast.
    """
    schema = pa.schema(
        {"app": pa.string(), "creator_id": pa.string(), "period_start": pa.date32(), "history_months": pa.int64()}
        | dict.fromkeys(("expected_cents", "lower_cents", "upper_cents"), pa.float64())
        | {f"backtest_{field.name}": pa.float64() for field in fields(BackTest)}
        | {"backtest_months_inside": pa.int64(), "fault": pa.string()}
    )
    columns = [
        months[name].to_pylist()
        for name in ("app", "creator_id", "period_start", "revenue_cents", "is_whole", "is_complete")
    ]
    rows = []
    for key, own in groupby(sorted(zip(*columns, strict=True)), key=lambda row: row[:2]):
        its_months = list(own)
        history = np.array(
            [cents for _, _, _, cents, is_whole, is_complete in its_months if is_whole and is_complete], dtype=float
        )
        ended = [start for _, _, start, _, _, is_complete in its_months if is_complete]
        begins = np.datetime64(ended[-1], "M") + 1 if ended else np.datetime64(its_months[-1][2], "M")
        coming = [(begins + n).astype("datetime64[D]").astype(object) for n in range(HORIZON_MONTHS)]
        fault, tested, values = fault_of(history), BackTest(), [(None,) * 3] * HORIZON_MONTHS
        if fault is None:
            try:
                smoothed = smooth(history, HORIZON_MONTHS)
                values = list(zip(*(part.tolist() for part in astuple(smoothed)), strict=True))
                tested = back_test(history, HORIZON_MONTHS)
            except FitError as error:
                fault = str(error)
        rows += [
            (*key, start, len(history), *value, *astuple(tested), fault)
            for start, value in zip(coming, values, strict=True)
        ]
    return pa.Table.from_pylist([dict(zip(schema.names, row, strict=True)) for row in rows], schema=schema)
