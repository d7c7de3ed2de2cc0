"""Losses and updates as compiled kernels with what they need: so that many steps can be made without Python between."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


class RowLoss(NamedTuple):
    """A loss Σ_w q(w) ℓ(w) + weight · penalty(q) on all strings, or one that is quadratic in q, in place of the sum."""

    kernel: Any  #: fills the frozen diagonal, Σ q ℓ and the penalty
    table: Array  #: ℓ, (1, 2**N), or (B, 2**N) where every replica has its own data; or what else the kernel reads
    held_to: Array  #: what q is held against: π or log π, (2**N,)
    eigenvalues: Array  #: of the penalty's kernel, (2**N,); empty without one
    weight: Callable[[int], float]  #: the penalty's weight at a step
    fit: str = "nll"  #: name of the first term
    penalty: str = ""  #: name of the second term; empty without one


class RowUpdate(NamedTuple):
    """Adam's update of angles; see :mod:`qhn_core.compiled.adam`."""

    kernel: Any
    beta1: float
    beta2: float
    eps: float
    rates: Array  #: lr / (1 − β₁ᵗ) of each step, (T,)
    roots: Array  #: √(1 − β₂ᵗ), (T,)
