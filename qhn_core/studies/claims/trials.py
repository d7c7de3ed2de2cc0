"""One trial: one method at one setting on one scenario, all seeds."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qhn_core import trainer
from qhn_core.analysis.metrics import Metrics
from qhn_core.baselines import BASELINES
from qhn_core.config import RunConfig
from qhn_core.planning import plan
from qhn_core.problems.problem import problem
from qhn_core.problems.stack import stack_problems
from qhn_core.studies.claims.draws import draws
from qhn_core.studies.claims.grid import ANSATZ, Grid, Scenario
from qhn_core.studies.claims.judge import Judge, Scores
from qhn_core.studies.claims.methods import Method, Setting, objective

Array = NDArray[np.float64]
#: Goes up where a trial's numbers change their meaning, so that kept ones are not mixed with new ones.
TRIAL_VERSION = 1


@dataclass(frozen=True, eq=False)
class Trial:
    """What one trial gave: validation NLL and metrics of the test part, each (seeds,); ``key`` is the ledger's."""

    scenario: str
    source: str
    method: str
    setting: dict[str, float]
    validation: Array
    metrics: dict[str, Array]
    seconds: float = 0.0
    key: str = ""

    @property
    def validation_nll(self) -> float:
        """What settings are chosen by: the mean over seeds."""
        return float(self.validation.mean())


class Prepared:
    """A scenario made ready: every seed's data, its table and its judge, shared by all trials."""

    def __init__(self, scenario: Scenario, grid: Grid) -> None:
        self.scenario, self.grid = scenario, grid
        drawn = draws(scenario, grid.seeds)
        first = grid.config(scenario)
        parts = [problem(first.network, draw.dataset, first.prior) for draw in drawn]
        self.problem = stack_problems(parts, grid.replicas)
        self.judge = Judge(parts * grid.starts, [draw.validation for draw in drawn] * grid.starts)
        self._metrics = Metrics(self.problem)

    def trial(self, method: Method, setting: Setting) -> Trial:
        """Train and judge."""
        began = time.process_time()
        scores = self._circuit(method, setting) if method.kind != "rival" else self._rival(method, setting)
        return Trial(
            self.scenario.title,
            self.scenario.source,
            method.name,
            dict(setting),
            self._by_seed(scores.validation),
            {name: self._by_seed(values) for name, values in scores.metrics.items()},
            time.process_time() - began,
        )

    def _by_seed(self, values: Array) -> Array:
        """Mean over the starts that share a draw of the data: (replicas,) -> (seeds,)."""
        return values.reshape(self.grid.starts, self.grid.seeds).mean(axis=0)

    def _circuit(self, method: Method, setting: Setting) -> Scores:
        return self.judge.of_probs(self.final(circuit_config(self.scenario, self.grid, method, setting)))

    def final(self, config: RunConfig) -> Array:
        """q of all seeds after the last step, (B, 2**N)."""
        needs = plan(config)
        setup = trainer.Setup(config, needs, needs.circuit, self.problem, config.engine.build(), self._metrics)
        state = trainer.init(setup)
        while not state.done:
            state, info = trainer.step(setup, state)
        if info.probs is None:
            raise RuntimeError("with a table of all strings a simulated run knows its probabilities")
        return np.array(info.probs)

    def _rival(self, method: Method, setting: Setting) -> Scores:
        budget = {method.spends: self.grid.rival_steps} if method.spends else {}
        config = BASELINES.make(method.name, **{**method.options, **setting, **budget})
        return self.judge.of_rival(config.fit_each(self.problem, replicas=self.grid.replicas, seed=self.scenario.seed))


def circuit_config(scenario: Scenario, grid: Grid, method: Method, setting: Setting) -> RunConfig:
    """The run of a circuit at one setting; with ``grid.drawn`` strings a step, or with exact probabilities."""
    sections: dict[str, Any] = {
        "objective": objective(method, setting),
        "optimiser": {"name": "adam", "lr": setting["lr"]},
        "ansatz": ANSATZ if method.kind == "circuit" else {"name": "product"},
    }
    if grid.drawn:
        sections["estimator"] = {"name": "score_function", "shots": grid.drawn}
    return grid.config(scenario, **sections)


def key(scenario: Scenario, grid: Grid, method: Method, setting: Setting) -> str:
    """What a trial is kept under: a digest of everything that its numbers depend on."""
    about = {
        "version": TRIAL_VERSION,
        "scenario": scenario.plain(),
        "seeds": grid.seeds,
        "budget": grid.rival_steps if method.kind == "rival" and method.spends else grid.steps,
        "drawn": grid.drawn if method.kind != "rival" else 0,
        "method": method.name,
        "options": method.options,
        "setting": dict(sorted(setting.items())),
    }
    if grid.starts > 1:
        about["starts"] = grid.starts
    return hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()[:24]


def to_plain(trial: Trial) -> dict[str, Any]:
    """As JSON can hold it, NaN as null."""
    return {
        "scenario": trial.scenario,
        "source": trial.source,
        "method": trial.method,
        "setting": trial.setting,
        "validation": _numbers(trial.validation),
        "metrics": {name: _numbers(values) for name, values in trial.metrics.items()},
        "seconds": round(trial.seconds, 3),
    }


def from_plain(plain: Mapping[str, Any]) -> Trial:
    """Inverse of :func:`to_plain`."""
    known = Trial(**plain)
    arrays = {name: np.array(values, dtype=np.float64) for name, values in plain["metrics"].items()}
    return replace(known, validation=np.array(plain["validation"], dtype=np.float64), metrics=arrays)


def _numbers(values: Array) -> list[float | None]:
    return [float(value) if np.isfinite(value) else None for value in values]
