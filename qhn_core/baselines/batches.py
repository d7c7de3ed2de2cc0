"""Which training examples each step of a rival looks at, and what that has cost so far."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qhn_core.baselines.trail import checkpoints
from qhn_core.errors import InvalidArgument
from qhn_core.problems.problem import Problem

#: Most looks at all examples of a rival that keeps its best, and the most of its budget that they take.
_LOOKS, _SHARE = 50, 0.1


class Batches:
    """Batches of a rival's steps; all examples where ``batch`` is None.

    A look at b of n examples counts as b/n evaluations of ℓ.

    Args:
        problem: whose examples, n of them.
        steps: how many steps there will be.
        batch: examples of a step; the same ones for all replicas.
        seed: of the choice.
        each: strings judged in a step, for each replica.
        looks: whether the rival now and then judges a string on all examples, to keep the best.
    """

    def __init__(
        self, problem: Problem, steps: int, batch: int | None, seed: int, *, each: int = 1, looks: bool = False
    ) -> None:
        self._n, self._each = problem.n_train, each
        if batch is not None and batch > self._n:
            raise InvalidArgument("batch", expected=f"at most the {self._n} training examples", got=batch)
        self.batch = None if batch == self._n else batch
        self._rng = np.random.Generator(np.random.Philox(key=[seed, 0], counter=[0, 0, 0, 2]))
        many = 0
        if looks and self.batch is not None:
            many = max(1, min(_LOOKS, int(_SHARE * steps * self.batch / self._n)))
        #: Steps after which all examples are looked at, the last among them.
        self.looks: list[int] = np.unique(np.linspace(0, steps, many + 1).astype(int)[1:]).tolist() if many else []
        self.marks = self.looks or self._apart(checkpoints(steps))

    def rows(self) -> NDArray[np.intp] | None:
        """The examples of the next step; None for all."""
        return None if self.batch is None else np.sort(self._rng.permutation(self._n)[: self.batch])

    def spent(self, step: int) -> int:
        """Evaluations after so many steps, rounded up."""
        looks = int(np.searchsorted(self.looks, step, side="right"))
        seen = self._n if self.batch is None else self.batch
        return -(-self._each * step * seen // self._n) + looks

    def _apart(self, steps: list[int]) -> list[int]:
        """Those between which at least one evaluation lies; the last stays."""
        kept = steps[-1:]
        for step in reversed(steps[:-1]):
            if self.spent(step) < self.spent(kept[0]):
                kept.insert(0, step)
        return kept


def steps_within(evaluations: int, *, n_train: int, batch: int | None, each: int = 1, looks: bool = False) -> int:
    """Steps that so many evaluations pay for, at least one; see :class:`Batches`."""
    if batch is None:
        return max(1, evaluations // each)
    left = max(evaluations - _LOOKS, int(evaluations / (1.0 + _SHARE))) if looks else evaluations
    return max(1, left * n_train // (batch * each))
