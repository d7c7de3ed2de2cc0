"""Trainability: how the variance of the gradient over random starts falls with size, depth, initialisation and loss.

Var_θ[∂_k L] that falls exponentially with the number of qubits is a barren plateau (McClean et al., arXiv:1803.11173);
how it depends on explicit and implicit losses: Rudolph et al., arXiv:2305.02881. Losses are taken per training example
(÷ n), so variances are in (nats per radian)², and n does not move them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qhn_core.ansatze.initial import initial_angles
from qhn_core.checks import check_finite, check_int
from qhn_core.circuits.circuit import Circuit
from qhn_core.engines.base import Engine
from qhn_core.errors import Cancelled, InvalidArgument
from qhn_core.objectives.base import Exact, ObjectiveConfig
from qhn_core.problems.problem import Problem

Array = NDArray[np.float64]
#: Probabilities held at once, numbers (32 MB).
AT_ONCE = 1 << 22
#: Parameters whose variance is below this share of the largest cannot move the loss (a last RZ, say).
_DEAD = 1e-20


class GradientVariance(NamedTuple):
    """Spread of the gradient over random starts."""

    variance: float  #: Var[∂_k L] averaged over the active parameters
    error: float  #: its standard error over starts
    mean_square: float  #: E[(∂_k L)²] averaged over the active parameters: variance plus squared mean
    per_parameter: Array  #: Var[∂_k L] of each parameter, (P,)
    active: int  #: parameters that move the loss at all
    loss_variance: float  #: Var[L]
    replicas: int  #: random starts
    n_params: int
    by_start: Array  #: (∂_k L)² averaged over the active parameters, of each start, (replicas,)


class Slope(NamedTuple):
    """Straight line through log variance: log Var = intercept + slope · x."""

    slope: float  #: change of the natural logarithm per unit of x
    error: float  #: standard error of the slope
    low: float  #: 95 % interval of the slope
    high: float
    intercept: float

    @property
    def factor(self) -> float:
        """What the variance is multiplied by per unit of x; below 1 it falls."""
        return math.exp(self.slope)


class Scan(NamedTuple):
    """Gradient variance against one quantity, and the line fitted to its logarithm."""

    values: Array  #: (K,), for example numbers of qubits or layers
    points: list[GradientVariance]
    slope: Slope


def gradient_variance(
    circuit: Circuit,
    problem: Problem,
    objective: ObjectiveConfig,
    *,
    engine: Engine,
    replicas: int = 200,
    seed: int = 0,
    kind: str = "uniform",
    scale: float = 0.1,
    step: int = 0,
    cancelled: Callable[[], bool] | None = None,
) -> GradientVariance:
    """Variance of the exact gradient of L/n over random starts.

    Args:
        replicas: random starts; the relative standard error is a few over √replicas.
        kind, scale: initial angles, as for :func:`qhn_core.initial_angles`.
        step: where the objective's schedules are taken.
        cancelled: asked between batches; True raises :class:`Cancelled`.
    """
    check_int("replicas", replicas, low=4)
    if circuit.n_params == 0:
        raise InvalidArgument("circuit", expected="at least one parameter", got="none")
    theta = initial_angles(circuit, replicas=replicas, seed=seed, kind=kind, scale=scale)

    def diagonal(q: Array) -> tuple[Array, Exact]:
        exact = objective.exact(q, problem, step)
        return exact.diagonal, exact

    gradients, losses = [], []
    size = max(1, AT_ONCE >> circuit.n_qubits)
    for start in range(0, replicas, size):
        if cancelled is not None and cancelled():
            raise Cancelled("The trainability study was stopped.")
        found = engine.evaluate(circuit, theta[start : start + size], diagonal)
        gradients.append(found.gradient)
        losses.append(found.aux.value)
    return _spread(np.concatenate(gradients) / problem.n_train, np.concatenate(losses) / problem.n_train)


def variance_scan(
    values: Sequence[float],
    make: Callable[[float], tuple[Circuit, Problem]],
    objective: ObjectiveConfig,
    *,
    engine: Engine,
    replicas: int = 200,
    seed: int = 0,
    kind: str = "uniform",
    scale: float = 0.1,
    progress: Callable[[float], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Scan:
    """Gradient variance at each of ``values`` (qubits, layers, …), with the fitted slope.

    Args:
        values: at least two different ones.
        make: value -> circuit and problem; called one at a time.
        progress: called with the fraction done after each point.
    """
    points = []
    for k, value in enumerate(values):
        circuit, problem = make(value)
        points.append(
            gradient_variance(
                circuit,
                problem,
                objective,
                engine=engine,
                replicas=replicas,
                seed=seed,
                kind=kind,
                scale=scale,
                cancelled=cancelled,
            )
        )
        if progress is not None:
            progress((k + 1) / len(values))
    x = np.asarray(values, dtype=np.float64)
    return Scan(x, points, fit_slope(x, [p.variance for p in points], errors=[p.error for p in points]))


def fit_slope(x: ArrayLike, variance: ArrayLike, *, errors: ArrayLike | None = None) -> Slope:
    """Least squares of log variance on x, weighted by the relative standard errors where they are given.

    The slope's standard error is enlarged by √(χ²/dof) where the points scatter more about the line than their errors
    say (the line is then not the whole truth); it is NaN for two points without errors. Points whose variance is zero
    have no logarithm, and are left out.
    """
    at, height = check_finite("x", x), check_finite("variance", variance)
    relative = None if errors is None else check_finite("errors", errors) / np.where(height > 0.0, height, 1.0)
    good = height > 0.0
    if np.unique(at[good]).size < 2:
        raise InvalidArgument("x", expected="two different values with a variance above 0", got=at[good])
    y, at = np.log(height[good]), at[good]
    weight = np.ones(y.size) if relative is None else 1.0 / np.maximum(relative[good], 1e-12) ** 2
    middle = (weight * at).sum() / weight.sum()
    spread = (weight * (at - middle) ** 2).sum()
    slope = (weight * (at - middle) * y).sum() / spread
    intercept = (weight * y).sum() / weight.sum() - slope * middle
    return _slope(float(slope), float(intercept), float(spread), weight, y - intercept - slope * at, relative is None)


def relative_gradient(grad_norm: ArrayLike, start: GradientVariance) -> Array:
    """Where a run stands: its mean squared gradient per active parameter over that of random starts, same shape.

    Args:
        grad_norm: Euclidean norm of the gradient of L/n, as in the history.
        start: of the run's circuit, problem and loss. 1 means as steep as a random start.
    """
    norm = np.asarray(grad_norm, dtype=np.float64)
    return norm**2 / (max(1, start.active) * max(start.mean_square, np.finfo(np.float64).tiny))


def _spread(gradients: Array, losses: Array) -> GradientVariance:
    replicas, n_params = gradients.shape
    centred = gradients - gradients.mean(axis=0)
    per_parameter = (centred**2).sum(axis=0) / (replicas - 1)
    alive = per_parameter > _DEAD * max(float(per_parameter.max()), np.finfo(np.float64).tiny)
    if not alive.any():
        alive = np.ones(n_params, dtype=bool)
    by_start = (centred[:, alive] ** 2).mean(axis=1) * replicas / (replicas - 1)
    return GradientVariance(
        variance=float(per_parameter[alive].mean()),
        error=float(by_start.std(ddof=1) / math.sqrt(replicas)),
        mean_square=float((gradients[:, alive] ** 2).mean()),
        per_parameter=per_parameter,
        active=int(alive.sum()),
        loss_variance=float(losses.var(ddof=1)),
        replicas=replicas,
        n_params=n_params,
        by_start=(gradients[:, alive] ** 2).mean(axis=1),
    )


def _slope(
    slope: float, intercept: float, spread: float, weight: Array, residual: Array, unknown_errors: bool
) -> Slope:
    from scipy.special import stdtrit

    freedom = residual.size - 2
    chi2 = float((weight * residual**2).sum())
    if unknown_errors:
        inflation = math.sqrt(chi2 / freedom) if freedom else math.nan
    else:
        inflation = max(1.0, math.sqrt(chi2 / freedom)) if freedom else 1.0
    error = inflation / math.sqrt(spread)
    # With scatter estimated from few points the normal quantile would be too short.
    half = float(stdtrit(freedom, 0.975) if freedom and inflation > 1.0 else 1.96) * error
    return Slope(slope, error, slope - half, slope + half, intercept)
