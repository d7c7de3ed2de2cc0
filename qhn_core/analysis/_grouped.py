"""Class probabilities of all functions of a network, mixed with weights: held in memory, or computed anew in chunks."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qhn_core.networks.base import FunctionTable

Array = NDArray[np.float64]
Labels = NDArray[np.int64]
#: From log p (functions, C, examples) and the reference class of each example to values (functions, columns, examples).
Values = Callable[[Array, Labels], Array]


@cache
def kernels() -> Any:
    """The compiled kernels, imported at first use."""
    from qhn_core.analysis import _predictive_kernels

    return _predictive_kernels


def probabilities(log_p: Array, reference: Labels) -> Array:
    """p of the reference class alone for two classes (keeps small probabilities of the label exact), else of all."""
    if log_p.shape[1] == 2:
        return np.exp(log_p[:, reference, np.arange(len(reference))])[:, None]
    return np.exp(log_p)


def entropies(log_p: Array, reference: Labels) -> Array:
    """H[p(y|x,w)] in nats, one column."""
    return -(np.exp(log_p) * log_p).sum(axis=1, keepdims=True)


def mix(weights: Array, values: Array) -> Array:
    """Σ_g weights[b, g] values[g]: (B, G), (G, columns, n) -> (B, columns, n)."""
    out = np.zeros((len(weights), *values.shape[1:]))
    flat = np.ascontiguousarray(values).reshape(len(values), -1)
    kernels().mix_rows(np.ascontiguousarray(weights), flat, out.reshape(len(weights), -1))
    return out


def spread_out(columns: Array, reference: Labels, mass: Array) -> Array:
    """From mixed :func:`probabilities` (B, columns, n) to all classes (B, n, C); ``mass`` (B,) is Σ_w q(w)."""
    if columns.shape[1] != 1:
        return np.ascontiguousarray(columns.transpose(0, 2, 1))
    out = np.empty((len(columns), columns.shape[2], 2))
    at = np.arange(columns.shape[2])
    out[:, at, reference] = columns[:, 0]
    out[:, at, 1 - reference] = np.maximum(mass[:, None] - columns[:, 0], 0.0)
    return out


class Grouped:
    """Values of every function on every example, for mixing.

    Args:
        table: the functions.
        reference: a class for each example, (n,).
        max_bytes: most memory held, for each kind of values.
    """

    def __init__(self, table: FunctionTable, reference: Labels, *, max_bytes: int) -> None:
        self.table, self.reference, self._max_bytes = table, reference, max_bytes
        self._held: dict[Values, Array] = {}
        self._lock = threading.Lock()

    def group(self, q: Array) -> Array:
        """Mass of q on each function: (B, 2**N) -> (B, G)."""
        out = np.empty((len(q), self.table.n_functions))
        kernels().group_rows(q, self.table.group_of, out)
        return out

    def mix(self, weights: Array, values: Values) -> Array:
        """Σ_g weights[b, g] values of g: (B, columns, n)."""
        held = self.held(values)
        if held is not None:
            return mix(weights, held)
        out = np.zeros((len(weights), self._columns(values), self.table.n_examples))
        for functions, examples, piece in self._pieces(values):
            out[:, :, examples] += mix(weights[:, functions], piece)
        return out

    def held(self, values: Values) -> Array | None:
        """The values of all functions, (G, columns, n), or None where they exceed the memory allowed."""
        columns, table = self._columns(values), self.table
        if table.n_functions * columns * table.n_examples * 8 > self._max_bytes:
            return None
        with self._lock:
            if values not in self._held:
                full = np.empty((table.n_functions, columns, table.n_examples))
                for functions, examples, piece in self._pieces(values):
                    full[functions, :, examples] = piece
                self._held[values] = full
            return self._held[values]

    def _columns(self, values: Values) -> int:
        return self.table.n_classes if values is probabilities and self.table.n_classes > 2 else 1

    def _pieces(self, values: Values) -> Iterator[tuple[slice, slice, Array]]:
        for block in self.table.blocks():
            for start, stop in self.table.chunks(block):
                log_p = block.log_proba(start, stop)
                yield slice(start, stop), block.examples, values(log_p, self.reference[block.examples])
