"""Metrics against a slow twin written from their definitions, and against each other."""

from __future__ import annotations

import numpy as np
import pytest

from qhn_core.analysis.metrics import Metrics, importance_weighted_bound
from qhn_core.analysis.split_scores import SplitScores, kernels, mean_and_error
from qhn_core.analysis.strings import marginals, marginals_of_draws, top_draws, top_strings
from qhn_core.bitstrings import every_string, from_index
from qhn_core.datasets import dataset
from qhn_core.errors import InvalidArgument
from qhn_core.metrics import LOGGED, WITH_ERROR
from qhn_core.networks import network
from qhn_core.priors import prior
from qhn_core.problems.problem import problem, problem_from_costs
from qhn_core.problems.stack import stack_problems

RNG = np.random.default_rng(7)


def make(seed: int = 0, layers=(2, 2, 1), n_test: int = 40, name: str = "moons"):
    data = dataset(name, n_train=10, n_test=n_test, seed=seed)
    return problem(network("mlp", layers=layers, activation="sign"), data, prior("bernoulli", rho=0.4))


def draw_q(n_bits: int, replicas: int = 3):
    q = RNG.dirichlet(np.full(2**n_bits, 0.2), size=replicas)
    q[0, : 2 ** (n_bits - 1)] = 0.0  # probabilities that are exactly zero
    return q / q.sum(axis=1, keepdims=True)


def all_metrics(task, *, q=None, bits=None, log_q=None, gamma=None, replicas=3):
    gradient = np.ones((replicas, 4))
    terms = {"nll": np.full(replicas, 5.0)}
    return Metrics(task, gamma=gamma).row(
        value=np.zeros(replicas), terms=terms, gradient=gradient, probs=q, bits=bits, log_q=log_q
    )


def slow(task, q, gamma=0.7):
    """Every definition, string by string, for one replica's q (2**N,)."""
    n, size = task.n_train, len(q)
    strings = from_index(np.arange(size), task.n_bits)
    log_pi = task.prior.log_prob(strings)
    live = q > 0
    negentropy = float(np.sum(q[live] * np.log(q[live])))
    joint = log_pi - task.nll
    log_z = np.log(np.sum(np.exp(joint - joint.max()))) + joint.max()
    mean_nll = float(q @ task.nll)
    kl_prior = negentropy - float(q @ log_pi)
    hamming = (strings[:, None] != strings[None]).sum(axis=-1)
    d = q - np.exp(log_pi)
    found = {
        "nll_train": mean_nll / n,
        "entropy_bits": -negentropy / np.log(2),
        "kl_prior": kl_prior,
        "kl_posterior": negentropy - float(q @ (joint - log_z)),
        "mmd2": float(d @ np.exp(-gamma * hamming) @ d),
        "elbo": -mean_nll - kl_prior,
        "cost_gap": (mean_nll - task.nll.min()) / n,
        "success": float(q[(task.nll - task.nll.min()) / n <= 0.02].sum()),
        "loss": 0.0,
        "grad_norm": 2.0,
        "term_nll": 5.0 / n,
    }
    for split in ("train", "test"):
        x, y = getattr(task.dataset, f"x_{split}"), getattr(task.dataset, f"y_{split}")
        p = task.network.predict_proba(strings, x)
        mixed = np.einsum("s,snc->nc", q, p)
        at = np.arange(len(y))
        found[f"nll_{split}"] = float(q @ -np.log(p[:, at, y]).mean(axis=1))
        found[f"predictive_nll_{split}"] = float(-np.log(mixed[at, y]).mean())
        tied = mixed >= mixed.max(axis=1, keepdims=True) - 1e-6
        found[f"accuracy_{split}"] = float(np.mean([t[label] / t.sum() for t, label in zip(tied, y, strict=True)]))
        if split == "test":
            found["tie_share"] = float(np.mean(tied.sum(axis=1) > 1))
    return found


@pytest.mark.parametrize(
    ("layers", "name"), [((2, 2, 1), "moons"), ((2, 1, 1), "xor"), ((2, 1, 3), "iris"), ((2, 1, 2), "circles")]
)
def test_agrees_with_the_definitions(layers, name):
    task = make(layers=layers, name=name)
    q = draw_q(task.n_bits)
    row = all_metrics(task, q=q)
    assert set(LOGGED) <= set(row)
    for r in range(3):
        want = slow(task, q[r])
        assert set(row) == {*want, "iw_bound"}
        for metric, value in want.items():
            np.testing.assert_allclose(row[metric][r], value, rtol=1e-10, atol=1e-12, err_msg=metric)


def test_architectures_in_superposition_have_their_probabilities():
    """A network of 4 architectures: exact masses by the last two bits, and shares of the draws near them."""
    net = network("mlp_superposed", layers=(2, 2, 1), choose_width=True)
    task = problem(net, dataset("moons", n_train=10, n_test=20))
    q = draw_q(task.n_bits)
    exact = all_metrics(task, q=q)
    last = np.arange(2**task.n_bits) % 4
    names = [f"architecture_{k}" for k in range(4)]
    assert {name for name in exact if name.startswith("architecture_")} == set(names)
    for k, name in enumerate(names):
        np.testing.assert_allclose(exact[name], q[:, last == k].sum(axis=1), atol=1e-14)
    draws = np.stack([from_index(RNG.choice(q.shape[1], 4000, p=row), task.n_bits) for row in q])
    sampled = all_metrics(task, bits=draws)
    for name in names:  # 12 numbers, each beyond 5 standard errors with probability below 1e-6
        assert np.abs(sampled[name] - exact[name]).max() < 5 * 0.5 / np.sqrt(4000)
    assert not any(name.startswith("architecture_") for name in all_metrics(make(), q=draw_q(make().n_bits)))


def test_a_collapsed_q_ties_and_a_tie_is_half_an_error():
    """All mass on the string whose outputs are all equal: every test point is tied, accuracy one half."""
    data = dataset("xor", n_train=10, n_test=30)
    task = problem(network("mlp", layers=(2, 1, 1), activation="sign", bias=False), data)
    p = task.network.predict_proba(every_string(3), data.x_test)
    flat = np.full(8, 1 / 8)
    row = all_metrics(task, q=flat[None], replicas=1)
    assert np.abs(np.einsum("s,snc->nc", flat, p) - 0.5).max() < 1e-12, "the twin of this test"
    assert row["tie_share"][0] == 1.0
    assert row["accuracy_test"][0] == 0.5


def test_score_kernel_is_the_slow_one():
    from qhn_core.analysis.scores import TIE, accuracy_with_ties, predictive_nll, tie_share

    for classes in (2, 3, 5):
        proba = RNG.dirichlet(np.ones(classes), size=(4, 50))
        proba[:, ::5] = 1.0 / classes
        proba[:, 1::5, 0] = proba[:, 1::5, 1] = proba[:, 1::5].max()
        y = RNG.integers(0, classes, 50)
        out = np.empty((4, 3))
        kernels().score_rows(proba, y, TIE, out)
        want = np.stack([predictive_nll(proba, y), accuracy_with_ties(proba, y), tie_share(proba)], axis=1)
        np.testing.assert_allclose(out, want, rtol=1e-13)


def test_a_stack_scores_each_replica_on_its_own_data():
    parts = [make(seed) for seed in (0, 1)]
    stack = stack_problems(parts, 5)
    q = draw_q(stack.n_bits, 5)
    together = all_metrics(stack, q=q, replicas=5)
    for r in range(5):
        alone = all_metrics(parts[r % 2], q=q[r : r + 1], replicas=1)
        for metric, values in alone.items():
            np.testing.assert_allclose(together[metric][r], values[0], rtol=1e-12, err_msg=metric)
    bits = RNG.integers(0, 2, (5, 64, stack.n_bits)).astype(np.uint8)
    drawn = all_metrics(stack, bits=bits, replicas=5)
    for r in range(5):
        alone = all_metrics(parts[r % 2], bits=bits[r : r + 1], replicas=1)
        for metric, values in alone.items():
            np.testing.assert_allclose(drawn[metric][r], values[0], rtol=1e-12, err_msg=metric)


def test_a_cost_table_has_no_data_and_says_so_with_nan():
    row = all_metrics(problem_from_costs(np.arange(8.0)), q=draw_q(3))
    undefined = {m for m in LOGGED if np.isnan(row[m]).all()}
    assert undefined == {
        *("nll_test", "predictive_nll_train", "predictive_nll_test"),
        *("accuracy_train", "accuracy_test", "tie_share", "iw_bound"),
    }
    assert np.isfinite(row["nll_train"]).all()


def test_no_test_examples():
    row = all_metrics(make(n_test=0), q=draw_q(9))
    assert np.isnan(row["accuracy_test"]).all()
    assert np.isfinite(row["accuracy_train"]).all()


def test_drawn_strings_give_estimates_whose_errors_are_right():
    """Over 200 draws of 256 strings: the mean is the exact value within 4 standard errors, the spread is as stated.

    A false alarm has probability below 1e-3 over all comparisons together.
    """
    task = make()
    q = draw_q(task.n_bits, 1)
    exact = all_metrics(task, q=q, replicas=1)
    draws = RNG.choice(q.shape[1], p=q[0], size=(200, 256))
    log_q = np.log(q[0][draws])
    row = all_metrics(task, bits=from_index(draws, task.n_bits), log_q=log_q, replicas=200)
    for name in (name for name in WITH_ERROR if name not in ("loss", "tie_share", "iw_bound")):
        values, truth = row[name], exact[name][0]
        bias = 0.01 if name.startswith("predictive") else 0.0  # −log of a mean is biased by O(1/S)
        if name.startswith("accuracy"):  # jumps where a vote is near a tie: no error is exact there
            assert abs(values.mean() - truth) < values.std() + 0.02, name
            assert 0.6 < np.sqrt((row[f"{name}_se"] ** 2).mean()) / values.std() < 1.6, name
            continue
        assert abs(values.mean() - truth) < 4 * values.std() / np.sqrt(200) + bias, name
        stated = np.sqrt((row[f"{name}_se"] ** 2).mean())
        assert 0.8 < stated / values.std() < 1.25, name
    assert np.isnan(row["kl_posterior"]).all()
    unknown = all_metrics(task, bits=from_index(draws[:3], task.n_bits), replicas=3)
    for name in ("entropy_bits", "kl_prior", "kl_posterior", "elbo", "iw_bound"):
        assert np.isnan(unknown[name]).all(), name
        assert np.isnan(unknown.get(f"{name}_se", np.nan)).all(), name


def test_votes_that_cannot_turn_have_no_error_and_single_draws_none_that_is_known():
    task = make()
    bits = np.repeat(RNG.integers(0, 2, (2, 1, task.n_bits)).astype(np.uint8), 50, axis=1)
    row = all_metrics(task, bits=bits, replicas=2)
    single = all_metrics(task, bits=bits[:, :1], replicas=2)
    for name in ("accuracy_train_se", "accuracy_test_se", "tie_share_se"):
        assert row[name].tolist() == [0.0, 0.0], name
        assert np.isnan(single[name]).all(), name


@pytest.mark.parametrize("classes", [2, 3])
def test_errors_of_votes_are_those_of_the_multinomial_bootstrap(classes):
    """Beside 4000 multinomial resamples, over 20 sets of draws; the 64 multipliers scatter by 9 % each."""
    from qhn_core.analysis.scores import accuracy_with_ties
    from qhn_core.analysis.vote_errors import vote_errors

    n, functions, draws = 40, 25, 400
    ratios = []
    for _ in range(20):
        p = RNG.dirichlet(np.ones(classes), size=(functions, n))
        y, counts = RNG.integers(0, classes, n), RNG.multinomial(draws, RNG.dirichlet(np.ones(functions)))
        reference = np.zeros(n, dtype=np.int64)
        values = p.transpose(0, 2, 1)[:, : 1 if classes == 2 else classes]
        share = counts / draws
        mean = np.einsum("u,ucn->cn", share, values)
        error = np.sqrt((np.einsum("u,ucn->cn", share, values**2) - mean**2) / (draws - 1))
        pieces = [slice(0, 10), slice(10, 25)]
        found, _ = vote_errors(lambda part, v=values: v[part], pieces, counts, mean, error, reference, y)
        votes = np.einsum("ru,unc->rnc", RNG.multinomial(draws, share, size=4000) / draws, p)
        ratios.append(found / accuracy_with_ties(votes, y).std())
    assert 0.9 < np.mean(ratios) < 1.1
    assert 0.7 < min(ratios) <= max(ratios) < 1.4


def test_untabulated_problems_report_what_draws_can_tell():
    data = dataset("moons", n_train=10, n_test=30)
    task = problem(network("mlp", layers=(2, 2, 1), activation="sign"), data, tabulate=False)
    twin = problem(network("mlp", layers=(2, 2, 1), activation="sign"), data)
    bits = RNG.integers(0, 2, (2, 100, 9)).astype(np.uint8)
    row, known = all_metrics(task, bits=bits, replicas=2), all_metrics(twin, bits=bits, replicas=2)
    for name in LOGGED:
        if name in ("cost_gap", "success"):
            assert np.isnan(row[name]).all()
        else:
            np.testing.assert_allclose(row[name], known[name], rtol=1e-10, err_msg=name)


def test_needs_probabilities_or_draws():
    with pytest.raises(InvalidArgument, match="drawn strings"):
        all_metrics(problem_from_costs(np.arange(8.0)))


def test_gamma_is_the_losses():
    task, q = make(), draw_q(9)
    assert not np.allclose(all_metrics(task, q=q, gamma=2.0)["mmd2"], all_metrics(task, q=q)["mmd2"])
    np.testing.assert_allclose(all_metrics(task, q=q, gamma=2.0)["mmd2"][1], slow(task, q[1], 2.0)["mmd2"], rtol=1e-10)
    mixture = all_metrics(task, q=q, gamma=(0.5, 2.0))["mmd2"][2]
    np.testing.assert_allclose(mixture, (slow(task, q[2], 0.5)["mmd2"] + slow(task, q[2], 2.0)["mmd2"]) / 2, rtol=1e-10)


def test_mean_and_error_of_one_draw_has_no_error():
    mean, error = mean_and_error(np.array([[2.0], [3.0]]))
    assert mean.tolist() == [2.0, 3.0]
    assert np.isnan(error).all()


def test_marginals_and_top_strings():
    q = draw_q(5, 2)
    strings = every_string(5)
    np.testing.assert_allclose(marginals(q), q @ strings, rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(marginals(q[0]), q[0] @ strings, rtol=1e-12, atol=1e-15)
    top = top_strings(q[1], count=4)
    order = np.argsort(-q[1])[:4]
    np.testing.assert_array_equal(top.bits, strings[order])
    np.testing.assert_array_equal(top.probability, q[1][order])
    assert top_strings(np.full(8, 1 / 8), count=3).bits.tolist() == [[0, 0, 0], [0, 0, 1], [0, 1, 0]]
    assert len(top_strings(np.full(4, 0.25), count=99).probability) == 4


def test_marginals_and_top_of_draws():
    bits = np.array([[0, 1], [0, 1], [1, 1], [1, 0]], dtype=np.uint8)
    assert marginals_of_draws(bits).tolist() == [0.5, 0.75]
    top = top_draws(bits, count=2)
    assert top.bits.tolist() == [[0, 1], [1, 0]]
    assert top.probability.tolist() == [0.5, 0.25]


@pytest.mark.parametrize(
    "call", [lambda: marginals(np.ones(6)), lambda: top_strings(np.ones((2, 4))), lambda: top_draws(np.ones(3))]
)
def test_wrong_shapes_are_refused(call):
    with pytest.raises(InvalidArgument, match="shape"):
        call()


def test_split_without_data_is_empty():
    assert SplitScores(problem_from_costs(np.arange(4.0)), "test").of_probabilities(draw_q(2)) == {}


def test_the_importance_weighted_bound_is_the_enumerated_one():
    """K = 2 against the expectation over all pairs, 20,000 estimates, within five standard errors."""
    task = problem(network("mlp", layers=(2, 2, 1), bias=False), dataset("xor", n_train=8, n_test=1, label_noise=0.2))
    rng = np.random.default_rng(5)
    q = rng.dirichlet(np.ones(2**task.n_bits))
    log_w = task.log_prior - task.nll - np.log(q)
    pairs = np.logaddexp(log_w[:, None], log_w[None, :]) - np.log(2.0)
    exact = {1: q @ log_w, 2: q @ pairs @ q}
    drawn = rng.choice(len(q), size=(20_000, 2), p=q)
    found, _ = importance_weighted_bound(log_w[drawn])
    assert abs(found.mean() - exact[2]) < 5.0 * found.std() / np.sqrt(len(found))
    many, errors = importance_weighted_bound(log_w[rng.choice(len(q), size=(400, 1024), p=q)])
    assert exact[1] < exact[2] < many.mean() <= task.log_evidence + 3.0 * many.std() / 20.0
    np.testing.assert_allclose(errors.mean(), many.std(), rtol=0.2)


def test_the_importance_weighted_bound_of_a_row_is_that_of_its_draws():
    task = make()
    bits = RNG.integers(0, 2, (2, 50, task.n_bits)).astype(np.uint8)
    log_q = np.log(RNG.random((2, 50)))
    row = all_metrics(task, bits=bits, log_q=log_q, replicas=2)
    weights = np.exp(task.prior.log_prob(bits) - task.nll_at(bits) - log_q)
    np.testing.assert_allclose(row["iw_bound"], np.log(weights.mean(axis=1)))
    np.testing.assert_allclose(row["iw_bound_se"], weights.std(axis=1, ddof=1) / np.sqrt(50) / weights.mean(axis=1))
    assert (row["iw_bound"] > row["elbo"]).all()
    assert np.isnan(all_metrics(task, q=draw_q(task.n_bits))["iw_bound"]).all()
