"""Kernels against dense matrices, naive double loops and the Gaussian kernel they stand for."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import hadamard

from qhn_core import kernels
from qhn_core.bitstrings import from_index, histogram
from qhn_core.errors import InvalidArgument
from qhn_core.kernels import (
    HammingKernel,
    bandwidth_from_gamma,
    gamma_from_bandwidth,
    walsh_hadamard,
)

GAMMAS = st.one_of(st.floats(0.01, 20.0), st.lists(st.floats(0.01, 20.0), min_size=1, max_size=4).map(tuple))


def all_bits(n: int) -> np.ndarray:
    return np.array(list(itertools.product((0, 1), repeat=n)), dtype=np.uint8)


def dense(gammas: tuple[float, ...], n: int) -> np.ndarray:
    bits = all_bits(n)
    distance = (bits[:, None, :] != bits[None, :, :]).sum(-1)
    return np.mean([np.exp(-g * distance) for g in gammas], axis=0)


def product(rho: np.ndarray) -> np.ndarray:
    bits = all_bits(len(rho))
    return np.prod(np.where(bits == 1, rho, 1.0 - rho), axis=1)


def plain_transform(v: np.ndarray) -> np.ndarray:
    x, h = v.copy(), 1
    while h < v.size:
        y = x.reshape(-1, 2, h)
        x, h = np.stack([y[:, 0] + y[:, 1], y[:, 0] - y[:, 1]], 1).ravel(), 2 * h
    return x


@pytest.mark.parametrize("n", range(1, 10))
def test_transform_is_the_sylvester_matrix(n: int) -> None:
    v = np.random.default_rng(n).normal(size=(3, 2**n))
    np.testing.assert_allclose(walsh_hadamard(v), v @ hadamard(2**n), atol=1e-12)


@pytest.mark.parametrize("n", [11, 12, 13, 14, 15])
def test_transform_above_the_cache_block_agrees_with_a_plain_loop(n: int) -> None:
    v = np.random.default_rng(n).normal(size=2**n)
    np.testing.assert_allclose(walsh_hadamard(v), plain_transform(v), atol=1e-10)


def test_transform_twice_multiplies_by_the_length_and_keeps_its_input() -> None:
    v = np.random.default_rng(0).normal(size=(4, 256))
    kept = v.copy()
    np.testing.assert_allclose(walsh_hadamard(walsh_hadamard(v)) / 256, v, atol=1e-13)
    np.testing.assert_array_equal(v, kept)


def test_transform_along_another_axis() -> None:
    v = np.random.default_rng(0).normal(size=(8, 3))
    np.testing.assert_allclose(walsh_hadamard(v, axis=0), hadamard(8) @ v, atol=1e-12)


def test_length_that_is_no_power_of_two_is_refused() -> None:
    with pytest.raises(InvalidArgument, match="length 6"):
        walsh_hadamard(np.ones(6))


@settings(max_examples=40, deadline=None)
@given(n=st.integers(1, 6), gamma=GAMMAS, seed=st.integers(0, 2**31))
def test_apply_and_mmd_equal_the_dense_double_sum(n: int, gamma: float | tuple[float, ...], seed: int) -> None:
    rng = np.random.default_rng(seed)
    kernel = HammingKernel(gamma)
    matrix = dense(kernel.gammas, n)
    q, pi = rng.dirichlet(np.ones(2**n), 3), rng.dirichlet(np.ones(2**n))
    np.testing.assert_allclose(kernel.apply(q), q @ matrix, atol=1e-12)
    expected = np.einsum("bi,ij,bj->b", q - pi, matrix, q - pi)
    np.testing.assert_allclose(kernel.mmd2(q, pi), expected, atol=1e-13)
    assert kernel.mmd2(q[0], pi).shape == ()


def test_eigenvalues_are_those_of_the_dense_kernel() -> None:
    kernel = HammingKernel((0.3, 2.0))
    np.testing.assert_allclose(np.sort(kernel.eigenvalues(5)), np.linalg.eigvalsh(dense((0.3, 2.0), 5)), atol=1e-12)


@settings(max_examples=30, deadline=None)
@given(n=st.integers(1, 6), gamma=GAMMAS, seed=st.integers(0, 2**31))
def test_mmd_vanishes_only_where_the_distributions_agree(n: int, gamma: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    q, pi = rng.dirichlet(np.ones(2**n)), rng.dirichlet(np.ones(2**n))
    kernel = HammingKernel(gamma)
    smallest = kernel.eigenvalues(n).min()
    assert kernel.mmd2(q, q) == 0.0
    assert kernel.mmd2(q, pi) >= smallest * np.sum((q - pi) ** 2) * (1 - 1e-9) > 0.0


@settings(max_examples=30, deadline=None)
@given(n=st.integers(1, 6), gamma=GAMMAS, seed=st.integers(0, 2**31))
def test_closed_forms_of_a_bernoulli_prior(n: int, gamma: float, seed: int) -> None:
    rho = np.random.default_rng(seed).uniform(0.05, 0.95, n)
    kernel, pi = HammingKernel(gamma), product(rho)
    np.testing.assert_allclose(kernel.mean_embedding(all_bits(n), rho), kernel.apply(pi), atol=1e-12)
    np.testing.assert_allclose(kernel.expected_prior(rho), pi @ kernel.apply(pi), atol=1e-13)


@pytest.mark.parametrize("coordinates", ["01", "pm1"])
def test_bandwidth_is_that_of_a_gaussian_kernel(coordinates: str) -> None:
    bits = all_bits(4).astype(float)
    x = bits if coordinates == "01" else 2.0 * bits - 1.0
    sigma = 0.8
    gaussian = np.exp(-((x[:, None] - x[None]) ** 2).sum(-1) / (2 * sigma**2))
    gamma = gamma_from_bandwidth(sigma, coordinates=coordinates)
    np.testing.assert_allclose(HammingKernel(gamma).gram(all_bits(4), all_bits(4)), gaussian, atol=1e-14)
    assert bandwidth_from_gamma(gamma, coordinates=coordinates) == pytest.approx(sigma)


def naive_unbiased(kernel: HammingKernel, bits: np.ndarray, rho: np.ndarray) -> float:
    size, e = len(bits), np.exp(-np.array(kernel.gammas))
    pairs = sum(np.mean(e ** (bits[i] != bits[j]).sum()) for i in range(size) for j in range(size) if i != j)
    mu = [np.mean([np.prod(1 - (1 - x) * np.where(b == 1, 1 - rho, rho)) for x in e]) for b in bits]
    both = np.mean([np.prod(1 - 2 * (1 - x) * rho * (1 - rho)) for x in e])
    return pairs / (size * (size - 1)) - 2 * np.mean(mu) + both


@pytest.mark.parametrize("histogram_bits", [0, 12])
def test_unbiased_mmd_is_the_naive_double_loop(monkeypatch: pytest.MonkeyPatch, histogram_bits: int) -> None:
    monkeypatch.setattr(kernels, "HISTOGRAM_BITS", histogram_bits)
    rng = np.random.default_rng(5)
    kernel, rho = HammingKernel((0.2, 1.5)), rng.uniform(0.2, 0.8, 5)
    bits = rng.integers(0, 2, (2, 30, 5)).astype(np.uint8)
    expected = [naive_unbiased(kernel, sample, rho) for sample in bits]
    np.testing.assert_allclose(kernel.mmd2_unbiased(bits, rho), expected, atol=1e-12)


def test_unbiased_mmd_has_the_exact_mean_and_is_not_clipped() -> None:
    # 3000 batches; a true estimator fails this 4.5-standard-error test about 7 times in a million seeds.
    rng = np.random.default_rng(11)
    n, rho = 4, np.full(4, 0.5)
    kernel, q = HammingKernel(0.7), rng.dirichlet(np.full(16, 3.0))
    bits = from_index(rng.choice(16, size=(3000, 24), p=q), n)
    found = kernel.mmd2_unbiased(bits, rho)
    error = found.std(ddof=1) / np.sqrt(found.size)
    assert abs(found.mean() - kernel.mmd2(q, product(rho))) < 4.5 * error
    assert found.min() < 0.0
    biased = np.array([kernel.mmd2(histogram(b[None])[0] / 24, product(rho)) for b in bits[:500]])
    assert biased.mean() > kernel.mmd2(q, product(rho)) + 5 * biased.std() / np.sqrt(500)


def test_jackknife_error_of_the_mmd_is_its_spread() -> None:
    # The mean jackknife variance over 1500 batches against the variance of the estimates (relative error 3.7 %).
    rng, kernel, rho = np.random.default_rng(4), HammingKernel((0.4, 1.0)), np.array([0.3, 0.5, 0.6, 0.5])
    q = rng.dirichlet(np.full(16, 0.5))
    bits = from_index(rng.choice(16, size=(1500, 60), p=q), 4)
    value, error = kernel.mmd2_estimate(bits, rho)
    np.testing.assert_allclose(value, kernel.mmd2_unbiased(bits, rho), atol=1e-13)
    assert (error**2).mean() == pytest.approx(value.var(ddof=1), rel=0.2)
    with pytest.raises(InvalidArgument, match="at least 3"):
        kernel.mmd2_estimate(bits[:1, :2], rho)


@pytest.mark.parametrize("histogram_bits", [0, 12])
def test_empirical_embedding_is_a_mean_over_the_sample(monkeypatch: pytest.MonkeyPatch, histogram_bits: int) -> None:
    monkeypatch.setattr(kernels, "HISTOGRAM_BITS", histogram_bits)
    rng = np.random.default_rng(2)
    a, b = (rng.integers(0, 2, (m, 7)).astype(np.uint8) for m in (40, 25))
    kernel = HammingKernel((0.5, 0.9))
    np.testing.assert_allclose(kernel.empirical_embedding(a, b), kernel.gram(a, b).mean(1), atol=1e-13)


def test_one_string_is_too_few_for_an_unbiased_estimate() -> None:
    with pytest.raises(InvalidArgument, match="at least 2"):
        HammingKernel(1.0).mmd2_unbiased(np.zeros((1, 3), np.uint8), np.full(3, 0.5))


@pytest.mark.parametrize("gamma", [0.0, -1.0, np.nan, np.inf, ()])
def test_impossible_gamma_is_refused(gamma: float) -> None:
    with pytest.raises(InvalidArgument, match="gamma"):
        HammingKernel(gamma)


def test_tau_weighs_parities_like_a_bernoulli() -> None:
    kernel, n = HammingKernel(0.7), 6
    weights = kernel.eigenvalues(n) / kernel.eigenvalues(n).sum()
    np.testing.assert_allclose(weights, product(np.full(n, kernel.tau[0])), atol=1e-14)
