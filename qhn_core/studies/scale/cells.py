"""What the scale study runs: networks of 24 to 1998 weights, circuits of bond dimension 1 to 8, rivals, seeds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from qhn_core.config import RunConfig

#: Minibatch of a step, and strings drawn for it: a step costs so many minibatch likelihoods.
BATCH, DRAWS = 128, 4
#: Rivals, each at as many minibatch likelihoods as the circuits; the best of annealing's strings is kept.
RIVALS = ("straight_through", "simulated_annealing", "logistic_regression")


@dataclass(frozen=True)
class Size:
    """A network on digits of ``side`` × ``side`` pixels, all ten or the first few."""

    layers: tuple[int, ...]
    side: int
    digits: int = 10
    scale: float = 0.125

    @property
    def bits(self) -> int:
        """Number of weights; there are no biases."""
        return sum(a * b for a, b in zip(self.layers, self.layers[1:], strict=False))

    @property
    def title(self) -> str:
        """For tables."""
        return f"{'-'.join(map(str, self.layers))}, {self.digits} digits"


SIZES = (
    Size((4, 6), 2, digits=6, scale=0.5),
    Size((4, 10), 2, scale=0.5),
    Size((16, 10), 4, scale=0.25),
    Size((64, 10), 8),
    Size((64, 16, 10), 8, scale=0.25),
    Size((64, 27, 10), 8, scale=0.25),
)
MAIN = SIZES[3]


@dataclass(frozen=True)
class Grid:
    """How much is run.

    Args:
        sizes: networks.
        layers: of the circuit on the main network, L; its bond dimension is 2^(L−1). Others have one and two.
        seeds: of data, starts and draws together.
        steps: of each run.
        logged: how often each run is judged.
    """

    sizes: tuple[Size, ...]
    layers: tuple[int, ...]
    seeds: int
    steps: int
    logged: int

    def depths(self, size: Size) -> tuple[int, ...]:
        """Layers of the circuits on this network."""
        return self.layers if size == MAIN else self.layers[:2]


QUICK = Grid((SIZES[2], MAIN), (1, 2), seeds=2, steps=400, logged=4)
FULL = Grid(SIZES, (1, 2, 3, 4), seeds=5, steps=3000, logged=10)


def configuration(size: Size, layers: int, seed: int, grid: Grid) -> RunConfig:
    """The run of one circuit: ELBO with β = .03, Adam whose rate falls from .05 to .005."""
    every = max(1, grid.steps // grid.logged)
    options: dict[str, Any] = {
        "dataset": {
            "name": "digits",
            "classes": list(range(size.digits)),
            "side": size.side,
            "n_train": 898 if size.digits == 10 else 500,
            "n_test": 899 if size.digits == 10 else 500,
            "seed": seed,
        },
        "network": {"name": "mlp", "layers": list(size.layers), "bias": False, "output_scale": size.scale},
        "ansatz": {"name": "chain", "layers": layers, "hadamard": True, "init": "normal", "scale": 0.1},
        "objective": {"name": "elbo", "beta": 0.03},
        "engine": {"name": "mps"},
        "estimator": {"name": "score_function", "shots": DRAWS},
        "optimiser": {"name": "adam", "lr": {"kind": "cosine", "start": 0.05, "end": 0.005, "steps": grid.steps}},
        "steps": grid.steps,
        "replicas": 1,
        "seed": seed,
        "batch": BATCH,
        "log_every": every,
    }
    return RunConfig.model_validate(options)
