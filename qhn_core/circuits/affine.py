"""Angles as scale·θ[param] + offset, found from their values at a few θ."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

#: Angles may differ this much from scale·θ + offset, radians; large ones as much relative to how far they turn.
_TOLERANCE = 1e-9
#: The same for angles in single precision, whose last digit is at 6e-8.
_SINGLE = 1e-6
#: What double precision leaves open of a number after some steps of arithmetic, relative to its size.
_ROUNDING = 16 * np.finfo(np.float64).eps
#: The two points, far apart for each parameter, from which lines are taken; the others verify them.
_ENDS = (4, 5)


class Affine(NamedTuple):
    """An angle: ``scale``·θ[``param``] + ``offset`` (radians), or ``offset`` alone without ``param``."""

    param: int | None
    scale: float
    offset: float


def generic_points(n_params: int) -> NDArray[np.float64]:
    """Generic theta, (7, P), at which affine angles show: some close together, some past π on either side of 0."""
    rng = np.random.default_rng(7)
    near, far = rng.uniform(0.2, 2.0, (4, n_params)), rng.uniform(3.3, 9.0, (2, n_params))
    signs = rng.choice([-1.0, 1.0], n_params)
    return np.concatenate([near, far * signs * [[1.0], [-1.0]], rng.uniform(-9.0, 9.0, (1, n_params))])


def fit(points: NDArray[np.float64], angles: NDArray[np.float64]) -> Affine | None:
    """The form of an angle with these values, (7,), at the ``points``, (7, P); None if it is not affine."""
    spread, size = np.ptp(angles), np.abs(angles).max()
    if spread <= _TOLERANCE:
        return Affine(None, 1.0, _tidy(angles[0]))
    line, error = _nearest(points, angles)
    allowed = max(_TOLERANCE, min(_ROUNDING * size, _TOLERANCE * spread))
    if line.param is None or error > allowed:
        return None
    return Affine(line.param, _tidy(line.scale, unit=1.0 / 48), _tidy(line.offset))


def rounded_away(points: NDArray[np.float64], angles: NDArray[np.float64]) -> str:
    """What hides that an angle is affine: its ``size``, or ``single`` precision; empty where it is not affine."""
    line, error = _nearest(points, angles)
    spread = np.ptp(angles)
    if line.param is None:
        return ""
    if error <= _ROUNDING * np.abs(angles).max():
        return "size"
    return "single" if _TOLERANCE * spread < error <= _SINGLE * spread else ""


def _nearest(points: NDArray[np.float64], angles: NDArray[np.float64]) -> tuple[Affine, float]:
    """The line in one parameter that comes nearest to the angles, and by how much it misses them, radians."""
    if not points.shape[1]:
        return Affine(None, 1.0, angles[0]), float(np.ptp(angles))
    low, high = _ENDS
    scales = (angles[high] - angles[low]) / (points[high] - points[low])
    offsets = angles[low] - scales * points[low]
    errors = np.abs((points - points[low]) * scales - (angles - angles[low])[:, None]).max(axis=0)
    best = int(errors.argmin())
    return Affine(best, scales[best], offsets[best]), float(errors[best])


def _tidy(value: float, *, unit: float = np.pi / 48) -> float:
    """``value``, freed from rounding errors where it is a simple fraction (of 1, or of π)."""
    near = round(value / unit) * unit
    return float(near) if abs(near - value) < 1e-12 else float(value)
