"""Configurations worth having in one place: the dashboard offers them, the benchmark measures them."""

from __future__ import annotations

from typing import Any, Final

#: All ten digits at 8×8 pixels, one layer of 640 weights: what differs from the defaults.
TEN_DIGITS: Final[dict[str, Any]] = {
    "dataset": {"name": "digits", "classes": list(range(10)), "side": 8, "n_train": 898, "n_test": 899},
    "network": {"name": "mlp", "layers": [64, 10], "bias": False, "output_scale": 0.25},
    "ansatz": {"name": "chain", "layers": 2, "hadamard": True, "init": "normal", "scale": 0.1},
    "objective": {"name": "elbo", "beta": 0.03},
    "engine": {"name": "auto"},
    "estimator": {"name": "score_function", "shots": 4},
    "optimiser": {"name": "adam", "lr": 0.05},
    "steps": 2000,
    "replicas": 1,
    "batch": 128,
    "log_every": 50,
}
