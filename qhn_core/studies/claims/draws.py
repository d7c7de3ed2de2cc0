"""Each seed's own data, so drawn that no seed is tested on rows that another seed's settings were chosen by.

Generated data: training, validation and test examples are fresh for every seed. Finite tables: the rows are halved
once, stratified by class. All test rows come from the one half, all training and validation rows of all seeds from the
other. Seeds then share their test rows: what a scenario says holds for these rows, and sources are the units that
general claims rest on.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from qhn_core.datasets import DATASETS, Dataset, DatasetConfig
from qhn_core.datasets.common import NOISE_TRAIN, SPLIT, flip_labels, stratified_order, stream
from qhn_core.errors import DataError
from qhn_core.studies.claims.grid import Scenario

#: Fewest validation rows for a choice to mean something.
FEWEST_VALIDATION = 10
_HALVING_SEED = 0
_ALL_ROWS = 20_000


class Draw(NamedTuple):
    """One seed's data: the first ``validation`` held-out examples choose the settings, the others judge."""

    dataset: Dataset
    validation: int


def draws(scenario: Scenario, seeds: int) -> list[Draw]:
    """The data of every seed."""
    configs = [DATASETS.parse(scenario.data(seed)) for seed in range(seeds)]
    if configs[0].real:
        return _finite(configs)
    made = [config.load() for config in configs]
    return [Draw(dataset, len(dataset.y_test) // 2) for dataset in made]


def _finite(configs: list[DatasetConfig]) -> list[Draw]:
    first = configs[0]
    whole = first.model_copy(update={"n_train": 2, "n_test": _ALL_ROWS, "label_noise": 0.0}).load()
    x, y = np.concatenate([whole.x_train, whole.x_test]), np.concatenate([whole.y_train, whole.y_test])
    order = stratified_order(y, stream(_HALVING_SEED, SPLIT))
    test, rest = order[: len(order) // 2], order[len(order) // 2 :]
    if len(rest) < first.n_train + FEWEST_VALIDATION:
        raise DataError(
            "n_train",
            expected=f"at most {len(rest) - FEWEST_VALIDATION}, as half of the {len(y)} rows are for testing",
            got=first.n_train,
            remedy="Choose fewer training examples.",
        )
    found = []
    for config in configs:
        mixed = rest[stratified_order(y[rest], stream(config.seed, SPLIT))]
        train, validation = mixed[: config.n_train], mixed[config.n_train :]
        held_out = np.concatenate([validation, test])
        noisy = flip_labels(y[train], config.label_noise, whole.n_classes, stream(config.seed, NOISE_TRAIN))
        dataset = replace(whole, x_train=x[train], y_train=noisy, x_test=x[held_out], y_test=y[held_out])
        found.append(Draw(dataset, len(validation)))
    return found
