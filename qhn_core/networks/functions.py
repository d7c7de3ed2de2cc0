"""Which bitstrings of a network compute the same function on given inputs, and what those functions predict.

Binary networks have many duplicates: hidden units can be permuted, and with an odd activation and weights ±a a unit's
sign can be flipped on both sides. A :class:`FunctionTable` maps the 2**N strings to G ≤ 2**N groups and evaluates one
member of each, in blocks of examples and chunks of groups, so that memory stays bounded.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from qhn_core.bitstrings import Bits, from_index, strings_between

Array = NDArray[np.float64]
#: Called now and then in long calculations; may raise to stop them.
Tick = Callable[[], None]

#: Float64 numbers worked on in one go (2 MB: stays in cache) and held for one block of examples (32 MB).
CHUNK = 1 << 18
HELD = 1 << 22


class Evaluated(Protocol):
    """As much of a network as it takes to evaluate every string."""

    @property
    def n_bits(self) -> int:
        """Number N of bits."""

    @property
    def n_classes(self) -> int:
        """Number C of classes."""

    def log_proba(self, bits: Bits, x: Array) -> Array:
        """log p(y|x, w) for bits (S, N) and inputs (n, d): (S, n, C), nats."""


class FunctionBlock(ABC):
    """The functions of a table on one block of examples."""

    examples: slice  #: which examples
    functions: slice | None = None  #: which functions it can evaluate; None for all

    @abstractmethod
    def log_proba(self, start: int, stop: int) -> Array:
        """log p(y|x) of functions start … stop−1: (functions, C, examples of the block), nats."""

    def nll(self, start: int, stop: int, y: NDArray[np.int64]) -> Array:
        """−Σ_i log p(y_i|x_i) over the block's examples, y their labels: (functions,), nats."""
        return -self.log_proba(start, stop)[:, y, np.arange(len(y))].sum(axis=1)


class FunctionTable(ABC):
    """Strings grouped by the function that they compute on n examples."""

    n_functions: int  #: number G of groups
    n_examples: int  #: number n of examples
    n_classes: int  #: number C of classes
    group_of: NDArray[np.int32]  #: (2**N,) group of each string
    width: int  #: float64 numbers needed for one function and one example while it is evaluated

    @abstractmethod
    def blocks(self) -> Iterator[FunctionBlock]:
        """Blocks that between them cover all functions on all examples."""

    def chunks(self, block: FunctionBlock) -> Iterator[tuple[int, int]]:
        """(start, stop) ranges that cover the functions of ``block`` and fit the working memory."""
        examples = max(1, block.examples.stop - block.examples.start)
        size = max(1, CHUNK // (examples * self.width))
        whole = block.functions or slice(0, self.n_functions)
        for start in range(whole.start, whole.stop, size):
            yield start, min(start + size, whole.stop)

    def nll(self, y: NDArray[np.int64], *, tick: Callable[[float], None] | None = None) -> Array:
        """−Σ_i log p(y_i|x_i) of every function, (G,), nats; ``tick(fraction)`` is called after each chunk."""
        total, done = np.zeros(self.n_functions), 0
        whole = max(1, self.n_functions * self.n_examples)
        for block in self.blocks():
            labels = y[block.examples]
            for start, stop in self.chunks(block):
                total[start:stop] += block.nll(start, stop, labels)
                done += (stop - start) * len(labels)
                if tick is not None:
                    tick(done / whole)
        return total


def example_blocks(n_examples: int, floats_per_example: int) -> Iterator[slice]:
    """Slices of the examples such that ``floats_per_example`` times their number stays within the held memory."""
    size = max(1, HELD // max(1, floats_per_example))
    for start in range(0, n_examples, size):
        yield slice(start, min(start + size, n_examples))


class RowHash:
    """128-bit fingerprints of rows that arrive piece by piece, column block by column block.

    Values are rounded to ``resolution`` first, so that rows that differ by rounding errors alone count as equal.
    Different rows collide with probability about 2**−128 a pair.
    """

    def __init__(self, rows: int, *, resolution: float = 1e-11, largest: float = 1.0) -> None:
        self._sums = np.zeros((2, rows), dtype=np.uint64)
        self._rng = np.random.default_rng(20250607)
        self._scale = min(1.0 / resolution, 1e18 / max(largest, 1e-300))

    def columns(self, count: int) -> NDArray[np.uint64]:
        """Random odd multipliers for the next ``count`` columns, (2, count)."""
        return self._rng.integers(0, 2**63, size=(2, count), dtype=np.uint64) * np.uint64(2) + np.uint64(1)

    def add(self, rows: slice, values: Array, multipliers: NDArray[np.uint64]) -> None:
        """Take in ``values`` (rows, columns)."""
        mixed = np.rint(values * self._scale).astype(np.int64).view(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        mixed ^= mixed >> np.uint64(29)
        for k in range(2):
            product = mixed * multipliers[k]
            product ^= product >> np.uint64(32)
            self._sums[k, rows] += product.sum(axis=1, dtype=np.uint64)

    def groups(self) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
        """(one representative row of each group, group of each row)."""
        pairs = np.ascontiguousarray(self._sums.T).view([("a", np.uint64), ("b", np.uint64)]).ravel()
        _, first, group = np.unique(pairs, return_index=True, return_inverse=True)
        order = np.argsort(first, kind="stable")
        rank = np.empty_like(order)
        rank[order] = np.arange(len(order))
        return first[order], rank[group.ravel()].astype(np.int32)


class StackedFunctions(FunctionTable):
    """The functions of several tables on the same examples, one table after the other.

    Args:
        tables: on the same examples, with the same classes.
        group_of: (2**N,) function of each string, counted through all tables.
    """

    def __init__(self, tables: Sequence[FunctionTable], group_of: NDArray[np.int32]) -> None:
        self._tables, self.group_of = tables, group_of
        self.n_examples, self.n_classes = tables[0].n_examples, tables[0].n_classes
        self.n_functions = sum(table.n_functions for table in tables)
        self.width = max(table.width for table in tables)

    def blocks(self) -> Iterator[FunctionBlock]:
        """The blocks of each table in turn."""
        first = 0
        for table in self._tables:
            for block in table.blocks():
                yield _ShiftedBlock(block, first, table.n_functions)
            first += table.n_functions


class _ShiftedBlock(FunctionBlock):
    def __init__(self, block: FunctionBlock, first: int, count: int) -> None:
        self._block, self._first = block, first
        self.examples, self.functions = block.examples, slice(first, first + count)

    def log_proba(self, start: int, stop: int) -> Array:
        return self._block.log_proba(start - self._first, stop - self._first)

    def nll(self, start: int, stop: int, y: NDArray[np.int64]) -> Array:
        return self._block.nll(start - self._first, stop - self._first, y)


class EnumeratedFunctions(FunctionTable):
    """For any network: every string is evaluated once, and strings with equal predictions are grouped."""

    def __init__(self, network: Evaluated, x: Array, *, tick: Tick | None = None) -> None:
        self._network, self._x = network, x
        self.n_examples, self.n_classes = len(x), network.n_classes
        self.width = 4 * network.n_classes
        n_strings = 2**network.n_bits
        seen = RowHash(n_strings, largest=1e4)
        size = max(1, CHUNK // max(1, min(len(x), 256) * self.width))
        for part in example_blocks(len(x), HELD // 256):
            multipliers = seen.columns((part.stop - part.start) * self.n_classes)
            for start in range(0, n_strings, size):
                stop = min(start + size, n_strings)
                values = network.log_proba(strings_between(start, stop, network.n_bits), x[part])
                seen.add(slice(start, stop), np.maximum(values, -1e4).reshape(stop - start, -1), multipliers)
                if tick is not None:
                    tick()
        self._members, self.group_of = seen.groups()
        self.n_functions = len(self._members)

    def blocks(self) -> Iterator[FunctionBlock]:
        """Blocks of 256 examples."""
        for part in example_blocks(self.n_examples, HELD // 256):
            yield _EnumeratedBlock(self._network, self._x[part], self._members, part)


class _EnumeratedBlock(FunctionBlock):
    def __init__(self, network: Evaluated, x: Array, members: NDArray[np.int64], examples: slice) -> None:
        self._network, self._x, self._members, self.examples = network, x, members, examples

    def log_proba(self, start: int, stop: int) -> Array:
        n = self._network.n_bits
        return self._network.log_proba(from_index(self._members[start:stop], n), self._x).transpose(0, 2, 1)
