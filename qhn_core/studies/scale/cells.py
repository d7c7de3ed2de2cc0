"""What the scale study runs: networks of 24 to 1998 weights, circuits of bond dimension 1 to 8, rivals, budgets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from qhn_core.baselines import BaselineConfig, baseline
from qhn_core.config import RunConfig

#: Minibatch of a step, and strings drawn for it: a step costs so many minibatch likelihoods.
BATCH, DRAWS = 128, 8
#: Weight of KL(q‖π) in the ELBO, the same for circuits and for rivals that have one.
BETA = 0.03


@dataclass(frozen=True)
class Size:
    """A network on digits of ``side`` × ``side`` pixels, all ten or the first few."""

    layers: tuple[int, ...]
    side: int
    digits: int = 10
    scale: float = 0.25

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
    Size((16, 10), 4),
    Size((64, 10), 8),
    Size((64, 16, 10), 8),
    Size((64, 27, 10), 8),
)
MAIN = SIZES[3]
_RIVALS: tuple[BaselineConfig, ...] = (
    baseline("straight_through"),
    baseline("mean_field", beta=BETA),
    baseline("bayesbinn", beta=BETA, draws=1),
    baseline("simulated_annealing"),
    baseline("random_search"),
    baseline("logistic_regression"),
)
#: Name -> rival, each at its default settings but for β, at as many minibatch likelihoods as the circuits.
RIVALS: dict[str, BaselineConfig] = {rival.name: rival for rival in _RIVALS}
CHAIN = "chain"


@dataclass(frozen=True)
class Cell:
    """One method on one network at one budget, all seeds together.

    Args:
        size: the network.
        method: ``chain 1`` … ``chain 4`` by the circuit's layers, or a rival's name.
        likelihoods: minibatch likelihoods of each seed.
    """

    size: Size
    method: str
    likelihoods: int

    @property
    def layers(self) -> int:
        """Of the circuit; 0 for a rival."""
        return int(self.method.split()[1]) if self.method.startswith(CHAIN) else 0

    @property
    def chi(self) -> int:
        """Bond dimension of the circuit; 0 for a rival."""
        return 2 ** (self.layers - 1) if self.layers else 0


@dataclass(frozen=True)
class Grid:
    """How much is run.

    Args:
        sizes: networks.
        budgets: minibatch likelihoods of each seed on the main network -> layers of its circuits.
        elsewhere: the budget on the other networks, where circuits have one and two layers.
        seeds: of split, start and draws together.
    """

    sizes: tuple[Size, ...]
    budgets: dict[int, tuple[int, ...]]
    elsewhere: int
    seeds: int

    def cells(self) -> list[Cell]:
        """All of them, the main network first."""
        found = [
            Cell(MAIN, method, budget)
            for budget, layers in self.budgets.items()
            for method in (*(f"{CHAIN} {k}" for k in layers), *RIVALS)
        ]
        others = (size for size in self.sizes if size != MAIN)
        return found + [
            Cell(size, method, self.elsewhere) for size in others for method in (f"{CHAIN} 1", f"{CHAIN} 2", *RIVALS)
        ]


QUICK = Grid((SIZES[2], MAIN), {1600: (1, 2)}, elsewhere=1600, seeds=2)
FULL = Grid(SIZES, {3000: (1, 2, 3, 4), 12_000: (1, 2, 3)}, elsewhere=3000, seeds=5)


def configuration(cell: Cell, grid: Grid) -> RunConfig:
    """The run of one circuit, a replica a seed: ELBO with β = .03, Adam whose rate falls from .05 to .005.

    For a rival's cell it is that of one layer, which has its data and network.
    """
    size, steps = cell.size, max(1, cell.likelihoods // DRAWS)
    every = 898 if size.digits == 10 else 500
    options: dict[str, Any] = {
        "dataset": {
            "name": "digits",
            "classes": list(range(size.digits)),
            "side": size.side,
            "n_train": every,
            "n_test": every + (size.digits == 10),
        },
        "network": {"name": "mlp", "layers": list(size.layers), "bias": False, "output_scale": size.scale},
        "ansatz": {"name": "chain", "layers": cell.layers or 1, "hadamard": True, "init": "normal", "scale": 0.1},
        "objective": {"name": "elbo", "beta": BETA},
        "engine": {"name": "mps"},
        "estimator": {"name": "score_function", "shots": DRAWS},
        "optimiser": {"name": "adam", "lr": {"kind": "cosine", "start": 0.05, "end": 0.005, "steps": steps}},
        "steps": steps,
        "replicas": grid.seeds,
        "data_draws": grid.seeds,
        "batch": BATCH,
        "log_every": steps,
    }
    return RunConfig.model_validate(options)
