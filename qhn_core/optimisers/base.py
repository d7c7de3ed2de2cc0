"""What every optimiser offers: a pure step whose state is named arrays, so that any run resumes exactly."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from qhn_core.registry import Registry, VariantConfig
from qhn_core.schedules import Scheduled

#: Named arrays: everything an optimiser remembers. The first axis is the replica.
OptimiserState = dict[str, NDArray[Any]]
#: Evaluates loss and gradient of chosen replicas: (theta (K, P), replica indices (K,)) -> value (K,), gradient (K, P).
Closure = Callable[[NDArray[np.float64], NDArray[np.intp]], tuple[NDArray[np.float64], NDArray[np.float64]]]


class OptimiserConfig(VariantConfig):
    """Base of all optimisers. Replicas are optimised independently of one another."""

    lr: Scheduled = Field(0.05, description="Learning rate, or a schedule of it")
    clip: float | None = Field(None, gt=0.0, description="Largest Euclidean norm of a replica's gradient")
    early_stop: int | None = Field(None, ge=1, description="Stop when no replica's loss improved in this many steps")

    @abstractmethod
    def init(self, theta: NDArray[np.float64]) -> OptimiserState:
        """State before the first step, for theta (B, P)."""

    @abstractmethod
    def step(
        self,
        theta: NDArray[np.float64],
        gradient: NDArray[np.float64],
        state: OptimiserState,
        *,
        step: int,
        closure: Closure,
    ) -> tuple[NDArray[np.float64], OptimiserState]:
        """New theta (B, P) and state; arguments are not changed. ``closure`` serves line searches."""


OPTIMISERS: Registry[OptimiserConfig] = Registry("optimiser", OptimiserConfig)
