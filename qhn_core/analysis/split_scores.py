"""How well q predicts the training or the test examples: NLL, predictive NLL, accuracy, ties; exact or from draws."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from qhn_core.analysis.predictive import Predictive
from qhn_core.analysis.scores import TIE
from qhn_core.problems.problem import Problem
from qhn_core.problems.stack import ProblemStack

Array = NDArray[np.float64]
#: Bytes of drawn strings up to which their scores are remembered.
_REMEMBERED = 1 << 22


@cache
def kernels() -> Any:
    """The compiled kernels of the metrics, imported when first needed."""
    from qhn_core.analysis import metric_kernels

    return metric_kernels


def mean_and_error(values: Array) -> tuple[Array, Array]:
    """Mean over draws, and its standard error s/√S: (B, S) -> (B,), (B,); the error is NaN for a single draw."""
    draws = values.shape[1]
    error = values.std(axis=1, ddof=1) / np.sqrt(draws) if draws > 1 else np.full(len(values), np.nan)
    return values.mean(axis=1), error


class SplitScores:
    """Scores of one split; empty where there is no data (a cost table, or no test examples).

    Args:
        problem: a Problem, or a ProblemStack, whose replicas each have their own data.
        split: ``train`` or ``test``.
        tick: called now and then while preparing; may raise to stop.
    """

    def __init__(
        self,
        problem: Problem | ProblemStack,
        split: Literal["train", "test"],
        *,
        tick: Callable[[], None] | None = None,
    ) -> None:
        self.split = split
        parts = problem.parts if isinstance(problem, ProblemStack) else (problem,)
        self.parts = [Predictive(part, split, tick=tick) for part in parts if _has_examples(part, split)]
        self.which = problem.which if isinstance(problem, ProblemStack) else None
        self._last: tuple[NDArray[np.uint8] | None, dict[str, Array]] = (None, {})

    def of_probabilities(self, q: Array) -> dict[str, Array]:
        """Scores at exact probabilities (B, 2**N)."""
        found = []
        for predictive, mine in self._shares():
            rows = q[mine]
            proba, nll = predictive.proba_and_nll(rows)
            scores = self._of_proba(predictive, proba)
            scores[f"nll_{self.split}"] = nll
            found.append(scores)
        return self._gather(found, len(q))

    def of_draws(self, bits: NDArray[np.uint8]) -> dict[str, Array]:
        """Estimates from strings drawn from q, (B, S, N), with standard errors.

        Those of the last strings are remembered: what a preview showed is what its run's first logged step asks for.
        """
        last, scores = self._last
        if last is None or not np.array_equal(bits, last):
            scores = self._of_draws(bits)
            if bits.nbytes <= _REMEMBERED:
                self._last = (bits.copy(), scores)  # what was handed over may change in its owner's hands
        return {name: values.copy() for name, values in scores.items()}

    def _of_draws(self, bits: NDArray[np.uint8]) -> dict[str, Array]:
        found = []
        for predictive, mine in self._shares():
            drawn = predictive.drawn(bits[mine])
            scores = self._of_proba(predictive, drawn.proba)
            scores[f"nll_{self.split}"], scores[f"nll_{self.split}_se"] = drawn.nll, drawn.nll_se
            scores[f"predictive_nll_{self.split}_se"] = drawn.predictive_nll_se
            scores[f"accuracy_{self.split}_se"] = drawn.accuracy_se
            if self.split == "test":
                scores["tie_share_se"] = drawn.tie_share_se
            found.append(scores)
        return self._gather(found, len(bits))

    def _of_proba(self, predictive: Predictive, proba: Array) -> dict[str, Array]:
        assert predictive.y is not None  # noqa: S101 -- made of a split, which has labels
        means = np.empty((len(proba), 3))
        kernels().score_rows(np.ascontiguousarray(proba), predictive.y, TIE, means)
        scores = {
            f"predictive_nll_{self.split}": means[:, 0].copy(),
            f"accuracy_{self.split}": means[:, 1].copy(),
        }
        return scores | ({"tie_share": means[:, 2].copy()} if self.split == "test" else {})

    def _shares(self) -> Iterator[tuple[Predictive, NDArray[np.intp] | slice]]:
        """Each draw of the data with the replicas that it scores."""
        for k, predictive in enumerate(self.parts):
            yield predictive, slice(None) if self.which is None else np.flatnonzero(self.which == k)

    def _gather(self, found: list[dict[str, Array]], replicas: int) -> dict[str, Array]:
        if self.which is None or not found:
            return found[0] if found else {}
        gathered = {name: np.empty(replicas) for name in found[0]}
        for (_, mine), scores in zip(self._shares(), found, strict=True):
            for name, values in scores.items():
                gathered[name][mine] = values
        return gathered


def _has_examples(problem: Problem, split: str) -> bool:
    if problem.network is None or problem.dataset is None:
        return False
    return len(problem.dataset.y_train if split == "train" else problem.dataset.y_test) > 0
