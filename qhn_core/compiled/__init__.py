"""Numba kernels behind strings, Hamming kernels, losses, estimators and optimisers; one idea a file.

They are imported at first use, through :func:`compiled`, and never at ``import qhn_core``: the first import on a
machine compiles them (some seconds), later ones load them from a folder. All are single-threaded, release the GIL, and
add in a fixed order: the same input gives the same bits whatever the number of threads. Each has a NumPy twin in the
tests.

Arrays are C-ordered float64 unless said otherwise; B replicas are rows of length n = 2**N.
"""

from __future__ import annotations

from functools import cache
from types import SimpleNamespace
from typing import Any


@cache
def compiled() -> Any:
    """All kernels by name."""
    from qhn_core.compiled import adam, drawing, losses, stein, strings, transform

    found: dict[str, Any] = {}
    for module in (adam, drawing, losses, stein, strings, transform):
        found |= {name: value for name, value in vars(module).items() if not name.startswith("_")}
    return SimpleNamespace(**found)
