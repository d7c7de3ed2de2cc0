"""An honest score: settings are chosen by one part of the held-out examples, and judged by the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qhn_core.analysis.predictive import Predictive, accuracy_with_ties, predictive_nll
from qhn_core.baselines import Rival
from qhn_core.problems.problem import Problem

Array = NDArray[np.float64]
#: Quantities reported for every method, all at the end of training; NaN for a method without probabilities of strings.
REPORTED = ("predictive_nll", "accuracy", "cost_gap", "mode_gap", "success", "entropy_bits", "kl_posterior")


@dataclass(frozen=True, eq=False)
class Scores:
    """Predictive NLL of the validation part, and the metrics of the test part, each (seeds,)."""

    validation: Array
    metrics: dict[str, Array]


class Judge:
    """Scores distributions over strings, one a seed, on each seed's own held-out examples.

    Args:
        problems: one a seed.
        validation: how many held-out examples, the first ones, are for choosing; one number a seed.
    """

    def __init__(self, problems: Sequence[Problem], validation: Sequence[int]) -> None:
        self._problems, self.validation = problems, validation
        self._predictives = [Predictive(p, "test") for p in problems]
        self.labels = [p.dataset.y_test for p in problems if p.dataset is not None]

    def of_probs(self, q: Array) -> Scores:
        """q (B, 2**N), one row a seed."""
        proba = [predictive.proba(q[r : r + 1]) for r, predictive in enumerate(self._predictives)]
        own = [_of_strings(problem, q[r]) for r, problem in enumerate(self._problems)]
        return self._of_proba(proba, {name: np.array([o[name] for o in own]) for name in own[0]})

    def of_rival(self, rival: Rival) -> Scores:
        """What a rival ended with."""
        if rival.probs is not None:
            return self.of_probs(rival.probs)
        if rival.proba_test is None:
            raise RuntimeError(f"the rival '{rival.name}' gave neither probabilities of strings nor of classes")
        return self._of_proba(list(rival.proba_test[:, None]), {})

    def _of_proba(self, proba: list[Array], extra: dict[str, Array]) -> Scores:
        seen = list(zip(proba, self.labels, self.validation, strict=True))
        metrics = dict.fromkeys(REPORTED, np.full(len(proba), np.nan)) | extra
        metrics["predictive_nll"] = np.array([predictive_nll(p[:, k:], y[k:])[0] for p, y, k in seen])
        metrics["accuracy"] = np.array([accuracy_with_ties(p[:, k:], y[k:])[0] for p, y, k in seen])
        return Scores(np.array([predictive_nll(p[:, :k], y[:k])[0] for p, y, k in seen]), metrics)


def _of_strings(problem: Problem, q: Array) -> dict[str, float]:
    gap = (problem.nll - problem.nll.min()) / problem.n_train
    there = q > 0
    mass = q[there]
    return {
        "cost_gap": float(q @ gap),
        "mode_gap": float(gap[np.argmax(q)]),
        "success": float(q[gap <= 0.02].sum()),
        "entropy_bits": float(-(mass * np.log2(mass)).sum()),
        "kl_posterior": float((mass * (np.log(mass) - problem.log_posterior[there])).sum()),
    }
