"""Many steps of one start in one go: sweep, loss, sweep back, update, without Python and its lock between them.

At nine qubits a step takes some 30 microseconds, and Python beside it as long. And starts do not wait for one another
at every step, so that cores that have other work to do hold up nothing but their own share.

Loss and update come as pointers to compiled functions: this file knows neither their formulas nor their rooms.
"""

# mypy: allow-untyped-defs
from __future__ import annotations

import math

import numpy as np
from numba import njit, types

from qhn_core.engines.statevector.kernels.base import OPTIONS
from qhn_core.engines.statevector.sweeps import backward, forward

_F8, _I8, _I4 = types.float64, types.int64, types.int32
_IN1, _IN2 = (types.Array(_F8, ndim, "C", readonly=True) for ndim in (1, 2))
_OUT1, _OUT2 = (types.Array(_F8, ndim, "C") for ndim in (1, 2))
_INTS1, _INTS2, _SHORTS1 = types.Array(_I8, 1, "C"), types.Array(_I8, 2, "C"), types.Array(_I4, 1, "C")
#: q, its table, what q is held against, eigenvalues, weight; diagonal, fit, penalty.
_LOSS = types.void(_IN2, _IN2, _IN1, _IN1, _F8, _OUT2, _OUT1, _OUT1)
#: theta, gradient, mean, square, β₁, β₂, rate, root, ε; the new theta, mean and square.
_UPDATE = types.void(*[_IN2] * 4, *[_F8] * 5, *[_OUT2] * 3)
_SWEEP = (_INTS1, types.boolean, _INTS1, _INTS2, _SHORTS1, _SHORTS1, _SHORTS1, _OUT1,
          _OUT2, _OUT2, _OUT2, _OUT1, _OUT1, _OUT1, _OUT2)  # fmt: skip
_SIGNATURE = types.int64(
    *_SWEEP,
    *(types.FunctionType(_LOSS), _IN2, _IN1, _IN1, _IN1, _F8),
    *(types.FunctionType(_UPDATE), _F8, _F8, _F8, _IN1, _IN1),
    *(types.Array(_I8, 1, "C", readonly=True), _OUT2, _OUT2, _OUT1, _OUT1, _OUT2),
)


def _descend(claims, wide, dims, stages, pairs, maps, matrix, numbers,
             angles, cosines, sines, mem, work, row_sums, derivatives,
             loss, table, held_to, eigenvalues, weights, n_train,
             update, beta1, beta2, eps, rates, roots,
             kept, theta, qs, fits, penalties, gradients):  # fmt: skip
    """Steps 0 … T of one start, theta (1, P) being changed; returns how many had a finite loss and gradient.

    Args:
        weights: of the penalty at each step, (T + 1,); rates and roots have one for each update, (T,).
        kept: for each step the row in which its q (K, 2**N), fit and penalty (K,) and gradient (K, P, not ÷ n) are
            put down, or −1.
    """
    mean, square, gradient = np.zeros_like(theta), np.zeros_like(theta), np.empty_like(theta)
    q, g = np.empty((1, held_to.size)), np.empty((1, held_to.size))
    fit, penalty = np.empty(1), np.empty(1)
    for t in range(weights.size):
        forward(0, claims, wide, dims, stages, pairs, maps, matrix, numbers,
                theta, angles, cosines, sines, mem, work, q)  # fmt: skip
        loss(q, table, held_to, eigenvalues, weights[t], g, fit, penalty)
        backward(0, claims, wide, dims, stages, pairs, maps, matrix, numbers,
                 angles, cosines, sines, mem, work, row_sums, g, derivatives, gradient)  # fmt: skip
        row = kept[t]
        if row >= 0:
            qs[row, :], fits[row], penalties[row] = q[0], fit[0], penalty[0]
            gradients[row, :] = gradient[0]
        finite = math.isfinite(fit[0]) and math.isfinite(penalty[0])
        for i in range(gradient.shape[1]):
            finite = finite and math.isfinite(gradient[0, i])
            gradient[0, i] /= n_train
        if not finite:
            return t
        if t < rates.size:
            update(theta, gradient, mean, square, beta1, beta2, rates[t], roots[t], eps, theta, mean, square)
    return weights.size


descend = njit([_SIGNATURE], **OPTIONS)(_descend)
