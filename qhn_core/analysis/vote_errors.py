"""Standard errors of accuracy and tie share, which jump where the vote of the drawn networks turns.

By a multiplier bootstrap over draws: p̄* = p̄ + Σ_s ε_s (p_s − p̄) / √(S(S−1)) with independent ε_s ~ N(0, 1), which has
the covariance of p̄ over all examples. The error of the accuracy is its standard deviation under p̄*, that of the tie
share its root mean square change, as resampling breaks ties that came about by chance. Only examples whose vote is
within a few standard errors of a tie can turn: the others are left out. The ε are the same at every call, so that equal
draws have equal errors.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from qhn_core.analysis.grouped import mix, spread_out
from qhn_core.analysis.scores import TIE

Array = NDArray[np.float64]
Labels = NDArray[np.int64]
#: Resamples: their standard deviation is known to about 1 / √(2 · 64) = 9 %.
_RESAMPLES = 64
#: Standard errors within which a vote counts as undecided.
_WITHIN = 3.0
#: Drawn functions taken together.
_BLOCK = 4096


def vote_errors(
    read: Callable[[slice], Array],
    pieces: list[slice],
    counts: NDArray[np.int64],
    mean: Array,
    error: Array,
    reference: Labels,
    y: Labels,
) -> tuple[Array, Array]:
    """Standard errors of accuracy and tie share of one replica; NaN for a single draw.

    Args:
        read: predictions of one piece of the different functions, (functions, columns, n).
        pieces: slices that cover them.
        counts: how often each was drawn.
        mean, error: mean prediction and its standard error, (columns, n).
        reference: a class for each example, as in :func:`~qhn_core.analysis.grouped.probabilities`.
        y: labels, (n,).
    """
    draws, n = int(counts.sum()), len(y)
    if draws < 2:
        return np.array(np.nan), np.array(np.nan)
    at = np.flatnonzero(_undecided(mean, error))
    if not len(at):
        return np.array(0.0), np.array(0.0)
    change = np.zeros((_RESAMPLES, len(mean) * len(at)))
    for piece in pieces:
        values = read(piece)[:, :, at] - mean[:, at]
        weights = np.sqrt(counts[piece] / (draws * (draws - 1.0)))
        for start in range(0, len(values), _BLOCK):
            part = slice(start, start + _BLOCK)
            rows = values[part].reshape(-1, change.shape[1]) * weights[part, None]
            change += mix(_multipliers(piece.start + start)[:, : len(rows)], rows[:, None])[:, 0]
    votes = np.concatenate([mean[None, :, at], mean[None, :, at] + change.reshape(-1, len(mean), len(at))])
    credit, ties = _credit(spread_out(votes, reference[at], np.ones(len(votes))), y[at])
    turned = np.sqrt(np.mean((ties[1:] - ties[0]) ** 2))
    return np.asarray(credit[1:].std(ddof=1) / n), np.asarray(turned / n)


def _undecided(mean: Array, error: Array) -> NDArray[np.bool_]:
    """Examples whose two most probable classes could change places, (n,)."""
    if len(mean) == 1:
        return np.asarray(np.abs(2.0 * mean[0] - 1.0) <= 2.0 * _WITHIN * error[0] + TIE)
    top, at = mean.argmax(axis=0), np.arange(mean.shape[1])
    near = mean[top, at] - mean <= _WITHIN * (error[top, at] + error) + TIE
    return np.asarray(near.sum(axis=0) > 1)


def _credit(proba: Array, y: Labels) -> tuple[Array, Array]:
    """(Σ credit of the label with ties shared, number of examples tied) of each resample: proba (R, n, C)."""
    from qhn_core.analysis import metric_kernels

    means = np.empty((len(proba), 3))
    metric_kernels.score_rows(np.ascontiguousarray(proba), y, TIE, means)
    return len(y) * means[:, 1], len(y) * means[:, 2]


@lru_cache(maxsize=2)
def _multipliers(block: int) -> Array:
    return np.random.Generator(np.random.Philox(key=[0, block])).standard_normal((_RESAMPLES, _BLOCK))
