"""The survival engine gives statsmodels' numbers, for any counts."""

import math
import random

import duckdb
import numpy as np
import pytest
from statsmodels.duration.survfunc import SurvfuncRight

from serving.ask.engines import engine, steps
from tests.models import step_of

Stay = tuple[int, bool]


def random_stays(rng: random.Random) -> list[Stay]:
    """Ages with ties, at which somebody was lost (true) or was last seen (false)."""
    longest, share = rng.choice([2, 10, 400]), rng.choice([0.2, 0.7, 1.0])
    return [(rng.randint(0, longest), rng.random() < share) for _ in range(rng.randint(1, 200))]


MEDIANS = step_of("fct_survival", "medians")


def ask(curves: dict[str, list[Stay]], *, asks_medians: bool = False) -> list[dict[str, object]]:
    rows = [(name, age, lost) for name, stays in curves.items() for age, lost in stays]
    named = {
        "stays": f"select unnest({[r[0] for r in rows]}) as curve, unnest({[r[1] for r in rows]}) as age, "
        f"unnest({[int(r[2]) for r in rows]}) as is_lost",
        "counts": "select curve, age, sum(is_lost)::bigint as lost, sum(1 - is_lost)::bigint as censored from stays "
        "group by all",
        "curves": engine("kaplan_meier", counts="counts", by=["curve"]),
    }
    if asks_medians:
        named["curves_of_kinds"] = "select curve as kind, null as segment, null as segment_value, * from curves"
        named["medians"] = MEDIANS.replace("from curves", "from curves_of_kinds")
    frame = duckdb.sql(steps(f"select * from {list(named)[-1]} order by all", **named)).fetchall()
    names = duckdb.sql(steps(f"select * from {list(named)[-1]}", **named)).columns
    return [dict(zip(names, row, strict=True)) for row in frame]


@pytest.mark.parametrize("seed", range(30))
def test_curves_are_those_of_statsmodels(seed: int) -> None:
    rng = random.Random(seed)
    curves = {name: random_stays(rng) for name in ("a", "b")}
    found = ask(curves)
    for name, stays in curves.items():
        theirs = SurvfuncRight(np.array([a for a, _ in stays], float), np.array([int(x) for _, x in stays]))
        ours = [row for row in found if row["curve"] == name]
        assert [row["age"] for row in ours] == sorted({age for age, _ in stays})
        with_losses = {row["age"]: row for row in ours if row["lost"]}
        assert list(with_losses) == [int(t) for t, n in zip(theirs.surv_times, theirs.n_events, strict=True) if n]
        for age, there, error, at_risk in zip(
            theirs.surv_times, theirs.surv_prob, theirs.surv_prob_se, theirs.n_risk, strict=True
        ):
            if int(age) not in with_losses:
                continue
            row = with_losses[int(age)]
            assert row["at_risk"] == at_risk and row["survival"] == pytest.approx(there, abs=1e-12)
            if there < 1e-12:
                assert row["survival_lower"] is None and row["survival_upper"] is None
                continue
            # the log-log interval from their standard error of S
            width = 1.959963984540054 * error / there / -math.log(there)
            assert row["survival_lower"] == pytest.approx(there ** math.exp(width), rel=1e-9)
            assert row["survival_upper"] == pytest.approx(there ** math.exp(-width), rel=1e-9)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("seed", range(20))
def test_medians_are_those_of_statsmodels(seed: int) -> None:
    rng = random.Random(100 + seed)
    stays = random_stays(rng) * 2
    theirs = SurvfuncRight(np.array([a for a, _ in stays], float), np.array([int(x) for _, x in stays]))
    (found,) = ask({"a": stays}, asks_medians=True)
    below = theirs.surv_times[theirs.surv_prob <= 0.5 + 1e-12]
    assert found["median_age"] == (int(below[0]) if len(below) else None)
    lower, upper = theirs.quantile_ci(0.5, method="cloglog")
    if found["median_age_lower"] is not None and np.isfinite(lower) and lower > 0:
        assert found["median_age_lower"] == int(lower)
    if found["median_age_upper"] is not None and np.isfinite(upper):
        assert found["median_age_upper"] >= found["median_age"]


def test_censored_persons_count_as_long_as_they_were_watched() -> None:
    # of three one leaves on day 1; the one watched until day 1 is at risk then, and no more on day 5
    found = ask({"a": [(1, True), (1, False), (5, True)]})
    assert [(row["age"], row["at_risk"], row["lost"], row["censored"]) for row in found] == [(1, 3, 1, 1), (5, 1, 1, 0)]
    assert [row["survival"] for row in found] == pytest.approx([2 / 3, 0])
    assert [row["survival_lower"] is None for row in found] == [False, True]


def test_one_curve_needs_no_columns_and_an_unbroken_one_has_no_interval_and_no_median() -> None:
    counts = "select 3 as age, 0::bigint as lost, 4::bigint as censored"
    curve = steps("select * from k", counts=counts, k=engine("kaplan_meier", counts="counts"))
    assert duckdb.sql(curve).fetchall() == [(3, 4, 0, 4, 1.0, None, None)]
    (median,) = ask({"a": [(3, False)] * 4}, asks_medians=True)
    assert [median[name] for name in ("median_age", "median_age_lower", "median_age_upper")] == [None, None, None]
