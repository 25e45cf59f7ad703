"""Formulas of controlled experiments over moments: pure functions over distributions of scipy and statsmodels.

An arm's value is a ratio of means, sum(x) / sum(d); d is 1 for conversions and means. y and e are x and d of the time
before the first exposure, from which CUPED takes its covariate. Moments are whole numbers, so that what is computed of
them is exact until the last division.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from scipy.special import chdtrc, ndtr, ndtri, stdtr, stdtrit

LEVEL = 0.95
SRM_THRESHOLD = 0.001
# the sequential interval is narrowest near this many units of both arms; it holds for any number
SEQUENTIAL_TUNING_UNITS = 5_000
NAN = math.nan
OUTCOME, BEFORE = ("x", "d"), ("y", "e")


@dataclass(frozen=True)
class Moments:
    """How many units an arm has, and the sums of x, d, y, e and of their products, named as `sums["xy"]`."""

    units: int
    sums: Mapping[str, int]


@dataclass(frozen=True)
class Estimate:
    """A value and the variance of one unit's part in it; the variance of the value is `variance / units`.

    `degrees` are those of the variance: units - 1 for means, infinite where the normal distribution is used.
    """

    value: float
    variance: float
    units: int
    degrees: float

    @property
    def error(self) -> float:
        """The standard error of the value."""
        return math.sqrt(self.variance / self.units) if self.units else NAN


@dataclass(frozen=True)
class Comparison:
    """A treatment's value less the control's, with 95 % intervals; nan where there is none.

    `relative*` are shares of the control's value. `chance_to_win` and `expected_loss` are of the treatment against the
    control, `relative_chance_to_win` is of the relative uplift.
    """

    uplift: float = NAN
    lower: float = NAN
    upper: float = NAN
    p_value: float = NAN
    relative: float = NAN
    relative_lower: float = NAN
    relative_upper: float = NAN
    sequential_p_value: float = NAN
    sequential_lower: float = NAN
    sequential_upper: float = NAN
    chance_to_win: float = NAN
    expected_loss: float = NAN
    relative_chance_to_win: float = NAN


def estimate(kind: str, arm: Moments) -> Estimate:
    """The value of an arm.

    The variance of a proportion is p(1 - p), that of a mean has n - 1 in its denominator, and that of a ratio is by the
    delta method, (var x - 2 R cov xd + R^2 var d) / mean(d)^2 (Deng, Knoblich & Lu 2018, "Applying the delta method in
    metric analytics", equation 2).
    """
    if not arm.units or not arm.sums["d"]:
        return Estimate(NAN, NAN, arm.units, NAN)
    value = arm.sums["x"] / arm.sums["d"]
    if kind == "conversion":
        return Estimate(value, value * (1 - value), arm.units, math.inf)
    degrees = arm.units - 1 if kind == "mean" else math.inf
    return Estimate(value, _covariance(arm, OUTCOME, OUTCOME), arm.units, degrees)


def covariate(arm: Moments) -> Estimate:
    """The same value of the time before the first exposure."""
    if not arm.units or not arm.sums["e"]:
        return Estimate(NAN, NAN, arm.units, NAN)
    return Estimate(arm.sums["y"] / arm.sums["e"], _covariance(arm, BEFORE, BEFORE), arm.units, arm.units - 1)


def theta(arms: Sequence[Moments]) -> float:
    """The coefficient of CUPED, pooled within arms: covariances / variances of the covariate, weighted by n - 1.

    Deng, Xu, Kohavi & Walker (2013), "Improving the sensitivity of online controlled experiments by utilizing
    pre-experiment data", equation 4; pooled as in the analysis of covariance with a mean for each arm. Ratios are
    linearised first (Deng, Knoblich & Lu 2018, section 4). nan where the covariate does not vary.
    """
    known = [arm for arm in arms if arm.units > 1]
    if not known or any(not arm.sums["d"] or not arm.sums["e"] for arm in known):
        return NAN
    spread = math.fsum((arm.units - 1) * _covariance(arm, BEFORE, BEFORE) for arm in known)
    shared = math.fsum((arm.units - 1) * _covariance(arm, OUTCOME, BEFORE) for arm in known)
    return shared / spread if spread > 0 else NAN


def adjusted(kind: str, arm: Moments, coefficient: float, overall: float) -> Estimate:
    """The value less `coefficient` times how far the arm's covariate lies from the overall one (CUPED).

    The variance is var x - 2 theta cov xy + theta^2 var y, with n - 1, for a proportion too.
    """
    raw, before = estimate(kind, arm), covariate(arm)
    if arm.units < 2 or math.isnan(coefficient) or math.isnan(raw.value) or math.isnan(before.value):
        return Estimate(NAN, NAN, arm.units, NAN)
    variance = (
        _covariance(arm, OUTCOME, OUTCOME)
        - 2 * coefficient * _covariance(arm, OUTCOME, BEFORE)
        + coefficient**2 * before.variance
    )
    degrees = math.inf if kind == "ratio" else arm.units - 1
    return Estimate(raw.value - coefficient * (before.value - overall), max(variance, 0.0), arm.units, degrees)


def compare(control: Estimate, treatment: Estimate, direction: str = "up") -> Comparison:
    """Test a treatment against the control, two-sided.

    Variances are not pooled. Means use Student's t with Welch's degrees of freedom (Welch 1947), proportions and ratios
    the normal distribution. The relative uplift is by the delta method,
    var(mt / mc) = var(mt) / mc^2 + mt^2 var(mc) / mc^4, with the same distribution; only for a control above 0.
    The chance to win and the expected loss are those of a normal posterior under a flat prior,
    E[max(0, -d)] = s phi(d / s) - d Phi(-d / s), for what is better by `direction` (Stucchio 2015, "Bayesian A/B
    testing at VWO"). The relative chance to win is that of the relative uplift with its error by the delta method.
    """
    difference = treatment.value - control.value
    error = math.hypot(control.error, treatment.error)
    if not error > 0:
        return Comparison(uplift=difference)
    degrees = _welch_degrees(control, treatment)
    z, tail = difference / error, (1 + LEVEL) / 2
    reach = float(ndtri(tail) if math.isinf(degrees) else stdtrit(degrees, tail))
    relative = relative_error = NAN
    if control.value > 0:
        relative = difference / control.value
        ratio = treatment.value / control.value
        relative_error = math.hypot(treatment.error, ratio * control.error) / control.value
    units = control.units + treatment.units
    width = sequential_width(units) * error
    sign = 1 if direction == "up" else -1
    better = sign * z
    density = math.exp(-(z**2) / 2) / math.sqrt(2 * math.pi)
    return Comparison(
        uplift=difference,
        lower=difference - reach * error,
        upper=difference + reach * error,
        p_value=float(2 * (ndtr(-abs(z)) if math.isinf(degrees) else stdtr(degrees, -abs(z)))),
        relative=relative,
        relative_lower=relative - reach * relative_error,
        relative_upper=relative + reach * relative_error,
        sequential_p_value=sequential_p_value(z, units),
        sequential_lower=difference - width,
        sequential_upper=difference + width,
        chance_to_win=float(ndtr(better)),
        expected_loss=error * (density - better * float(ndtr(-better))),
        relative_chance_to_win=float(ndtr(sign * relative / relative_error)) if relative_error > 0 else NAN,
    )


def sequential_width(units: int) -> float:
    """Half the width, in standard errors, of a 95 % interval that holds at all looks together.

    The asymptotic confidence sequence of Waudby-Smith, Arbour, Sinha, Kennedy & Ramdas (2024), "Time-uniform central
    limit theory and asymptotic confidence sequences", theorem 2.2:
    sqrt(2 (n rho^2 + 1) / (n rho^2) log(sqrt(n rho^2 + 1) / alpha)).
    """
    scale = units * _rho_squared()
    return math.sqrt(2 * (scale + 1) / scale * math.log(math.sqrt(scale + 1) / (1 - LEVEL)))


def sequential_p_value(z: float, units: int) -> float:
    """The alpha at which that interval touches 0: sqrt(n rho^2 + 1) exp(-z^2 / 2 n rho^2 / (n rho^2 + 1)), at most 1.

    The same number as that of the mixture SPRT with a normal mixture (Johari, Koomen, Pekelis & Walsh 2022, "Always
    valid inference", equation 11).
    """
    scale = units * _rho_squared()
    return min(1.0, math.exp(math.log(scale + 1) / 2 - z * z / 2 * scale / (scale + 1)))


def srm(units: Sequence[int], weights: Sequence[int]) -> tuple[float, float]:
    """Chi-square of the arms' units against the split, and its p with arms - 1 degrees of freedom; nan without any."""
    total = sum(units)
    if not total:
        return NAN, NAN
    expected = [total * weight / sum(weights) for weight in weights]
    statistic = math.fsum((seen - wanted) ** 2 / wanted for seen, wanted in zip(units, expected, strict=True))
    return statistic, float(chdtrc(len(units) - 1, statistic))


def corrected(p_values: Sequence[float]) -> tuple[list[float], list[float]]:
    """P values corrected by Holm (1979) and by Benjamini & Hochberg (1995); nan stays nan and does not count.

    Of m values in rising order, Holm's k-th is the highest so far of (m - k + 1) p, Benjamini and Hochberg's the lowest
    from there on of m p / k. statsmodels gives the same, but collects garbage in each call.
    """
    order = sorted((p, place) for place, p in enumerate(p_values) if not math.isnan(p))
    holm, hochberg, count = [NAN] * len(p_values), [NAN] * len(p_values), len(order)
    highest, lowest = 0.0, 1.0
    for rank, (p, place) in enumerate(order):
        highest = max(highest, min(1.0, (count - rank) * p))
        holm[place] = highest
    for rank, (p, place) in reversed(list(enumerate(order, start=1))):
        lowest = min(lowest, p * count / rank)
        hochberg[place] = lowest
    return holm, hochberg


def units_needed(
    kind: str, control: Estimate, effect: float, alpha: float, power: float, weights: tuple[int, int]
) -> float:
    """Units that the control needs, so that a two-sided test finds a relative effect of that size with that power.

    Proportions by Cohen's h and the normal distribution, means by Cohen's d and the t distribution, ratios by d and the
    normal one (Cohen 1988). nan where there is no variance or the effect cannot be.

    Args:
        kind: conversion, mean or ratio.
        control: what is known of the control so far.
        effect: the relative effect, negative for a decrease.
        alpha: chance to find what is not there.
        power: chance to find the effect.
        weights: traffic of the control and of the treatment.
    """
    wanted = control.value * (1 + effect)
    if not control.variance > 0 or not control.value > 0 or (kind == "conversion" and not 0 <= wanted <= 1):
        return NAN
    # imported where it is used: it takes two seconds, and a home without experiments needs none of it
    from statsmodels.stats.power import NormalIndPower, TTestIndPower
    from statsmodels.stats.proportion import proportion_effectsize

    if kind == "conversion":
        size = float(proportion_effectsize(wanted, control.value))
    else:
        size = (wanted - control.value) / math.sqrt(control.variance)
    design = TTestIndPower() if kind == "mean" else NormalIndPower()
    with warnings.catch_warnings():
        # a sample that cannot be found is nan, and says so by that
        warnings.simplefilter("ignore")
        found = design.solve_power(abs(size), alpha=alpha, power=power, ratio=weights[1] / weights[0])
    needed = float(found) if isinstance(found, float) or getattr(found, "size", 0) == 1 else NAN
    return needed if math.isfinite(needed) and needed > 0 else NAN


def _covariance(arm: Moments, one: tuple[str, str], other: tuple[str, str]) -> float:
    """The covariance, with n - 1, of one unit's part in two ratios of means, OUTCOME or BEFORE.

    A unit's part in sum(x) / sum(d) is (x - R d) / mean(d); for d = 1 this is the covariance of x and y itself. All is
    whole numbers until the division, because R d may be as large as x.
    """
    if arm.units < 2:
        return NAN
    (a, b), (c, d), n, total = one, other, arm.units, arm.sums

    def spread(p: str, q: str) -> int:
        return n * total["".join(sorted(p + q, key="xdye".index))] - total[p] * total[q]

    whole = (
        total[b] * total[d] * spread(a, c)
        - total[b] * total[c] * spread(a, d)
        - total[a] * total[d] * spread(b, c)
        + total[a] * total[c] * spread(b, d)
    )
    return n * whole / ((n - 1) * total[b] ** 2 * total[d] ** 2)


def _welch_degrees(control: Estimate, treatment: Estimate) -> float:
    if math.isinf(control.degrees):
        return math.inf
    parts = [arm.variance / arm.units for arm in (control, treatment)]
    spread = sum(part**2 / arm.degrees for part, arm in zip(parts, (control, treatment), strict=True))
    return sum(parts) ** 2 / spread


def _rho_squared() -> float:
    """The tuning of the sequential interval: narrowest near n = SEQUENTIAL_TUNING_UNITS (ibid., appendix C.3)."""
    log_alpha = -2 * math.log(1 - LEVEL)
    return (log_alpha + math.log(log_alpha + 1)) / SEQUENTIAL_TUNING_UNITS
