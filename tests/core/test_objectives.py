"""Objectives against their formulas written out, on small problems."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import qhn_core as qhn
from qhn_core.bitstrings import every_string, from_index
from qhn_core.errors import InvalidArgument, Unsupported
from qhn_core.kernels import HammingKernel
from qhn_core.objectives import ksd
from qhn_core.problems.problem import Problem
from qhn_core.schedules import value_at


def some_problem(n: int, seed: int = 0, *, scale: float = 3.0, n_train: int = 7) -> Problem:
    rng = np.random.default_rng(seed)
    rho = tuple(rng.uniform(0.2, 0.8, n).tolist())
    return qhn.problem_from_costs(rng.gamma(2.0, scale, 2**n), prior=qhn.prior("bernoulli", rho=rho), n_train=n_train)


def stein_matrix(problem: Problem, kernel: HammingKernel) -> np.ndarray:
    """k_p by its definition: A on both arguments of the dense kernel."""
    n, size = problem.n_bits, 2**problem.n_bits
    p = problem.posterior
    a = np.zeros((size, size))
    for w in range(size):
        for i in range(n):
            v = w ^ (1 << (n - 1 - i))
            c = p[v] / (p[w] + p[v])
            a[w, v] += c
            a[w, w] -= c
    bits = from_index(np.arange(size), n)
    return a @ kernel.gram(bits, bits) @ a.T


@settings(max_examples=25, deadline=None)
@given(n=st.integers(1, 6), seed=st.integers(0, 2**31), beta=st.floats(0.0, 3.0))
def test_elbo_is_its_formula_and_bounds_the_evidence(n: int, seed: int, beta: float) -> None:
    problem, rng = some_problem(n, seed), np.random.default_rng(seed)
    q = rng.dirichlet(np.full(2**n, 0.3), 4) + 1e-300
    exact = qhn.objective("elbo", beta=beta).exact(q, problem)
    ratio = np.log(q) - problem.log_prior
    np.testing.assert_allclose(exact.value, (q * (problem.nll + beta * ratio)).sum(1), atol=1e-10)
    np.testing.assert_allclose(exact.diagonal, problem.nll + beta * ratio, atol=1e-10)
    bound = -qhn.objective("elbo").exact(q, problem).value
    divergence = (q * (np.log(q) - np.log(problem.posterior))).sum(1)
    np.testing.assert_allclose(problem.log_evidence - bound, divergence, atol=1e-8)
    assert (divergence > -1e-12).all()


def test_elbo_of_the_exact_posterior_is_the_log_evidence() -> None:
    problem = some_problem(8)
    value = qhn.objective("elbo").exact(problem.posterior[None], problem).value
    np.testing.assert_allclose(-value, problem.log_evidence, atol=1e-10)


def test_strings_without_probability_count_nothing() -> None:
    problem = some_problem(3)
    q = np.zeros((1, 8))
    q[0, 5] = 1.0
    exact = qhn.objective("elbo").exact(q, problem)
    assert exact.value[0] == pytest.approx(problem.nll[5] - problem.log_prior[5])
    assert np.isfinite(exact.diagonal).all()


def test_uniform_q_and_prior_have_no_divergence() -> None:
    problem = qhn.problem_from_costs(np.arange(32.0))
    q = np.full((1, 32), 1 / 32)
    assert abs(qhn.objective("elbo").exact(q, problem).terms["kl"][0]) < 1e-14
    assert qhn.objective("selbo").exact(q, problem).terms["mmd"][0] < 1e-30


@settings(max_examples=25, deadline=None)
@given(n=st.integers(1, 6), seed=st.integers(0, 2**31), gamma=st.sampled_from([0.05, 0.7, (0.1, 1.0, 5.0)]))
def test_selbo_is_its_formula(n: int, seed: int, gamma: float | tuple[float, ...]) -> None:
    problem, rng = some_problem(n, seed), np.random.default_rng(seed)
    q = rng.dirichlet(np.ones(2**n), 3)
    exact = qhn.objective("selbo", lam=0.4, gamma=gamma).exact(q, problem)
    bits, kernel = every_string(n), HammingKernel(gamma)
    difference = q - np.exp(problem.log_prior)
    smoothed = difference @ kernel.gram(bits, bits)
    mmd2 = (difference * smoothed).sum(1)
    np.testing.assert_allclose(exact.value, q @ problem.nll + 0.4 * 7 * mmd2, atol=1e-11)
    np.testing.assert_allclose(exact.diagonal, problem.nll + 2 * 0.4 * 7 * smoothed, atol=1e-11)


@settings(max_examples=25, deadline=None)
@given(n=st.integers(1, 5), seed=st.integers(0, 2**31), gamma=st.sampled_from([0.05, 0.7, (0.1, 1.0, 5.0)]))
def test_ksd_is_the_dense_stein_double_sum(n: int, seed: int, gamma: float | tuple[float, ...]) -> None:
    problem, rng = some_problem(n, seed, scale=0.5), np.random.default_rng(seed)
    q = rng.dirichlet(np.ones(2**n), 3)
    exact = qhn.objective("ksd", gamma=gamma).exact(q, problem)
    matrix = stein_matrix(problem, HammingKernel(gamma))
    np.testing.assert_allclose(exact.value, np.einsum("bi,ij,bj->b", q, matrix, q), atol=1e-11)
    np.testing.assert_allclose(exact.diagonal, 2 * q @ matrix, atol=1e-11)


@pytest.mark.parametrize("scale", [1.0, 200.0])
def test_ksd_vanishes_at_the_exact_posterior_alone(scale: float) -> None:
    problem = some_problem(6, scale=scale)
    objective = qhn.objective("ksd")
    at_posterior = objective.exact(problem.posterior[None], problem)
    assert 0.0 <= at_posterior.value[0] < 1e-24
    assert np.abs(at_posterior.diagonal).max() < 1e-12
    assert objective.exact(np.exp(problem.log_prior)[None], problem).value[0] > 1e-3


def test_ksd_stays_finite_where_ratio_scores_overflow() -> None:
    problem = some_problem(5, scale=1e4)
    exact = qhn.objective("ksd").exact(np.full((1, 32), 1 / 32), problem)
    assert np.isfinite(exact.value).all()
    assert np.isfinite(exact.diagonal).all()


def test_ksd_computes_flip_rates_anew_when_they_are_too_many_to_keep(monkeypatch: pytest.MonkeyPatch) -> None:
    kept, anew = some_problem(4), some_problem(4)
    q = np.full((1, 16), 1 / 16)
    before = qhn.objective("ksd").exact(q, kept).value
    monkeypatch.setattr(ksd, "KEEP_BYTES", 0)
    np.testing.assert_array_equal(before, qhn.objective("ksd").exact(q, anew).value)


@pytest.mark.parametrize("gamma", [0.7, (0.1, 2.0)])
def test_stein_sums_from_drawn_strings_agree_with_the_table(
    monkeypatch: pytest.MonkeyPatch, gamma: float | tuple[float, ...]
) -> None:
    problem, rng = some_problem(5), np.random.default_rng(1)
    bits, inner = (from_index(rng.integers(0, 32, (2, size)), 5) for size in (40, 30))
    objective = qhn.objective("ksd", gamma=gamma)
    diagonal = objective.diagonal_at(bits, problem, inner=inner)
    value = objective.sampled(bits, problem).value
    monkeypatch.setattr(ksd, "HISTOGRAM_BITS", 0)
    np.testing.assert_allclose(objective.diagonal_at(bits, problem, inner=inner), diagonal, atol=1e-12)
    np.testing.assert_allclose(objective.sampled(bits, problem).value, value, atol=1e-12)


def test_schedules_are_taken_at_the_step() -> None:
    problem, q = some_problem(3), np.full((1, 8), 1 / 8)
    warm = {"kind": "linear", "start": 0.0, "end": 2.0, "steps": 10}
    objective = qhn.objective("elbo", beta=warm)
    for step in (0, 5, 10, 50):
        fixed = qhn.objective("elbo", beta=value_at(objective.beta, step))
        np.testing.assert_array_equal(objective.exact(q, problem, step).value, fixed.exact(q, problem).value)


@pytest.mark.parametrize(
    ("name", "options", "word"),
    [
        ("elbo", {"beta": -0.1}, "beta"),
        ("elbo", {"beta": {"kind": "linear", "start": -1.0}}, "beta"),
        ("selbo", {"lam": -1.0}, "lam"),
        ("selbo", {"gamma": 0.0}, "gamma"),
        ("selbo", {"gamma": []}, "gamma"),
        ("ksd", {"gamma": -1.0}, "gamma"),
        ("mle", {"beta": 1.0}, "beta"),
    ],
)
def test_options_out_of_bounds_are_refused(name: str, options: dict, word: str) -> None:
    with pytest.raises(InvalidArgument, match=word):
        qhn.objective(name, **options)


def test_wrong_shape_of_q_is_named() -> None:
    with pytest.raises(InvalidArgument, match="q: expected shape"):
        qhn.objective("mle").exact(np.ones((1, 4)), some_problem(3))


def test_elbo_from_shots_alone_is_refused_with_the_reason() -> None:
    bits = np.zeros((1, 4, 3), np.uint8)
    with pytest.raises(Unsupported, match="explicit distribution"):
        qhn.objective("elbo").sampled(bits, some_problem(3))
    with pytest.raises(Unsupported, match="explicit distribution"):
        qhn.objective("elbo").diagonal_at(bits, some_problem(3))
