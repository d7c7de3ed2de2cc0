"""What is run: scenarios, and for every method the same number of candidate settings to choose from.

Nothing here reproduces published numbers: those settings were not available. The grid is this project's own.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import product
from typing import Any

from qhn_core.config import RunConfig

#: γ of the SELBO's kernel, and the circuit of all runs.
GAMMA = 0.7
ANSATZ = {"name": "linear", "layers": 3}
#: Candidates per method: as many for each, so that none is tuned harder than another.
CANDIDATES = 6


@dataclass(frozen=True)
class Scenario:
    """One data set, network, amount of data and noise."""

    dataset: dict[str, Any]
    layers: tuple[int, ...]
    n_train: int
    label_noise: float

    @property
    def title(self) -> str:
        """Short, unique name."""
        shape = "-".join(map(str, self.layers))
        return f"{self.dataset['name']} {shape}, {self.n_train} examples, {self.label_noise:.0%} label noise"

    def config(self, *, seeds: int, steps: int, objective: dict[str, Any], lr: float) -> RunConfig:
        """One batch of ``seeds`` starts, each with its own draw of the data."""
        return RunConfig.parse(
            {
                "dataset": {**self.dataset, "n_train": self.n_train, "label_noise": self.label_noise, "seed": 1000},
                "network": {"name": "mlp", "layers": self.layers, "activation": "sign"},
                "ansatz": ANSATZ,
                "objective": objective,
                "optimiser": {"name": "adam", "lr": lr},
                "steps": steps,
                "replicas": seeds,
                "data_draws": seeds,
                "seed": 7,
                "log_every": steps,
            },
            source=self.title,
        )


@dataclass(frozen=True)
class Grid:
    """A set of scenarios and how long each is trained."""

    name: str
    scenarios: tuple[Scenario, ...]
    seeds: int
    steps: int
    rival_steps: int
    duration: str
    depths: tuple[int, ...] = field(default=())
    depth_starts: int = 10
    depth_steps: int = 40


def losses() -> dict[str, list[dict[str, Any]]]:
    """Method name -> its candidates: objective and learning rate."""
    rates = (0.01, 0.02, 0.05, 0.1, 0.2, 0.4)
    weights, two = (0.1, 0.3, 1.0), (0.05, 0.15)
    return {
        "mle": [{"objective": {"name": "mle"}, "lr": lr} for lr in rates],
        "elbo": [{"objective": {"name": "elbo", "beta": b}, "lr": lr} for b, lr in product(weights, two)],
        "selbo": [
            {"objective": {"name": "selbo", "lam": lam, "gamma": GAMMA}, "lr": lr} for lam, lr in product(weights, two)
        ],
    }


def rivals(steps: int) -> dict[str, list[dict[str, Any]]]:
    """Rival name -> its candidates' options; exact ones have nothing to tune."""
    rates = (0.01, 0.02, 0.05, 0.1, 0.2, 0.4)
    return {
        "best_string": [{}],
        "exact_bayes": [{}],
        "mean_field": [{"beta": b} for b in (0.03, 0.1, 0.2, 0.3, 0.6, 1.0)],
        "straight_through": [{"steps": steps, "lr": lr} for lr in rates],
        "bayesbinn": [
            {"steps": steps, "lr": lr, "temperature": t, "draws": 1} for lr, t in product((0.02, 0.1, 0.3), (0.5, 1.0))
        ],
        "simulated_annealing": [{"evaluations": steps, "hot": h} for h in (0.5, 1.0, 2.0, 4.0, 8.0, 16.0)],
        "logistic_regression": [{"C": c} for c in (0.01, 0.1, 0.3, 1.0, 10.0, 100.0)],
    }


_XOR = {"name": "xor", "noise": 0.45, "n_test": 500}
_MIXTURE = {"name": "gaussian_mixture", "n_test": 500}
_MOONS = {"name": "moons", "noise": 0.25, "n_test": 500}
_CIRCLES = {"name": "circles", "noise": 0.15, "n_test": 500}
_CANCER = {"name": "breast_cancer", "components": 4, "n_test": 500}
_CANCER_2 = {"name": "breast_cancer", "components": 2, "n_test": 500}
_SMALL, _MIDDLE, _WIDE = (2, 2, 1), (2, 3, 1), (4, 2, 1)

QUICK = Grid(
    name="quick",
    scenarios=(
        Scenario(_XOR, _SMALL, 20, 0.1),
        Scenario(_XOR, _SMALL, 20, 0.0),
        Scenario(_MIXTURE, _SMALL, 20, 0.1),
        Scenario(_CANCER_2, _SMALL, 15, 0.1),
    ),
    seeds=20,
    steps=200,
    rival_steps=100,
    duration="under 3 minutes on two cores",
)

FULL = Grid(
    name="full",
    scenarios=tuple(
        Scenario(data, _SMALL, n, noise)
        for data, n, noise in product((_XOR, _MIXTURE, _MOONS, _CIRCLES, _CANCER_2), (10, 20, 40), (0.0, 0.1))
    )
    + tuple(
        Scenario(data, layers, n, 0.1)
        for (data, layers), n in product(((_XOR, _MIDDLE), (_MIXTURE, _MIDDLE), (_CANCER, _WIDE)), (15, 30))
    ),
    seeds=20,
    steps=250,
    rival_steps=250,
    duration="about 15 minutes on two cores",
    depths=(1, 2, 3, 4, 6),
)
GRIDS = {"quick": QUICK, "full": FULL}
