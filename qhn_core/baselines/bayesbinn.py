"""BayesBiNN: a mean-field Bernoulli posterior by natural-gradient descent with relaxed binary weights.

With natural parameters λ, a relaxed draw w = tanh((λ + δ)/τ), δ = ½ log(ε/(1 − ε)), ε ~ U(0, 1):
λ ← (1 − α) λ − α [ s ∘ ∂ℓ/∂w / β − λ_0 ],  s = (1 − w²) / (τ (1 − tanh² λ)),
where ℓ is summed over the examples and λ_0 = ½ logit ρ is the prior's. It ends with P(bit = 1) = 1/(1 + e^{−2λ}).
β = 1 is the method as published; another β weighs KL(q‖π) by β, as the ELBO's does.
Source: Meng, Bachmann, Khan, arXiv:2002.10778 (2020).
"""

from __future__ import annotations

import time
from typing import ClassVar, Literal, Self

import numpy as np
from pydantic import Field

from qhn_core.baselines.base import BASELINES, BaselineConfig, Rival, of_products, replica_rng
from qhn_core.baselines.batches import Batches, steps_within
from qhn_core.baselines.relaxed import relaxed_nll
from qhn_core.baselines.trail import Trail
from qhn_core.problems.problem import Problem
from qhn_core.problems.stack import ProblemStack
from qhn_core.torch_setup import torch_module


@BASELINES.register
class BayesBiNN(BaselineConfig):
    """Ends with a product distribution over all strings."""

    label: ClassVar[str] = "BayesBiNN"
    packages: ClassVar[tuple[str, ...]] = ("torch",)
    name: Literal["bayesbinn"] = "bayesbinn"
    needs_network: ClassVar[bool] = True
    takes_stack: ClassVar[bool] = True
    steps: int = Field(500, ge=1, le=1_000_000, description="Natural-gradient steps a start may take")
    lr: float = Field(0.05, gt=0.0, lt=1.0, description="Step size α; it decays to 0 along a half cosine")
    beta: float = Field(1.0, gt=0.0, le=100.0, description="Weight β of KL(q‖π) in the objective")
    temperature: float = Field(1.0, gt=0.0, le=10.0, description="Temperature τ of the relaxation")
    draws: int = Field(4, ge=1, le=100, description="Relaxed draws averaged in each step")
    batch: int | None = Field(
        None, ge=1, le=10_000, description="Training examples that a step looks at, drawn anew; all if not set"
    )

    def fit(self, problem: Problem | ProblemStack, *, replicas: int = 1, seed: int = 0) -> Rival:
        """One gradient evaluation a draw; all replicas run in one batch."""
        torch = torch_module()
        nll = relaxed_nll(problem)
        start = time.perf_counter()
        rho = problem.prior.rates(problem.n_bits)
        natural_prior = torch.as_tensor(0.5 * (np.log(rho) - np.log1p(-rho)))
        generators = [replica_rng(seed, r) for r in range(replicas)]
        natural = torch.as_tensor(np.stack([g.uniform(-0.5, 0.5, problem.n_bits) for g in generators]))
        batches = Batches(problem, self.steps, self.batch, seed, each=self.draws)
        kept, visited = [0, *batches.marks], [torch.sigmoid(2.0 * natural).numpy()]
        for step in range(self.steps):
            alpha = self.lr * 0.5 * (1.0 + np.cos(np.pi * step / self.steps))
            noise = np.stack([g.uniform(1e-10, 1.0 - 1e-10, (self.draws, problem.n_bits)) for g in generators])
            delta = torch.as_tensor(0.5 * (np.log(noise) - np.log1p(-noise)))
            relaxed = torch.tanh((natural[:, None] + delta) / self.temperature).requires_grad_(True)
            loss = nll(relaxed.reshape(-1, problem.n_bits), batches.rows())
            (gradient,) = torch.autograd.grad(loss.sum(), relaxed)
            spread = (1.0 - torch.tanh(natural) ** 2).clamp_min(1e-10)
            scale = (1.0 - relaxed.detach() ** 2) / (self.temperature * spread[:, None])
            descent = (scale * gradient).mean(dim=1)
            natural = ((1.0 - alpha) * natural - alpha * (descent / self.beta - natural_prior)).clamp(-20.0, 20.0)
            if step + 1 == kept[len(visited)]:
                visited.append(torch.sigmoid(2.0 * natural).numpy())
        trail = Trail(np.array([batches.spent(mark) for mark in kept]), "evaluations", np.stack(visited))
        seconds = time.perf_counter() - start
        return of_products(self.name, visited[-1], int(trail.counts[-1]), seconds, trail=trail)

    def within(self, evaluations: int, *, n_train: int, batch: int | None = None) -> Self:
        """As many steps as the budget pays for."""
        steps = steps_within(evaluations, n_train=n_train, batch=batch, each=self.draws)
        return self.model_copy(update={"steps": steps, "batch": batch})
