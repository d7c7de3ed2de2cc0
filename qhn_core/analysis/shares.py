"""Which strings a loss's terms are made of: each term as a sum over all strings, read off the frozen diagonal g.

With d = q − π, ℓ the negative log-likelihood and g the diagonal that a loss hands to the gradient:
fit Σ_w q ℓ; KL Σ_w q (g − ℓ), as g − ℓ = β(log q − log π); MMD Σ_w d (g − ℓ)/2, as g − ℓ = 2λn K d and
MMD² = dᵀ K d; KSD Σ_w q g/2, as g = 2 Σ_v q(v) k_p(·, v).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qhn_core.checks import check_finite, check_shape
from qhn_core.objectives.base import ObjectiveConfig
from qhn_core.problems.problem import Problem

Array = NDArray[np.float64]


def term_shares(objective: ObjectiveConfig, q: ArrayLike, problem: Problem, *, step: int = 0) -> dict[str, Array]:
    """What every string adds to each term of the loss ÷ n: name of the term -> (2**N,), nats per example.

    Each adds up to the term as it is logged. A string may take away from the MMD: where q < π and its neighbours too.

    Args:
        objective: the loss.
        q: exact distribution, (2**N,).
        problem: tabulated.
        step: where the loss's schedules are taken.
    """
    table = problem.need_table("A loss by strings")
    probs = check_shape("q", check_finite("q", q), (1 << problem.n_bits,))
    exact = objective.exact(probs[None], problem, step)
    g, n = exact.diagonal[0], problem.n_train
    beyond = g - table.nll
    parts = {
        "nll": probs * table.nll,
        "kl": probs * beyond,
        "mmd": 0.5 * (probs - np.exp(problem.log_prior)) * beyond,
        "ksd": 0.5 * probs * g,
    }
    return {name: parts[name] / n for name in exact.terms if name in parts}
