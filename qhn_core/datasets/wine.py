"""Wine recognition (UCI), from scikit-learn."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from qhn_core.datasets.base import DATASETS
from qhn_core.datasets.real import RealConfig


@DATASETS.register
class Wine(RealConfig):
    """3 classes, 13 features; standardised, then whitened PCA."""

    label: ClassVar[str] = "Wine"
    loader: ClassVar[str] = "load_wine"
    title: ClassVar[str] = "Wine recognition (UCI)"
    total_classes: ClassVar[int] = 3
    total_features: ClassVar[int] = 13
    class_rows: ClassVar[tuple[int, ...]] = (59, 71, 48)
    name: Literal["wine"] = "wine"
    components: int = Field(
        2, ge=1, le=13, description="How many inputs the network gets: the principal components that are kept"
    )
