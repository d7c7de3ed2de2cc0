"""All networks at once, against networks evaluated one by one; maps in the order of Gray's code."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import qhn_core as qhn
from qhn_core.analysis.galaxy import accuracies, galaxy, galaxy_of_draws, gray_code, gray_map, string_at
from qhn_core.analysis.predictive import Predictive
from qhn_core.bitstrings import from_index
from qhn_core.errors import InvalidArgument, Unsupported


@pytest.fixture(scope="module")
def problem():  # type: ignore[no-untyped-def]
    data = qhn.dataset("xor", n_train=12, n_test=30, noise=0.4, seed=3)
    return qhn.problem(qhn.network("mlp", layers=(2, 1, 1), activation="sign"), data)


@pytest.mark.parametrize("split", ["train", "test"])
def test_accuracies_are_those_of_each_network_alone(problem, split: str) -> None:  # type: ignore[no-untyped-def]
    one_by_one = Predictive(problem, split).scores(np.eye(2**problem.n_bits)).accuracy  # type: ignore[arg-type]
    np.testing.assert_allclose(accuracies(problem, split), one_by_one, atol=1e-12)  # type: ignore[arg-type]


def test_places_hold_all_networks_and_all_mass(problem) -> None:  # type: ignore[no-untyped-def]
    q = np.random.default_rng(1).dirichlet(np.full(2**problem.n_bits, 0.3))
    train, test = accuracies(problem, "train"), accuracies(problem, "test")
    found = galaxy(problem, q, train, test)
    assert found.networks.sum() == 2**problem.n_bits
    assert found.mass.sum() == pytest.approx(1.0)
    assert found.posterior.sum() == pytest.approx(1.0)
    assert found.mean == pytest.approx((float(q @ train), float(q @ test)))
    for place, best in enumerate(found.best):
        same = np.isclose(train, found.train[place]) & np.isclose(test, found.test[place])
        assert same[best]
        assert q[best] == q[same].max()
    with pytest.raises(InvalidArgument, match="q"):
        galaxy(problem, q[:-1], train, test)


def test_a_cost_table_has_no_accuracies() -> None:
    with pytest.raises(Unsupported, match="network"):
        accuracies(qhn.problem_from_costs(np.arange(8.0)), "train")


@given(st.integers(1, 10))
def test_neighbours_of_a_map_differ_in_one_bit(n_bits: int) -> None:
    assert sorted(gray_code(n_bits)) == list(range(2**n_bits))
    index = gray_map(np.arange(2.0**n_bits)).astype(np.int64)
    for axis in (0, 1):
        step = np.bitwise_count(
            np.take(index, range(1, index.shape[axis]), axis) ^ np.take(index, range(index.shape[axis] - 1), axis)
        )
        assert (step == 1).all()


def test_only_a_vector_over_all_strings_is_a_map() -> None:
    with pytest.raises(InvalidArgument, match="values"):
        gray_map(np.zeros(6))


@pytest.mark.parametrize("n_bits", [1, 2, 5])
def test_each_place_of_the_map_is_the_string_that_it_shows(n_bits):
    shown = gray_map(np.arange(2**n_bits))
    found = [[string_at(r, c, n_bits) for c in range(shown.shape[1])] for r in range(shown.shape[0])]
    assert np.array_equal(shown, found)
    with pytest.raises(InvalidArgument, match=r"^column"):
        string_at(0, shown.shape[1], n_bits)


def test_drawn_networks_stand_where_the_table_puts_them(problem):
    """Each string drawn so often that its share is exactly q: the two galaxies are one."""
    counts = np.random.default_rng(2).multinomial(500, np.random.default_rng(3).dirichlet(np.ones(2**problem.n_bits)))
    index = np.random.default_rng(4).permutation(np.repeat(np.arange(counts.size), counts))
    bits = from_index(index, problem.n_bits)
    drawn = galaxy_of_draws(problem, bits)
    train, test = accuracies(problem, "train"), accuracies(problem, "test")
    whole = galaxy(problem, counts / 500, train, test)
    seen = whole.mass > 0
    key = {(round(a, 9), round(b, 9)): m for a, b, m in zip(whole.train, whole.test, whole.mass, strict=True)}
    assert seen.sum() == len(drawn.mass)
    for a, b, mass, best in zip(drawn.train, drawn.test, drawn.mass, drawn.best, strict=True):
        assert np.isclose(key[round(a, 9), round(b, 9)], mass)
        assert np.isclose(train[index[best]], a)
        assert np.isclose(test[index[best]], b)
    assert np.allclose(drawn.mean, whole.mean)
    assert np.isnan(drawn.posterior).all()
