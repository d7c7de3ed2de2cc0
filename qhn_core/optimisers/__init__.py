"""Optimisers: one per file."""

from __future__ import annotations

from typing import Any

from qhn_core.optimisers.base import OPTIMISERS, OptimiserConfig


def optimiser(name: str, /, **options: Any) -> OptimiserConfig:
    """The optimiser ``name``; options as in its config."""
    return OPTIMISERS.make(name, **options)


OPTIMISERS.discover(__name__, __path__)

__all__ = ["OPTIMISERS", "OptimiserConfig", "optimiser"]
