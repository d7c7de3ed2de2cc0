"""Losses: one per file."""

from __future__ import annotations

from typing import Any

from qhn_core.objectives.base import OBJECTIVES, ObjectiveConfig


def objective(name: str, /, **options: Any) -> ObjectiveConfig:
    """The objective ``name``; options as in its config (beta, lam, gamma, …)."""
    return OBJECTIVES.make(name, **options)


OBJECTIVES.discover(__name__, __path__)

__all__ = ["OBJECTIVES", "ObjectiveConfig", "objective"]
