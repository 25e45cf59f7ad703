"""BG/NBD: how often a customer without a contract will buy, and whether they are still one.

Fader, Hardie & Lee (2005), "Counting Your Customers the Easy Way: An Alternative to the Pareto/NBD Model", Marketing
Science 24(2), 275-284. Equation numbers are theirs. A customer is told by three numbers in one unit of time: x repeat
purchases (`frequency`), the last of them t_x after the first purchase (`recency`), seen for T since then (`age`).
While active, a customer buys at rate lambda, gamma(r, alpha) over customers; after each repeat purchase they leave for
good with probability p, beta(a, b) over customers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import betainc, digamma, gammaln

from fits.fitting import FitError, Floats, maximise

# a purchase that is less probable than this is no longer counted
SMALLEST_TAIL = 1e-10
LARGEST_COUNT = 20_000

# for each count from 1: the places of the customers who may reach it, and how probably they do
Tails = list[tuple[NDArray[np.intp], Floats]]


@dataclass(frozen=True)
class PurchaseModel:
    """The fit of `parameters` r, alpha, a, b to customers; alpha is a time in the unit of their ages.

    `covariance` is that of the parameters' logarithms. `is_simpler` says that a parameter ran to 0 or infinity: the
    customers fit a simpler model, most often one in which nobody leaves (a near 0), and the predictions are its.
    """

    parameters: Floats
    covariance: Floats
    is_simpler: bool


@dataclass(frozen=True)
class PurchaseForecast:
    """What each customer will buy within a horizon; all arrays have a value a customer."""

    probability_alive: Floats
    expected: Floats
    variance: Floats
    lower: Floats
    upper: Floats


def log_likelihood(parameters: Floats, frequency: Floats, recency: Floats, age: Floats) -> tuple[Floats, Floats]:
    """Log-likelihood of each customer, equation (6), and its gradient by r, alpha, a, b (4 × customers).

    In logarithms, as the paper's section 7 does: ln L = A1 + A2 + ln(exp(A3) + [x > 0] exp(A4)).
    """
    r, alpha, a, b = parameters
    x, repeats = frequency, frequency > 0
    last = np.where(repeats, b + x - 1, 1.0)
    count = gammaln(r + x) - gammaln(r) + r * np.log(alpha)
    stays = gammaln(a + b) + gammaln(b + x) - gammaln(b) - gammaln(a + b + x)
    active = -(r + x) * np.log(alpha + age)
    gone = np.where(repeats, np.log(a) - np.log(last) - (r + x) * np.log(alpha + recency), -np.inf)
    either = np.logaddexp(active, gone)
    alive = np.exp(active - either)
    dead = np.where(repeats, 1 - alive, 0.0)
    gradient = np.array(
        [
            digamma(r + x) - digamma(r) + np.log(alpha) - alive * np.log(alpha + age) - dead * np.log(alpha + recency),
            r / alpha - (r + x) * (alive / (alpha + age) + dead / (alpha + recency)),
            digamma(a + b) - digamma(a + b + x) + dead / a,
            digamma(a + b) + digamma(b + x) - digamma(b) - digamma(a + b + x) - dead / last,
        ]
    )
    return count + stays + either, gradient


def fit_purchases(frequency: Floats, recency: Floats, age: Floats) -> PurchaseModel:
    """Fit r, alpha, a and b by maximum likelihood.

    The result depends on which customers there are and not on their order, to the last bit: equal ones are
    counted together, in sorted order.

    Raises:
        FitError: with the reason.
    """
    if len(frequency) == 0 or np.max(age) <= 0:
        raise FitError("no_time_observed")
    if not np.any(frequency > 0):
        raise FitError("no_repeat_purchases")
    histories, customers = np.unique(np.column_stack([frequency, recency, age]), axis=0, return_counts=True)
    # time in mean ages, so that every parameter is of the order of 1
    unit = float(np.sum(histories[:, 2] * customers) / len(age))
    x, last, seen = histories[:, 0], histories[:, 1] / unit, histories[:, 2] / unit

    def likelihood(parameters: Floats) -> tuple[float, Floats]:
        values, gradient = log_likelihood(parameters, x, last, seen)
        return float(np.sum(values * customers)), np.sum(gradient * customers, axis=1)

    rate = float(np.sum(x * customers) / np.sum(seen * customers))
    starts = [[1.0, 1.0 / rate, 1.0, 3.0], [0.3, 0.3 / rate, 0.5, 0.5]]
    found = maximise(likelihood, starts, len(frequency))
    return PurchaseModel(found.parameters * [1, unit, 1, 1], found.covariance, bool(np.any(found.at_edge)))


def probability_alive(parameters: Floats, frequency: Floats, recency: Floats, age: Floats) -> Floats:
    """Probability that a customer has not left by T: the denominator of equation (10); 1 before any repeat purchase."""
    r, alpha, a, b = parameters
    x, repeats = frequency, frequency > 0
    last = np.where(repeats, b + x - 1, 1.0)
    exponent = np.log(a) - np.log(last) + (r + x) * (np.log(alpha + age) - np.log(alpha + recency))
    odds = np.where(repeats, np.exp(np.minimum(exponent, 700.0)), 0.0)
    return np.asarray(1 / (1 + odds))


def purchase_tails(parameters: Floats, frequency: Floats, recency: Floats, age: Floats, horizon: float) -> Tails:
    """Probability of at least 1, 2, 3 … purchases in the time `horizon` after T.

    Customers drop out of the counts where the probability no longer matters.

    The n-th purchase happens when the customer is alive, has not left after any of the n - 1 before, and would buy
    n times at all:

        P(Y >= n) = P(alive) · B(a, b + x + n - 1) / B(a, b + x) · I_z(n, r + x),   z = t / (alpha + T + t)

    The last factor is the tail of the negative binomial. The sum over n is equation (10) without its hypergeometric
    function, which overflows for frequent buyers and has a pole at a = 1; here every term is a probability.

    Raises:
        FitError: `implausible_rate`, where somebody may buy more than 20,000 times.
    """
    r, alpha, a, b = parameters
    places = np.arange(len(frequency))
    reached = probability_alive(parameters, frequency, recency, age)
    x, share = frequency, horizon / (alpha + age + horizon)
    tails = []
    number = 1
    while len(places):
        if number > LARGEST_COUNT:
            raise FitError("implausible_rate")
        tail = reached * betainc(number, r + x, share)
        kept = tail > SMALLEST_TAIL
        places, reached, x, share, tail = places[kept], reached[kept], x[kept], share[kept], tail[kept]
        tails.append((places, tail))
        reached = reached * (b + x + number - 1) / (a + b + x + number - 1)
        number += 1
    return tails


def forecast_purchases(
    parameters: Floats,
    frequency: Floats,
    recency: Floats,
    age: Floats,
    horizon: float,
    tails: Tails | None = None,
    level: float = 0.95,
) -> PurchaseForecast:
    """What customers will buy within `horizon` after T: mean and variance, and the interval that holds `level` of it.

    The interval is the exact one of the predictive distribution, at these parameters: from the (1 - level) / 2
    quantile of the number of purchases to the (1 + level) / 2 quantile. `tails` are those of the same customers, where
    they are known already.
    """
    customers = len(frequency)
    expected, squares, lower, upper = (np.zeros(customers) for _ in range(4))
    tails = tails or purchase_tails(parameters, frequency, recency, age, horizon)
    for number, (places, tail) in enumerate(tails, start=1):
        expected[places] += tail
        squares[places] += (2 * number - 1) * tail
        lower[places] += tail > (1 + level) / 2
        upper[places] += tail > (1 - level) / 2
    alive = probability_alive(parameters, frequency, recency, age)
    return PurchaseForecast(alive, expected, squares - expected**2, lower, upper)


def variance_of_the_total(
    model: PurchaseModel, frequency: Floats, recency: Floats, age: Floats, horizon: float, customers: Floats
) -> float:
    """Variance of the sum of expected purchases that comes from the parameters being estimates: the delta method.

    `customers` says how many each history stands for.
    """
    logs = np.log(model.parameters)

    def total(at: Floats) -> float:
        tails = purchase_tails(np.exp(at), frequency, recency, age, horizon)
        return sum(float(np.sum(customers[places] * tail)) for places, tail in tails)

    step, here = 1e-5, total(logs)
    slopes = np.array([(total(logs + step * d) - here) / step for d in np.eye(len(logs))])
    return float(np.sum(slopes[:, None] * model.covariance * slopes[None, :]))
