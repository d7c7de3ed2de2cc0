"""Experiments of lessons, a file each: what is run in place, the numbers and the pictures that it gives."""

from __future__ import annotations

from qhn_core.lessons.experiments.base import EXPERIMENTS, ExperimentConfig

EXPERIMENTS.discover(__name__, __path__)

__all__ = ["EXPERIMENTS", "ExperimentConfig"]
