"""Priors over bitstrings: one per file."""

from __future__ import annotations

from typing import Any

from qhn_core.priors.base import PRIORS, PriorConfig


def prior(name: str, /, **options: Any) -> PriorConfig:
    """The prior ``name``; options as in its config."""
    return PRIORS.make(name, **options)


PRIORS.discover(__name__, __path__)

__all__ = ["PRIORS", "PriorConfig", "prior"]
