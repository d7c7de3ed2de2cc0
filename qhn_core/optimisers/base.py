"""What every optimiser offers: a pure step whose state is named arrays, so that any run resumes exactly."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, field_validator

from qhn_core.compiled.rows import RowUpdate
from qhn_core.errors import InvalidArgument
from qhn_core.registry import Registry, VariantConfig
from qhn_core.schedules import Scheduled, bounds

Array = NDArray[np.float64]
#: Named arrays: everything an optimiser remembers. The first axis is the replica.
OptimiserState = dict[str, NDArray[Any]]
#: Evaluates loss and gradient of chosen replicas: (theta (K, P), replica indices (K,)) -> value (K,), gradient (K, P).
Closure = Callable[[NDArray[np.float64], NDArray[np.intp]], tuple[NDArray[np.float64], NDArray[np.float64]]]


class OptimiserConfig(VariantConfig):
    """Base of all optimisers. Replicas are optimised independently of one another.

    The loss they see is the one that curves show, in nats per training example; so are ``clip`` and tolerances.
    """

    lr: Scheduled = Field(
        0.05,
        description="How far the angles move in a step: too small is slow, too large never settles",
    )
    clip: float | None = Field(
        None,
        gt=0.0,
        description="How steep a slope may count: larger gradients of a start are cut to this Euclidean norm",
    )
    early_stop: int | None = Field(None, ge=1, description="Stop when no start's loss improved in this many steps")

    @field_validator("lr")
    @classmethod
    def _positive(cls, lr: Any) -> Any:
        low, high = bounds(lr)
        if low < 0.0 or high <= 0.0 or high > 1000.0:
            raise InvalidArgument("lr", expected="a learning rate above 0 and up to 1000", got=(low, high))
        return lr

    def by_rows(self, steps: int) -> RowUpdate | None:
        """The updates of so many steps as a compiled kernel, or None where they are not of that form."""
        return None

    @abstractmethod
    def init(self, theta: Array) -> OptimiserState:
        """State before the first step, for theta (B, P)."""

    @abstractmethod
    def step(
        self,
        theta: Array,
        gradient: Array,
        state: OptimiserState,
        *,
        step: int,
        closure: Closure,
        value: Array | None = None,
    ) -> tuple[Array, OptimiserState]:
        """One update of all replicas; arguments are not changed.

        Args:
            theta: angles in radians, (B, P).
            gradient: of the loss at theta, already clipped, (B, P).
            state: what :meth:`init` or the last step returned.
            step: number of updates made before this one.
            closure: loss and gradient anywhere else, for line searches.
            value: the loss at theta, (B,), where it is known; it saves a line search one evaluation.

        Returns:
            New theta (B, P) and state.
        """


OPTIMISERS: Registry[OptimiserConfig] = Registry("optimiser", OptimiserConfig)


def clipped(gradient: Array, limit: float | None) -> Array:
    """``gradient`` (B, P) with each replica's Euclidean norm at most ``limit``."""
    if limit is None:
        return gradient
    norm = np.sqrt(np.einsum("bp,bp->b", gradient, gradient))
    return gradient * np.minimum(1.0, limit / np.maximum(norm, 1e-300))[:, None]
