"""BinaryConnect: real weights behind the binary ones, gradients passed straight through the sign.

Each step: w_b = sign(u); g = ∂ℓ/∂w_b; u ← clip(u − Adam(g), −1, 1).
Source: Courbariaux, Bengio, David, BinaryConnect, arXiv:1511.00363 (2015).
"""

from __future__ import annotations

import time
from typing import Any, ClassVar, Literal, Self

import numpy as np
from pydantic import Field

from qhn_core.baselines.base import BASELINES, BaselineConfig, Rival, of_products, replica_rng
from qhn_core.baselines.batches import Batches, steps_within
from qhn_core.baselines.relaxed import bits_of, relaxed_nll
from qhn_core.baselines.trail import Trail
from qhn_core.problems.problem import Problem
from qhn_core.problems.stack import ProblemStack
from qhn_core.torch_setup import torch_module


@BASELINES.register
class StraightThrough(BaselineConfig):
    """Keeps, of the networks it visited, the one with the lowest training loss."""

    label: ClassVar[str] = "Straight-through (BinaryConnect)"
    packages: ClassVar[tuple[str, ...]] = ("torch",)
    name: Literal["straight_through"] = "straight_through"
    needs_network: ClassVar[bool] = True
    takes_stack: ClassVar[bool] = True
    steps: int = Field(500, ge=1, le=1_000_000, description="Gradient steps a start may take")
    lr: float = Field(0.05, gt=0.0, le=10.0, description="Adam's learning rate")
    batch: int | None = Field(
        None, ge=1, le=10_000, description="Training examples that a step looks at, drawn anew; all if not set"
    )

    def fit(self, problem: Problem | ProblemStack, *, replicas: int = 1, seed: int = 0) -> Rival:
        """All replicas descend in one batch; the optimiser's state is per weight, so they do not mix."""
        torch = torch_module()
        nll = relaxed_nll(problem)
        start = time.perf_counter()
        draws = np.stack([replica_rng(seed, r).uniform(-1, 1, problem.n_bits) for r in range(replicas)])
        u = torch.as_tensor(draws).requires_grad_(True)
        optimiser = torch.optim.Adam([u], lr=self.lr)
        best = torch.full((replicas,), torch.inf, dtype=torch.float64)
        kept = torch.zeros_like(u)
        batches = Batches(problem, self.steps, self.batch, seed, looks=True)
        visited: list[np.ndarray] = []
        for step in range(1, self.steps + 1):
            binary = torch.where(u.detach() >= 0, 1.0, -1.0).to(u.dtype).requires_grad_(True)
            loss = nll(binary, batches.rows())
            if batches.batch is None or step in batches.looks:
                value = loss.detach() if batches.batch is None else nll(binary.detach())
                better = value < best
                best = torch.where(better, value, best)
                kept = torch.where(better[:, None], binary.detach(), kept)
            if step == batches.marks[len(visited)]:
                visited.append(bits_of(kept).astype(np.float64))
            (u.grad,) = torch.autograd.grad(loss.sum(), binary)
            optimiser.step()
            with torch.no_grad():
                u.clamp_(-1.0, 1.0)
        counts = np.array([batches.spent(mark) for mark in batches.marks])
        return of_products(
            self.name,
            visited[-1],
            int(counts[-1]),
            time.perf_counter() - start,
            notes="The best network visited is kept.",
            trail=Trail(counts, "evaluations", np.stack(visited)),
        )

    def within(self, evaluations: int, *, n_train: int, batch: int | None = None) -> Self:
        """As many steps as the budget pays for."""
        steps = steps_within(evaluations, n_train=n_train, batch=batch, looks=True)
        changes: dict[str, Any] = {"steps": steps, "batch": batch}
        return self.model_copy(update=changes)
