"""Scores of class probabilities against labels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Labels = NDArray[np.int64]

#: Class probabilities this near to the largest one are tied with it.
TIE = 1e-6


def _tied(proba: Array) -> NDArray[np.bool_]:
    if proba.shape[-1] == 2:  # as below, without the slow reduction over a short axis
        gap = proba[..., 0] - proba[..., 1]
        return np.stack([gap >= -TIE, gap <= TIE], axis=-1)
    return proba >= proba.max(axis=-1, keepdims=True) - TIE


def predictive_nll(proba: Array, y: Labels) -> Array:
    """−log p(y_i|x_i), mean over examples, nats: proba (B, n, C), y (n,) -> (B,); NaN for n = 0."""
    if not len(y):
        return np.full(len(proba), np.nan)
    at_label = np.maximum(proba[:, np.arange(len(y)), y], np.finfo(np.float64).tiny)
    return -np.log(at_label).mean(axis=1)


def accuracy_with_ties(proba: Array, y: Labels) -> Array:
    """Share of examples whose most probable class is the label; a label among k tied classes counts 1/k.

    proba (B, n, C), y (n,) -> (B,); NaN for n = 0. Tied means within 1e-6 of the largest probability.
    """
    if not len(y):
        return np.full(len(proba), np.nan)
    tied = _tied(proba)
    return (tied[:, np.arange(len(y)), y] / tied.sum(axis=-1)).mean(axis=1)


def tie_share(proba: Array) -> Array:
    """Share of examples with more than one most probable class: proba (B, n, C) -> (B,); NaN for n = 0."""
    if not proba.shape[1]:
        return np.full(len(proba), np.nan)
    return (_tied(proba).sum(axis=-1) > 1).mean(axis=1)


def confusion_matrix(proba: Array, y: Labels) -> Array:
    """Counts by true class (row) and predicted class (column): proba (B, n, C), y (n,) -> (B, C, C).

    A tie is shared equally among the tied classes, so that the trace over n is :func:`accuracy_with_ties`.
    """
    tied = _tied(proba)
    share = tied / tied.sum(axis=-1, keepdims=True)
    counts = np.zeros((len(proba), proba.shape[2], proba.shape[2]))
    for label in range(proba.shape[2]):
        counts[:, label] = share[:, y == label].sum(axis=1)
    return counts


def entropy(proba: Array) -> Array:
    """H[p] = −Σ_c p_c log p_c in nats, 0·log 0 = 0: (…, C) -> (…)."""
    return -(proba * np.log(np.maximum(proba, np.finfo(np.float64).tiny))).sum(axis=-1)
