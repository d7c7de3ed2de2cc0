"""What holds for every registered objective."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import qhn_core as qhn
from qhn_core.bitstrings import every_string, from_index, histogram, index_of
from qhn_core.engines.base import LOG_Q, SAMPLES
from qhn_core.objectives import OBJECTIVES
from qhn_core.problems.problem import Problem
from qhn_core.problems.stack import stack_problems

NAMES = OBJECTIVES.names()
N = 4


@pytest.fixture
def problem() -> Problem:
    rng = np.random.default_rng(3)
    prior = qhn.prior("bernoulli", rho=tuple(rng.uniform(0.3, 0.7, N).tolist()))
    return qhn.problem_from_costs(rng.gamma(2.0, 1.0, 2**N), prior=prior, n_train=5)


@pytest.fixture
def q() -> np.ndarray:
    return np.random.default_rng(4).dirichlet(np.ones(2**N), 3)


@pytest.mark.parametrize("name", NAMES)
def test_shapes_and_terms_that_add_up(name: str, problem: Problem, q: np.ndarray) -> None:
    exact = qhn.objective(name).exact(q, problem)
    assert exact.value.shape == (3,)
    assert exact.diagonal.shape == q.shape
    assert exact.terms
    np.testing.assert_allclose(sum(exact.terms.values()), exact.value, rtol=1e-13)


@pytest.mark.parametrize("name", NAMES)
def test_frozen_diagonal_is_the_derivative_along_distributions(name: str, problem: Problem, q: np.ndarray) -> None:
    objective = qhn.objective(name)
    direction = np.random.default_rng(5).normal(size=q.shape) * q
    direction -= q * direction.sum(1, keepdims=True)
    step = 1e-5
    ends = [objective.exact(q + sign * step * direction, problem).value for sign in (1, -1)]
    expected = (ends[0] - ends[1]) / (2 * step)
    np.testing.assert_allclose((objective.exact(q, problem).diagonal * direction).sum(1), expected, rtol=1e-7)


@pytest.mark.parametrize("name", NAMES)
def test_replicas_do_not_see_one_another(name: str, problem: Problem, q: np.ndarray) -> None:
    objective = qhn.objective(name)
    together = objective.exact(q, problem)
    for b in range(len(q)):
        alone = objective.exact(q[b : b + 1], problem)
        np.testing.assert_array_equal(alone.value[0], together.value[b])
        np.testing.assert_array_equal(alone.diagonal[0], together.diagonal[b])


@pytest.mark.parametrize("name", NAMES)
def test_each_replica_may_have_its_own_data(name: str, problem: Problem, q: np.ndarray) -> None:
    parts = [
        qhn.problem_from_costs(np.random.default_rng(b).gamma(2.0, 1.0, 2**N), prior=problem.prior, n_train=5)
        for b in range(3)
    ]
    objective, stack = qhn.objective(name), stack_problems(parts, len(parts))
    together = objective.exact(q, stack)
    bits = from_index(np.random.default_rng(0).integers(0, 2**N, (3, 6)), N)
    inner = bits[:, ::-1].copy()
    log_q = np.log(np.take_along_axis(q, index_of(bits), axis=1))
    sampled = objective.diagonal_at(bits, stack, inner=inner, log_q=log_q)
    for b, part in enumerate(parts):
        np.testing.assert_array_equal(objective.exact(q[b : b + 1], part).diagonal[0], together.diagonal[b])
        alone = objective.diagonal_at(bits[b : b + 1], part, inner=inner[b : b + 1], log_q=log_q[b : b + 1])
        np.testing.assert_allclose(alone[0], sampled[b], atol=1e-12)


@pytest.mark.parametrize("name", NAMES)
def test_declared_needs(name: str) -> None:
    objective = qhn.objective(name)
    assert objective.needs in ({LOG_Q}, {SAMPLES})
    assert objective.needs_log_q == (objective.needs == {LOG_Q})


@pytest.mark.parametrize("name", NAMES)
def test_estimates_from_draws_are_unbiased(name: str, problem: Problem, q: np.ndarray) -> None:
    # All 16**2 samples of two strings, weighted by their probability: the expectation exactly, no chance involved.
    objective, one = qhn.objective(name), q[:1]
    pairs = np.array(list(itertools.product(range(2**N), repeat=2)))
    weights = one[0][pairs].prod(axis=1)
    log_q = np.log(one[0])[pairs]
    bits = from_index(pairs, N)
    values = [objective.sampled(b[None], problem, log_q=lq[None]).value[0] for b, lq in zip(bits, log_q, strict=True)]
    np.testing.assert_allclose(np.dot(weights, values), objective.exact(one, problem).value[0], rtol=1e-10)


@pytest.mark.parametrize("name", NAMES)
def test_diagonal_on_draws_is_unbiased(name: str, problem: Problem, q: np.ndarray) -> None:
    # Inner batches of one string each, weighted by probability: the expectation over the inner batch exactly.
    objective, one = qhn.objective(name), q[:1]
    everywhere = every_string(N)[None]
    expected = np.zeros(2**N)
    for w in range(2**N):
        inner = from_index(np.array([[w]]), N)
        expected += one[0, w] * objective.diagonal_at(everywhere, problem, inner=inner, log_q=np.log(one))[0]
    np.testing.assert_allclose(expected, objective.exact(one, problem).diagonal[0], atol=1e-11)


def test_histogram_counts_each_row() -> None:
    counts = histogram(from_index(np.array([[0, 1, 1], [3, 3, 3]]), 2))
    np.testing.assert_array_equal(counts, [[1, 2, 0, 0], [0, 0, 0, 3]])
