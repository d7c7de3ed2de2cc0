"""Class probabilities of all functions of a network, mixed with weights: held in memory, or computed anew in chunks."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qhn_core.networks import FunctionTable, RowHash

Array = NDArray[np.float64]
Labels = NDArray[np.int64]
#: From log p (functions, C, examples) and the reference class of each example to values (functions, columns, examples).
Values = Callable[[Array, Labels], Array]


@cache
def kernels() -> Any:
    """The compiled kernels, imported at first use."""
    from qhn_core.analysis import predictive_kernels

    return predictive_kernels


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
    kernels().spread_rows(np.ascontiguousarray(columns[:, 0]), np.ascontiguousarray(reference), mass, out)
    return out


class Grouped:
    """Values of every function on every example, for mixing.

    Where all of them fit the memory allowed they are held, after functions that turn out to agree on all examples
    have been merged; otherwise they are computed anew each time.

    Args:
        table: the functions.
        reference: a class for each example, (n,).
        max_bytes: most memory held, for each kind of values.
    """

    def __init__(self, table: FunctionTable, reference: Labels, *, max_bytes: int) -> None:
        self._table, self._reference = table, reference
        self._members: NDArray[np.int64] | None = None
        self._group_of = table.group_of
        self._held: dict[Values, Array] = {}
        self._lock = threading.Lock()
        columns = table.n_classes if table.n_classes > 2 else 1
        if table.n_functions * columns * table.n_examples * 8 <= max_bytes:
            self._hold_merged(columns)

    @property
    def n_functions(self) -> int:
        """Number G of functions that are told apart."""
        return self._table.n_functions if self._members is None else len(self._members)

    @property
    def n_strings(self) -> int:
        """2**N."""
        return len(self._group_of)

    def function_of(self, index: NDArray[np.int64]) -> NDArray[np.int32]:
        """Function of each string by its index."""
        return self._group_of[index]

    def group(self, q: Array) -> Array:
        """Mass of q on each function: (B, 2**N) -> (B, G)."""
        out = np.empty((len(q), self.n_functions))
        kernels().group_rows(q, self._group_of, out)
        return out

    def mix(self, weights: Array, values: Values) -> Array:
        """Σ_g weights[b, g] values of g: (B, columns, n)."""
        held = self.held(values)
        if held is not None:
            return mix(weights, held)
        columns = self._table.n_classes if values is probabilities and self._table.n_classes > 2 else 1
        out = np.zeros((len(weights), columns, self._table.n_examples))
        for functions, examples, log_p in self._pieces():
            out[:, :, examples] += mix(weights[:, functions], values(log_p, self._reference[examples]))
        return out

    def held(self, values: Values) -> Array | None:
        """The values of all functions, (G, columns, n), or None where they are not held."""
        if self._members is None:
            return None
        with self._lock:
            if values not in self._held:
                full = np.empty((self._table.n_functions, 1, self._table.n_examples))
                for functions, examples, log_p in self._pieces():
                    full[functions, :, examples] = values(log_p, self._reference[examples])
                self._held[values] = full[self._members]
            return self._held[values]

    def _hold_merged(self, columns: int) -> None:
        """Hold the probabilities of one member of each set of functions with the same predictions."""
        table = self._table
        full = np.empty((table.n_functions, columns, table.n_examples))
        seen = RowHash(table.n_functions, largest=1e4)
        multipliers = seen.columns(columns * table.n_examples).reshape(2, columns, table.n_examples)
        for functions, examples, log_p in self._pieces():
            full[functions, :, examples] = probabilities(log_p, self._reference[examples])
            # Of two classes the logit says all; the probability of one would not, where it is nearly 1.
            told = log_p[:, 1:] - log_p[:, :1] if table.n_classes == 2 else log_p
            flat = np.clip(told, -1e4, 1e4).reshape(len(told), -1)
            seen.add(functions, flat, multipliers[:, :, examples].reshape(2, -1))
        self._members, merged = seen.groups()
        self._group_of = merged[table.group_of]
        self._held[probabilities] = full[self._members]

    def _pieces(self) -> Iterator[tuple[slice, slice, Array]]:
        for block in self._table.blocks():
            for start, stop in self._table.chunks(block):
                yield slice(start, stop), block.examples, block.log_proba(start, stop)
