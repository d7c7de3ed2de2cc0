"""Each rival against something slower or known: the classical side must be as right as ours."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import qhn_core as qhn
from qhn_core.analysis.metrics import Metrics
from qhn_core.baselines import BASELINES, baseline
from qhn_core.baselines.base import product_distribution, random_strings, replica_rng
from qhn_core.baselines.mean_field import bernoulli_kl, conditional_means, expected
from qhn_core.baselines.random_probabilities import dirichlet
from qhn_core.baselines.trail import Trail, beside
from qhn_core.errors import InvalidArgument, Unsupported
from qhn_core.planning import plan
from qhn_core.problems.stack import stack_problems
from qhn_core.studies.rivals import budget_of, score_rivals


def small_problem(activation: str = "tanh"):
    data = qhn.dataset("gaussian_mixture", n_train=20, n_test=50, seed=1)
    return qhn.problem(qhn.network("mlp", layers=(2, 2, 1), activation=activation), data)


def elbo(problem, q):
    q = np.maximum(q, 1e-300)
    return float((q * (problem.log_prior - problem.nll - np.log(q))).sum())


@pytest.mark.parametrize("name", BASELINES.names())
def test_contract(name):
    problem = small_problem()
    rival = baseline(name).fit(problem, replicas=3, seed=5)
    again = baseline(name).fit(problem, replicas=2, seed=5)
    assert rival.likelihood_evaluations > 0
    assert rival.seconds >= 0
    if rival.probs is not None:
        assert rival.probs.shape == (3, 2**problem.n_bits)
        np.testing.assert_allclose(rival.probs.sum(axis=1), 1.0, atol=1e-12)
        assert (rival.probs >= 0).all()
        np.testing.assert_allclose(rival.probs[:2], again.probs, atol=1e-12)
    else:
        assert rival.proba_test.shape == (3, 50, 2)
        np.testing.assert_allclose(rival.proba_test.sum(axis=-1), 1.0, atol=1e-12)


@pytest.mark.parametrize("name", BASELINES.names())
def test_a_trail_rises_to_where_the_rival_ended_or_is_said_to_be_missing(name):
    problem = small_problem("sign")
    rival = baseline(name).fit(problem, replicas=3, seed=5)
    assert (rival.trail is None) == bool(baseline(name).trailless)
    if rival.trail is not None:
        counts = rival.trail.counts
        assert (np.diff(counts) > 0).all()
        assert rival.trail.unit in ("evaluations", "sweeps")
        if rival.trail.unit == "evaluations":
            assert counts[-1] == rival.likelihood_evaluations
        assert rival.trail.rates.shape == (len(counts), 3, problem.n_bits)
        np.testing.assert_allclose(product_distribution(rival.trail.rates[-1]), rival.probs, atol=1e-12)


@pytest.mark.parametrize(("name", "budget"), [("straight_through", "steps"), ("mean_field", "sweeps")])
def test_a_trail_says_what_a_rival_with_a_smaller_budget_ends_with(name, budget):
    problem = small_problem("sign")
    trail = baseline(name).fit(problem, replicas=2, seed=1).trail
    for k in (1, 3, len(trail.counts) // 2):
        short = baseline(name, **{budget: int(trail.counts[k])}).fit(problem, replicas=2, seed=1)
        np.testing.assert_allclose(product_distribution(trail.rates[k]), short.probs, atol=1e-12)


def test_the_trail_of_annealing_is_the_best_string_so_far():
    problem = small_problem("sign")
    trail = baseline("simulated_annealing", evaluations=200).fit(problem, replicas=4, seed=1).trail
    costs = np.stack([product_distribution(rates) @ problem.nll for rates in trail.rates])
    assert (np.diff(costs, axis=0) <= 0).all()
    assert (costs[0] > costs[-1]).any()


def test_trails_of_different_lengths_stand_side_by_side():
    short = Trail(np.arange(2), "sweeps", np.array([[[0.2]], [[0.4]]]))
    long = Trail(np.arange(3), "sweeps", np.array([[[0.1]], [[0.3]], [[0.5]]]))
    both = beside([short, long])
    np.testing.assert_array_equal(both.counts, [0, 1, 2])
    np.testing.assert_array_equal(both.rates[:, :, 0], [[0.2, 0.1], [0.4, 0.3], [0.4, 0.5]])
    assert beside([short, None]) is None
    thin = Trail(np.arange(500), "sweeps", np.zeros((500, 1, 1))).thinned(64)
    assert len(thin.counts) <= 64
    assert (thin.counts[0], thin.counts[-1]) == (0, 499)


@settings(max_examples=25, deadline=None)
@given(n=st.integers(1, 6), seed=st.integers(0, 1000), data=st.data())
def test_conditional_means_are_the_enumerated_ones(n, seed, data):
    rng = np.random.default_rng(seed)
    table, rates, i = rng.normal(size=2**n), rng.random((3, n)), data.draw(st.integers(0, n - 1))
    bit = (np.arange(2**n) >> (n - 1 - i)) & 1
    zero, one = conditional_means(table, rates, i)
    np.testing.assert_allclose(expected(table, rates), product_distribution(rates) @ table, rtol=1e-10, atol=1e-12)
    for q, low, high in zip(product_distribution(rates), zero, one, strict=True):
        np.testing.assert_allclose(low, (q * table)[bit == 0].sum() / q[bit == 0].sum(), rtol=1e-9)
        np.testing.assert_allclose(high, (q * table)[bit == 1].sum() / q[bit == 1].sum(), rtol=1e-9)


def test_mean_field_is_a_local_optimum_of_the_elbo():
    problem = small_problem("sign")
    q = baseline("mean_field").fit(problem, replicas=4, seed=0).probs
    rng = np.random.default_rng(0)
    index = np.arange(2**problem.n_bits)
    for row in q:
        bound = elbo(problem, row)
        assert bound <= problem.log_evidence + 1e-9
        rates = np.array([row[(index >> (problem.n_bits - 1 - i)) & 1 == 1].sum() for i in range(problem.n_bits)])
        for _ in range(20):
            nearby = np.clip(rates + 0.01 * rng.normal(size=rates.size), 1e-9, 1 - 1e-9)
            assert elbo(problem, product_distribution(nearby[None])[0]) <= bound + 1e-9


def test_more_starts_of_mean_field_never_end_worse_and_sometimes_better():
    """Two modes, all zeros and, one nat better, all ones: a single start may end in the worse."""
    ones = np.bitwise_count(np.arange(2**6)).astype(float)
    problem = qhn.problem_from_costs(3.0 * np.minimum(ones, 6.0 - ones) - (ones == 6))
    one = baseline("mean_field", starts=1).fit(problem, replicas=12, seed=0).probs
    eight = baseline("mean_field", starts=8).fit(problem, replicas=12, seed=0).probs
    gains = np.array([elbo(problem, b) - elbo(problem, a) for a, b in zip(one, eight, strict=True)])
    assert gains.min() >= -1e-8
    assert gains.max() > 0.5


@settings(max_examples=25, deadline=None)
@given(st.floats(0.0, 1.0), st.floats(0.01, 0.99))
def test_bernoulli_kl_is_the_sum_over_both_outcomes(rate, prior):
    pairs = [(rate, prior), (1.0 - rate, 1.0 - prior)]
    expected_kl = sum(q * np.log(q / p) for q, p in pairs if q > 0)
    np.testing.assert_allclose(bernoulli_kl(np.array([rate]), np.array([prior]))[0], expected_kl, atol=1e-12)


def test_beta_of_bayesbinn_weighs_the_prior():
    """A large β leaves the prior, a small one follows the likelihood: entropy falls with β."""
    problem = small_problem("tanh")

    def entropy(beta):
        q = baseline("bayesbinn", beta=beta, steps=200, lr=0.1, temperature=0.3).fit(problem, replicas=4, seed=0).probs
        return float(-(q * np.log(np.maximum(q, 1e-300))).sum(axis=1).mean())

    low, middle, high = entropy(0.1), entropy(1.0), entropy(100.0)
    assert low < middle < high
    assert high > 0.98 * problem.n_bits * np.log(2.0)


def test_random_search_keeps_the_best_of_the_strings_it_drew():
    problem = small_problem("sign")
    rival = baseline("random_search", evaluations=60).fit(problem, replicas=3, seed=4)
    for r, q in enumerate(rival.probs):
        drawn = replica_rng(4, r).integers(2**problem.n_bits, size=60)
        assert q @ problem.nll == problem.nll[drawn].min()
    costs = np.stack([product_distribution(rates) @ problem.nll for rates in rival.trail.rates])
    assert (np.diff(costs, axis=0) <= 0).all()


def test_fixed_random_probabilities_are_the_best_of_vectors_that_do_not_know_the_data():
    parts = [
        small_problem("sign"),
        qhn.problem(small_problem("sign").network, qhn.dataset("moons", n_train=20, seed=3)),
    ]
    stack = stack_problems(parts, 2)
    kept = baseline("random_probabilities", draws=30, concentration=0.1).fit_each(stack, replicas=2, seed=6).probs
    rng = np.random.Generator(np.random.Philox(key=[6, 0]))
    vectors = np.stack([dirichlet(0.1, 2**stack.n_bits, rng) for _ in range(30)])
    for part, q in zip(parts, kept, strict=True):
        np.testing.assert_allclose(q, vectors[np.argmin(vectors @ part.nll)])


@pytest.mark.parametrize("concentration", [1e-3, 0.1, 1.0, 10.0])
def test_dirichlet_has_its_mean_and_variance(concentration):
    """4000 draws over 5 strings: mean 1/5 and variance 4/(25 (5a + 1)), within five standard errors of the mean."""
    rng = np.random.default_rng(0)
    q = np.stack([dirichlet(concentration, 5, rng) for _ in range(4000)])
    np.testing.assert_allclose(q.sum(axis=1), 1.0)
    variance = 4.0 / (25.0 * (5.0 * concentration + 1.0))
    assert np.abs(q.mean(axis=0) - 0.2).max() < 5.0 * np.sqrt(variance / 4000)
    np.testing.assert_allclose(q.var(axis=0).mean(), variance, rtol=0.1)


def test_mean_field_is_exact_where_the_posterior_is_a_product():
    cost = np.array([0.3, -1.0, 0.7])
    index = np.arange(8)
    table = sum(cost[i] * ((index >> (2 - i)) & 1) for i in range(3))
    problem = qhn.problem_from_costs(table)
    q = baseline("mean_field").fit(problem, seed=3).probs[0]
    np.testing.assert_allclose(q, problem.posterior, atol=1e-9)


def test_annealing_finds_the_optimum_of_a_planted_cost():
    index = np.arange(2**10)
    planted = 0b1011001110
    distance = np.array([bin(i ^ planted).count("1") for i in index], dtype=float)
    rival = baseline("simulated_annealing").fit(qhn.problem_from_costs(distance), replicas=5, seed=0)
    assert (rival.probs.argmax(axis=1) == planted).all()


@pytest.mark.parametrize("name", ["straight_through", "bayesbinn", "simulated_annealing"])
def test_search_beats_random_strings(name):
    """Best of the rivals' replicas must lie in the lowest 2 % of all strings (a random pick of 5: 10 % chance)."""
    problem = small_problem("sign")
    rival = baseline(name).fit(problem, replicas=5, seed=0)
    assert (rival.probs @ problem.nll).min() <= np.quantile(problem.nll, 0.02)


@pytest.mark.parametrize("name", [n for n in BASELINES.names() if BASELINES[n].needs_network])
def test_a_cost_table_is_refused_by_name(name):
    with pytest.raises(Unsupported):
        baseline(name).fit(qhn.problem_from_costs(np.arange(8.0)))


@pytest.mark.parametrize("activation", ["sign", "tanh", "relu", "sigmoid"])
@pytest.mark.parametrize(("layers", "classes"), [((2, 2, 1), 2), ((2, 2), 2)])
def test_relaxed_network_agrees_with_the_table_at_the_corners(activation, layers, classes):
    import torch

    from qhn_core.baselines.relaxed import relaxed_nll

    data = qhn.dataset("moons", n_train=12, n_test=4, seed=2)
    problem = qhn.problem(qhn.network("mlp", layers=layers, activation=activation, output_scale=0.7), data)
    index = np.arange(2**problem.n_bits)
    bits = (index[:, None] >> np.arange(problem.n_bits - 1, -1, -1)) & 1
    values = relaxed_nll(problem)(torch.as_tensor(2.0 * bits - 1.0)).numpy()
    np.testing.assert_allclose(values, problem.nll, rtol=1e-10)


@pytest.mark.parametrize("name", BASELINES.names())
def test_each_replica_of_a_stack_is_fitted_to_its_own_data(name):

    parts = [
        qhn.problem(
            qhn.network("mlp", layers=(2, 1)), qhn.dataset("xor", n_train=15, n_test=7, label_noise=noise, seed=seed)
        )
        for seed, noise in ((0, 0.0), (5, 0.3))
    ]
    stack = stack_problems(parts, 3)
    rival = baseline(name).fit_each(stack, replicas=3, seed=2)
    alone = baseline(name).fit(parts[0], replicas=3, seed=2)
    if rival.probs is None:
        np.testing.assert_allclose(rival.proba_test[0], alone.proba_test[0])
        assert not np.allclose(rival.proba_test[0], rival.proba_test[1])
    else:
        assert rival.probs.shape == (3, 2**stack.n_bits)
        np.testing.assert_allclose(rival.probs[0], alone.probs[0], atol=1e-10)


def test_logistic_regression_on_examples_of_one_class_follows_the_rule_of_succession():
    data = qhn.dataset("xor", n_train=6, n_test=5, seed=0)
    single = dataclasses.replace(data, y_train=np.ones_like(data.y_train))
    rival = baseline("logistic_regression").fit(qhn.problem(qhn.network("mlp", layers=(2, 1)), single), replicas=2)
    np.testing.assert_allclose(rival.proba_test, np.tile([1 / 8, 7 / 8], (2, 5, 1)))


def large_problem(layers=(16, 10), side=4):
    data = qhn.dataset("digits", classes=list(range(10)), side=side, n_train=150, n_test=100)
    return qhn.problem(qhn.network("mlp", layers=layers, bias=False, output_scale=0.25), data, tabulate=False)


@pytest.mark.parametrize("name", ["simulated_annealing", "random_search", "straight_through", "bayesbinn"])
def test_a_rival_without_a_table_does_what_it_does_with_one(name):
    data = qhn.dataset("gaussian_mixture", n_train=20, n_test=50, seed=1)
    network = qhn.network("mlp", layers=(2, 2, 1))
    known, drawn = qhn.problem(network, data), qhn.problem(network, data, tabulate=False)
    fit = baseline(name)
    with_table, without = fit.fit(known, replicas=3, seed=5), fit.fit(drawn, replicas=3, seed=5)
    np.testing.assert_array_equal(with_table.trail.counts, without.trail.counts)
    np.testing.assert_allclose(with_table.trail.rates, without.trail.rates, atol=1e-12)


def test_mean_field_from_draws_comes_near_the_one_that_reads_the_table():
    """ELBO within a nat of coordinate ascent's for the better of three starts, at a fixed seed."""
    data = qhn.dataset("gaussian_mixture", n_train=20, n_test=50, seed=1)
    network = qhn.network("mlp", layers=(2, 2, 1), activation="tanh")
    known, drawn = qhn.problem(network, data), qhn.problem(network, data, tabulate=False)
    best = max(elbo(known, q) for q in baseline("mean_field").fit(known, replicas=1).probs)
    found = max(elbo(known, q) for q in baseline("mean_field").fit(drawn, replicas=3, seed=1).probs)
    assert best - 1.0 < found <= best + 1e-6


@pytest.mark.parametrize("batch", [None, 50])
@pytest.mark.parametrize("name", [n for n in BASELINES.names() if not BASELINES[n].needs_table])
def test_rivals_keep_to_their_budget_beyond_tables_and_beat_guessing(name, batch):
    if name in ("random_probabilities", "logistic_regression"):
        return
    problem = large_problem()
    rival = baseline(name).within(400, n_train=150, batch=batch).fit_each(problem, replicas=2, seed=3)
    assert rival.probs is None
    assert rival.rates.shape == (2, 160)
    assert 300 <= rival.likelihood_evaluations <= 400
    assert rival.trail.counts[-1] == rival.likelihood_evaluations
    assert (np.diff(rival.trail.counts) > 0).all()
    ends = (rival.rates > 0.5).astype(np.uint8)
    uniform = np.random.default_rng(0).integers(0, 2, (100, 160))
    assert problem.nll_at(ends).max() < np.quantile(problem.nll_at(uniform), 0.05)


def test_a_batch_beyond_the_examples_is_refused_by_name():
    with pytest.raises(InvalidArgument, match=r"batch: expected at most the 150 training examples, got 151"):
        baseline("straight_through", batch=151).fit(large_problem())


def test_rivals_are_scored_beyond_tables_by_drawn_networks():
    problem = large_problem()
    scores = score_rivals(
        ["straight_through", "mean_field", "logistic_regression"],
        problem,
        Metrics(problem),
        replicas=2,
        follow=True,
        evaluations=300,
    )
    for score in scores:
        assert (score.row["accuracy_test"] > 0.2).all()
    single, product, real = scores
    assert np.isnan(single.row["accuracy_test_se"]).all()
    assert (product.row["accuracy_test_se"] > 0).all()
    assert (single.row["entropy_bits"] == 0).all()
    assert np.isnan(real.row["elbo"]).all()
    assert len(product.path.counts) <= 12
    with pytest.raises(Unsupported, match=r"Best string .* needs ℓ of all 2\^160 strings"):
        score_rivals(["best_string"], problem, Metrics(problem), replicas=1)


def test_the_budget_of_rivals_is_what_a_run_spends_on_drawn_strings():
    plain = {
        "dataset": {"name": "digits", "classes": list(range(10)), "side": 4, "n_train": 150, "n_test": 100},
        "network": {"name": "mlp", "layers": [16, 10], "bias": False},
        "ansatz": {"name": "chain", "layers": 1},
        "engine": {"name": "mps"},
        "estimator": {"name": "score_function", "shots": 4},
        "steps": 90,
        "batch": 50,
    }
    config = qhn.RunConfig.model_validate(plain)
    assert budget_of(config, plan(config), 150) == 120
    small = qhn.RunConfig()
    assert budget_of(small, plan(small), 20) is None


@pytest.mark.parametrize("hidden", [15, 16, 17, 31, 32])
def test_searches_are_right_on_both_sides_of_what_an_integer_holds(hidden):
    """61 to 129 weights: the best of the strings that were drawn, and a walk whose best never gets worse."""
    data = qhn.dataset("moons", n_train=12, n_test=4, seed=2)
    problem = qhn.problem(qhn.network("mlp", layers=(2, hidden, 1)), data, tabulate=False)
    drawn = random_strings(replica_rng(7, 0), 80, problem.n_bits)
    assert len(np.unique(drawn, axis=0)) == 80
    assert 0.4 < drawn.mean() < 0.6
    rival = baseline("random_search", evaluations=80).fit(problem, seed=7)
    assert problem.nll_at(rival.rates.astype(np.uint8))[0] == problem.nll_at(drawn).min()
    walk = baseline("simulated_annealing", evaluations=80).fit(problem, seed=7).trail.rates[:, 0].astype(np.uint8)
    values = problem.nll_at(walk)
    assert (np.diff(values) <= 0.0).all()
    assert values[-1] < values[0]
