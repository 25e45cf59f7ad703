"""The table that the dbt model int_experiment_statistics returns: what the moments of every experiment say."""

from __future__ import annotations

import math
from itertools import groupby
from typing import Any

import pyarrow as pa

from fits.experiments import (
    NAN,
    SRM_THRESHOLD,
    Comparison,
    Moments,
    adjusted,
    compare,
    corrected,
    estimate,
    srm,
    theta,
    units_needed,
)

SUMS = ("x", "d", "y", "e", "xx", "xd", "xy", "xe", "dd", "dy", "de", "yy", "ye", "ee")
NUMBERS = (
    *("value", "standard_error", "control_value", "uplift", "uplift_lower", "uplift_upper", "p_value"),
    *("improvement_percent", "improvement_percent_lower", "improvement_percent_upper"),
    *("holm_p_value", "bh_p_value", "sequential_p_value", "sequential_lower", "sequential_upper"),
    *("chance_to_win", "relative_chance_to_win", "expected_loss"),
    *("cuped_theta", "cuped_value", "cuped_variance_reduction"),
    *("cuped_uplift", "cuped_uplift_lower", "cuped_uplift_upper", "cuped_p_value"),
    *("srm_chi_square", "srm_p_value", "units_needed"),
)
SCHEMA = pa.schema(
    [
        *((name, pa.string()) for name in ("experiment", "metric", "variant")),
        *((name, pa.float64()) for name in NUMBERS),
        ("is_valid", pa.bool_()),
        ("is_winner", pa.bool_()),
        ("verdict", pa.string()),
    ]
)
Row = dict[str, Any]


def results(moments: pa.Table) -> pa.Table:
    """Compare every treatment with its control, metric by metric.

    Args:
        moments: columns of int_experiment_moments, in any order of rows; each metric has a row for every variant.

    Returns:
        One row per row of `moments`, nulls where there is no number. The check of the split and `units_needed`, which
        is of all arms, are the same in all rows of an experiment.
    """
    rows = sorted(moments.to_pylist(), key=lambda row: (row["experiment"], row["metric"], row["variant"]))
    found: list[Row] = []
    for _, experiment in groupby(rows, key=lambda row: row["experiment"]):
        found += _results_of_experiment(list(experiment))
    columns = {name: [_known(row[name]) for row in found] for name in SCHEMA.names}
    return pa.table(columns, schema=SCHEMA)


def _known(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _results_of_experiment(rows: list[Row]) -> list[Row]:
    metrics = [list(metric) for _, metric in groupby(rows, key=lambda row: row["metric"])]
    chi_square, srm_p = srm([row["units"] for row in metrics[0]], [row["weight"] for row in metrics[0]])
    needed = next((_units_needed(metric) for metric in metrics if metric[0]["is_primary"]), NAN)
    found = [result for metric in metrics for result in _results_of_metric(metric)]
    holm, hochberg = corrected([result["p_value"] for result in found])
    for result, holm_p, bh_p in zip(found, holm, hochberg, strict=True):
        verdict = result.pop("judged") if srm_p >= SRM_THRESHOLD else "no_data" if math.isnan(srm_p) else "invalid"
        result |= {
            "holm_p_value": holm_p,
            "bh_p_value": bh_p,
            "srm_chi_square": chi_square,
            "srm_p_value": srm_p,
            "units_needed": needed,
            "is_valid": None if math.isnan(srm_p) else srm_p >= SRM_THRESHOLD,
            "is_winner": verdict == "winner",
            "verdict": verdict,
        }
    return found


def _results_of_metric(rows: list[Row]) -> list[Row]:
    kind, direction = rows[0]["kind"], rows[0]["direction"]
    arms = [_moments(row) for row in rows]
    place = next(place for place, row in enumerate(rows) if row["is_control"])
    coefficient = theta(arms)
    before, per = sum(arm.sums["y"] for arm in arms), sum(arm.sums["e"] for arm in arms)
    overall = before / per if per else NAN
    raw = [estimate(kind, arm) for arm in arms]
    lean = [adjusted(kind, arm, coefficient, overall) for arm in arms]
    found = []
    for row, arm, value, lean_value in zip(rows, arms, raw, lean, strict=True):
        is_control = row["is_control"]
        told = Comparison() if is_control else compare(raw[place], value, direction)
        lean_told = Comparison() if is_control else compare(lean[place], lean_value, direction)
        spread = estimate("mean", arm).variance if kind == "conversion" else value.variance
        found.append(
            {name: row[name] for name in ("experiment", "metric", "variant")}
            | {
                "value": value.value,
                "standard_error": value.error,
                "control_value": raw[place].value,
                "uplift": told.uplift,
                "uplift_lower": told.lower,
                "uplift_upper": told.upper,
                "p_value": told.p_value,
                "improvement_percent": 100 * told.relative,
                "improvement_percent_lower": 100 * told.relative_lower,
                "improvement_percent_upper": 100 * told.relative_upper,
                "sequential_p_value": told.sequential_p_value,
                "sequential_lower": told.sequential_lower,
                "sequential_upper": told.sequential_upper,
                "chance_to_win": told.chance_to_win,
                "relative_chance_to_win": told.relative_chance_to_win,
                "expected_loss": told.expected_loss,
                "cuped_theta": coefficient,
                "cuped_value": lean_value.value,
                "cuped_variance_reduction": 1 - lean_value.variance / spread if spread > 0 else NAN,
                "cuped_uplift": lean_told.uplift,
                "cuped_uplift_lower": lean_told.lower,
                "cuped_uplift_upper": lean_told.upper,
                "cuped_p_value": lean_told.p_value,
                "judged": "control" if is_control else _verdict(told, direction),
            }
        )
    return found


def _verdict(told: Comparison, direction: str) -> str:
    if math.isnan(told.lower):
        return "no_data"
    if told.lower <= 0 <= told.upper:
        return "undecided"
    return "winner" if (told.lower > 0) == (direction == "up") else "loser"


def _units_needed(rows: list[Row]) -> float:
    """Units of all arms, so that the treatment with the least traffic can be told from the control."""
    control = next(row for row in rows if row["is_control"])
    smallest = min(row["weight"] for row in rows if not row["is_control"])
    effect = control["minimum_detectable_effect"] * (1 if control["direction"] == "up" else -1)
    own = units_needed(
        control["kind"],
        estimate(control["kind"], _moments(control)),
        effect,
        control["alpha"],
        control["power"],
        (control["weight"], smallest),
    )
    return own * sum(int(row["weight"]) for row in rows) / int(control["weight"])


def _moments(row: Row) -> Moments:
    return Moments(row["units"], {name: int(row[f"sum_{name}"]) for name in SUMS})
