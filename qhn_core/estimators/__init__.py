"""Gradient estimators: one per file."""

from __future__ import annotations

from typing import Any

from qhn_core.estimators.base import ESTIMATORS, EstimatorConfig


def estimator(name: str, /, **options: Any) -> EstimatorConfig:
    """The gradient estimator ``name``; options as in its config."""
    return ESTIMATORS.make(name, **options)


ESTIMATORS.discover(__name__, __path__)

__all__ = ["ESTIMATORS", "EstimatorConfig", "estimator"]
