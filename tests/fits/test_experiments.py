"""Formulas of experiments against scipy, statsmodels and numpy, called on the units themselves, on random inputs."""

import math
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.power import NormalIndPower, TTestIndPower
from statsmodels.stats.proportion import (
    confint_proportions_2indep,
    proportion_effectsize,
    test_proportions_2indep,
)
from statsmodels.stats.weightstats import CompareMeans, DescrStatsW

from fits import experiments
from fits.experiment_results import SCHEMA, SUMS, results
from fits.experiments import (
    Moments,
    adjusted,
    compare,
    corrected,
    covariate,
    estimate,
    sequential_p_value,
    sequential_width,
    srm,
    theta,
    units_needed,
)

test_proportions_2indep.__test__ = False
Ints = np.ndarray[Any, np.dtype[np.int64]]


def moments(x: Ints, d: Ints | None = None, y: Ints | None = None, e: Ints | None = None) -> Moments:
    """The sums of what was counted of each unit."""
    ones = np.ones(len(x), dtype=np.int64)
    columns = {
        "x": x,
        "d": ones if d is None else d,
        "y": 0 * ones if y is None else y,
        "e": ones if e is None else e,
    }
    whole = {name: [int(value) for value in column] for name, column in columns.items()}
    return Moments(
        len(x), {name: sum(math.prod(row) for row in zip(*(whole[c] for c in name), strict=True)) for name in SUMS}
    )


seeds = st.integers(0, 2**32 - 1)
many = settings(max_examples=80)


def skewed(rng: np.random.Generator, units: int) -> Ints:
    """Counts or cents of units: most have none, a few have much."""
    values = rng.negative_binomial(0.4, rng.uniform(0.02, 0.5), units) * rng.choice([1, 999])
    values[0], values[1] = 1, 7
    return values - rng.choice([0, 0, 300]) * (rng.random(units) < 0.1)


@many
@given(seeds)
def test_means_are_those_of_welch(seed: int) -> None:
    rng = np.random.default_rng(seed)
    control, treatment = skewed(rng, int(rng.integers(3, 400))), skewed(rng, int(rng.integers(3, 400)))
    found = compare(estimate("mean", moments(control)), estimate("mean", moments(treatment)))
    expected = stats.ttest_ind(treatment, control, equal_var=False)
    means = CompareMeans(DescrStatsW(treatment), DescrStatsW(control))
    assert found.p_value == pytest.approx(expected.pvalue, rel=1e-6, abs=1e-12)
    assert (found.lower, found.upper) == pytest.approx(means.tconfint_diff(usevar="unequal"), rel=1e-6)
    assert found.uplift == pytest.approx(treatment.mean() - control.mean(), rel=1e-6, abs=1e-9)


@many
@given(st.integers(2, 10**6), st.integers(2, 10**6), st.floats(0.0001, 0.9999), st.floats(0.0001, 0.9999))
def test_conversions_are_those_of_unpooled_proportions(n: int, m: int, p: float, q: float) -> None:
    x, y = min(max(round(p * n), 1), n - 1), min(max(round(q * m), 1), m - 1)

    def arm(units: int, converted: int) -> Moments:
        sums = dict.fromkeys(SUMS, 0) | {"x": converted, "xx": converted, "d": units, "dd": units, "xd": converted}
        return Moments(units, sums)

    found = compare(estimate("conversion", arm(n, x)), estimate("conversion", arm(m, y)))
    expected = test_proportions_2indep(y, m, x, n, compare="diff", method="wald")
    assert found.p_value == pytest.approx(expected.pvalue, rel=1e-6, abs=1e-12)
    interval = confint_proportions_2indep(y, m, x, n, compare="diff", method="wald")
    assert (found.lower, found.upper) == pytest.approx(interval, rel=1e-6, abs=1e-9)


def linearised(above: Ints, below: Ints) -> Any:
    """A unit's part in a ratio of means, by numpy."""
    return (above - above.sum() / below.sum() * below) / below.mean()


@many
@given(seeds)
def test_ratios_and_relative_uplifts_are_those_of_the_delta_method(seed: int) -> None:
    rng = np.random.default_rng(seed)
    arms = []
    for units in rng.integers(5, 300, 2):
        below = rng.poisson(3, units) + (np.arange(units) == 0)
        arms.append((rng.binomial(below, 0.4) + (np.arange(units) < 2), below))
    values = [above.sum() / below.sum() for above, below in arms]
    errors = [np.std(linearised(*arm), ddof=1) / np.sqrt(len(arm[0])) for arm in arms]
    found = compare(*(estimate("ratio", moments(*arm)) for arm in arms))
    error = math.hypot(*errors)
    z = (values[1] - values[0]) / error
    assert found.p_value == pytest.approx(2 * stats.norm.sf(abs(z)), rel=1e-6, abs=1e-12)
    assert found.lower == pytest.approx(values[1] - values[0] - stats.norm.ppf(0.975) * error, rel=1e-6, abs=1e-9)
    gradient = np.array([-values[1] / values[0] ** 2, 1 / values[0]])
    relative_error = np.sqrt(gradient @ np.diag(np.square(errors)) @ gradient)
    assert found.relative == pytest.approx(values[1] / values[0] - 1, rel=1e-6, abs=1e-9)
    assert found.relative_upper - found.relative == pytest.approx(stats.norm.ppf(0.975) * relative_error, rel=1e-6)


@many
@given(seeds)
def test_cuped_is_the_analysis_of_covariance(seed: int) -> None:
    """Pooled theta and adjusted differences are the coefficients of a regression on arms and covariate."""
    rng = np.random.default_rng(seed)
    arms = []
    for units in rng.integers(4, 200, int(rng.integers(2, 5))):
        before = skewed(rng, int(units))
        arms.append((before * rng.integers(0, 3) + skewed(rng, int(units)), before))
    told = [moments(after, y=before) for after, before in arms]
    coefficient = theta(told)
    y = np.concatenate([after for after, _ in arms]).astype(float)
    dummies = np.column_stack(
        [
            np.concatenate([np.full(len(a), i == j, dtype=float) for i, (a, _) in enumerate(arms)])
            for j in range(len(arms))
        ]
    )
    covariates = np.concatenate([before for _, before in arms]).astype(float)
    fitted = sm.OLS(y, np.column_stack([dummies, covariates])).fit()
    assert coefficient == pytest.approx(fitted.params[-1], rel=1e-6, abs=1e-8)
    overall = float(covariates.mean())
    lean = [adjusted("mean", arm, coefficient, overall) for arm in told]
    for place in range(1, len(arms)):
        assert lean[place].value - lean[0].value == pytest.approx(
            fitted.params[place] - fitted.params[0], rel=1e-6, abs=1e-6 * abs(y).max()
        )
    for (after, before), arm in zip(arms, lean, strict=True):
        assert arm.variance == pytest.approx(np.var(after - coefficient * before, ddof=1), rel=1e-6, abs=1e-6)


def test_cuped_of_ratios_is_that_of_linearised_units_and_reduces_variance() -> None:
    rng = np.random.default_rng(8)
    arms = []
    for units in (400, 500, 300):
        habit = rng.gamma(2, 2, units)
        before, sent = rng.poisson(habit), rng.poisson(5, units) + 1
        arms.append((rng.poisson(habit), rng.poisson(5, units) + 1, before, sent))
    told = [moments(*arm) for arm in arms]
    parts = [(linearised(x, d), linearised(y, e)) for x, d, y, e in arms]
    shared = sum((len(z) - 1) * np.cov(z, w)[0, 1] for z, w in parts)
    coefficient = theta(told)
    assert coefficient == pytest.approx(shared / sum((len(w) - 1) * np.var(w, ddof=1) for _, w in parts), rel=1e-9)
    overall = sum(y.sum() for _, _, y, _ in arms) / sum(e.sum() for _, _, _, e in arms)
    for (x, d, y, e), (z, w), arm in zip(arms, parts, told, strict=True):
        lean = adjusted("ratio", arm, coefficient, overall)
        assert lean.variance == pytest.approx(np.var(z - coefficient * w, ddof=1), rel=1e-9)
        assert lean.variance < 0.9 * estimate("ratio", arm).variance
        assert lean.value == pytest.approx(x.sum() / d.sum() - coefficient * (y.sum() / e.sum() - overall), rel=1e-9)
        assert covariate(arm).value == pytest.approx(y.sum() / e.sum())


def test_cuped_finds_what_would_be_hidden_and_keeps_the_size_of_its_test() -> None:
    """On arms without a difference 5 % of tests are below 5 %, with a smaller error than raw ones."""
    rng = np.random.default_rng(3)
    raw, lean = [], []
    for _ in range(600):
        arms = []
        for _ in range(2):
            habit = rng.gamma(1, 3, 150)
            arms.append(moments(rng.poisson(habit), y=rng.poisson(habit)))
        coefficient, overall = theta(arms), sum(arm.sums["y"] for arm in arms) / 300
        raw.append(compare(*(estimate("mean", arm) for arm in arms)))
        lean.append(compare(*(adjusted("mean", arm, coefficient, overall) for arm in arms)))
    assert stats.binomtest(sum(found.p_value < 0.05 for found in lean), 600, 0.05).pvalue > 0.001
    assert np.mean([l.upper - l.lower for l in lean]) < 0.8 * np.mean([r.upper - r.lower for r in raw])  # noqa: E741


# statsmodels collects garbage for each of Holm's
@settings(max_examples=15)
@given(st.lists(st.sampled_from([0.0, 0.01, 0.02, 0.04, 1.0]) | st.floats(0, 1), min_size=1, max_size=12))
def test_corrections_are_those_of_statsmodels_and_scipy(p_values: list[float]) -> None:
    holm, hochberg = corrected([*p_values, math.nan])
    assert holm[:-1] == pytest.approx(multipletests(p_values, method="holm")[1], abs=1e-9)
    assert hochberg[:-1] == pytest.approx(stats.false_discovery_control(p_values), abs=1e-9)
    assert math.isnan(holm[-1]) and math.isnan(hochberg[-1])


@many
@given(seeds)
def test_srm_is_the_chi_square_of_scipy(seed: int) -> None:
    rng = np.random.default_rng(seed)
    weights = rng.integers(1, 10, int(rng.integers(2, 6)))
    units = rng.multinomial(rng.integers(1, 10_000), weights / weights.sum())
    expected = stats.chisquare(units, units.sum() * weights / weights.sum())
    assert srm(units.tolist(), weights.tolist()) == pytest.approx(
        (expected.statistic, expected.pvalue), rel=1e-6, abs=1e-12
    )


@settings(max_examples=25)
@given(
    st.floats(0.02, 0.4),
    st.floats(0.05, 0.6),
    st.sampled_from([0.01, 0.05]),
    st.sampled_from([0.8, 0.95]),
    st.integers(1, 4),
)
def test_the_sample_that_is_needed_has_the_wanted_power(
    rate: float, effect: float, alpha: float, power: float, weight: int
) -> None:
    control = experiments.Estimate(rate, rate * (1 - rate), 100, math.inf)
    needed = units_needed("conversion", control, effect, alpha, power, (2, weight))
    size = proportion_effectsize(rate * (1 + effect), rate)
    assert NormalIndPower().power(size, needed, alpha, ratio=weight / 2) == pytest.approx(power, abs=1e-6)
    mean = experiments.Estimate(rate, 0.3, 100, 99)
    needed = units_needed("mean", mean, -effect, alpha, power, (2, weight))
    assert TTestIndPower().power(effect * rate / math.sqrt(0.3), needed, alpha, ratio=weight / 2) == pytest.approx(
        power, abs=1e-6
    )
    assert math.isnan(units_needed("conversion", control, 1 / rate, alpha, power, (1, 1)))
    assert math.isnan(units_needed("mean", experiments.Estimate(0, 1, 9, 8), effect, alpha, power, (1, 1)))


@many
@given(st.floats(-6, 6), st.integers(2, 10**7))
def test_the_sequential_p_is_where_the_interval_touches_zero(z: float, units: int) -> None:
    """And both are those of a mixture of likelihood ratios, integrated numerically."""
    p = sequential_p_value(z, units)
    assert (p < 1 - experiments.LEVEL) == (abs(z) > sequential_width(units))
    assert p >= 2 * stats.norm.sf(abs(z)) - 1e-15
    scale = units * experiments._rho_squared()
    if scale < 100:
        mixed, _ = integrate.quad(
            lambda drift: math.exp(drift * z - drift**2 / 2) * stats.norm.pdf(drift, scale=math.sqrt(scale)),
            -12 * math.sqrt(scale) - 8,
            12 * math.sqrt(scale) + 8,
            points=[z * scale / (1 + scale)],
            limit=200,
        )
        assert p == pytest.approx(min(1, 1 / mixed), rel=1e-4)


def test_the_sequential_interval_holds_at_all_looks_together() -> None:
    """Of 2,000 experiments without an effect, looked at 199 times, fewer than 5 % ever exclude zero; plain ones do."""
    rng = np.random.default_rng(12)
    looks = np.arange(2, 201) * 50
    steps = rng.standard_normal((2_000, 200)).cumsum(axis=1)[:, 1:] / np.sqrt(np.arange(2, 201))
    widths = np.array([sequential_width(int(units)) for units in looks])
    ever = np.mean((np.abs(steps) > widths).any(axis=1))
    assert 0.005 < ever < 0.05
    assert np.mean((np.abs(steps) > stats.norm.ppf(0.975)).any(axis=1)) > 0.25


@many
@given(st.floats(-3, 3), st.floats(0.01, 2), st.sampled_from(["up", "down"]))
def test_chance_and_loss_are_integrals_of_the_posterior(difference: float, error: float, direction: str) -> None:
    arms = (experiments.Estimate(1, 0, 10, math.inf), experiments.Estimate(1 + difference, 10 * error**2, 10, math.inf))
    found = compare(*arms, direction)
    sign = 1 if direction == "up" else -1
    posterior = stats.norm(sign * difference, error)
    assert found.chance_to_win == pytest.approx(posterior.sf(0), abs=1e-6)
    loss, _ = integrate.quad(lambda d: -d * posterior.pdf(d), min(-1e-9, sign * difference - 12 * error), 0)
    assert found.expected_loss == pytest.approx(loss, abs=1e-6)


@many
@given(st.floats(0.01, 5), st.floats(0, 5), st.floats(0.01, 2), st.floats(0.01, 2), st.sampled_from(["up", "down"]))
def test_the_relative_chance_is_that_of_the_relative_uplift(
    control: float, treatment: float, before: float, after: float, direction: str
) -> None:
    """Its error is that of a gradient taken numerically; a control that is not above 0 has none."""
    arms = (
        experiments.Estimate(control, 10 * before**2, 10, math.inf),
        experiments.Estimate(treatment, 10 * after**2, 10, math.inf),
    )
    step = 1e-6
    gradient = [
        (treatment / (control + step) - treatment / (control - step)) / (2 * step),
        ((treatment + step) / control - (treatment - step) / control) / (2 * step),
    ]
    posterior = stats.norm(treatment / control - 1, math.hypot(gradient[0] * before, gradient[1] * after))
    chance = posterior.sf(0) if direction == "up" else posterior.cdf(0)
    assert compare(*arms, direction).relative_chance_to_win == pytest.approx(chance, abs=1e-5)
    nothing = experiments.Estimate(0, 10 * before**2, 10, math.inf)
    assert math.isnan(compare(nothing, arms[1], direction).relative_chance_to_win)


def table(rows: list[dict[str, Any]]) -> pa.Table:
    defined = {"kind": "conversion", "direction": "up", "alpha": 0.05, "power": 0.8, "minimum_detectable_effect": 0.1}
    return pa.Table.from_pylist([defined | row for row in rows])


def arm(variant: str, units: int, converted: int, weight: int = 1, **defined: Any) -> dict[str, Any]:
    """A row of int_experiment_moments of a conversion."""
    told = moments(np.array([1] * converted + [0] * (units - converted)))
    row = {"experiment": "e", "metric": "m", "variant": variant, "units": units, "weight": weight}
    row |= {"is_control": variant == "a", "is_primary": True}
    return row | {f"sum_{name}": value for name, value in told.sums.items()} | defined


def verdicts(rows: list[dict[str, Any]]) -> dict[str, tuple[str, bool, bool]]:
    return {
        row["variant"]: (row["verdict"], row["is_winner"], row["is_valid"]) for row in results(table(rows)).to_pylist()
    }


def test_a_winner_is_named_only_when_the_interval_excludes_zero_and_the_split_was_kept() -> None:
    assert verdicts([arm("a", 1000, 100), arm("b", 1010, 150)])["b"] == ("winner", True, True)
    assert verdicts([arm("a", 1000, 100), arm("b", 1010, 105)])["b"] == ("undecided", False, True)
    assert verdicts([arm("a", 1000, 150), arm("b", 1010, 100)])["b"] == ("loser", False, True)
    # the same values, of too few units in one arm: nothing is said, of the control neither
    assert verdicts([arm("a", 1000, 100), arm("b", 700, 105)]) == {
        "a": ("invalid", False, False),
        "b": ("invalid", False, False),
    }
    # unless that is the split
    assert verdicts([arm("a", 1000, 100, weight=10), arm("b", 700, 105, weight=7)])["b"] == ("winner", True, True)
    down = [arm("a", 1000, 150, direction="down"), arm("b", 1010, 100, direction="down")]
    assert verdicts(down)["b"] == ("winner", True, True)


def test_what_cannot_be_said_is_null() -> None:
    assert results(table([arm("a", 0, 0)]).slice(0, 0)).schema == SCHEMA
    empty = results(table([arm("a", 0, 0), arm("b", 0, 0)])).to_pylist()
    assert [(row["verdict"], row["value"], row["is_valid"]) for row in empty] == [("no_data", None, None)] * 2
    for rows in ([arm("a", 5, 0), arm("b", 5, 0)], [arm("a", 1, 0, kind="mean"), arm("b", 1, 1, kind="mean")]):
        control, treatment = results(table(rows)).to_pylist()
        assert control["verdict"] == "control" and treatment["verdict"] == "no_data"
        assert treatment["uplift"] is not None and treatment["p_value"] is None and treatment["holm_p_value"] is None
    numbers = [value for row in empty for value in row.values() if isinstance(value, float)]
    assert all(math.isfinite(value) for value in numbers)


def test_sums_of_large_numbers_lose_nothing() -> None:
    """Doubles would subtract two numbers of 10^24 to find a variance of 1."""
    x = np.array([10**12 + step for step in (-1, 0, 1)] * 3)
    assert estimate("mean", moments(x)).variance == 0.75
