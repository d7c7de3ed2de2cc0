"""The loss around given angles: on a plane through them, and along a line.

Planes: two random orthogonal directions, or the two directions in which a training path moved most (principal
components of its angles; Li et al., arXiv:1712.09913). Directions have unit length, so coordinates are radians.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qhn_core.checks import check_finite, check_int, check_shape
from qhn_core.circuits.circuit import Circuit
from qhn_core.engines.base import Engine
from qhn_core.errors import Cancelled
from qhn_core.objectives.base import ObjectiveConfig
from qhn_core.problems.problem import Problem

Array = NDArray[np.float64]
#: Probabilities held at once, numbers (16 MB).
_AT_ONCE = 1 << 21


class Plane(NamedTuple):
    """A plane in the space of angles."""

    origin: Array  #: (P,), radians
    u: Array  #: (P,), unit length
    v: Array  #: (P,), unit length, orthogonal to u (zero where there is only one parameter)
    share: float  #: share of the path's variance in the plane; NaN for a random one

    def project(self, theta: ArrayLike) -> Array:
        """Coordinates (…, 2), radians, of angles (…, P)."""
        offset = np.asarray(theta, dtype=np.float64) - self.origin
        return np.stack([offset @ self.u, offset @ self.v], axis=-1)


class Slice(NamedTuple):
    """The loss ÷ n on a grid of a plane, or along a line."""

    x: Array  #: (G,), radians along u; along a line its own coordinate
    y: Array  #: (H,), radians along v; empty along a line
    loss: Array  #: (H, G) or (G,), nats per example


def random_plane(theta: ArrayLike, *, seed: int = 0) -> Plane:
    """Two random orthogonal directions through ``theta`` (P,)."""
    origin = check_finite("theta", theta)
    directions = np.random.default_rng(seed).normal(size=(2, origin.size))
    return _plane(origin, directions, float("nan"))


def path_plane(path: ArrayLike) -> Plane:
    """The plane through the last angles of a path (K, P) in which the path varies most."""
    points = check_shape("path", check_finite("path", path), (None, None))
    check_int("points of the path", len(points), low=3)
    _, sizes, directions = np.linalg.svd(points - points.mean(axis=0), full_matrices=False)
    total = float((sizes**2).sum())
    share = float((sizes[:2] ** 2).sum()) / total if total > 0 else float("nan")
    return _plane(points[-1], directions[:2], share)


def slice_plane(
    plane: Plane,
    circuit: Circuit,
    problem: Problem,
    objective: ObjectiveConfig,
    *,
    engine: Engine,
    x: ArrayLike,
    y: ArrayLike,
    step: int = 0,
    draws: int = 0,
    progress: Callable[[float], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Slice:
    """L/n at origin + x·u + y·v for all pairs of ``x`` (G,) and ``y`` (H,), radians; schedules as at ``step``.

    Exact, or, with ``draws``, estimated from so many strings at each point, from the same random numbers at all of
    them: neighbouring points then differ by the loss, not by luck.
    """
    across, up = check_finite("x", x), check_finite("y", y)
    theta = plane.origin + up[:, None, None] * plane.v + across[None, :, None] * plane.u
    values = _losses(
        theta.reshape(-1, plane.origin.size), circuit, problem, objective, engine, step, draws, progress, cancelled
    )
    return Slice(across, up, values.reshape(up.size, across.size))


def slice_line(
    start: ArrayLike,
    end: ArrayLike,
    circuit: Circuit,
    problem: Problem,
    objective: ObjectiveConfig,
    *,
    engine: Engine,
    at: ArrayLike,
    step: int = 0,
    draws: int = 0,
    cancelled: Callable[[], bool] | None = None,
) -> Slice:
    """L/n along the straight line start + t (end − start), t in ``at`` (G,); ``draws`` as in :func:`slice_plane`."""
    first, last, t = check_finite("start", start), check_finite("end", end), check_finite("at", at)
    theta = first + t[:, None] * (last - first)
    return Slice(t, np.zeros(0), _losses(theta, circuit, problem, objective, engine, step, draws, None, cancelled))


def _plane(origin: Array, directions: Array, share: float) -> Plane:
    axes = np.zeros((2, origin.size))
    for k, direction in enumerate(directions[:2]):
        rest = direction - axes[:k].T @ (axes[:k] @ direction)
        length = float(np.linalg.norm(rest))
        axes[k] = rest / length if length > 1e-9 * max(float(np.linalg.norm(direction)), 1e-300) else 0.0
    return Plane(origin, axes[0], axes[1], share)


def _losses(
    theta: Array,
    circuit: Circuit,
    problem: Problem,
    objective: ObjectiveConfig,
    engine: Engine,
    step: int,
    draws: int,
    progress: Callable[[float], None] | None,
    cancelled: Callable[[], bool] | None,
) -> Array:
    found = np.empty(len(theta))
    size = 1 if draws else max(1, _AT_ONCE >> circuit.n_qubits)
    for first in range(0, len(theta), size):
        if cancelled is not None and cancelled():
            raise Cancelled("The slice was stopped.")
        part = slice(first, first + size)
        if draws:
            bits, log_q = engine.draw(circuit, theta[part], draws, np.random.Generator(np.random.Philox(key=[0, 0])))
            found[part] = objective.sampled(bits, problem, step, log_q=log_q).value
        else:
            found[part] = objective.exact(engine.probs(circuit, theta[part]), problem, step).value
        if progress is not None:
            progress(min(1.0, (first + size) / len(theta)))
    return found / problem.n_train
