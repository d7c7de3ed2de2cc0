"""Iris flowers (Fisher, 1936), from scikit-learn."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from qhn_core.datasets.base import DATASETS
from qhn_core.datasets.real import RealConfig


@DATASETS.register
class Iris(RealConfig):
    """3 classes, 4 features; standardised, then whitened PCA."""

    label: ClassVar[str] = "Iris"
    loader: ClassVar[str] = "load_iris"
    title: ClassVar[str] = "Iris flowers (Fisher, 1936)"
    total_classes: ClassVar[int] = 3
    total_features: ClassVar[int] = 4
    class_rows: ClassVar[tuple[int, ...]] = (50, 50, 50)
    name: Literal["iris"] = "iris"
    components: int = Field(
        2, ge=1, le=4, description="How many inputs the network gets: the principal components that are kept"
    )
