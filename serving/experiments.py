"""What an experiment has shown, from its marts."""

from __future__ import annotations

from typing import Any

from serving.snapshots import Snapshot

RESULTS, HEALTH = "fct_experiment_results", "fct_experiment_health"


def results_of(snapshot: Snapshot, test_id: str) -> dict[str, Any] | None:
    """Who wins and by how much, by the primary metric, all rows, and whether the sample is sound.

    None for an experiment that the build does not know.
    """
    sql = "select * from {} where experiment = $key order by all"
    health = snapshot.dicts(sql.format(HEALTH), {"key": test_id})
    if not health:
        return None
    rows, told = snapshot.dicts(sql.format(RESULTS), {"key": test_id}), health[0]
    others = [row for row in rows if row["is_primary"] and not row["is_control"]]
    # of several variants the one that wins, else the one that does best
    best = max(others, key=lambda row: (bool(row["is_winner"]), _number(row["improvement_percent"])), default=None)
    return {
        "test_id": test_id,
        "status": told["status"],
        "winner": best["variant"] if best and best["is_winner"] else None,
        "improvement_percent": best and best["improvement_percent"],
        "interval": best and [best["improvement_percent_lower"], best["improvement_percent_upper"]],
        "is_valid": told["is_valid"],
        "srm": {name: told[f"srm_{name}"] for name in ("chi_square", "degrees_of_freedom", "p_value")},
        "results": rows,
        "health": told,
    }


def _number(value: float | None) -> float:
    return float("-inf") if value is None else value
