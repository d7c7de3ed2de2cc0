"""Problems: the likelihood table against string-by-string evaluation, evidence, cache, cancellation, refusals."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import qhn_core as qhn
from qhn_core.bitstrings import every_string, index_of
from qhn_core.datasets.base import Dataset
from qhn_core.errors import Cancelled, InvalidArgument, QHNError, TooLarge, Unsupported
from qhn_core.networks.functions import EnumeratedFunctions, RowHash
from qhn_core.networks.mlp import MLP
from qhn_core.problems.problem import problem, problem_from_costs
from qhn_core.problems.stack import stack_problems
from qhn_core.problems.tabulate import TableCache, likelihood_table


def random_data(d: int, classes: int, n: int, seed: int = 0) -> Dataset:
    rng = np.random.default_rng(seed)
    return Dataset(
        name="random",
        x_train=rng.normal(size=(n, d)),
        y_train=rng.integers(0, classes, size=n),
        x_test=rng.normal(size=(7, d)),
        y_test=rng.integers(0, classes, size=7),
        source="drawn for a test",
        class_names=tuple(map(str, range(classes))),
    )


def one_by_one(network: MLP, data: Dataset) -> np.ndarray:
    """ℓ of every string, each evaluated alone."""
    at = np.arange(len(data.y_train))
    return np.array(
        [
            -network.log_proba(bits[None], data.x_train)[0, at, data.y_train].sum()
            for bits in every_string(network.n_bits)
        ]
    )


SHAPES = [(1, 1), (3, 1), (2, 3), (2, 2, 1), (3, 2, 1), (2, 1, 2), (2, 2, 2), (1, 2, 2, 1), (1, 1, 2, 1, 2), (1, 3, 1)]


@given(
    layers=st.sampled_from(SHAPES),
    activation=st.sampled_from(["sign", "tanh", "relu", "sigmoid"]),
    alphabet=st.sampled_from([(-1.0, 1.0), (0.0, 1.0), (1.0, -1.0), (-0.3, 0.7)]),
    bias=st.booleans(),
    scale=st.sampled_from([1.0, 0.5, 7.0]),
    seed=st.integers(0, 5),
)
@settings(max_examples=40, deadline=None)
def test_table_is_the_network_evaluated_string_by_string(layers, activation, alphabet, bias, scale, seed):
    network = MLP(layers=layers, activation=activation, alphabet=alphabet, bias=bias, output_scale=scale)
    data = random_data(layers[0], network.n_classes, 11, seed)
    np.testing.assert_allclose(
        likelihood_table(network, data, cache=False), one_by_one(network, data), rtol=1e-10, atol=1e-10
    )


@pytest.mark.parametrize("layers", [(2, 3, 1), (2, 2, 3), (2, 2, 2, 1), (4, 1)])
def test_structure_and_enumeration_give_the_same_table_and_structure_merges_strings(layers):
    network, data = MLP(layers=layers), random_data(layers[0], max(2, layers[-1]), 30)
    own, slow = network.functions(data.x_train), EnumeratedFunctions(network, data.x_train)
    assert slow.n_functions <= own.n_functions <= 2**network.n_bits
    if len(layers) > 2:
        assert own.n_functions < 2**network.n_bits / 2
    y = data.y_train
    np.testing.assert_allclose(own.nll(y)[own.group_of], slow.nll(y)[slow.group_of], rtol=1e-10)


def test_blocks_of_examples_and_symmetry_matching_change_nothing(monkeypatch):
    network, data = MLP(layers=(3, 2, 1), activation="tanh"), random_data(3, 2, 50)
    expected = likelihood_table(network, data, cache=False)
    monkeypatch.setattr("qhn_core.networks.functions.HELD", 200)
    monkeypatch.setattr("qhn_core.networks.functions.CHUNK", 100)
    np.testing.assert_allclose(likelihood_table(network, data, cache=False), expected, rtol=1e-12)
    monkeypatch.setattr("qhn_core.networks.mlp_functions.COMPARED", 0)
    np.testing.assert_allclose(likelihood_table(network, data, cache=False), expected, rtol=1e-12)
    relu = MLP(layers=(3, 2, 1), activation="relu")
    np.testing.assert_allclose(likelihood_table(relu, data, cache=False), one_by_one(relu, data), rtol=1e-10)


def test_points_on_a_boundary_do_not_depend_on_the_order_of_summation():
    # 0.1 + 0.2 - 0.3 is 0 or 5.6e-17 by the order of its terms; the table sums in another order than the network.
    network = MLP(layers=(3, 2, 1), bias=False)
    data = random_data(3, 2, 4)
    data.x_train[:] = [[0.1, 0.2, 0.3], [0.3, 0.1, 0.2], [0.3, 0.2, 0.1], [0.7, 0.1, 0.6]]
    np.testing.assert_allclose(likelihood_table(network, data, cache=False), one_by_one(network, data), rtol=1e-12)


def test_rows_that_differ_get_different_groups():
    values = np.array([[1.0, 2.0], [2.0, 1.0], [1.0, 2.0 + 1e-13], [1.0, 2.0 + 1e-9], [0.0, 0.0]])
    seen = RowHash(5)
    for column in range(2):
        seen.add(slice(None), values[:, column : column + 1], seen.columns(1))
    members, group = seen.groups()
    assert group.tolist() == [0, 1, 0, 2, 3]
    assert members.tolist() == [0, 1, 3, 4]


def test_evidence_and_posterior_by_the_definition():
    p = problem("mlp", {"name": "xor", "n_train": 20}, {"name": "bernoulli", "rho": 0.3})
    joint = p.log_prior - p.nll
    top = joint.max()
    assert p.log_evidence == pytest.approx(top + np.log(np.exp(joint - top).sum()), abs=1e-12)
    assert p.posterior.sum() == pytest.approx(1.0, abs=1e-12)
    np.testing.assert_allclose(np.log(p.posterior), p.log_posterior, atol=1e-9)
    assert p.best == (int(np.argmin(p.nll)), float(p.nll.min()))
    assert p.table is not None
    assert p.n_train == 20


def test_nll_at_looks_up_and_evaluates_alike():
    rng = np.random.default_rng(1)
    bits = rng.integers(0, 2, size=(3, 40, 13)).astype(np.uint8)
    table, drawn = problem("mlp", "xor"), problem("mlp", "xor", tabulate=False)
    assert drawn.table is None
    expected = table.nll[index_of(bits)]
    np.testing.assert_array_equal(table.nll_at(bits), expected)
    for _ in range(2):  # evaluated, then remembered
        np.testing.assert_allclose(drawn.nll_at(bits), expected, rtol=1e-12)
    with pytest.raises(Unsupported, match="not tabulated"):
        _ = drawn.log_evidence


def test_unique_strings_are_evaluated_once(monkeypatch):
    drawn = problem("mlp", "xor", tabulate=False)
    evaluated, inner = [], MLP.log_likelihood

    def counted(self, bits, x, y):
        evaluated.append(len(bits))
        return inner(self, bits, x, y)

    monkeypatch.setattr(MLP, "log_likelihood", counted)
    bits = np.zeros((2, 50, 13), dtype=np.uint8)
    bits[1, :, 0] = 1
    drawn.nll_at(bits)
    drawn.nll_at(bits)
    bits[0, 0, 1] = 1
    drawn.nll_at(bits)
    assert evaluated == [2, 1]


def test_n_24_without_a_table_works_and_with_one_is_refused_with_memory_and_remedy():
    network = qhn.network("mlp", layers=(3, 4, 1))
    data = random_data(3, 2, 10)
    assert network.n_bits == 21
    with pytest.raises(TooLarge, match=r"21 binary weights.*83\.9 MB.*sampling estimator"):
        problem(network, data)
    bits = np.random.default_rng(0).integers(0, 2, size=(5, 21)).astype(np.uint8)
    values = problem(network, data, tabulate=False).nll_at(bits)
    expected = -network.log_proba(bits, data.x_train)[:, np.arange(10), data.y_train].sum(axis=1)
    np.testing.assert_allclose(values, expected, rtol=1e-12)


def test_progress_rises_to_one_and_cancel_stops():
    network, data = MLP(layers=(12, 1)), random_data(12, 2, 2000)
    seen: list[float] = []
    likelihood_table(network, data, progress=seen.append, cache=False)
    assert len(seen) > 5
    assert seen == sorted(seen)
    assert seen[-1] == 1.0
    calls = iter(range(1000))
    with pytest.raises(Cancelled):
        likelihood_table(network, data, cancelled=lambda: next(calls) > 3, cache=False)


def test_cache_is_by_content_bounded_and_read_only(monkeypatch):
    cache = TableCache(max_bytes=3 * 8 * 2**5)
    monkeypatch.setattr("qhn_core.problems.tabulate.TABLES", cache)
    network = MLP(layers=(4, 1))
    first = problem(network, random_data(4, 2, 10, seed=0))
    assert problem(network, random_data(4, 2, 10, seed=0)).nll is first.nll
    assert problem(network, random_data(4, 2, 10, seed=0), cache=False).nll is not first.nll
    assert problem(MLP(layers=(4, 1), output_scale=2.0), random_data(4, 2, 10, seed=0)).nll is not first.nll
    with pytest.raises(ValueError, match="read-only"):
        first.nll[0] = 1.0
    for seed in range(1, 4):
        problem(network, random_data(4, 2, 10, seed=seed))
    assert problem(network, random_data(4, 2, 10, seed=0)).nll is not first.nll


def test_cache_between_threads():
    network, data = MLP(layers=(2, 3, 1)), random_data(2, 2, 20)
    expected, found = likelihood_table(network, data, cache=False), []
    threads = [threading.Thread(target=lambda: found.append(problem(network, data).nll)) for _ in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert len(found) == 8
    assert all(np.array_equal(table, expected) for table in found)


def test_stack_has_one_problem_a_replica():
    parts = [problem("mlp", {"name": "xor", "seed": s}) for s in range(2)]
    stack = stack_problems(parts, replicas=5)
    assert stack.which.tolist() == [0, 1, 0, 1, 0]
    assert stack.nll.shape == stack.posterior.shape == (5, 2**13)
    np.testing.assert_array_equal(stack.nll[3], parts[1].nll)
    np.testing.assert_array_equal(stack.log_evidence, [parts[k].log_evidence for k in stack.which])
    np.testing.assert_array_equal(stack.best[0], [parts[k].best[0] for k in stack.which])
    np.testing.assert_array_equal(stack.posterior[3], parts[1].posterior)
    bits = np.random.default_rng(0).integers(0, 2, size=(5, 9, 13)).astype(np.uint8)
    np.testing.assert_array_equal(stack.nll_at(bits)[3], parts[1].nll_at(bits[3]))
    assert stack.log_prior.shape == (2**13,)
    with pytest.raises(InvalidArgument, match="one shape"):
        stack_problems([parts[0], problem("mlp", {"name": "xor", "n_train": 5})], replicas=2)


def test_costs_are_a_problem_of_their_own():
    p = problem_from_costs([3.0, 1.0, 2.0, 5.0])
    assert (p.n_bits, p.n_train, p.best) == (2, 1, (1, 1.0))
    assert p.log_evidence == pytest.approx(np.log(np.exp([-3.0, -1.0, -2.0, -5.0]).mean()))


@pytest.mark.parametrize("costs", [[1.0], [1.0, 2.0, 3.0], [[1.0, 2.0]], [], [1.0, np.nan]])
def test_bad_costs_are_refused(costs):
    with pytest.raises(InvalidArgument, match="costs"):
        problem_from_costs(costs)


@pytest.mark.parametrize(
    ("network", "dataset", "message"),
    [
        ({"name": "mlp", "layers": (3, 2, 1)}, "xor", "expected 2, the number of features"),
        ({"name": "mlp", "layers": (2, 2, 1)}, {"name": "blobs", "classes": 3}, "3 classes"),
        (None, "xor", "network"),
        ("mlp", "nothing", "expected one of"),
    ],
)
def test_what_does_not_fit_is_refused_with_the_sizes(network, dataset, message):
    with pytest.raises(QHNError, match=message):
        problem(network, dataset)


def test_prior_of_wrong_length_is_refused_before_the_table_is_made():
    with pytest.raises(InvalidArgument, match="rho"):
        problem("mlp", "xor", {"name": "bernoulli", "rho": (0.5, 0.2)})
