"""Classical rivals on the same problem: one per file."""

from __future__ import annotations

from typing import Any

from qhn_core.baselines.base import BASELINES, BaselineConfig, Rival


def baseline(name: str, /, **options: Any) -> BaselineConfig:
    """The rival ``name``; options as in its config."""
    return BASELINES.make(name, **options)


BASELINES.discover(__name__, __path__)

__all__ = ["BASELINES", "BaselineConfig", "Rival", "baseline"]
