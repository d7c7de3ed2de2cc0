"""Function tables of multilayer perceptrons: hidden units as interchangeable options that are summed.

A first-layer hidden unit j holds its own incoming weights, bias and outgoing weights, k bits in all, and adds
a_j(x)·W2[j,:] to the next layer. Its 2**k options are deduplicated to v; what h units add is a multiset of h options,
of which there are C(v + h − 1, h) instead of 2**(k h). The remaining bits (the next bias and deeper layers) are the
low bits of a string, and are enumerated for each multiset.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from math import comb

import numpy as np
from numpy.typing import NDArray

from qhn_core.bitstrings import every_string, from_index
from qhn_core.networks.functions import (
    Array,
    FunctionBlock,
    FunctionTable,
    RowHash,
    Tick,
    example_blocks,
)
from qhn_core.networks.mlp_math import deeper, log_classes, unit_options
from qhn_core.networks.perceptron import Perceptron

#: Above so many numbers, unit options are matched by symmetry instead of by comparing what they compute.
COMPARED = 1 << 24


def mlp_functions(network: Perceptron, x: Array, *, tick: Tick | None = None) -> FunctionTable:
    """The function table of a perceptron on x (n, d)."""
    return HiddenFunctions(network, x, tick=tick) if len(network.layers) > 2 else LinearFunctions(network, x)


class _LogitBlock(FunctionBlock):
    """Shared by both tables: from outputs z (functions, outputs, examples) to log probabilities and likelihoods."""

    network: Perceptron

    @abstractmethod
    def outputs(self, start: int, stop: int) -> Array:
        """Outputs z of functions start … stop−1 before the scale: (functions, outputs, examples), a fresh array."""

    def log_proba(self, start: int, stop: int) -> Array:
        return log_classes(self.network.output_scale * self.outputs(start, stop))

    def nll(self, start: int, stop: int, y: NDArray[np.int64]) -> Array:
        z = self.outputs(start, stop)
        if z.shape[1] == 1:
            t = z[:, 0] * (self.network.output_scale * (2.0 * y - 1.0))
            return -np.minimum(t, 0.0).sum(axis=1) + _sum_log1p_exp(-np.abs(t, out=t))
        t = self.network.output_scale * z
        own = t[:, y, np.arange(len(y))].sum(axis=1)
        top = t.max(axis=1)
        total = np.exp(t - top[:, None]).sum(axis=1)
        return top.sum(axis=1) + _sum_log(total) - own


def _sum_log1p_exp(t: Array) -> Array:
    """Σ_j log(1 + e^{t_j}) along the last axis for t ≤ 0; overwrites t."""
    np.exp(t, out=t)
    t += 1.0
    return _sum_log(t)


def _sum_log(values: Array) -> Array:
    """Σ_j log v_j along the last axis for 1 ≤ v ≤ 2**15: one logarithm for a product of 64 factors."""
    starts = np.arange(0, values.shape[-1], 64)
    return np.log(np.multiply.reduceat(values, starts, axis=-1)).sum(axis=-1) if len(starts) else np.zeros(len(values))


class LinearFunctions(FunctionTable):
    """No hidden layer: hardly any duplicates, so every string is its own function.

    z = A[high half of the bits] + B[low half], each of 2**(N/2) rows.
    """

    def __init__(self, network: Perceptron, x: Array) -> None:
        self._network, self._x = network, x
        self.n_examples, self.n_classes = len(x), network.n_classes
        self.n_functions = 2**network.n_bits
        self.width = 3 * network.layers[-1]
        self.group_of = np.arange(self.n_functions, dtype=np.int32)

    def blocks(self) -> Iterator[FunctionBlock]:
        """Blocks for which both halves fit the held memory."""
        low = (self._network.n_bits + 1) // 2
        for part in example_blocks(self.n_examples, 2 ** (low + 1) * self._network.layers[-1]):
            yield _LinearBlock(self._network, self._x[part], part)


class _LinearBlock(_LogitBlock):
    def __init__(self, network: Perceptron, x: Array, examples: slice) -> None:
        self.network, self.examples = network, examples
        self._low_bits = (network.n_bits + 1) // 2
        inputs = np.concatenate([x.T, np.ones((1, len(x)))]) if network.bias else x.T
        high = network.n_bits - self._low_bits
        self._high, self._low = self._half(inputs, 0, high), self._half(inputs, high, network.n_bits)

    def _half(self, inputs: Array, first: int, last: int) -> Array:
        """Σ over bits first … last−1 of weight × input, for every setting of them: (settings, outputs, examples)."""
        outputs = self.network.layers[-1]
        weights = self.network.weights_of(every_string(last - first))
        z = np.zeros((len(weights), outputs, inputs.shape[1]))
        for column, bit in enumerate(range(first, last)):
            z[:, bit % outputs] += weights[:, column, None] * inputs[bit // outputs]
        return z

    def outputs(self, start: int, stop: int) -> Array:
        index = np.arange(start, stop)
        z = self._high[index >> self._low_bits]
        z += self._low[index & (2**self._low_bits - 1)]
        return z


class HiddenFunctions(FunctionTable):
    """One hidden layer or more; function = (multiset of unit options) × 2**tail + (the string's low tail bits)."""

    def __init__(self, network: Perceptron, x: Array, *, tick: Tick | None = None) -> None:
        d, self._units, self._outgoing = network.layers[:3]
        self._network, self._x = network, x
        self._option_bits = d + network.bias + self._outgoing
        self._tail = network.n_bits - self._units * self._option_bits
        self._members, option_of = self._distinct_options(tick)
        self._counts = [
            np.array([comb(k + i, i + 1) for k in range(len(self._members) + 1)], dtype=np.int64)
            for i in range(self._units)
        ]
        self.n_examples, self.n_classes = len(x), network.n_classes
        self.n_functions = comb(len(self._members) + self._units - 1, self._units) << self._tail
        self.width = 3 * max(network.layers[2:])
        self.group_of = self._group_strings(option_of)

    def _distinct_options(self, tick: Tick | None) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
        """(codes of one unit option of each kind, kind of each code): equal where they add the same on all of x."""
        network, codes = self._network, np.arange(2**self._option_bits)
        if len(codes) * self._outgoing * len(self._x) > COMPARED:
            return self._distinct_by_symmetry(codes)
        largest = np.abs(network.alphabet).max() ** 2 * (np.abs(self._x).sum(axis=1).max(initial=0.0) + 1.0)
        seen = RowHash(len(codes), largest=float(largest))
        for part in example_blocks(len(self._x), 16 * len(codes) * self._outgoing):
            added = unit_options(network, self._x[part], codes)
            values = added.reshape(len(codes), -1)
            seen.add(slice(None), values, seen.columns(values.shape[1]))
            if tick is not None:
                tick()
        return seen.groups()

    def _distinct_by_symmetry(self, codes: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
        """The same by the sign flip a(−z)·(−w) = a(z)·w alone, where comparing all options would take long."""
        low, high = self._network.alphabet
        if self._network.activation not in ("sign", "tanh") or low != -high:
            return codes, codes.astype(np.int32)
        half = len(codes) // 2
        return codes[:half], np.minimum(codes, len(codes) - 1 - codes).astype(np.int32)

    def _group_strings(self, option_of: NDArray[np.int32]) -> NDArray[np.int32]:
        """Function of each string: rank of its sorted unit options among the multisets, then its tail bits."""
        heads = np.arange(2 ** (self._network.n_bits - self._tail), dtype=np.int64)
        rank = np.empty(len(heads), dtype=np.int64)
        for start in range(0, len(heads), 1 << 15):
            part = heads[start : start + (1 << 15)]
            options = np.stack([option_of[self._unit_code(part, j)] for j in range(self._units)])
            options.sort(axis=0)
            rank[start : start + len(part)] = sum(
                (self._counts[i][options[i]] for i in range(self._units)), np.zeros(len(part), dtype=np.int64)
            )
        return ((rank[:, None] << self._tail) + np.arange(2**self._tail)).ravel().astype(np.int32)

    def _unit_code(self, heads: NDArray[np.int64], unit: int) -> NDArray[np.int64]:
        """The bits of hidden unit ``unit`` as one number: incoming weights, bias, outgoing weights."""
        incoming = self._option_bits - self._outgoing
        places = [i * self._units + unit for i in range(incoming)]
        places += [incoming * self._units + unit * self._outgoing + o for o in range(self._outgoing)]
        last = self._units * self._option_bits - 1
        code = np.zeros_like(heads)
        for place in places:
            code = (code << 1) | ((heads >> (last - place)) & 1)
        return code

    def multisets(self, start: int, stop: int) -> NDArray[np.int64]:
        """Multisets number start … stop−1 as ascending options, (multisets, units)."""
        rest = np.arange(start, stop, dtype=np.int64)
        chosen = np.empty((len(rest), self._units), dtype=np.int64)
        for i in range(self._units - 1, -1, -1):
            chosen[:, i] = np.searchsorted(self._counts[i], rest, side="right") - 1
            rest = rest - self._counts[i][chosen[:, i]]
        return chosen

    def blocks(self) -> Iterator[FunctionBlock]:
        """Blocks for which the option table fits the held memory."""
        rows = 2 ** (self._option_bits - self._outgoing)
        for part in example_blocks(self.n_examples, rows + 2 * len(self._members) * self._outgoing):
            added = unit_options(self._network, self._x[part], self._members)
            yield _HiddenBlock(self._network, self, added, self._tail, part)


class _HiddenBlock(_LogitBlock):
    def __init__(self, network: Perceptron, table: HiddenFunctions, added: Array, tail: int, examples: slice) -> None:
        self.network, self.examples = network, examples
        self._table, self._added, self._tail = table, added, tail

    def outputs(self, start: int, stop: int) -> Array:
        first, last = start >> self._tail, ((stop - 1) >> self._tail) + 1
        chosen = self._table.multisets(first, last)
        sums = self._added[chosen[:, 0]]
        for i in range(1, chosen.shape[1]):
            sums += self._added[chosen[:, i]]
        if self._tail == 0:
            return sums
        index = np.arange(start, stop)
        weights = self.network.weights_of(from_index(index & ((1 << self._tail) - 1), self._tail))
        return deeper(self.network, sums[(index >> self._tail) - first], weights)
