"""Gamma-Gamma: what a purchase of a customer is worth.

Fader & Hardie (2013), "The Gamma-Gamma Model of Monetary Value", http://brucehardie.com/notes/025/. Equation numbers
are theirs. Values of a customer's purchases are gamma(p, nu), nu is gamma(q, gamma) over customers, and how often they
buy says nothing of it. A customer is told by n purchases (`purchases`) of the mean value z (`mean_value`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import betainc, digamma, gammaln

from fits.fitting import FitError, Floats, maximise
from fits.purchases import Tails

# how many different numbers of purchases an interval of revenue mixes; more are taken together
MIXED_COUNTS = 16


@dataclass(frozen=True)
class SpendingModel:
    """The fit of `parameters` p, q, gamma; gamma in the unit of the values.

    `covariance` is that of the parameters' logarithms. `is_simpler` says that a parameter ran to 0 or infinity.
    """

    parameters: Floats
    covariance: Floats
    is_simpler: bool


def log_likelihood(parameters: Floats, purchases: Floats, mean_value: Floats) -> tuple[Floats, Floats]:
    """Log-likelihood of each customer's mean value, equation (1a), and its gradient by p, q, gamma (3 × customers)."""
    p, q, gamma = parameters
    n, z = purchases, mean_value
    total = np.log(gamma + n * z)
    values = (
        gammaln(p * n + q)
        - gammaln(p * n)
        - gammaln(q)
        + q * np.log(gamma)
        + (p * n - 1) * np.log(z)
        + p * n * np.log(n)
        - (p * n + q) * total
    )
    gradient = np.array(
        [
            n * (digamma(p * n + q) - digamma(p * n) + np.log(z) + np.log(n) - total),
            digamma(p * n + q) - digamma(q) + np.log(gamma) - total,
            q / gamma - (p * n + q) / (gamma + n * z),
        ]
    )
    return values, gradient


def fit_spending(purchases: Floats, mean_value: Floats) -> SpendingModel:
    """Fit p, q and gamma by maximum likelihood to the customers of a mean value above 0.

    The result depends on which customers there are and not on their order, to the last bit.

    Raises:
        FitError: with the reason.
    """
    known = (mean_value > 0) & (purchases > 0)
    if not np.any(known):
        raise FitError("no_values_above_zero")
    histories, customers = np.unique(np.column_stack([purchases[known], mean_value[known]]), axis=0, return_counts=True)
    unit = float(np.sum(histories[:, 1] * customers) / np.sum(customers))
    n, z = histories[:, 0], histories[:, 1] / unit
    if not np.any(n > 1):
        # one value each cannot tell how much a customer's values vary from how much customers do
        raise FitError("no_repeat_purchases")

    def likelihood(parameters: Floats) -> tuple[float, Floats]:
        values, gradient = log_likelihood(parameters, n, z)
        return float(np.sum(values * customers)), np.sum(gradient * customers, axis=1)

    starts = [[1.0, 2.0, 1.0], [5.0, 4.0, 0.6]]
    found = maximise(likelihood, starts, float(np.sum(customers)))
    return SpendingModel(found.parameters * [1, 1, unit], found.covariance, bool(np.any(found.at_edge)))


def expected_value(parameters: Floats, purchases: Floats, mean_value: Floats) -> Floats:
    """Expected value of a customer's next purchase, equation (5); nan where it has no mean (p n + q <= 1)."""
    p, q, gamma = parameters
    weight = p * purchases + q - 1
    return np.where(weight > 0, p * (gamma + purchases * mean_value) / np.where(weight > 0, weight, 1.0), np.nan)


def revenue_quantile(parameters: Floats, purchases: Floats, tails: Tails, quantile: float) -> Floats:
    """The quantile of what customers will spend in all, in units of g = gamma + n z, which is each customer's own.

    `tails` says how probably they buy at least 1, 2, 3 … times. With y purchases the sum s has
    P(S <= s) = I_{s / (s + g)}(p y, q + p n): sums are gamma(p y, nu), and nu given the past is gamma(q + p n, g).
    That is mixed over y and solved for s by bisection of ln(s / g), to a thousandth. More than 16 different counts are
    taken together in groups, each at its mean.
    """
    p, q, _ = parameters
    customers, counts, masses = _mixed_counts(len(purchases), tails)
    some = np.bincount(customers, masses, len(purchases))
    # where buying nothing is probable enough, the quantile is 0
    wanted = 1 - some < quantile
    kept = wanted[customers]
    customers, counts, masses = customers[kept], p * counts[kept], masses[kept]
    shapes = q + p * purchases[customers]
    low, high = np.full(len(purchases), -15.0), np.full(len(purchases), 15.0)
    while np.max(high - low, initial=0.0) > 1e-3:
        middle = (low + high) / 2
        shares = (1 / (1 + np.exp(-middle)))[customers]
        below = 1 - some + np.bincount(customers, masses * betainc(counts, shapes, shares), len(purchases))
        low, high = np.where(below < quantile, middle, low), np.where(below < quantile, high, middle)
    return np.where(wanted, np.exp((low + high) / 2), 0.0)


def _mixed_counts(customers: int, tails: Tails) -> tuple[NDArray[np.intp], Floats, Floats]:
    """At most 16 numbers of purchases of each customer with their probabilities: place, number, probability."""
    places = np.concatenate([np.zeros(0, dtype=np.intp), *(place for place, _ in tails)])
    numbers = np.concatenate([np.zeros(0), *(np.full(len(place), n) for n, (place, _) in enumerate(tails, start=1))])
    tail = np.concatenate([np.zeros(0), *(tail for _, tail in tails)])
    order = np.lexsort((numbers, places))
    places, numbers, tail = places[order], numbers[order], tail[order]
    # what is left of the next count of the same customer
    following = np.append(tail, 0.0)[1:]
    following[np.flatnonzero(np.diff(places))] = 0.0
    mass = tail - following
    # groups of equal width up to where hardly anything is left, and one for all that is beyond
    common = np.bincount(places[tail > 1e-4], minlength=customers)[places]
    width = np.maximum(1, -(-common // (MIXED_COUNTS - 1)))
    group = np.minimum((numbers - 1) // width, MIXED_COUNTS - 1)
    cells, cell = np.unique(places * MIXED_COUNTS + group.astype(np.intp), return_inverse=True)
    masses = np.asarray(np.bincount(cell, mass, len(cells)), dtype=float)
    means = np.bincount(cell, mass * numbers, len(cells)) / np.where(masses > 0, masses, 1.0)
    some = masses > 0
    owners: NDArray[np.intp] = (cells // MIXED_COUNTS)[some]
    return owners, means[some], masses[some]
