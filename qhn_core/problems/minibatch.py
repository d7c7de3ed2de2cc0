"""A problem judged by some of its training examples: ℓ is estimated without bias, whatever the string."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qhn_core.errors import InvalidArgument
from qhn_core.problems.problem import Array, Problem
from qhn_core.problems.stack import ProblemStack


@dataclass(frozen=True, eq=False)
class Minibatch(Problem):
    """ℓ_batch(w) = (n / batch) Σ_{i in batch} −log p(y_i|x_i, w), whose mean over drawn batches is ℓ(w).

    ``n_train`` stays n: losses are divided by it, and MMD² weighed with it, as with all examples. There is no table.

    Args:
        scale: n / batch.
    """

    scale: float = 1.0

    def nll_at(self, bits: ArrayLike) -> Array:
        """ℓ_batch of strings (…, N), nats: (…)."""
        return self.scale * super().nll_at(bits)


def minibatch(task: Problem, rows: NDArray[np.intp]) -> Problem:
    """``task`` judged by the training examples ``rows`` alone; of a stack, each part by these rows of its own data."""
    if isinstance(task, ProblemStack):
        parts = tuple(minibatch(part, rows) for part in task.parts)
        return replace(task, parts=parts, table=None)
    data = task.dataset
    if data is None or task.network is None:
        raise InvalidArgument("batch", expected="none, as a cost table has no examples", got=len(rows))
    part = replace(data, x_train=data.x_train[rows], y_train=data.y_train[rows])
    return Minibatch(
        n_bits=task.n_bits,
        n_train=task.n_train,
        prior=task.prior,
        network=task.network,
        dataset=part,
        scale=task.n_train / len(rows),
    )
