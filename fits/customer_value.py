"""What customers without a contract will buy and spend: BG/NBD and Gamma-Gamma over the histories of a population."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from fits.fitting import FitError, Floats
from fits.purchases import (
    PurchaseModel,
    fit_purchases,
    forecast_purchases,
    purchase_tails,
    variance_of_the_total,
)
from fits.spending import SpendingModel, expected_value, fit_spending, revenue_quantile

# below, four parameters of a population are a guess
FEWEST_CUSTOMERS = 50
FEWEST_REPEAT_CUSTOMERS = 10
LEVEL = 0.95


@dataclass(frozen=True)
class Forecast:
    """One value a customer; nan where there is none, and then `fault` says why, else it is the empty text.

    Times are in days, money in the unit of the revenue that went in. `*_lower` and `*_upper` hold 95 % of what a
    customer may do, given the parameters. `parameter_variance` is the same for all: that of the sum of their expected
    purchases which comes from the parameters being estimates.
    """

    probability_alive: Floats
    expected_purchases: Floats
    purchases_variance: Floats
    purchases_lower: Floats
    purchases_upper: Floats
    expected_value: Floats
    predicted_revenue: Floats
    revenue_lower: Floats
    revenue_upper: Floats
    parameter_variance: Floats
    r: Floats
    alpha: Floats
    a: Floats
    b: Floats
    p: Floats
    q: Floats
    gamma: Floats
    fault: np.ndarray[tuple[int], np.dtype[np.str_]]
    is_simpler: np.ndarray[tuple[int], np.dtype[np.bool_]]


def forecast_customers(
    purchase_days: Floats, recency: Floats, age: Floats, revenue: Floats, horizon: float
) -> Forecast:
    """Fit both models to the customers of one population, and predict each of them over `horizon` days.

    What comes out for a customer depends on which histories the population has, never on their order.

    Args:
        purchase_days: days with a purchase, the first one included: 1 or more.
        recency: days from the first purchase to the last.
        age: days from the first purchase to the end of what is known.
        revenue: what the purchases brought, less refunds.
        horizon: days to look ahead, above 0.
    """
    customers, frequency = len(purchase_days), purchase_days - 1
    values = {field.name: np.full(customers, np.nan) for field in fields(Forecast)[:-2]}
    fault, is_simpler = np.full(customers, "", dtype="<U32"), np.zeros(customers, dtype=bool)
    try:
        if customers < FEWEST_CUSTOMERS:
            raise FitError("too_few_customers")
        if np.sum(frequency > 0) < FEWEST_REPEAT_CUSTOMERS:
            raise FitError("too_few_repeat_customers")
        purchases = fit_purchases(frequency, recency, age)
        spending = fit_spending(purchase_days, np.maximum(revenue, 0) / purchase_days)
        values |= _predict(purchases, spending, purchase_days, recency, age, np.maximum(revenue, 0), horizon)
        is_simpler[:] = purchases.is_simpler or spending.is_simpler
    except FitError as error:
        fault[:] = str(error)
    return Forecast(**values, fault=fault, is_simpler=is_simpler)


def _predict(
    purchases: PurchaseModel,
    spending: SpendingModel,
    purchase_days: Floats,
    recency: Floats,
    age: Floats,
    revenue: Floats,
    horizon: float,
) -> dict[str, Floats]:
    customers = len(purchase_days)
    # customers of one history are predicted once: only the scale of what they spend is their own
    histories, place = np.unique(np.column_stack([purchase_days, recency, age]), axis=0, return_inverse=True)
    days, last, seen = histories.T
    history = (purchases.parameters, days - 1, last, seen)
    tails = purchase_tails(*history, horizon)
    forecast = forecast_purchases(*history, horizon, tails, LEVEL)
    value = expected_value(spending.parameters, purchase_days, revenue / purchase_days)
    scale = spending.parameters[2] + revenue
    lower, upper = (
        revenue_quantile(spending.parameters, days, tails, (1 + sign * LEVEL) / 2)[place] * scale for sign in (-1, 1)
    )
    names = ("r", "alpha", "a", "b", "p", "q", "gamma")
    parameters = zip(names, [*purchases.parameters, *spending.parameters], strict=True)
    weights = np.bincount(place).astype(float)
    return {
        "probability_alive": forecast.probability_alive[place],
        "expected_purchases": forecast.expected[place],
        "purchases_variance": forecast.variance[place],
        "purchases_lower": forecast.lower[place],
        "purchases_upper": forecast.upper[place],
        "expected_value": value,
        "predicted_revenue": forecast.expected[place] * value,
        "revenue_lower": lower,
        "revenue_upper": upper,
        "parameter_variance": np.full(customers, variance_of_the_total(purchases, *history[1:], horizon, weights)),
        **{name: np.full(customers, number) for name, number in parameters},
    }
