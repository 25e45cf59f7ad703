"""Maximum likelihood over positive parameters, the same way for every model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
# the log-likelihood of all rows and its gradient, both by the parameters themselves
Likelihood = Callable[[Floats], tuple[float, Floats]]

# a parameter that reaches e^±10 is on its way to 0 or infinity: the data fit a simpler model, and this one is near it
LARGEST_LOG = 10.0
STEEPEST_SLOPE = 1e-5


class FitError(Exception):
    """A model cannot be fitted to these rows; the text is the reason as a word, such as `no_repeat_purchases`."""


@dataclass(frozen=True)
class Maximum:
    """Where a likelihood is highest.

    Attributes:
        parameters: all above 0.
        covariance: of their logarithms; 0 for a parameter at an edge and in directions that the likelihood is flat in.
        at_edge: for each parameter, whether it ran to 0 or infinity and was stopped.
    """

    parameters: Floats
    covariance: Floats
    at_edge: NDArray[np.bool_]


def maximise(likelihood: Likelihood, starts: Sequence[Sequence[float]], rows: float) -> Maximum:
    """The parameters of the highest likelihood.

    Args:
        likelihood: of parameters that are all above 0.
        starts: where to begin; the best end wins, the first of equals.
        rows: how many observations the likelihood adds up, so that slopes are told per observation.

    Raises:
        FitError: `not_converged`, where the likelihood still rises from the best end.
    """

    def objective(logs: Floats) -> tuple[float, Floats]:
        inside = np.clip(logs, -LARGEST_LOG, LARGEST_LOG)
        parameters = np.exp(inside)
        with np.errstate(all="ignore"):
            value, gradient = likelihood(parameters)
        # beyond an edge nothing changes any more
        return -value / rows, np.where(inside == logs, -gradient * parameters / rows, 0.0)

    def steepest(logs: Floats) -> float:
        slopes = objective(logs)[1][np.abs(logs) < LARGEST_LOG - 0.01]
        return float(np.max(np.abs(slopes), initial=0.0))

    ends = [_climb(objective, np.log(np.asarray(start, dtype=float)), "BFGS") for start in starts]
    logs = min(ends, key=lambda end: round(float(np.nan_to_num(objective(end)[0], nan=np.inf)), 10))
    # at an edge everything looks flat to it
    if steepest(logs) > STEEPEST_SLOPE or np.any(np.abs(logs) == LARGEST_LOG):
        logs = _climb(objective, logs, "L-BFGS-B")
    if not steepest(logs) <= STEEPEST_SLOPE:
        raise FitError("not_converged")
    at_edge = np.abs(logs) > LARGEST_LOG - 0.01
    free = np.flatnonzero(~at_edge)
    covariance = np.zeros((len(logs), len(logs)))
    if len(free):
        hessian = _slopes_of_the_gradient(lambda at: objective(at)[1], logs)[np.ix_(free, free)]
        if not np.all(np.isfinite(hessian)):
            raise FitError("not_converged")
        covariance[np.ix_(free, free)] = _inverse_where_curved(hessian) / rows
    return Maximum(np.exp(logs), covariance, at_edge)


def _climb(objective: Likelihood, logs: Floats, method: str) -> Floats:
    """Where a search ends, inside the edges.

    BFGS works in numpy, and is tried first: L-BFGS-B heeds edges better, but waits ten times its own work for threads
    over matrices of four by four.
    """
    edges = {"bounds": [(-LARGEST_LOG, LARGEST_LOG)] * len(logs)} if method == "L-BFGS-B" else {}
    # imported here, so that a build without a fit does not pay for it
    from scipy.optimize import minimize

    tight = {"ftol": 1e-13} if method == "L-BFGS-B" else {}
    with np.errstate(all="ignore"):
        found = minimize(objective, logs, jac=True, method=method, options={"gtol": 1e-8, **tight}, **edges)
    return np.asarray(np.clip(found.x, -LARGEST_LOG, LARGEST_LOG))


def _slopes_of_the_gradient(gradient: Callable[[Floats], Floats], at: Floats, step: float = 1e-5) -> Floats:
    """The Hessian by central differences, made symmetric."""
    hessian = np.array([(gradient(at + step * d) - gradient(at - step * d)) / (2 * step) for d in np.eye(len(at))])
    return np.asarray((hessian + hessian.T) / 2)


def _inverse_where_curved(hessian: Floats, flattest: float = 1e-7) -> Floats:
    """The inverse over the directions in which the likelihood is curved."""
    curvatures, directions = np.linalg.eigh(hessian)
    curved = curvatures > flattest
    return np.asarray((directions[:, curved] / curvatures[curved]) @ directions[:, curved].T)
