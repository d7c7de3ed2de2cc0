"""QHN Lab: train, measure and compare variational quantum hypernetworks.

A circuit U(θ) gives q_θ(w) = |⟨w|U(θ)|0…0⟩|²; its bitstrings w are the binary weights of a small neural network.
"""

from __future__ import annotations

from qhn_core.ansatze import ansatz, initial_angles
from qhn_core.circuit import Circuit, Gate
from qhn_core.datasets import dataset
from qhn_core.engines import engine
from qhn_core.networks import network
from qhn_core.objectives import objective
from qhn_core.priors import prior
from qhn_core.problems import problem, problem_from_costs

__all__ = [
    "Circuit",
    "Gate",
    "ansatz",
    "dataset",
    "engine",
    "initial_angles",
    "network",
    "objective",
    "prior",
    "problem",
    "problem_from_costs",
]
