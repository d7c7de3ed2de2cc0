"""L-BFGS with a strong-Wolfe line search: Liu & Nocedal, Mathematical Programming 45 (1989); ``torch.optim.LBFGS``.

One torch optimiser a replica: a single one over all of them would couple them through its line search. A training
step is one outer iteration (a new direction, and a line search along it; ``max_iter`` of them if asked).
Between steps everything torch remembers lives in arrays of fixed shape, so that a resumed run goes on exactly.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from pydantic import Field, field_validator

from qhn_core.errors import InvalidArgument
from qhn_core.optimisers.base import OPTIMISERS, Array, Closure, OptimiserConfig, OptimiserState
from qhn_core.schedules import Scheduled, value_at
from qhn_core.torch_setup import torch_module

if TYPE_CHECKING:
    from torch import Tensor


@OPTIMISERS.register
class LBFGS(OptimiserConfig):
    """Limited-memory quasi-Newton; few steps, each of several evaluations. For exact gradients."""

    label: ClassVar[str] = "L-BFGS"
    packages: ClassVar[tuple[str, ...]] = ("torch",)
    name: Literal["lbfgs"] = "lbfgs"
    lr: Scheduled = Field(1.0, description="First step length that the line search tries, or a schedule of it")
    max_iter: int = Field(1, ge=1, le=100, description="How many L-BFGS iterations make one training step")
    max_eval: int = Field(25, ge=2, le=1000, description="Most evaluations of the loss in one training step")
    history_size: int = Field(10, ge=1, le=100, description="Past updates from which curvature is estimated")
    tolerance_grad: float = Field(1e-7, ge=0.0, description="Largest gradient component that counts as converged")
    tolerance_change: float = Field(1e-9, ge=0.0, description="Smallest predicted change that is worth a step")

    @field_validator("clip")
    @classmethod
    def _no_clip(cls, clip: float | None) -> float | None:
        if clip is not None:
            raise InvalidArgument(
                "clip", expected="none, as a line search bounds the step", got=clip, remedy="Leave clip out."
            )
        return clip

    def init(self, theta: Array) -> OptimiserState:
        """Empty history; arrays are padded to ``history_size`` updates."""
        b, p = theta.shape
        h = self.history_size
        return {
            "n_iter": np.zeros(b, np.int64),
            "n_history": np.zeros(b, np.int64),
            "gradient_changes": np.zeros((b, h, p)),
            "moves": np.zeros((b, h, p)),
            "inverse_products": np.zeros((b, h)),
            "direction": np.zeros((b, p)),
            "length": np.zeros(b),
            "diagonal": np.ones(b),
            "last_gradient": np.zeros((b, p)),
            "last_value": np.zeros(b),
        }

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
        """One outer iteration of each replica, one after the other."""
        if value is None:
            value, gradient = closure(theta, np.arange(len(theta)))
        moved = theta.copy()
        after = {key: array.copy() for key, array in state.items()}
        for r in range(len(theta)):
            evaluate = _Evaluate(closure, r, first=(float(value[r]), gradient[r]))
            moved[r] = self._step_one(theta[r], after, r, value_at(self.lr, step), evaluate)
        return moved, after

    def _step_one(self, theta: Array, state: OptimiserState, r: int, lr: float, evaluate: _Evaluate) -> Array:
        """Move replica ``r``; ``state`` is updated in place."""
        torch = torch_module()
        point = torch.tensor(theta, dtype=torch.float64)
        optimiser = torch.optim.LBFGS(
            [point],
            lr=lr,
            max_iter=self.max_iter,
            max_eval=self.max_eval,
            tolerance_grad=self.tolerance_grad,
            tolerance_change=self.tolerance_change,
            history_size=self.history_size,
            line_search_fn="strong_wolfe",
        )
        if state["n_iter"][r]:
            optimiser.state[point].update(_unpack(state, r))
        optimiser.step(lambda: evaluate(point))
        memory = optimiser.state[point]
        if memory.get("n_iter", 0):
            _pack(memory, state, r)
        return point.numpy()


class _Evaluate:
    """Torch's closure for replica ``r``; the first evaluation is known already, as training logs it."""

    def __init__(self, closure: Closure, r: int, *, first: tuple[float, Array]) -> None:
        self.closure, self.index, self.first = closure, np.array([r], dtype=np.intp), first

    def __call__(self, point: Tensor) -> float:
        torch = torch_module()
        if self.first is not None:
            value, gradient = self.first
            self.first = None  # type: ignore[assignment]
        else:
            values, gradients = self.closure(point.numpy()[None].copy(), self.index)
            value, gradient = float(values[0]), gradients[0]
        point.grad = torch.tensor(gradient, dtype=torch.float64)
        return value


def _unpack(state: OptimiserState, r: int) -> dict[str, Any]:
    """Torch's own state of replica ``r``, from the arrays."""
    torch = torch_module()

    def rows(name: str) -> list[Tensor]:
        return [torch.tensor(row, dtype=torch.float64) for row in state[name][r, : state["n_history"][r]]]

    return {
        "func_evals": 0,
        "n_iter": int(state["n_iter"][r]),
        "old_dirs": rows("gradient_changes"),
        "old_stps": rows("moves"),
        "ro": rows("inverse_products"),
        "d": torch.tensor(state["direction"][r]),
        "t": float(state["length"][r]),
        "H_diag": float(state["diagonal"][r]),
        "prev_flat_grad": torch.tensor(state["last_gradient"][r]),
        "prev_loss": float(state["last_value"][r]),
    }


def _pack(memory: dict[str, Any], state: OptimiserState, r: int) -> None:
    """Inverse of :func:`_unpack`, into row ``r`` of the arrays."""
    count = len(memory["old_dirs"])
    state["n_iter"][r], state["n_history"][r] = memory["n_iter"], count
    for i in range(count):
        state["gradient_changes"][r, i] = memory["old_dirs"][i].numpy()
        state["moves"][r, i] = memory["old_stps"][i].numpy()
        state["inverse_products"][r, i] = float(memory["ro"][i])
    state["direction"][r] = memory["d"].numpy()
    state["length"][r], state["diagonal"][r] = float(memory["t"]), float(memory["H_diag"])
    state["last_gradient"][r], state["last_value"][r] = memory["prev_flat_grad"].numpy(), memory["prev_loss"]
