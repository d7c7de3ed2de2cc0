"""PyTorch as this package uses it: imported when first needed, and on one thread.

Its tensors here hold tens of numbers. Two OpenMP threads that wait for each other on such tensors made a training step
of the straight-through rival 18 times slower than one thread did (measured on two busy cores).
"""

from __future__ import annotations

from functools import cache
from types import ModuleType

from qhn_core.extras import require


@cache
def torch_module() -> ModuleType:
    """The ``torch`` module, its thread count set once for the process."""
    require("torch", purpose="This optimiser or rival")
    import torch

    torch.set_num_threads(1)
    return torch
