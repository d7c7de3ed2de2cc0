"""Estimates of the predictive, with standard errors, from the different functions among drawn strings."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from qhn_core.analysis.grouped import mix, spread_out
from qhn_core.analysis.vote_errors import vote_errors

Array = NDArray[np.float64]
Labels = NDArray[np.int64]


class DrawnPredictive(NamedTuple):
    """Predictions estimated from S drawn strings a replica; ``_se`` is a standard error, NaN for S = 1."""

    proba: Array  #: (B, n, C)
    proba_se: Array  #: (B, n, C)
    nll: Array  #: E_q of −log p(y|x,w), mean over examples, nats, (B,); NaN without labels
    nll_se: Array  #: (B,)
    predictive_nll: Array  #: −log of ``proba`` at the labels, mean over examples, nats, (B,); NaN without labels
    predictive_nll_se: Array  #: (B,), to first order in 1/√S
    accuracy_se: Array  #: standard error of the accuracy of ``proba``, (B,); NaN without labels
    tie_share_se: Array  #: of the share of examples tied, (B,); NaN without labels


class Rows(NamedTuple):
    """What some of the drawn functions predict."""

    values: Array  #: reference-class or all-class probabilities, (functions, columns, n)
    nll: Array  #: −Σ_i log p(y_i|x_i), nats, (functions,)


def estimate(
    rows: Callable[[slice], Rows], pieces: list[slice], counts: NDArray[np.int64], reference: Labels, y: Labels | None
) -> DrawnPredictive:
    """One replica's estimate, without the replica axis.

    Args:
        rows: the functions of one piece; called again for each piece rather than held.
        pieces: slices that cover the different functions.
        counts: how often each was drawn.
        reference: a class for each example, as in :func:`~qhn_core.analysis.grouped.probabilities`.
        y: labels, or None.
    """
    draws = int(counts.sum())
    share = (counts / draws)[None]
    if len(pieces) == 1:
        only = rows(pieces[0])
        columns, squares = mix(share, only.values), mix(share, only.values * only.values)
        read: Callable[[slice], Rows] = lambda _: only  # noqa: E731 - stands in for ``rows``
    else:
        columns, squares = (sum(parts) for parts in zip(*(_moments(rows(p), share[:, p]) for p in pieces), strict=True))
        read = rows
    error = _standard_error(columns, squares, draws)
    proba = spread_out(columns, reference, np.ones(1))[0]
    proba_se = np.broadcast_to(error[0].T, proba.shape) if columns.shape[1] == 1 else error[0].T
    if y is None or not len(y):
        undefined = np.array(np.nan)
        return DrawnPredictive(proba, proba_se, *(undefined,) * 6)
    scores = _against_labels(read, pieces, share[0], draws, columns[0], y)
    votes = vote_errors(lambda p: read(p).values, pieces, counts, columns[0], error[0], reference, y)
    return DrawnPredictive(proba, proba_se, *scores, *votes)


def _moments(rows: Rows, share: Array) -> tuple[Array, Array]:
    return mix(share, rows.values), mix(share, rows.values * rows.values)


def _standard_error(mean: Array, square: Array, draws: int) -> Array:
    """Of a mean over ``draws`` independent draws, from the means of the values and their squares."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.sqrt(np.maximum(square - mean * mean, 0.0) / np.float64(draws - 1))


def _against_labels(
    read: Callable[[slice], Rows], pieces: list[slice], share: Array, draws: int, columns: Array, y: Labels
) -> tuple[Array, Array, Array, Array]:
    """nll, its error, predictive nll, its error. The last by the delta method: ∂(−log p̄_i) = −∂p̄_i / p̄_i."""
    n, at = len(y), np.arange(len(y))
    mean = np.maximum(columns[0] if len(columns) == 1 else columns[y, at], np.finfo(np.float64).tiny)
    nll, slope = np.empty(len(share)), np.empty(len(share))
    for part in pieces:
        found = read(part)
        nll[part] = found.nll / n
        at_label = found.values[:, 0] if len(columns) == 1 else found.values[:, y, at]
        slope[part] = (at_label / mean).mean(axis=1)
    first, second = _mean(share, nll), _mean(share, slope)
    return (
        first,
        _standard_error(np.zeros(1), _mean(share, (nll - first) ** 2), draws)[0],
        -np.log(mean).mean(),
        _standard_error(np.zeros(1), _mean(share, (slope - second) ** 2), draws)[0],
    )


def _mean(share: Array, values: Array) -> Array:
    return np.einsum("u,u->", share, values)
