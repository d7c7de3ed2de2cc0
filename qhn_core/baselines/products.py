"""The product distribution with the largest ELBO, from drawn strings: the circuit without entanglement.

q(w) = Π_i sin²(θ_i/2)^{w_i} cos²(θ_i/2)^{1−w_i}, one RY a wire; in these angles the Fisher information is the identity.
∂E_q ℓ ≈ Σ_s (ℓ_s − b_s) ∂ log q(w_s) / S with leave-one-out baselines b (Kool et al., 2019); KL(q‖π) and its derivative
are in closed form. Adam, whose rate falls to a tenth along a half cosine.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qhn_core.baselines.batches import Batches, steps_within
from qhn_core.baselines.trail import Trail
from qhn_core.problems.minibatch import minibatch
from qhn_core.problems.problem import Problem

Array = NDArray[np.float64]
#: Strings drawn in a step; few draws and many steps beat the reverse at equal evaluations.
DRAWS = 4
_DECAY, _DECAY_SQUARES, _SMALL = 0.9, 0.999, 1e-8


def ascend_from_draws(
    problem: Problem, *, evaluations: int, beta: float, lr: float, batch: int | None, seed: int, replicas: int
) -> Trail:
    """Rates (T, B, N) along the way, and what they had cost.

    Args:
        problem: judged string by string; needs no table.
        evaluations: of ℓ on all examples, for each replica.
        beta: weight of KL(q‖π).
        lr: Adam's first learning rate, radians.
        batch: examples of a step, None for all.
        seed, replicas: replica r depends on (seed, r) alone.
    """
    steps = steps_within(evaluations, n_train=problem.n_train, batch=batch, each=DRAWS)
    batches = Batches(problem, steps, batch, seed, each=DRAWS)
    rngs = [np.random.Generator(np.random.Philox(key=[seed, r])) for r in range(replicas)]
    prior = problem.prior.rates(problem.n_bits)
    theta = 0.5 * np.pi + np.stack([0.1 * rng.normal(size=problem.n_bits) for rng in rngs])
    mean, square = np.zeros_like(theta), np.zeros_like(theta)
    kept = [0, *batches.marks]
    visited = [np.sin(0.5 * theta) ** 2]
    for step in range(1, steps + 1):
        rows = batches.rows()
        task = problem if rows is None else minibatch(problem, rows)
        rates = np.sin(0.5 * theta) ** 2
        uniform = np.stack([rng.random((DRAWS, problem.n_bits)) for rng in rngs])
        bits = (uniform < rates[:, None]).astype(np.uint8)
        gradient = _of_likelihood(task.nll_at(bits), bits, theta) + beta * _of_kl(theta, prior)
        mean = _DECAY * mean + (1.0 - _DECAY) * gradient
        square = _DECAY_SQUARES * square + (1.0 - _DECAY_SQUARES) * gradient**2
        corrected = np.sqrt(square / (1.0 - _DECAY_SQUARES**step)) + _SMALL
        rate = lr * (0.55 + 0.45 * np.cos(np.pi * step / steps))
        theta = theta - rate * (mean / (1.0 - _DECAY**step)) / corrected
        if step == kept[len(visited)]:
            visited.append(np.sin(0.5 * theta) ** 2)
    return Trail(np.array([batches.spent(mark) for mark in kept]), "evaluations", np.stack(visited))


def _of_likelihood(nll: Array, bits: NDArray[np.uint8], theta: Array) -> Array:
    """Unbiased ∂E_q ℓ from nll (B, S) of bits (B, S, N): (B, N)."""
    advantage = (nll - nll.mean(axis=1, keepdims=True)) / (nll.shape[1] - 1.0)
    half = 0.5 * theta[:, None]
    with np.errstate(divide="ignore"):
        score = np.where(bits == 1, np.cos(half) / np.sin(half), -np.sin(half) / np.cos(half))
    return np.asarray((advantage[:, :, None] * score).sum(axis=1))


def _of_kl(theta: Array, prior: Array) -> Array:
    """∂ Σ_i KL(Bernoulli(sin² θ_i/2) ‖ ρ_i), (B, N)."""
    rates = np.clip(np.sin(0.5 * theta) ** 2, 1e-300, 1.0 - 1e-16)
    logit = np.log(rates) - np.log1p(-rates) - np.log(prior) + np.log1p(-prior)
    return 0.5 * np.sin(theta) * logit
