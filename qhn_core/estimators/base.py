"""What every gradient estimator offers: loss and gradient of all replicas at one step."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from qhn_core.bitstrings import Bits
from qhn_core.circuits.circuit import Circuit
from qhn_core.objectives.base import ObjectiveConfig
from qhn_core.problems.problem import Problem
from qhn_core.registry import Registry, VariantConfig

Array = NDArray[np.float64]


class Work(NamedTuple):
    """What is estimated: the loss of the strings of ``circuit``, as ``engine`` gives them, on ``problem``."""

    engine: Any  #: one that provides what :meth:`EstimatorConfig.requires` asks for
    circuit: Circuit
    objective: ObjectiveConfig
    problem: Problem  #: a stack where every replica has its own data


class Estimate(NamedTuple):
    """Loss and gradient of all replicas."""

    value: Array  #: the objective, nats (not ÷ n), (B,)
    terms: dict[str, Array]  #: its terms, each (B,)
    gradient: Array  #: (B, P)
    probs: Array | None = None  #: exact q (B, 2**N), where the estimator knows it
    bits: Bits | None = None  #: strings drawn at theta itself, (B, S, N), where it drew them
    log_q: Array | None = None  #: log q of those strings, (B, S), where a simulation tells it


class EstimatorConfig(VariantConfig):
    """Base of all estimators."""

    #: Whether it draws random numbers; one that says it does not must leave ``rng`` alone.
    draws: ClassVar[bool] = True

    @abstractmethod
    def requires(self, objective: ObjectiveConfig) -> frozenset[str]:
        """Engine capabilities needed for ``objective``; raises Unsupported, with the reason, if none would do."""

    @abstractmethod
    def circuits(self, circuit: Circuit, replicas: int) -> tuple[int, int]:
        """(circuit executions, shots) that one step costs; (1, 0) a replica for exact estimators."""

    @abstractmethod
    def estimate(self, work: Work, theta: Array, step: int, rng: np.random.Generator) -> Estimate:
        """Loss and gradient at theta (B, P), radians, with the objective's schedules taken at ``step``."""


ESTIMATORS: Registry[EstimatorConfig] = Registry("estimator", EstimatorConfig)
