"""What particular datasets promise: geometry, preprocessing, strata, refusals."""

from __future__ import annotations

import numpy as np
import pytest

import qhn_core as qhn
from qhn_core.config import RunConfig
from qhn_core.datasets import DATASETS, real, store_upload
from qhn_core.datasets.common import stratified_order, whitened_pca
from qhn_core.errors import DataError, InvalidArgument
from qhn_core.planning import plan


def test_gaussian_mixture_has_the_stated_moments():
    """40 000 points: means within 5 standard errors (fails wrongly once in 1e5)."""
    d = qhn.dataset("gaussian_mixture", n_train=10_000, n_test=20_000, noise=2.0)
    x, y = np.concatenate([d.x_train, d.x_test]), np.concatenate([d.y_train, d.y_test])
    assert abs(y.mean() - 0.5) < 5 * 0.5 / np.sqrt(len(y))
    zero = x[y == 0]
    np.testing.assert_allclose(zero.mean(axis=0), [-1, -2], atol=5 * np.sqrt(0.2 / len(zero)))
    np.testing.assert_allclose(np.cov(zero.T), 0.2 * np.eye(2), atol=0.01)
    one = x[y == 1]
    np.testing.assert_allclose(one.mean(axis=0), [1 / 3, 0], atol=5 * np.sqrt(4.2 / len(one)))


def test_xor_labels_follow_the_signs_without_overlapping_clusters():
    d = qhn.dataset("xor", noise=0.1)
    np.testing.assert_array_equal(d.y_test, (d.x_test[:, 0] * d.x_test[:, 1] < 0).astype(int))


def test_circles_moons_and_spirals_lie_where_they_should():
    circles = qhn.dataset("circles", noise=0.01)
    radius = np.hypot(*circles.x_test.T)
    np.testing.assert_allclose(radius, np.where(circles.y_test == 1, 0.525, 1.5), atol=0.05)
    moons = qhn.dataset("moons", noise=0.01)
    sign = np.where(moons.y_test == 0, 1, -1)[:, None]
    np.testing.assert_allclose(np.hypot(*(sign * moons.x_test + [0.5, 0.25]).T), 1.0, atol=0.05)
    spirals = qhn.dataset("spirals", noise=0.01, turns=0.5)
    turned = spirals.x_test * np.where(spirals.y_test == 0, 1, -1)[:, None]
    r = np.hypot(*turned.T)
    far = r > 0.3
    np.testing.assert_allclose(np.arctan2(turned[far, 1], turned[far, 0]) % (2 * np.pi), (np.pi * r / 2)[far], atol=0.2)


@pytest.mark.parametrize("classes", [2, 5])
def test_blobs_have_a_cluster_a_class(classes):
    d = qhn.dataset("blobs", classes=classes, noise=0.05, n_test=2000)
    for c in range(classes):
        angle = np.pi / 4 + 2 * np.pi * c / classes
        np.testing.assert_allclose(
            d.x_test[d.y_test == c].mean(axis=0), [1.5 * np.cos(angle), 1.5 * np.sin(angle)], atol=0.03
        )


@pytest.mark.parametrize(
    ("name", "rows", "features"), [("iris", 150, 4), ("wine", 178, 13), ("breast_cancer", 569, 30)]
)
def test_whitened_components_are_uncorrelated_with_unit_variance_over_all_rows(name, rows, features):
    d = qhn.dataset(name, components=features if features < 30 else 10, n_train=50, n_test=rows)
    x = np.concatenate([d.x_train, d.x_test])
    assert len(x) == rows
    np.testing.assert_allclose(np.cov(x.T, bias=True), np.eye(x.shape[1]), atol=1e-6)
    assert "transductive" in d.source


def test_whitened_pca_agrees_with_scikit_learn_up_to_sign():
    from sklearn.decomposition import PCA

    x = np.random.default_rng(0).normal(size=(40, 5)) @ np.diag([3, 2, 1, 0.5, 0.1])
    ours = whitened_pca(x, 3)
    theirs = PCA(3, whiten=True).fit_transform(x) * np.sqrt(40 / 39)  # unit variance over all rows, not n - 1
    np.testing.assert_allclose(np.abs(ours), np.abs(theirs), atol=1e-7)
    with pytest.raises(InvalidArgument, match="at most 5"):
        whitened_pca(x, 6)
    with pytest.raises(DataError, match="at most 2, the rank"):
        whitened_pca(x[:, [0, 0, 1]], 3)


def test_classes_can_be_chosen_and_keep_their_names():
    d = qhn.dataset("iris", classes=(2, 1), n_train=20, n_test=100)
    assert d.class_names == ("versicolor", "virginica")
    assert len(d.y_train) + len(d.y_test) == 100
    digits = qhn.dataset("digits", classes=(8, 3), side=4)
    assert digits.class_names == ("8", "3")
    assert digits.n_features == 16
    for bad in ({"classes": (1,)}, {"classes": (0, 3)}, {"classes": (1, 1)}):
        with pytest.raises(InvalidArgument, match="classes"):
            qhn.dataset("iris", **bad)
    with pytest.raises(InvalidArgument, match="two different digits from 0 to 9"):
        qhn.dataset("digits", classes=(3, 3))


def test_ten_digits_keep_every_pixel_and_the_order_of_their_classes():
    from sklearn.datasets import load_digits

    order = (3, 1, 4, 0, 5, 9, 2, 6, 8, 7)
    d = qhn.dataset("digits", classes=order, side=8, n_train=1000, n_test=797)
    assert (d.n_features, d.n_classes, d.class_names) == (64, 10, tuple(map(str, order)))
    images, target = load_digits(return_X_y=True)
    scaled = np.round((images - images.mean(axis=0)) / np.where(images.std(axis=0) > 0, images.std(axis=0), 1.0), 9)
    rows = {row.tobytes(): digit for row, digit in zip(scaled, target, strict=True)}
    for x, y in zip(d.x_test[:50], d.y_test[:50], strict=True):
        assert rows[x.tobytes()] == order[y]


def test_pooled_digits_are_averages_of_pixels():
    from sklearn.datasets import load_digits

    d = qhn.dataset("digits", classes=(0, 1), side=2, n_train=100, n_test=1000)
    assert len(d.y_train) + len(d.y_test) == 360
    images = load_digits(n_class=2).images
    corner = np.sort(
        (images[:, :4, :4].mean(axis=(1, 2)) - images[:, :4, :4].mean()) / images[:, :4, :4].mean(axis=(1, 2)).std()
    )
    np.testing.assert_allclose(np.sort(np.concatenate([d.x_train, d.x_test])[:, 0]), corner, atol=1e-8)


def test_what_remains_is_the_test_set_and_too_many_training_rows_are_refused():
    d = qhn.dataset("iris", n_train=100, n_test=500)
    assert len(d.y_test) == 50
    assert "500 test rows were asked for, 50 remained" in d.source
    assert len(qhn.dataset("iris", n_train=150).y_test) == 0
    with pytest.raises(InvalidArgument, match="n_train: expected at most 150"):
        qhn.dataset("iris", n_train=151)


def test_every_prefix_holds_the_classes_in_their_proportions():
    y = np.repeat([0, 1, 2], [60, 30, 10])
    order = stratified_order(y, np.random.default_rng(0))
    assert sorted(order) == list(range(100))
    for n in range(10, 101, 10):
        counts = np.bincount(y[order[:n]], minlength=3)
        np.testing.assert_allclose(counts, np.array([0.6, 0.3, 0.1]) * n, atol=1.01)


def test_noise_among_several_classes_moves_to_all_others():
    clean = qhn.dataset("blobs", classes=4, n_train=2000)
    noisy = qhn.dataset("blobs", classes=4, n_train=2000, label_noise=0.3)
    moved = (noisy.y_train - clean.y_train)[noisy.y_train != clean.y_train] % 4
    assert set(moved) == {1, 2, 3}
    assert np.bincount(moved, minlength=4)[1:].min() > 150


REAL = [name for name in DATASETS.names() if DATASETS[name].real and name != "csv"]


@pytest.mark.parametrize("name", REAL)
def test_real_data_say_how_many_rows_they_have_without_loading(name, monkeypatch):
    config = DATASETS.parse({"name": name, "n_train": 10, "n_test": 20_000})
    some = config.model_copy(update={"classes": (0, 1)})
    counts = [len(d.y_train) + len(d.y_test) for d in (config.load(), some.load())]
    monkeypatch.setattr(real, "sklearn_table", None)
    assert [config.rows(), some.rows()] == counts


@pytest.mark.parametrize("name", REAL)
def test_more_training_rows_than_there_are_is_refused_before_anything_starts(name):
    rows = DATASETS.parse(name).rows()
    config = RunConfig.parse({"dataset": {"name": name, "n_train": rows + 1}})
    with pytest.raises(InvalidArgument, match=rf"n_train: expected at most {rows}, .*got {rows + 1}. Choose at most"):
        plan(config)


def test_an_uploaded_table_is_checked_before_anything_starts(tmp_path):
    sha256 = store_upload(tmp_path, b"a,b,kind\n1,2,x\n3,4,y\n5,6,x\n", ".csv")
    with pytest.raises(InvalidArgument, match=r"n_train: expected at most 3, the rows of 'csv', got 20"):
        plan(RunConfig.parse({"dataset": {"name": "csv", "sha256": sha256}}), tmp_path)
    few = {"name": "csv", "sha256": sha256, "n_train": 2}
    assert plan(RunConfig.parse({"dataset": few}), tmp_path).n_qubits == 13
    with pytest.raises(InvalidArgument, match="components: expected at most 2"):
        plan(RunConfig.parse({"dataset": {**few, "components": 3}}), tmp_path)


def test_made_up_data_have_as_many_rows_as_one_asks_for():
    assert DATASETS.parse("xor").rows() is None
    DATASETS.parse({"name": "xor", "n_train": 10_000}).check_rows()
