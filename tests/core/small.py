"""The smallest run that is one: some tests train it many times."""

from __future__ import annotations

from qhn_core.config import RunConfig


def small_run(**settings: int) -> RunConfig:
    """Eight examples of XOR, three weights, two starts; ``settings`` are those of the run, steps and log_every."""
    return RunConfig.parse(
        {
            "dataset": {"name": "xor", "n_train": 8, "n_test": 10},
            "network": {"name": "mlp", "layers": [2, 1]},
            "ansatz": {"name": "linear", "layers": 1},
            "replicas": 2,
            **settings,
        }
    )
