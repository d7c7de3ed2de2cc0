"""Every registered dataset: deterministic, well formed, split without overlap, noise as stated."""

from __future__ import annotations

import numpy as np
import pytest
from pydantic import ValidationError

from qhn_core.datasets import DATASETS, Dataset, store_upload
from qhn_core.datasets.base import DatasetConfig

CSV = b"a,b,y\n" + b"".join(b"%d,%.3f,%s\n" % (3 * i, i * 0.37 % 1, b"yes" if i % 4 else b"no") for i in range(120))


@pytest.fixture(scope="module")
def uploads(tmp_path_factory):
    return tmp_path_factory.mktemp("uploads")


def config_of(name: str, uploads, **options) -> DatasetConfig:
    if name == "csv":
        options = {"sha256": store_upload(uploads, CSV, ".csv")} | options
    return DATASETS.make(name, **options)


NAMES = DATASETS.names()
WITH_EXAMPLES = [name for name in NAMES if DATASETS[name].needs_network]


def arrays(d: Dataset) -> tuple[np.ndarray, ...]:
    return d.x_train, d.y_train, d.x_test, d.y_test


@pytest.mark.parametrize("name", NAMES)
def test_forms_can_be_made(name):
    variant = DATASETS[name]
    assert variant.label
    for field, info in variant.model_fields.items():
        assert field == "name" or info.description, f"{name}.{field} has no help text"


@pytest.mark.parametrize("name", NAMES)
def test_same_configuration_gives_the_same_content(name, uploads):
    config = config_of(name, uploads, label_noise=0.2)
    again = DATASETS.parse(config.model_dump(mode="json"))
    assert again == config
    assert config.load(uploads).content_hash == again.load(uploads).content_hash
    assert len(config.load(uploads).source) > 20


@pytest.mark.parametrize("name", WITH_EXAMPLES)
def test_arrays_are_well_formed_and_as_announced(name, uploads):
    config = config_of(name, uploads, n_train=24, n_test=40)
    d = config.load(uploads)
    features, classes = config.shape(uploads)
    assert d.x_train.shape == (24, features)
    assert d.x_test.shape == (40, features)
    assert (d.n_features, d.n_classes) == (features, classes)
    assert len(d.class_names) == classes
    assert len(d.feature_names) == features
    assert set(np.unique(d.y_train)) == set(range(classes))
    for x, y in ((d.x_train, d.y_train), (d.x_test, d.y_test)):
        assert x.dtype == np.float64
        assert y.dtype == np.int64
        assert np.isfinite(x).all()
        assert x.flags.c_contiguous
        assert set(np.unique(y)) <= set(range(classes))


@pytest.mark.parametrize("name", WITH_EXAMPLES)
def test_another_seed_is_another_draw(name, uploads):
    first, second = (config_of(name, uploads, seed=seed).load(uploads) for seed in (0, 1))
    assert not np.array_equal(first.x_train, second.x_train)
    assert first.content_hash != second.content_hash


@pytest.mark.parametrize("name", WITH_EXAMPLES)
def test_training_and_test_examples_do_not_overlap(name, uploads):
    d = config_of(name, uploads, n_train=50, n_test=10_000).load(uploads)
    if name in ("digits", "iris", "wine"):  # a few rows occur twice in the tables themselves
        seen = {tuple(row) for row in d.x_train}
        assert sum(tuple(row) in seen for row in d.x_test) <= 3
    else:
        assert not {tuple(row) for row in d.x_train} & {tuple(row) for row in d.x_test}


@pytest.mark.parametrize("name", WITH_EXAMPLES)
@pytest.mark.parametrize("rate", [0.1, 0.25])
def test_noise_moves_the_stated_fraction_of_labels_and_nothing_else(name, uploads, rate):
    options = {"n_train": 40, "n_test": 60}
    clean = config_of(name, uploads, **options).load(uploads)
    noisy = config_of(name, uploads, label_noise=rate, **options).load(uploads)
    both = config_of(name, uploads, label_noise=rate, label_noise_test=True, **options).load(uploads)
    assert (clean.y_train != noisy.y_train).sum() == round(40 * rate)
    assert (clean.y_test != both.y_test).sum() == round(60 * rate)
    np.testing.assert_array_equal(clean.y_test, noisy.y_test)
    np.testing.assert_array_equal(noisy.y_train, both.y_train)
    for a, b in ((clean, noisy), (clean, both)):
        np.testing.assert_array_equal(a.x_train, b.x_train)
        np.testing.assert_array_equal(a.x_test, b.x_test)
    more = config_of(name, uploads, label_noise=2 * rate, **options).load(uploads)
    assert set(np.flatnonzero(clean.y_train != noisy.y_train)) <= set(np.flatnonzero(clean.y_train != more.y_train))


@pytest.mark.parametrize("name", WITH_EXAMPLES)
def test_sizes_of_the_splits_do_not_change_what_is_drawn_first(name, uploads):
    small = config_of(name, uploads, n_train=20, n_test=30).load(uploads)
    other_test = config_of(name, uploads, n_train=20, n_test=60).load(uploads)
    np.testing.assert_array_equal(small.x_train, other_test.x_train)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "options", [{"n_train": 1}, {"n_test": -1}, {"label_noise": 0.6}, {"seed": -1}, {"label_noise": float("nan")}]
)
def test_out_of_bounds_is_refused(name, options):
    with pytest.raises(ValidationError):
        DATASETS[name].model_validate({"name": name} | options)


@pytest.mark.parametrize("name", [n for n in NAMES if not DATASETS[n].needs_network])
def test_tables_without_examples_bring_costs(name, uploads):
    d = config_of(name, uploads).load(uploads)
    assert d.costs is not None
    assert d.costs.size == 2 ** (d.costs.size.bit_length() - 1)
    assert (d.n_features, d.n_classes) == (0, 0)
