"""Breast cancer Wisconsin, diagnostic (UCI), from scikit-learn."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from qhn_core.datasets.base import DATASETS
from qhn_core.datasets.real import RealConfig


@DATASETS.register
class BreastCancer(RealConfig):
    """2 classes, 30 features; standardised, then whitened PCA."""

    label: ClassVar[str] = "Breast cancer"
    loader: ClassVar[str] = "load_breast_cancer"
    title: ClassVar[str] = "Breast cancer Wisconsin, diagnostic (UCI)"
    total_classes: ClassVar[int] = 2
    total_features: ClassVar[int] = 30
    class_rows: ClassVar[tuple[int, ...]] = (212, 357)
    name: Literal["breast_cancer"] = "breast_cancer"
    components: int = Field(
        2, ge=1, le=30, description="How many inputs the network gets: the principal components that are kept"
    )
