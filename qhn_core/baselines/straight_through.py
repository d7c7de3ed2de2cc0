"""BinaryConnect: real weights behind the binary ones, gradients passed straight through the sign.

Each step: w_b = sign(u); g = ∂ℓ/∂w_b; u ← clip(u − Adam(g), −1, 1).
Source: Courbariaux, Bengio, David, BinaryConnect, arXiv:1511.00363 (2015).
"""

from __future__ import annotations

import time
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from qhn_core.baselines.base import BASELINES, BaselineConfig, Rival, point_masses, replica_rng
from qhn_core.baselines.relaxed import bits_of, relaxed_nll
from qhn_core.baselines.trail import Trail, checkpoints
from qhn_core.bitstrings import index_of
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
    steps: int = Field(500, ge=1, le=100_000, description="Gradient steps a start may take")
    lr: float = Field(0.05, gt=0.0, le=10.0, description="Adam's learning rate")

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
        counts = checkpoints(self.steps)
        visited: list[np.ndarray] = []
        for step in range(1, self.steps + 1):
            binary = torch.where(u.detach() >= 0, 1.0, -1.0).to(u.dtype).requires_grad_(True)
            loss = nll(binary)
            better = loss.detach() < best
            best = torch.where(better, loss.detach(), best)
            kept = torch.where(better[:, None], binary.detach(), kept)
            if step == counts[len(visited)]:
                visited.append(bits_of(kept))
            (u.grad,) = torch.autograd.grad(loss.sum(), binary)
            optimiser.step()
            with torch.no_grad():
                u.clamp_(-1.0, 1.0)
        probs = point_masses(index_of(bits_of(kept)), problem.n_bits)
        return Rival(
            self.name,
            probs,
            self.steps,
            time.perf_counter() - start,
            notes="The best network visited is kept.",
            trail=Trail(np.array(counts), "evaluations", np.stack(visited).astype(np.float64)),
        )
