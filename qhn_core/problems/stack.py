"""Several problems at once, one for each replica: the same data drawn with different seeds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qhn_core.bitstrings import as_bits
from qhn_core.errors import InvalidArgument
from qhn_core.problems.problem import Problem
from qhn_core.problems.table import LikelihoodTable, StackedTable

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class ProblemStack(Problem):
    """Several problems of one shape, one for each replica.

    Has the attributes of :class:`Problem` with a leading replica axis (see
    :class:`~qhn_core.problems.table.StackedTable`), ``nll_at`` from (B, S, N) to (B, S); ``dataset`` is that of the
    first part. Made by :func:`stack_problems`.

    Args:
        parts: the different problems.
        which: (B,) index into ``parts`` for each replica.
    """

    parts: tuple[Problem, ...] = ()
    which: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, dtype=np.int64))

    def nll_at(self, bits: ArrayLike) -> Array:
        """ℓ of each replica's strings under its own problem: bits (B, …, N) -> (B, …), nats."""
        strings = as_bits(bits, self.n_bits)
        if strings.ndim < 2 or len(strings) != len(self.which):
            raise InvalidArgument("bits", expected=f"({len(self.which)}, …, {self.n_bits})", got=strings.shape)
        values = np.empty(strings.shape[:-1])
        for k, part in enumerate(self.parts):
            mine = self.which == k
            if mine.any():
                values[mine] = part.nll_at(strings[mine])
        return values

    def of_replicas(self, replicas: NDArray[np.intp]) -> Problem:
        """The problems of chosen replicas alone."""
        if len(replicas) == 1:
            return self.parts[self.which[replicas[0]]]
        return _stacked(self.parts, self.which[replicas])


def stack_problems(parts: Sequence[Problem], replicas: int) -> ProblemStack:
    """Replica r trains on ``parts[r mod len(parts)]``; the parts differ in nothing but their data."""
    first = parts[0]
    for part in parts:
        shape = (part.n_bits, part.n_train, part.table is None)
        if shape != (first.n_bits, first.n_train, first.table is None):
            raise InvalidArgument(
                "parts", expected="problems of one shape", got=f"{part.n_bits} bits, n={part.n_train}"
            )
    return _stacked(tuple(parts), np.arange(replicas) % len(parts))


def _stacked(parts: tuple[Problem, ...], which: NDArray[np.int64]) -> ProblemStack:
    first = parts[0]
    tables = [part.table for part in parts if part.table is not None]
    return ProblemStack(
        n_bits=first.n_bits,
        n_train=first.n_train,
        prior=first.prior,
        table=_stacked_table(tables, which) if tables else None,
        network=first.network,
        dataset=first.dataset,
        parts=parts,
        which=which,
    )


def _stacked_table(parts: list[LikelihoodTable], which: NDArray[np.int64]) -> StackedTable:
    nll = np.stack([part.nll for part in parts])[which]
    return StackedTable(nll, parts[0].prior, parts=tuple(parts), which=which)
