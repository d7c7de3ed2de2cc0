"""Success against depth: `brickwork` circuits on two digits at 4×4 pixels (17 bits), trained with L-BFGS.

After the experiment of arXiv:2301.08292 on scaled-down images; the data here are scikit-learn's 8×8 digits,
mean-pooled to 4×4, as a stand-in for scaled-down MNIST, so the numbers are not comparable with published ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qhn_core.config import RunConfig
from qhn_core.results import train
from qhn_core.studies.claims.grid import GAMMA, Grid

OBJECTIVES: tuple[dict[str, Any], ...] = (
    {"name": "mle"},
    {"name": "elbo", "beta": 0.3},
    {"name": "selbo", "lam": 0.3, "gamma": GAMMA},
)


@dataclass(frozen=True, eq=False)
class DepthPoint:
    """One loss at one depth: the final quantities of every start, each (starts,)."""

    method: str
    layers: int
    success: NDArray[np.float64]
    cost_gap: NDArray[np.float64]


def config(layers: int, objective: dict[str, Any], *, starts: int, steps: int) -> RunConfig:
    """One depth: ``starts`` random starts on one data set of two digits."""
    return RunConfig.parse(
        {
            "dataset": {"name": "digits", "side": 4, "n_train": 100, "n_test": 200, "seed": 0},
            "network": {"name": "mlp", "layers": [16, 1]},
            "ansatz": {"name": "brickwork", "layers": layers},
            "objective": objective,
            "optimiser": {"name": "lbfgs", "lr": 1.0},
            "steps": steps,
            "replicas": starts,
            "seed": 11,
            "log_every": steps,
        },
        source=f"depth {layers}",
    )


def depth_points(grid: Grid, objectives: tuple[dict[str, Any], ...] = OBJECTIVES) -> list[DepthPoint]:
    """Every loss at every depth of ``grid``."""
    found = []
    for layers in grid.depths:
        for objective in objectives:
            run = config(layers, objective, starts=grid.depth_starts, steps=grid.depth_steps)
            final = {name: values[-1] for name, values in train(run).history.items()}
            found.append(DepthPoint(objective["name"], layers, final["success"], final["cost_gap"]))
    return found
