"""Engines: one per file."""

from __future__ import annotations

from typing import Any

from qhn_core.engines.base import ENGINES, Engine, EngineConfig


def engine(name: str, /, **options: Any) -> Engine:
    """The engine ``name``, built; options as in its config (dtype, device, …)."""
    return ENGINES.make(name, **options).build()


ENGINES.discover(__name__, __path__)

__all__ = ["ENGINES", "Engine", "EngineConfig", "engine"]
