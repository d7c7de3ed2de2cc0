"""What is run: scenarios, and how long each method works on them.

Nothing here reproduces published numbers: those settings were not available. The grid is this project's own.
"""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass
from typing import Any

from qhn_core.config import RunConfig
from qhn_core.studies.claims.methods import BY_NAME

#: Goes up with each edition of the study: its data and starts are none that an earlier edition was judged by.
EDITION = 2
#: The circuit of all runs that have entangling gates.
ANSATZ = {"name": "linear", "layers": 3}


@dataclass(frozen=True)
class Scenario:
    """One data source, network, amount of data and noise."""

    dataset: dict[str, Any]
    layers: tuple[int, ...]
    n_train: int
    label_noise: float
    bias: bool = True

    @property
    def source(self) -> str:
        """Where the data come from: scenarios of one source are one cluster."""
        return str(self.dataset["name"])

    @property
    def title(self) -> str:
        """Short, unique name."""
        shape = "-".join(map(str, self.layers)) + ("" if self.bias else " without biases")
        return f"{self.source} {shape}, {self.n_train} examples, {self.label_noise:.0%} label noise"

    @property
    def seed(self) -> int:
        """Of starts and rivals; seed r draws its data with this number + r. Scenarios share no luck."""
        return int(hashlib.sha256(f"{self.title}; edition {EDITION}".encode()).hexdigest()[:6], 16)

    def data(self, seed: int = 0) -> dict[str, Any]:
        """The dataset's configuration for seed number ``seed`` of the scenario."""
        return {**self.dataset, "n_train": self.n_train, "label_noise": self.label_noise, "seed": self.seed + seed}

    def plain(self) -> dict[str, Any]:
        """All fields as plain data."""
        return asdict(self)


@dataclass(frozen=True)
class Grid:
    """A set of scenarios and how they are trained.

    Args:
        name: of the grid and of its files.
        scenarios: what is run.
        seeds: independent draws of the data in each, each with its own start.
        steps: of circuits.
        rival_steps: likelihood evaluations of rivals that search.
        rounds: how often axes may be made longer.
        duration: what to expect, in words.
        drawn: strings drawn a step; 0 for exact probabilities. A drawn step costs as many likelihood evaluations.
        methods: names of the methods.
        starts: of each seed, averaged; they share its draw of the data.
    """

    name: str
    scenarios: tuple[Scenario, ...]
    seeds: int
    steps: int
    rival_steps: int
    rounds: int
    duration: str
    drawn: int = 0
    methods: tuple[str, ...] = tuple(BY_NAME)
    starts: int = 1

    @property
    def replicas(self) -> int:
        """Runs that are trained as one batch."""
        return self.seeds * self.starts

    def config(self, scenario: Scenario, **sections: Any) -> RunConfig:
        """One batch of all seeds, each with its own draw of the data; ``sections`` overwrite the defaults."""
        plain = {
            "dataset": scenario.data(),
            "network": {
                "name": "mlp",
                "layers": scenario.layers,
                "activation": "sign",
                "bias": scenario.bias,
            },
            "ansatz": ANSATZ,
            "objective": {"name": "mle"},
            "engine": {"name": "statevector", "threads": 1},
            "steps": self.steps,
            "replicas": self.replicas,
            "data_draws": self.seeds,
            "seed": scenario.seed,
            "log_every": self.steps,
        }
        return RunConfig.parse(plain | sections, source=scenario.title)


_GENERATED: tuple[dict[str, Any], ...] = (
    {"name": "xor", "noise": 0.45, "n_test": 500},
    {"name": "gaussian_mixture", "n_test": 500},
    {"name": "moons", "noise": 0.25, "n_test": 500},
    {"name": "circles", "noise": 0.15, "n_test": 500},
    {"name": "spirals", "noise": 0.2, "n_test": 500},
    {"name": "blobs", "noise": 0.9, "n_test": 500},
)
_TABLES: tuple[dict[str, Any], ...] = (
    {"name": "iris", "classes": (1, 2), "components": 2},
    {"name": "wine", "classes": (0, 1), "components": 2},
    {"name": "breast_cancer", "components": 2},
)
_DIGITS: dict[str, Any] = {"name": "digits", "classes": (3, 8), "side": 2}
_SMALL = (2, 2, 1)


def _each_source(n_train: int, label_noise: float) -> tuple[Scenario, ...]:
    """All ten sources: the plane with 9 bits, four pixels with 10."""
    plane = tuple(Scenario(data, _SMALL, n_train, label_noise) for data in _GENERATED + _TABLES)
    return (*plane, Scenario(_DIGITS, (4, 2, 1), n_train, label_noise, bias=False))


QUICK = Grid(
    name="quick",
    scenarios=_each_source(15, 0.1)[0:10:3],
    seeds=14,
    steps=120,
    rival_steps=120,
    rounds=0,
    duration="under 3 minutes on two cores",
)
#: Two scenarios a source: few examples, and twice as many with twice the noise.
FULL = Grid(
    name="full",
    scenarios=_each_source(15, 0.1) + _each_source(30, 0.2),
    seeds=16,
    steps=250,
    rival_steps=250,
    rounds=5,
    duration="about 40 minutes on two cores",
)
#: Every method looks at the same number of strings, fewer than there are: nothing that enumerates takes part.
EQUAL = Grid(
    name="equal-budget",
    scenarios=_each_source(15, 0.1),
    seeds=16,
    steps=125,
    rival_steps=250,
    rounds=5,
    duration="about 10 minutes on two cores",
    drawn=2,
    methods=(
        *(m.name for m in BY_NAME.values() if m.kind != "rival"),
        "random_search",
        "straight_through",
        "bayesbinn",
        "simulated_annealing",
    ),
)
#: The demonstration of the dashboard, larger than the grid's networks: 13 bits, several starts a draw of the data.
DEMONSTRATION = Grid(
    name="demonstration",
    scenarios=(Scenario(_GENERATED[0] | {"label_noise_test": True}, (2, 3, 1), 20, 0.1),),
    seeds=24,
    steps=250,
    rival_steps=250,
    rounds=0,
    duration="about 5 minutes on two cores",
    methods=("mle", "elbo", "selbo"),
    starts=8,
)
