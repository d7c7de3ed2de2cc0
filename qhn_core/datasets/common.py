"""What several datasets share: random streams, label noise, stratified splits, standardising and whitening."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qhn_core.datasets.base import Dataset, DatasetConfig
from qhn_core.errors import DataError, InvalidArgument

Array = NDArray[np.float64]
Labels = NDArray[np.int64]

#: Independent random streams of one seed, so that changing one setting does not change the others' draws.
TRAIN, TEST, NOISE_TRAIN, NOISE_TEST, SPLIT = range(5)


def stream(seed: int, which: int) -> np.random.Generator:
    """Random generator of one stream of ``seed``."""
    return np.random.default_rng([seed, which])


def flip_labels(y: Labels, rate: float, n_classes: int, rng: np.random.Generator) -> Labels:
    """Move round(rate·n) randomly chosen labels to another class, uniformly; a higher rate flips a superset."""
    order = rng.permutation(len(y))
    shift = rng.integers(1, n_classes, size=len(y)) if n_classes > 1 else np.zeros(len(y), dtype=np.int64)
    flipped = y.copy()
    chosen = order[: round(rate * len(y))]
    flipped[chosen] = (y[chosen] + shift[chosen]) % n_classes
    return flipped


def assemble(
    config: DatasetConfig,
    train: tuple[Array, Labels],
    test: tuple[Array, Labels],
    *,
    source: str,
    feature_names: tuple[str, ...],
    class_names: tuple[str, ...],
) -> Dataset:
    """The dataset of two clean splits, with the configured label noise put on and told in ``source``."""
    c, n_classes = config, len(class_names)
    y_train = flip_labels(train[1], c.label_noise, n_classes, stream(c.seed, NOISE_TRAIN))
    y_test = test[1]
    if c.label_noise_test:
        y_test = flip_labels(y_test, c.label_noise, n_classes, stream(c.seed, NOISE_TEST))
    if c.label_noise:
        where = "training and test labels" if c.label_noise_test else "training labels, test labels clean"
        source += f" Label noise: {c.label_noise:.0%} of {where}."
    return Dataset(
        name=c.name,
        x_train=np.ascontiguousarray(train[0], dtype=np.float64),
        y_train=y_train.astype(np.int64),
        x_test=np.ascontiguousarray(test[0], dtype=np.float64),
        y_test=y_test.astype(np.int64),
        source=source,
        feature_names=feature_names,
        class_names=class_names,
    )


def stratified_order(y: Labels, rng: np.random.Generator) -> NDArray[np.int64]:
    """A random order of the rows in which every prefix holds the classes as nearly as it can in their proportions."""
    keys = np.empty(len(y))
    for label in np.unique(y):
        rows = rng.permutation(np.flatnonzero(y == label))
        # Row k of a class of size m sits at (k + u)/m of the way; one u per class breaks ties between classes.
        keys[rows] = (np.arange(len(rows)) + rng.uniform(0.25, 0.75)) / len(rows)
    return np.argsort(keys, kind="stable")


def draw_rows(config: DatasetConfig, y: Labels) -> tuple[NDArray[np.int64], NDArray[np.int64], str]:
    """(training rows, test rows, sentence for ``source``): stratified by class, without overlap.

    Where fewer rows remain than ``n_test`` asks for, the test set is what remains. That there are enough training rows
    is for :meth:`~qhn_core.datasets.base.DatasetConfig.check_rows`.
    """
    n_rows = len(y)
    order = stratified_order(y, stream(config.seed, SPLIT))
    train = order[: config.n_train]
    test = order[config.n_train : config.n_train + config.n_test]
    note = f"{len(train)} training and {len(test)} test rows of {n_rows}, drawn stratified by class without overlap"
    if len(test) < config.n_test:
        note += f" ({config.n_test} test rows were asked for, {len(test)} remained)"
    return train, test, note + "."


#: Columns whose values differ by no more than so many units in the last place are constant.
_ULPS = 4


def standardise(x: Array) -> Array:
    """Columns to mean 0 and standard deviation 1, whatever their size; a constant column becomes 0."""
    x = _brought_near_one(x, np.abs(x).max(axis=0))
    varies = np.ptp(x, axis=0) > _ULPS * np.finfo(np.float64).eps * np.abs(x).max(axis=0)
    spread = np.where(varies, x.std(axis=0), 1.0)
    return np.round(np.where(varies, x - x.mean(axis=0), 0.0) / spread, 9)


def _brought_near_one(x: Array, largest: Array) -> Array:
    """``x`` times the power of two that brings ``largest`` to ½ or more: exact, and no square is 0 or infinite."""
    return np.asarray(np.ldexp(x, -np.frexp(largest)[1]), dtype=np.float64)


def check_components(components: int, x: Array) -> None:
    """Refuse more principal components than ``x`` (n, d) has rows or features."""
    if components > min(x.shape):
        raise InvalidArgument(
            "components",
            expected=f"at most {min(x.shape)}, the smaller of rows and features",
            got=components,
            remedy="Choose fewer components.",
        )


def whitened_pca(x: Array, components: int) -> Array:
    """The first principal components of ``x`` (n, d), each with variance 1: (n, components).

    Signs are fixed by making each direction's largest loading positive, so that they do not depend on the library.
    """
    check_components(components, x)
    x = _brought_near_one(x, np.abs(x).max())
    centred = x - x.mean(axis=0)
    _, singular, directions = np.linalg.svd(centred, full_matrices=False)
    if singular[components - 1] <= 1e-10 * singular[0]:
        raise DataError(
            "components",
            expected=f"at most {int((singular > 1e-10 * singular[0]).sum())}, the rank of the data",
            got=components,
            remedy="Choose fewer components.",
        )
    kept = directions[:components]
    kept = kept * np.sign(kept[np.arange(components), np.abs(kept).argmax(axis=1)])[:, None]
    # Rounded, because the last bits of a decomposition may depend on the number of threads.
    return np.round(centred @ kept.T / (singular[:components] / np.sqrt(len(x))), 9)
