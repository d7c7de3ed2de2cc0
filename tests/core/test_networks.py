"""The perceptrons against an independent slow loop, their layout, symmetries and superposed architectures."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import qhn_core as qhn
from qhn_core.bitstrings import every_string
from qhn_core.errors import InvalidArgument, UnknownName
from qhn_core.problems.problem import problem

ACTIVATIONS = {
    "sign": lambda z: (z > 0) - (z < 0),
    "tanh": math.tanh,
    "relu": lambda z: max(z, 0.0),
    "sigmoid": lambda z: 1 / (1 + math.exp(-z)),
}


def slow_proba(layers, bits, x, *, bias, activation, alphabet, scale) -> list[float]:
    """One string, one example, by loops over the stated layout of bits."""
    weights = iter([alphabet[int(b)] for b in bits])
    values = [float(v) for v in x]
    for k, width in enumerate(layers[1:], start=1):
        matrix = [[next(weights) for _ in range(width)] for _ in values]
        shift = [next(weights) if bias else 0.0 for _ in range(width)]
        values = [sum(v * row[j] for v, row in zip(values, matrix, strict=True)) + shift[j] for j in range(width)]
        if k < len(layers) - 1:
            values = [ACTIVATIONS[activation](v) for v in values]
    assert next(weights, None) is None
    if len(values) == 1:
        p = 1 / (1 + math.exp(-scale * values[0]))
        return [1 - p, p]
    top = max(values)
    exps = [math.exp(scale * (v - top)) for v in values]
    return [e / sum(exps) for e in exps]


@given(
    layers=st.lists(st.integers(1, 4), min_size=2, max_size=5).map(tuple),
    activation=st.sampled_from(sorted(ACTIVATIONS)),
    alphabet=st.sampled_from([(-1.0, 1.0), (0.0, 1.0), (-0.5, 2.0)]),
    bias=st.booleans(),
    scale=st.sampled_from([0.3, 1.0, 3.0]),
    seed=st.integers(0, 1000),
)
@settings(max_examples=80, deadline=None)
def test_predictions_are_those_of_a_slow_loop(layers, activation, alphabet, bias, scale, seed):
    net = qhn.network("mlp", layers=layers, activation=activation, alphabet=alphabet, bias=bias, output_scale=scale)
    rng = np.random.default_rng(seed)
    bits, x = rng.integers(0, 2, size=(3, net.n_bits)), rng.normal(size=(2, layers[0]))
    found = net.predict_proba(bits, x)
    for s in range(3):
        for i in range(2):
            expected = slow_proba(
                layers, bits[s], x[i], bias=bias, activation=activation, alphabet=alphabet, scale=scale
            )
            np.testing.assert_allclose(found[s, i], expected, atol=1e-12)


@pytest.mark.parametrize("activation", sorted(ACTIVATIONS))
@pytest.mark.parametrize("layers", [(2, 3, 1), (3, 2, 2, 1), (2, 2, 3), (4, 1)])
@pytest.mark.parametrize("bias", [True, False])
def test_a_string_has_the_same_bits_in_every_batch(layers, activation, bias):
    """A resumed run draws the same strings in other company; its likelihoods must be the same to the last bit."""
    net = qhn.network("mlp", layers=layers, activation=activation, bias=bias, alphabet=(-0.7, 0.9))
    rng = np.random.default_rng(0)
    bits, x = rng.integers(0, 2, size=(300, net.n_bits)), rng.normal(size=(23, layers[0]))
    together = net.log_proba(bits, x)
    np.testing.assert_array_equal(np.concatenate([net.log_proba(row[None], x) for row in bits]), together)
    np.testing.assert_array_equal(net.log_proba(bits[5:42], x), together[5:42])


def test_layout_of_bits_and_labels():
    net = qhn.network("mlp", layers=(2, 3, 2))
    assert net.n_bits == len(net.bit_labels) == 17
    assert net.bit_labels[:7] == ("W1[0,0]", "W1[0,1]", "W1[0,2]", "W1[1,0]", "W1[1,1]", "W1[1,2]", "b1[0]")
    assert net.bit_labels[9:] == ("W2[0,0]", "W2[0,1]", "W2[1,0]", "W2[1,1]", "W2[2,0]", "W2[2,1]", "b2[0]", "b2[1]")
    assert qhn.network("mlp", layers=(2, 4, 1)).n_bits == 17
    assert qhn.network("mlp", layers=(2, 4, 1), bias=False).n_bits == 12


def test_a_unit_on_its_own_boundary_is_silent():
    net = qhn.network("mlp", layers=(2, 1, 1), bias=False)
    on_it = net.predict_proba([[1, 1, 1]], [[0.3, -0.3]])
    np.testing.assert_array_equal(on_it, [[[0.5, 0.5]]])


def test_sure_predictions_neither_overflow_nor_reach_minus_infinity():
    for layers in ((1, 1), (1, 3)):
        net = qhn.network("mlp", layers=layers, output_scale=100.0)
        log_p = net.log_proba(every_string(net.n_bits), [[50.0], [-50.0]])
        assert np.isfinite(log_p).all()
        assert log_p.min() < -4000
        np.testing.assert_allclose(np.exp(log_p).sum(axis=-1), 1.0)


def test_flipping_a_hidden_sign_unit_on_both_sides_changes_nothing():
    net = qhn.network("mlp", layers=(2, 3, 1))
    at = {label: i for i, label in enumerate(net.bit_labels)}
    bits = np.random.default_rng(0).integers(0, 2, size=(20, 13))
    flipped = bits.copy()
    flipped[:, [at["W1[0,1]"], at["W1[1,1]"], at["b1[1]"], at["W2[1,0]"]]] ^= 1
    x = np.random.default_rng(1).normal(size=(9, 2))
    np.testing.assert_allclose(net.log_proba(bits, x), net.log_proba(flipped, x), atol=1e-12)
    group = net.functions(x).group_of
    index = 1 << np.arange(12, -1, -1)
    np.testing.assert_array_equal(group[bits @ index], group[flipped @ index])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"layers": (2,)}, "layers"),
        ({"layers": (2, 0, 1)}, "layers"),
        ({"layers": (2,) * 9}, "layers"),
        ({"activation": "step"}, "activation"),
        ({"alphabet": (1, 1)}, "two different weights"),
        ({"alphabet": (1, 2, 3)}, "alphabet"),
        ({"output_scale": 0}, "output_scale"),
        ({"width": 3}, "width"),
    ],
)
def test_bad_options_are_refused_by_name(options, message):
    with pytest.raises(InvalidArgument, match=message):
        qhn.network("mlp", **options)


def test_bad_bits_and_inputs_are_refused():
    net = qhn.network("mlp")
    with pytest.raises(InvalidArgument, match=r"bits: expected shape \(strings, 13\)"):
        net.log_proba(np.zeros((1, 12)), np.zeros((1, 2)))
    with pytest.raises(InvalidArgument, match="entries 0 and 1"):
        net.log_proba(np.full((1, 13), 2), np.zeros((1, 2)))
    with pytest.raises(InvalidArgument, match="x: expected an array of shape"):
        net.log_proba(np.zeros((1, 13)), np.zeros((1, 3)))
    with pytest.raises(InvalidArgument, match="x: expected finite"):
        net.log_proba(np.zeros((1, 13)), [[0.0, np.nan]])


# -- superposed architectures ---------------------------------------------------------------------------------------


def superposed(**options):
    return qhn.network(
        "mlp_superposed", layers=(2, 2, 1), choose_width=True, choose_alphabet=True, other_activation="tanh", **options
    )


def test_last_bits_choose_the_architecture():
    net = superposed()
    assert net.n_bits == 9 + 3
    assert net.bit_labels[-3:] == ("activation", "width", "alphabet")
    assert net.architectures[0] == "sign, 2-2-1, weights -1/1"
    assert net.architectures[0b111] == "tanh, 2-1-1, weights 0/1"
    rng = np.random.default_rng(0)
    weights, x = rng.integers(0, 2, size=(30, 9)), rng.normal(size=(7, 2))
    for tail, options in {
        (0, 0, 0): {},
        (1, 0, 0): {"activation": "tanh"},
        (0, 0, 1): {"alphabet": (0.0, 1.0)},
        (1, 0, 1): {"activation": "tanh", "alphabet": (0.0, 1.0)},
    }.items():
        bits = np.concatenate([weights, np.tile(tail, (30, 1))], axis=1)
        plain = qhn.network("mlp", layers=(2, 2, 1), **options)
        np.testing.assert_array_equal(net.log_proba(bits, x), plain.log_proba(weights, x))
        assert (net.architecture_of(bits) == int("".join(map(str, tail)), 2)).all()


def test_a_narrow_network_ignores_the_bits_of_units_that_it_lacks():
    net = superposed()
    at = {label: i for i, label in enumerate(net.bit_labels)}
    bits = np.random.default_rng(0).integers(0, 2, size=(30, 12))
    bits[:, at["width"]] = 1
    other = bits.copy()
    other[:, [at["W1[0,1]"], at["W1[1,1]"], at["b1[1]"], at["W2[1,0]"]]] ^= 1
    x = np.random.default_rng(1).normal(size=(5, 2))
    np.testing.assert_array_equal(net.log_proba(bits, x), net.log_proba(other, x))
    other[:, at["W1[0,0]"]] ^= 1
    assert not np.array_equal(net.log_proba(bits, x), net.log_proba(other, x))


def test_probability_of_each_architecture():
    net = superposed()
    q = np.random.default_rng(0).dirichlet(np.ones(2**12), size=2)
    found = net.architecture_probabilities(q)
    which = net.architecture_of(every_string(12))
    np.testing.assert_allclose(found, [[row[which == a].sum() for a in range(8)] for row in q], atol=1e-12)
    np.testing.assert_allclose(found.sum(axis=1), 1.0)


def test_a_superposed_problem_holds_the_plain_one():
    plain = problem({"name": "mlp", "layers": (2, 2, 1)}, "xor")
    both = problem({"name": "mlp_superposed", "layers": (2, 2, 1)}, "xor")
    np.testing.assert_allclose(both.nll[0::2], plain.nll, rtol=1e-12)
    relu = problem({"name": "mlp", "layers": (2, 2, 1), "activation": "relu"}, "xor")
    np.testing.assert_allclose(both.nll[1::2], relu.nll, rtol=1e-12)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"choose_activation": False}, "at least one"),
        ({"layers": (2, 1)}, "hidden layer"),
        ({"layers": (2, 3, 1), "choose_width": True, "other_width": 3}, "less than 3"),
        ({"other_alphabet": (2, 2)}, "two different weights"),
    ],
)
def test_bad_choices_are_refused(options, message):
    with pytest.raises(InvalidArgument, match=message):
        qhn.network("mlp_superposed", **options)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_single_precision_is_as_near_as_it_says(activation):
    """On digits of 64 features, 64 networks: 2e-5 nats an example, and the same bits whatever the batch."""
    x = qhn.dataset("digits", classes=list(range(10)), side=8, n_train=300, n_test=10).x_train
    net = qhn.network("mlp", layers=(64, 16, 10), activation=activation, output_scale=0.25)
    bits = np.random.default_rng(3).integers(0, 2, (64, net.n_bits)).astype(np.uint8)
    double, single = net.log_proba(bits, x), net.log_proba(bits, x, precision="float32")
    assert single.dtype == np.float64
    assert 0.0 < np.abs(single - double).max() < 2e-5
    np.testing.assert_array_equal(net.log_proba(bits[5:9], x, precision="float32"), single[5:9])
    with pytest.raises(UnknownName, match=r"precision: expected one of float32, float64, got float16"):
        net.log_proba(bits, x, precision="float16")
