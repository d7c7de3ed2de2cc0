"""Datasets: one per file."""

from __future__ import annotations

from typing import Any

from qhn_core.datasets.base import DATASETS, Dataset, DatasetConfig
from qhn_core.datasets.csv import CsvSummary, inspect_csv
from qhn_core.uploads import find_upload, store_upload


def dataset(name: str, /, **options: Any) -> Dataset:
    """The dataset ``name``, loaded; options as in its config (n_train, n_test, seed, …)."""
    return DATASETS.make(name, **options).load()


DATASETS.discover(__name__, __path__)

__all__ = [
    "DATASETS",
    "CsvSummary",
    "Dataset",
    "DatasetConfig",
    "dataset",
    "find_upload",
    "inspect_csv",
    "store_upload",
]
