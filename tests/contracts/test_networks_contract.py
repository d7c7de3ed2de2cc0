"""Every registered network: probabilities, labels, saving, and its function table against string by string."""

from __future__ import annotations

import json

import numpy as np
import pytest

from qhn_core.analysis.predictive import Predictive
from qhn_core.bitstrings import every_string
from qhn_core.datasets.base import Dataset
from qhn_core.networks import NETWORKS
from qhn_core.networks.functions import EnumeratedFunctions
from qhn_core.problems.problem import problem

#: Small settings of each network, so that all its strings can be listed; a new network is tested as it comes.
SMALL = {
    "mlp": [{"layers": (2, 2, 1)}, {"layers": (2, 3)}, {"layers": (1, 2, 2, 1), "activation": "tanh"}],
    "mlp_superposed": [
        {"layers": (2, 2, 1), "choose_width": True},
        {"layers": (2, 2), "choose_activation": False, "choose_alphabet": True},
    ],
}
CASES = [(name, options) for name in NETWORKS.names() for options in SMALL.get(name, [{}])]


def inputs(net, n=9):
    return np.random.default_rng(4).normal(size=(n, net.n_inputs))


@pytest.mark.parametrize("name", NETWORKS.names())
def test_forms_can_be_made(name):
    variant = NETWORKS[name]
    assert variant.label
    for field, info in variant.model_fields.items():
        assert field == "name" or info.description, f"{name}.{field} has no help text"


@pytest.mark.parametrize(("name", "options"), CASES)
def test_probabilities_and_labels(name, options):
    net = NETWORKS.make(name, **options)
    bits = np.random.default_rng(0).integers(0, 2, size=(6, net.n_bits))
    p = net.predict_proba(bits, inputs(net))
    assert p.shape == (6, 9, net.n_classes)
    assert (p >= 0).all()
    np.testing.assert_allclose(p.sum(axis=-1), 1.0, atol=1e-12)
    np.testing.assert_allclose(np.log(p), net.log_proba(bits, inputs(net)), atol=1e-9)
    assert len(set(net.bit_labels)) == net.n_bits
    # A string's prediction does not depend on its neighbours.
    np.testing.assert_allclose(net.predict_proba(bits[2:3], inputs(net)[4:5])[0, 0], p[2, 4], atol=1e-12)
    assert net.predict_proba(bits[:0], inputs(net)).shape == (0, 9, net.n_classes)


@pytest.mark.parametrize(("name", "options"), CASES)
def test_the_labels_alone_have_the_same_bits(name, options):
    net = NETWORKS.make(name, **options)
    bits = np.random.default_rng(0).integers(0, 2, size=(7, net.n_bits))
    x, y = inputs(net, 300), np.random.default_rng(1).integers(0, net.n_classes, 300)
    every = net.log_proba(bits, x)
    np.testing.assert_array_equal(net.log_likelihood(bits, x, y), np.stack([row[np.arange(300), y] for row in every]))


@pytest.mark.parametrize(("name", "options"), CASES)
def test_saved_and_loaded_predicts_the_same(name, options):
    net = NETWORKS.make(name, **options)
    again = NETWORKS.parse(json.loads(net.model_dump_json()))
    assert again == net
    bits = np.random.default_rng(0).integers(0, 2, size=(6, net.n_bits))
    np.testing.assert_array_equal(net.log_proba(bits, inputs(net)), again.log_proba(bits, inputs(net)))


@pytest.mark.parametrize(("name", "options"), CASES)
def test_function_table_predicts_as_each_string(name, options):
    net = NETWORKS.make(name, **options)
    if net.n_bits > 14:
        net = NETWORKS.make(name, **options, layers=(2, 2, 1))
    x = inputs(net)
    every = net.log_proba(every_string(net.n_bits), x)
    for table in (net.functions(x), EnumeratedFunctions(net, x)):
        assert table.group_of.shape == (2**net.n_bits,)
        assert set(np.unique(table.group_of)) <= set(range(table.n_functions))
        found = np.full((table.n_functions, net.n_classes, len(x)), np.nan)
        for block in table.blocks():
            for start, stop in table.chunks(block):
                found[start:stop, :, block.examples] = block.log_proba(start, stop)
        np.testing.assert_allclose(found[table.group_of].transpose(0, 2, 1), every, atol=1e-9)
        y = np.arange(len(x)) % net.n_classes
        np.testing.assert_allclose(
            table.nll(y)[table.group_of], -every[:, np.arange(len(x)), y].sum(axis=1), rtol=1e-10
        )


@pytest.mark.parametrize(("name", "options"), CASES)
def test_problem_and_predictive_work(name, options):
    net = NETWORKS.make(name, **options)
    x = inputs(net)
    y = np.arange(len(x)) % net.n_classes
    data = Dataset("drawn", x, y, x[::-1].copy(), y, source="", class_names=tuple(map(str, range(net.n_classes))))
    p = problem(net, data)
    q = np.random.default_rng(1).dirichlet(np.full(2**p.n_bits, 0.1), size=2)
    expected = np.einsum("bw,wnc->bnc", q, net.predict_proba(every_string(net.n_bits), data.x_test))
    np.testing.assert_allclose(Predictive(p).proba(q), expected, atol=1e-9)
