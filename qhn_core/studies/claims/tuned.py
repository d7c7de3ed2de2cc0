"""Tuning by one rule for all methods, and an honest score afterwards.

Each seed has its own draw of the data. Its held-out examples are halved: on the first half (validation) the setting
with the lowest mean predictive NLL over seeds is chosen; on the second half (test) the chosen setting is judged. The
halves are disjoint, so that choosing cannot flatter the score.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qhn_core import trainer
from qhn_core.analysis.predictive import Predictive, accuracy_with_ties, predictive_nll
from qhn_core.baselines import BASELINES
from qhn_core.problems.problem import Problem, ProblemStack
from qhn_core.studies.claims.grid import Grid, Scenario, losses, rivals

Array = NDArray[np.float64]
#: Quantities reported for every method, all at the end of training.
REPORTED = ("predictive_nll", "accuracy", "cost_gap", "mode_gap", "success", "entropy_bits", "kl_posterior")


@dataclass(frozen=True, eq=False)
class Outcome:
    """One method on one scenario, at its chosen setting: metric -> (seeds,)."""

    scenario: str
    method: str
    setting: dict[str, Any]
    validation_nll: float
    metrics: dict[str, Array]


def outcomes(scenario: Scenario, grid: Grid) -> list[Outcome]:
    """Every method on one scenario, tuned."""
    first = next(iter(losses().values()))[0]
    setup = trainer.prepare(scenario.config(seeds=grid.seeds, steps=grid.steps, **first))
    judge = Judge(setup.problem, grid.seeds)
    found = []
    for method, candidates in losses().items():
        trials = [(c, _train(scenario, grid, c)) for c in candidates]
        found.append(_chosen(scenario, method, [(c, judge.of_probs(q)) for c, q in trials]))
    for method, candidates in rivals(grid.rival_steps).items():
        found.append(_chosen(scenario, method, [(c, judge.of_rival(method, c)) for c in candidates]))
    return found


def _train(scenario: Scenario, grid: Grid, candidate: dict[str, Any]) -> Array:
    """Final q of all seeds, (B, 2**N)."""
    setup = trainer.prepare(scenario.config(seeds=grid.seeds, steps=grid.steps, **candidate))
    state = trainer.init(setup)
    while not state.done:
        state, info = trainer.step(setup, state)
    if info.probs is None:
        raise RuntimeError("an exact run always knows its probabilities")
    return np.array(info.probs)


def _chosen(scenario: Scenario, method: str, trials: list[tuple[dict[str, Any], Scores]]) -> Outcome:
    setting, scores = min(trials, key=lambda trial: trial[1].validation_nll)
    return Outcome(scenario.title, method, setting, scores.validation_nll, scores.metrics)


@dataclass(frozen=True, eq=False)
class Scores:
    """Mean validation NLL, and the metrics of the test half, per seed."""

    validation_nll: float
    metrics: dict[str, Array]


class Judge:
    """Scores distributions over strings on the halves of each seed's held-out examples."""

    def __init__(self, problem: Problem | ProblemStack, seeds: int) -> None:
        self._problem = problem
        parts = problem.parts if isinstance(problem, ProblemStack) else (problem,)
        self._problems = [parts[r % len(parts)] for r in range(seeds)]
        self._predictives = [Predictive(p, "test") for p in self._problems]
        self._labels = [p.dataset.y_test for p in self._problems if p.dataset is not None]

    def of_probs(self, q: Array) -> Scores:
        """q (B, 2**N), one row a seed."""
        proba = [predictive.proba(q[r : r + 1]) for r, predictive in enumerate(self._predictives)]
        own = [self._of_strings(problem, q[r]) for r, problem in enumerate(self._problems)]
        return self._of_proba(proba, {name: np.array([o[name] for o in own]) for name in own[0]})

    def of_rival(self, name: str, options: dict[str, Any]) -> Scores:
        """Fit a rival to every seed's data."""
        rival = BASELINES.make(name, **options).fit_each(self._problem, replicas=len(self._problems))
        if rival.probs is not None:
            return self.of_probs(rival.probs)
        if rival.proba_test is None:
            raise RuntimeError(f"the rival '{name}' gave neither probabilities of strings nor of classes")
        return self._of_proba(list(rival.proba_test[:, None]), {})

    def _of_proba(self, proba: list[Array], extra: dict[str, Array]) -> Scores:
        half = [len(y) // 2 for y in self._labels]
        seen = list(zip(proba, self._labels, half, strict=True))
        validation = [predictive_nll(p[:, :h], y[:h])[0] for p, y, h in seen]
        metrics = dict.fromkeys(REPORTED, np.full(len(proba), np.nan)) | extra
        metrics["predictive_nll"] = np.array([predictive_nll(p[:, h:], y[h:])[0] for p, y, h in seen])
        metrics["accuracy"] = np.array([accuracy_with_ties(p[:, h:], y[h:])[0] for p, y, h in seen])
        return Scores(float(np.mean(validation)), metrics)

    def _of_strings(self, problem: Problem, q: Array) -> dict[str, float]:
        gap = (problem.nll - problem.nll.min()) / problem.n_train
        mass = q[q > 0]
        log_ratio = np.log(mass) - (problem.log_prior - problem.nll - problem.log_evidence)[q > 0]
        return {
            "cost_gap": float(q @ gap),
            "mode_gap": float(gap[np.argmax(q)]),
            "success": float(q[gap <= 0.02].sum()),
            "entropy_bits": float(-(mass * np.log2(mass)).sum()),
            "kl_posterior": float((mass * log_ratio).sum()),
        }
