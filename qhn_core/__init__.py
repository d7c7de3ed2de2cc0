"""QHN Lab: train, measure and compare variational quantum hypernetworks.

A circuit U(θ) gives q_θ(w) = |⟨w|U(θ)|0…0⟩|²; its bitstrings w are the binary weights of a small neural network.
"""

from __future__ import annotations

from qhn_core.ansatze import ansatz, initial_angles
from qhn_core.circuits.circuit import Circuit, Gate
from qhn_core.config import RunConfig, load_config
from qhn_core.datasets import dataset
from qhn_core.engines import engine
from qhn_core.errors import ConfigError, QHNError
from qhn_core.estimators import estimator
from qhn_core.networks import network
from qhn_core.objectives import objective
from qhn_core.optimisers import optimiser
from qhn_core.planning import plan
from qhn_core.priors import prior
from qhn_core.problems.problem import problem, problem_from_costs
from qhn_core.results import RunResult, train

__version__ = "0.1.0"

__all__ = [
    "Circuit",
    "ConfigError",
    "Gate",
    "QHNError",
    "RunConfig",
    "RunResult",
    "ansatz",
    "dataset",
    "engine",
    "estimator",
    "initial_angles",
    "load_config",
    "network",
    "objective",
    "optimiser",
    "plan",
    "prior",
    "problem",
    "problem_from_costs",
    "train",
]
