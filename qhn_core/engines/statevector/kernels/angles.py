"""Kernels from θ to angles and matrices, and from derivatives by angles back to θ."""

# mypy: allow-untyped-defs
from __future__ import annotations

import math

from qhn_core.engines.statevector.kernels.base import kernel


@kernel
def resolve_angles(theta, matrix, numbers, angle, cosine, sine):
    """Angles α = A θ + a, and the cosine and sine of their halves.

    ``matrix`` holds, for n angles, n + 1 row pointers and then the slots; ``numbers`` n constants and then the
    coefficients: A in compressed rows.
    """
    count = angle.size
    for i in range(count):
        total = numbers[i]
        for k in range(matrix[i], matrix[i + 1]):
            total += numbers[count + k] * theta[matrix[count + 1 + k]]
        angle[i] = total
        if total == 0.0:
            cosine[i], sine[i] = 1.0, 0.0
        else:
            cosine[i], sine[i] = math.cos(0.5 * total), math.sin(0.5 * total)


@kernel
def transpose_angles(matrix, numbers, derivative, gradient):
    """∂/∂θ = Aᵀ ∂/∂α."""
    count = derivative.size
    gradient[:] = 0.0
    for i in range(count):
        for k in range(matrix[i], matrix[i + 1]):
            gradient[matrix[count + 1 + k]] += numbers[count + k] * derivative[i]


@kernel
def matrices(cosine, sine, first, reflect, n, inverse, work, mats):
    """RY(φ)·H^p of every bit, or the inverses, four numbers each."""
    for b in range(n):
        c, s, o = cosine[first + b], sine[first + b], mats + 4 * b
        if reflect >> b & 1:
            h = math.sqrt(0.5)
            work[o], work[o + 1], work[o + 2], work[o + 3] = h * (c - s), h * (c + s), h * (c + s), h * (s - c)
        else:
            if inverse:
                s = -s
            work[o], work[o + 1], work[o + 2], work[o + 3] = c, -s, s, c
