"""Walsh spectra and dependence against direct sums and cases with known answers."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qhn_core.analysis.dependence import dependence, mutual_information_of_draws
from qhn_core.analysis.spectrum import (
    bandwidth_by_order,
    difference_by_order,
    hidden_from_bandwidth,
    mean_body,
    mmd2_by_order,
    orders,
    spectrum_by_order,
)
from qhn_core.bitstrings import every_string, from_index
from qhn_core.errors import InvalidArgument
from qhn_core.kernels import HammingKernel


def test_a_parity_has_all_its_weight_at_its_order() -> None:
    bits = every_string(5).astype(int)
    parity = (-1.0) ** (bits[:, 0] + bits[:, 2] + bits[:, 4])
    found = spectrum_by_order(3.0 + 2.0 * parity)
    np.testing.assert_allclose(found.weight, [9, 0, 0, 4, 0, 0], atol=1e-13)
    np.testing.assert_allclose(found.share, [0, 0, 0, 1, 0, 0], atol=1e-13)
    assert found.mean_order == pytest.approx(3.0)


@settings(max_examples=25, deadline=None)
@given(n=st.integers(1, 8), seed=st.integers(0, 2**31))
def test_orders_above_zero_add_up_to_the_variance(n: int, seed: int) -> None:
    f = np.random.default_rng(seed).normal(size=(2, 2**n))
    found = spectrum_by_order(f)
    np.testing.assert_allclose(found.weight[:, 1:].sum(1), f.var(axis=1), atol=1e-12)
    np.testing.assert_allclose(found.weight[:, 0], f.mean(1) ** 2, atol=1e-12)


def test_constant_has_no_share() -> None:
    found = spectrum_by_order(np.full(8, 7.0))
    assert found.share.sum() == 0.0
    assert found.mean_order == 0.0


@settings(max_examples=25, deadline=None)
@given(n=st.integers(1, 8), seed=st.integers(0, 2**31), gamma=st.sampled_from([0.1, 0.7, (0.2, 3.0)]))
def test_mmd_by_order_adds_up_to_the_mmd(n: int, seed: int, gamma: float | tuple[float, ...]) -> None:
    rng, kernel = np.random.default_rng(seed), HammingKernel(gamma)
    q, pi = rng.dirichlet(np.ones(2**n), 2)
    np.testing.assert_allclose(mmd2_by_order(q, pi, kernel).sum(), kernel.mmd2(q, pi), atol=1e-14)
    gaps = difference_by_order(q, pi).weight
    assert gaps.sum() == pytest.approx(2**n * ((q - pi) ** 2).sum())


@pytest.mark.parametrize("gamma", [0.05, 0.7, (0.2, 3.0)])
def test_bandwidth_weights_are_the_kernels_eigenvalues_by_order(gamma: float | tuple[float, ...]) -> None:
    kernel, n = HammingKernel(gamma), 7
    by_order = np.bincount(orders(n), weights=kernel.normalised_eigenvalues(n))
    np.testing.assert_allclose(bandwidth_by_order(kernel, n), by_order, atol=1e-14)
    assert bandwidth_by_order(kernel, n) @ np.arange(n + 1) == pytest.approx(mean_body(kernel, n))


@pytest.mark.parametrize(("n", "distance"), [(6, None), (9, 6), (12, None), (16, 8)])
def test_hidden_case_has_small_mmd_and_large_kl(n: int, distance: int | None) -> None:
    case = hidden_from_bandwidth(n, distance=distance)
    lowest = distance or (n + 1) // 2
    support = case.q > 0
    assert case.q.sum() == pytest.approx(1.0)
    assert case.kl == pytest.approx((case.q[support] * np.log(case.q[support] / case.pi[support])).sum())
    assert case.orders[:lowest].sum() == 0
    kernel = HammingKernel(0.3)
    tau, mmd2 = kernel.tau[0], kernel.mmd2(case.q, case.pi)
    assert 0.0 < mmd2 <= case.orders.sum() * tau**lowest
    np.testing.assert_allclose(difference_by_order(case.q, case.pi).weight, case.orders, atol=1e-10)


def test_hidden_case_escapes_a_wide_kernel_where_a_point_mass_of_equal_kl_does_not() -> None:
    case = hidden_from_bandwidth(16, distance=8)
    assert case.kl > 3.4
    half = np.zeros(2**16)
    half[: 2**11] = 1 / 2**11  # the same KL: uniform on 2^11 strings, but with five bits fixed
    kernel = HammingKernel(0.3)
    assert kernel.mmd2(case.q, case.pi) < 1e-3 * kernel.mmd2(half, case.pi)


def test_wrong_lengths_are_refused() -> None:
    with pytest.raises(InvalidArgument, match="f: expected"):
        spectrum_by_order(np.ones(6))
    with pytest.raises(InvalidArgument, match="distance"):
        hidden_from_bandwidth(4, distance=5)


def naive_information(q: np.ndarray, n: int, i: int, j: int) -> float:
    table = q.reshape((2,) * n)
    rest = tuple(k for k in range(n) if k not in (i, j))
    joint = table.sum(axis=rest)
    joint = joint if i < j else joint.T
    p, r = joint.sum(1, keepdims=True), joint.sum(0, keepdims=True)
    return float((joint * np.log2(joint / (p * r))).sum())


def test_mutual_information_is_its_definition() -> None:
    n, q = 4, np.random.default_rng(0).dirichlet(np.ones(16), 2)
    found = dependence(q)
    for b, (i, j) in itertools.product(range(2), itertools.permutations(range(n), 2)):
        assert found.mutual_information[b, i, j] == pytest.approx(naive_information(q[b], n, i, j), abs=1e-12)
    marginal = [q[0].reshape((2,) * n).sum(axis=tuple(k for k in range(n) if k != i)) for i in range(n)]
    entropies = [-(m * np.log2(m)).sum() for m in marginal]
    np.testing.assert_allclose(np.diag(found.mutual_information[0]), entropies, atol=1e-12)
    product = np.einsum("a,b,c,d->abcd", *marginal).ravel()
    assert found.total_correlation[0] == pytest.approx((q[0] * np.log(q[0] / product)).sum(), abs=1e-12)


def test_known_dependence() -> None:
    together = np.zeros(8)
    together[[0, 7]] = 0.5
    found = dependence(together)
    np.testing.assert_allclose(found.mutual_information, np.ones((3, 3)), atol=1e-12)
    assert found.total_correlation == pytest.approx(2 * np.log(2))
    independent = dependence(np.einsum("a,b->ab", [0.2, 0.8], [0.7, 0.3]).ravel())
    assert independent.total_correlation < 1e-14
    assert independent.mutual_information[0, 1] < 1e-14
    assert dependence(np.eye(8)[3]).mutual_information.sum() == 0.0


def test_information_of_draws_approaches_the_exact() -> None:
    q = np.random.default_rng(1).dirichlet(np.full(8, 0.5))
    bits = from_index(np.random.default_rng(2).choice(8, size=200_000, p=q), 3)
    # The standard error of plug-in information is under 2/√S = 0.0045 bits; 0.02 is over four of them.
    np.testing.assert_allclose(mutual_information_of_draws(bits), dependence(q).mutual_information, atol=0.02)
