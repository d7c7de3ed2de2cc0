"""Predictive, scores, evidence and decision boundary against their definitions and slow twins."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import qhn_core as qhn
from qhn_core.analysis import evidence
from qhn_core.analysis.boundary import DecisionGrid
from qhn_core.analysis.predictive import (
    Predictive,
    accuracy_with_ties,
    confusion_matrix,
    entropy,
    predictive_nll,
    tie_share,
)
from qhn_core.analysis.split_scores import SplitScores
from qhn_core.bitstrings import every_string
from qhn_core.datasets.base import Dataset
from qhn_core.errors import InvalidArgument, Unsupported
from qhn_core.problems.problem import Problem, problem, problem_from_costs
from qhn_core.problems.stack import stack_problems


def make(layers, activation="sign", n_train=20, n_test=60, **options) -> Problem:
    network = qhn.network("mlp", layers=layers, activation=activation, **options)
    rng = np.random.default_rng(3)
    classes = network.n_classes
    data = Dataset(
        "random",
        rng.normal(size=(n_train, layers[0])),
        rng.integers(0, classes, n_train),
        rng.normal(size=(n_test, layers[0])),
        rng.integers(0, classes, n_test),
        source="drawn for a test",
        class_names=tuple(map(str, range(classes))),
    )
    return problem(network, data)


def distributions(n_bits: int, replicas: int = 3, seed: int = 0) -> np.ndarray:
    """Flat, peaked and single-string rows."""
    rng = np.random.default_rng(seed)
    q = rng.dirichlet(np.full(2**n_bits, 0.05), size=replicas)
    q[-1] = 0.0
    q[-1, rng.integers(2**n_bits)] = 1.0
    return q


def all_proba(p: Problem, x: np.ndarray) -> np.ndarray:
    return p.network.predict_proba(every_string(p.n_bits), x)


@given(
    layers=st.sampled_from([(2, 2, 1), (3, 1), (2, 2, 2), (2, 3), (1, 2, 2, 1)]),
    activation=st.sampled_from(["sign", "tanh", "relu"]),
    scale=st.sampled_from([1.0, 20.0]),
    max_bytes=st.sampled_from([256_000_000, 0]),
    seed=st.integers(0, 3),
)
@settings(max_examples=30, deadline=None)
def test_grouped_prediction_is_the_sum_over_all_strings(layers, activation, scale, max_bytes, seed):
    p = make(layers, activation, output_scale=scale)
    q = distributions(p.n_bits, seed=seed)
    for split, x, y in (
        ("train", p.dataset.x_train, p.dataset.y_train),
        ("test", p.dataset.x_test, p.dataset.y_test),
    ):
        predictive, every = Predictive(p, split, max_bytes=max_bytes), all_proba(p, x)
        expected = np.einsum("bw,wnc->bnc", q, every)
        np.testing.assert_allclose(predictive.proba(q), expected, atol=1e-9)
        at = np.arange(len(y))
        expected_nll = np.einsum("bw,w->b", q, -np.log(every[:, at, y]).mean(axis=1))
        np.testing.assert_allclose(predictive.expected_nll(q), expected_nll, rtol=1e-9)
        scores = predictive.scores(q)
        np.testing.assert_allclose(scores.predictive_nll, -np.log(expected[:, at, y]).mean(axis=1), rtol=1e-9)
        found = predictive.uncertainty(q)
        within = -np.einsum("bw,wnc->bn", q, every * np.log(every))
        np.testing.assert_allclose(found.mutual_information, found.entropy - within, atol=1e-9)


def test_small_probabilities_of_the_label_keep_their_digits():
    # p(label) is about 1e-9 for a string that is surely wrong: as 1 - p(other) it would lose half its digits.
    p = make((2, 1), output_scale=8.0)
    q = np.zeros((1, 8))
    q[0, np.argmax(p.nll)] = 1.0
    at = np.arange(20)
    own = all_proba(p, p.dataset.x_train)[np.argmax(p.nll), at, p.dataset.y_train]
    np.testing.assert_allclose(Predictive(p, "train").proba(q)[0, at, p.dataset.y_train], own, rtol=1e-12)


def test_expected_nll_of_the_training_set_is_the_table():
    p = make((2, 3, 1))
    q = distributions(p.n_bits)
    np.testing.assert_allclose(Predictive(p, "train").expected_nll(q), q @ p.nll / p.n_train, rtol=1e-10)


def test_uncertainty_is_zero_for_one_network_and_positive_for_disagreeing_ones():
    p = make((2, 2, 1))
    one, two = np.zeros((1, 512)), np.zeros((1, 512))
    one[0, 5], two[0, [0, 511]] = 1.0, 0.5
    predictive = Predictive(p)
    np.testing.assert_allclose(predictive.uncertainty(one).mutual_information, 0.0, atol=1e-12)
    found = predictive.uncertainty(two)
    assert found.mutual_information.max() > 0.01
    assert (found.entropy <= np.log(2) + 1e-12).all()


def test_ties_count_in_part():
    proba = np.array([[[0.5, 0.5 - 1e-7], [0.4, 0.6], [0.9, 0.1]]])
    assert accuracy_with_ties(proba, np.array([1, 1, 1]))[0] == pytest.approx((0.5 + 1 + 0) / 3)
    assert tie_share(proba)[0] == pytest.approx(1 / 3)
    three = np.array([[[1 / 3, 1 / 3, 1 / 3], [0.4, 0.4, 0.2], [0.4, 0.4, 0.2]]])
    y = np.array([2, 0, 2])
    assert accuracy_with_ties(three, y)[0] == pytest.approx((1 / 3 + 1 / 2 + 0) / 3)
    counts = confusion_matrix(three, y)[0]
    np.testing.assert_allclose(counts, [[0.5, 0.5, 0], [0, 0, 0], [5 / 6, 5 / 6, 1 / 3]])
    assert np.trace(counts) / 3 == pytest.approx(accuracy_with_ties(three, y)[0])


def test_scores_without_examples_are_undefined():
    empty, none = np.zeros((2, 0, 2)), np.zeros(0, dtype=np.int64)
    for value in (predictive_nll(empty, none), accuracy_with_ties(empty, none), tie_share(empty)):
        assert value.shape == (2,)
        assert np.isnan(value).all()
    p = make((2, 2, 1), n_test=0)
    scores = Predictive(p).scores(distributions(9))
    assert all(np.isnan(v).all() for v in scores)
    assert Predictive(p).proba(distributions(9)).shape == (3, 0, 2)


def test_score_definitions():
    proba = np.array([[[0.25, 0.75], [1.0, 0.0]]])
    assert predictive_nll(proba, np.array([1, 0]))[0] == pytest.approx(-np.log(0.75) / 2)
    assert np.isfinite(predictive_nll(proba, np.array([1, 1]))[0])
    np.testing.assert_allclose(entropy(proba)[0], [-0.25 * np.log(0.25) - 0.75 * np.log(0.75), 0.0])


@pytest.mark.parametrize("layers", [(2, 2, 1), (2, 2, 2)])
@pytest.mark.parametrize("tabulate", [None, False])
@pytest.mark.parametrize("max_bytes", [256_000_000, 50_000])
def test_estimates_from_draws_lie_within_their_standard_errors(layers, tabulate, max_bytes):
    """400 independent batches: estimates scatter about the truth as their errors say."""
    tabulated = make(layers, n_test=12)
    q = distributions(tabulated.n_bits, replicas=1)[0]
    q = 0.5 * q + 0.5 / len(q)
    exact = Predictive(tabulated)
    truth = exact.scores(q[None])
    p = tabulated if tabulate is None else problem(tabulated.network, tabulated.dataset, tabulate=False)
    rng = np.random.default_rng(5)
    batches, draws = 400, 200
    strings = every_string(p.n_bits)[rng.choice(len(q), p=q, size=(batches, draws))]
    found = Predictive(p, max_bytes=max_bytes).drawn(strings)

    # The mean of 400 batches lies within 4.5 of its standard errors: fails wrongly less than once in 1e5.
    def check(values, errors, expected, bias=0.0):
        own = values.std(axis=0) / np.sqrt(batches)
        assert (np.abs(values.mean(axis=0) - expected) < 4.5 * own + bias).all()
        np.testing.assert_allclose(np.sqrt((errors**2).mean(axis=0)), values.std(axis=0), rtol=0.25)

    check(found.proba, found.proba_se, exact.proba(q[None])[0])
    check(found.nll, found.nll_se, truth.nll[0])
    # -log of a mean is biased by var/(2 p^2) to first order.
    bias = (found.proba_se.mean(axis=0) ** 2 / exact.proba(q[None])[0] ** 2).max()
    check(found.predictive_nll, found.predictive_nll_se, truth.predictive_nll[0], bias)


def test_draws_give_the_prediction_of_their_frequencies():
    p = make((2, 2, 1))
    rng = np.random.default_rng(0)
    index = rng.integers(0, 512, size=(2, 100))
    q = np.stack([np.bincount(row, minlength=512) / 100 for row in index])
    strings = every_string(9)[index]
    exact = Predictive(p).uncertainty(q)
    np.testing.assert_allclose(Predictive(p).drawn(strings).proba, exact.proba, atol=1e-12)
    for found, expected in zip(Predictive(p, max_bytes=9000).drawn_uncertainty(strings), exact, strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-10)
    np.testing.assert_allclose(Predictive(p, max_bytes=9000).drawn_proba(strings), exact.proba, atol=1e-12)
    one = Predictive(p).drawn(strings[:, :1])
    assert np.isnan(one.nll_se).all()


def test_scores_of_the_same_draws_are_remembered_and_those_of_others_are_not(monkeypatch):
    p = replace(make((2, 2, 3)), table=None)
    first, second = (np.random.default_rng(k).integers(0, 2, (2, 50, p.n_bits)).astype(np.uint8) for k in (0, 1))
    fresh = [SplitScores(p, "test").of_draws(bits) for bits in (first, second)]
    scores, kept = SplitScores(p, "test"), first.copy()
    scores.of_draws(kept)["accuracy_test"][:] = np.nan  # what is handed out is nobody else's
    np.testing.assert_equal(scores.of_draws(second), fresh[1])
    np.testing.assert_equal(scores.of_draws(kept), fresh[0])
    with monkeypatch.context() as patch:
        patch.setattr(Predictive, "drawn", None)
        np.testing.assert_equal(scores.of_draws(first), fresh[0])
    kept[:] = second
    np.testing.assert_equal(scores.of_draws(kept), fresh[1])


def test_decision_grid_agrees_with_the_network():
    p = make((2, 2, 1))
    grid = DecisionGrid(p, resolution=9)
    q = distributions(9)[0]
    found = grid.of(q)
    assert found.proba.shape == (9, 9, 2)
    here = np.array([[grid.x[7], grid.y[2]]])
    np.testing.assert_allclose(found.proba[2, 7], np.einsum("w,wnc->nc", q, all_proba(p, here))[0], atol=1e-9)
    data = np.concatenate([p.dataset.x_train, p.dataset.x_test])
    assert grid.x[0] < data[:, 0].min() < data[:, 0].max() < grid.x[-1]
    strings = every_string(9)
    flat = grid.of_drawn(strings)
    np.testing.assert_allclose(flat.proba, grid.of(np.full(512, 1 / 512)).proba, atol=1e-9)
    with pytest.raises(Unsupported, match="two input"):
        DecisionGrid(make((3, 1)))


def test_decision_grid_gets_coarser_before_it_gets_slow(monkeypatch):
    p = make((2, 2, 2))
    assert len(DecisionGrid(p).x) == 48
    monkeypatch.setattr("qhn_core.analysis.boundary.MAX_BYTES", 8 * Predictive(p).n_functions * 40**2)
    assert 24 <= len(DecisionGrid(p).x) <= 40
    monkeypatch.setattr("qhn_core.analysis.boundary.MAX_BYTES", 1)
    grid, q = DecisionGrid(p), distributions(p.n_bits)[0]
    assert len(grid.x) == 24
    expected = np.einsum("w,wnc->nc", q, all_proba(p, grid.points)).reshape(24, 24, 2)
    np.testing.assert_allclose(grid.of(q).proba, expected, atol=1e-9)


def test_refusals_say_why():
    with pytest.raises(Unsupported, match="cost table"):
        Predictive(problem_from_costs([0.0, 1.0]))
    p = make((2, 2, 1))
    with pytest.raises(InvalidArgument, match="split"):
        Predictive(p, "validation")  # type: ignore[arg-type]
    with pytest.raises(InvalidArgument, match="stack"):
        Predictive(stack_problems([p], 2))
    with pytest.raises(InvalidArgument, match="q: expected shape"):
        Predictive(p).proba(np.zeros((1, 4)))
    with pytest.raises(InvalidArgument, match="bits"):
        Predictive(p).drawn(np.zeros((1, 4, 3)))
    drawn_only = Predictive(problem(p.network, p.dataset, tabulate=False))
    with pytest.raises(Unsupported, match="drawn strings"):
        drawn_only.proba(np.full((1, 512), 1 / 512))


# -- evidence -----------------------------------------------------------------------------------------------------


@given(seed=st.integers(0, 50), rho=st.sampled_from([0.5, 0.2, 0.9]), sharp=st.sampled_from([0.01, 0.3, 3.0]))
@settings(max_examples=25, deadline=None)
def test_log_evidence_minus_elbo_is_the_divergence_from_the_posterior(seed, rho, sharp):
    p = problem("mlp", {"name": "xor", "seed": seed % 3}, {"name": "bernoulli", "rho": rho})
    q = np.random.default_rng(seed).dirichlet(np.full(2**13, sharp), size=3)
    gap = p.log_evidence - evidence.elbo(q, p)
    np.testing.assert_allclose(gap, evidence.kl_posterior(q, p), atol=1e-8)
    assert (gap > 0).all()
    assert (evidence.kl_prior(q, p) > 0).all()


def test_divergences_vanish_where_they_must():
    p = problem("mlp", "xor")
    np.testing.assert_allclose(evidence.kl_posterior(p.posterior[None], p), 0.0, atol=1e-10)
    np.testing.assert_allclose(evidence.elbo(p.posterior[None], p), p.log_evidence, atol=1e-9)
    flat = np.full((1, 2**13), 2.0**-13)
    np.testing.assert_allclose(evidence.kl_prior(flat, p), 0.0, atol=1e-10)
    np.testing.assert_allclose(evidence.entropy_bits(flat), 13.0, atol=1e-10)
    np.testing.assert_allclose(evidence.effective_networks(flat), 2**13, rtol=1e-9)


def test_zero_probabilities_cost_nothing():
    p = problem("mlp", "xor")
    q = np.zeros((1, 2**13))
    q[0, p.best[0]] = 1.0
    found = evidence.evidence(q, p)
    assert all(np.isfinite(v).all() for v in found)
    assert found.entropy_bits[0] == 0.0
    assert found.cost_gap[0] == pytest.approx(0.0, abs=1e-12)
    assert found.success[0] == 1.0
    assert found.kl_prior[0] == pytest.approx(13 * np.log(2))


def test_evidence_bundles_the_single_functions_and_takes_stacks():
    parts = [problem("mlp", {"name": "xor", "seed": s}) for s in range(2)]
    stack = stack_problems(parts, replicas=3)
    q = np.random.default_rng(0).dirichlet(np.full(2**13, 0.01), size=3)
    bundle = evidence.evidence(q, stack)
    for name in ("expected_nll", "entropy_bits", "kl_prior", "kl_posterior", "elbo", "cost_gap", "success"):
        function = getattr(evidence, name)
        own = function(q) if name == "entropy_bits" else function(q, stack)
        np.testing.assert_allclose(getattr(bundle, name), own, rtol=1e-12)
        if name != "entropy_bits":
            np.testing.assert_allclose(own[1], function(q[1:2], parts[1])[0], rtol=1e-12)


def test_evidence_agrees_with_averages_over_draws():
    """E_q[ℓ + log q − log π] from 200 000 draws, within 5 standard errors (fails wrongly once in 1e6)."""
    p = problem("mlp", "xor")
    q = np.random.default_rng(2).dirichlet(np.full(2**13, 0.1), size=1)
    index = np.random.default_rng(3).choice(2**13, p=q[0], size=200_000)
    values = -(p.nll + np.log(np.maximum(q[0], 1e-300)) - p.log_prior)[index]
    assert abs(values.mean() - evidence.elbo(q, p)[0]) < 5 * values.std() / np.sqrt(len(values))
    near = (p.nll - p.nll.min())[index] / p.n_train <= 0.02
    assert abs(near.mean() - evidence.success(q, p)[0]) < 5 * np.sqrt(0.25 / len(near))
