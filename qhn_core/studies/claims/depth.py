"""Success against depth, and the predecessor's own experiments as named configurations.

After arXiv:2301.08292: `brickwork` circuits, uniform starts, L-BFGS, ten starts; logistic regression with binary
weights on two digits at 4×4 pixels (17 bits), and a 2-2-1 network on four Gaussians with a bit that chooses the
activation (10 bits). The digits here are scikit-learn's, pooled to 4×4, a stand-in for scaled-down MNIST, so the
numbers are not comparable with published ones.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qhn_core.config import RunConfig
from qhn_core.results import train
from qhn_core.studies.claims.ledger import Ledger
from qhn_core.studies.claims.methods import GAMMA

OBJECTIVES: tuple[dict[str, Any], ...] = (
    {"name": "mle"},
    {"name": "elbo", "beta": 0.3},
    {"name": "selbo", "lam": 0.3, "gamma": GAMMA},
)
#: The two digits to tell apart, in turn.
PAIRS: tuple[tuple[int, int], ...] = ((0, 1), (3, 8))
DEPTHS = (1, 2, 4)
STARTS, STEPS = 20, 40
#: Starts of a replay, and the most outer iterations of L-BFGS.
REPLAY_STARTS, REPLAY_STEPS = 10, 200
#: Mass on near-optimal strings from which a start counts as having arrived.
ARRIVED = 0.5


@dataclass(frozen=True, eq=False)
class Depth:
    """One loss at one depth: what each start ended with, (starts,).

    Args:
        study: ``0 or 1``, the two digits, or the name of a replay.
        method, layers: the loss, and the circuit's depth.
        success: mass on strings within .02 nats per example of the best.
        cost_gap: expected cost above the best, nats per example.
    """

    study: str
    method: str
    layers: int
    success: NDArray[np.float64]
    cost_gap: NDArray[np.float64]

    @property
    def arrived(self) -> int:
        """Starts with most of their mass near the best string."""
        return int((self.success > ARRIVED).sum())


def config(layers: int, objective: dict[str, Any], pair: tuple[int, int]) -> RunConfig:
    """One depth: random starts on one data set of two digits."""
    return RunConfig.parse(_digits(pair) | _training(layers, objective, starts=STARTS, steps=STEPS), source="depth")


def replays() -> dict[str, tuple[RunConfig, ...]]:
    """The predecessor's experiments: name -> one run a depth."""
    mle = {"name": "mle"}
    gaussians = {
        "dataset": {"name": "gaussian_mixture", "n_train": 100, "n_test": 200, "seed": 0},
        "network": {
            "name": "mlp_superposed",
            "layers": [2, 2, 1],
            "activation": "sigmoid",
            "choose_activation": True,
            "other_activation": "relu",
        },
    }
    plain = {"replay: digits, 17 bits": _digits(PAIRS[0]), "replay: activation bit, 10 bits": gaussians}
    return {
        name: tuple(
            RunConfig.parse(data | _training(layers, mle, starts=REPLAY_STARTS, steps=REPLAY_STEPS), source=name)
            for layers in DEPTHS
        )
        for name, data in plain.items()
    }


def depth_points(ledger: Ledger, *, progress: Callable[[str, float], None] | None = None) -> list[Depth]:
    """Every loss at every depth for each pair of digits, then the replays; kept in ``ledger`` one by one."""
    runs = list(_runs())
    found = []
    for at, (study, run) in enumerate(runs):
        row = ledger.get(json.dumps({"depth": run.to_dict()}, sort_keys=True), partial(_final, run))
        numbers = {name: np.array(row[name], dtype=np.float64) for name in ("success", "cost_gap")}
        found.append(Depth(study, run.objective.name, run.ansatz.layers, **numbers))
        if progress is not None:
            progress(f"{study}, {run.objective.name}, {run.ansatz.layers} layers", (at + 1) / len(runs))
    return found


def _runs() -> Iterator[tuple[str, RunConfig]]:
    for pair in PAIRS:
        for layers in DEPTHS:
            for objective in OBJECTIVES:
                yield f"{pair[0]} or {pair[1]}", config(layers, objective, pair)
    for name, runs in replays().items():
        for run in runs:
            yield name, run


def _final(run: RunConfig) -> dict[str, Any]:
    history = train(run).history
    return {name: history[name][-1].tolist() for name in ("success", "cost_gap")}


def _digits(pair: tuple[int, int]) -> dict[str, Any]:
    return {
        "dataset": {"name": "digits", "side": 4, "classes": pair, "n_train": 100, "n_test": 200, "seed": 0},
        "network": {"name": "mlp", "layers": [16, 1]},
    }


def _training(layers: int, objective: dict[str, Any], *, starts: int, steps: int) -> dict[str, Any]:
    return {
        "ansatz": {"name": "brickwork", "layers": layers},
        "objective": objective,
        "engine": {"name": "statevector", "threads": 1},
        "optimiser": {"name": "lbfgs", "lr": 1.0, "tolerance_grad": 1e-6},
        "steps": steps,
        "replicas": starts,
        "seed": 11,
        "log_every": steps,
    }
