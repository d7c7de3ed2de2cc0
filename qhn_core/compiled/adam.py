"""Adam on rows of angles."""

from __future__ import annotations

import numpy as np

from qhn_core.compiled.base import F8, IN2, OUT2, kernel


@kernel(IN2, IN2, IN2, IN2, F8, F8, F8, F8, F8, OUT2, OUT2, OUT2)
def adam_rows(theta, gradient, mean, square, beta1, beta2, rate, root, eps, moved, new_mean, new_square):  # type: ignore[no-untyped-def]
    """One Adam update of angles (B, P), with rate = lr / (1 − β₁ᵗ) and root = √(1 − β₂ᵗ)."""
    for b in range(theta.shape[0]):
        for i in range(theta.shape[1]):
            g = gradient[b, i]
            m = mean[b, i] + (1.0 - beta1) * (g - mean[b, i])
            v = beta2 * square[b, i] + (1.0 - beta2) * (g * g)
            moved[b, i] = theta[b, i] - rate * (m / (np.sqrt(v) / root + eps))
            new_mean[b, i], new_square[b, i] = m, v
