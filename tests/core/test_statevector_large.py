"""The exact engine at its limit, 22 and 24 qubits, against answers known without a simulator."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

import qhn_core as qhn
from qhn_core.circuits.circuit import Circuit, Gate
from qhn_core.errors import TooLarge

Array = NDArray[np.float64]
#: Largest error of q beside its largest value, and of a gradient beside √(E_q g²): rounding, and as documented.
ERRORS = {"float64": (1e-13, 1e-13), "float32": (2e-5, 2e-6)}
SIZES = pytest.mark.parametrize("n", [22, 24])
PRECISIONS = pytest.mark.parametrize("dtype", ERRORS)


def there_and_back(n: int) -> Circuit:
    """RY(θ_i) on every wire, then V and its inverse, whose angles (further parameters) must not show.

    V is RY and RZ on every wire, one IsingZZ across and a CNOT ladder. A full turn on every wire, which is −1 each,
    keeps the compiler from seeing that V and its inverse cancel.
    """
    turn, phase, pair = n, 2 * n, 3 * n
    ladder = [Gate("CNOT", (i, i + 1)) for i in range(n - 1)]
    gates = [Gate("RY", (i,), i) for i in range(n)]
    gates += [Gate("RY", (i,), turn + i) for i in range(n)]
    gates += [Gate("RZ", (i,), phase + i) for i in range(n)]
    gates += [Gate("IsingZZ", (0, n - 1), pair), *ladder]
    gates += [Gate("RY", (i,), None, 1.0, 2 * np.pi) for i in range(n)]
    gates += [*reversed(ladder), Gate("IsingZZ", (0, n - 1), pair, -1.0)]
    gates += [Gate("RZ", (i,), phase + i, -1.0) for i in range(n)]
    gates += [Gate("RY", (i,), turn + i, -1.0) for i in range(n)]
    return Circuit(n, gates)


def products(ones: Array) -> Array:
    """Product of Bernoulli distributions with P(bit_i = 1) = ones_i: (2**n,)."""
    q = np.ones(1)
    for one in ones:
        q = np.multiply.outer(q, [1 - one, one]).ravel()
    return q


def linear_costs(prices: Array) -> Array:
    """Σ_i prices_i·bit_i of every string: (2**n,)."""
    costs = np.zeros(1)
    for price in prices:
        costs = np.add.outer(costs, [0.0, price]).ravel()
    return costs


@SIZES
@PRECISIONS
def test_a_product_state_and_the_gradient_of_a_linear_cost(n: int, dtype: str) -> None:
    """q = Π Bernoulli(sin²(θ_i/2)); ∂_θi Σ q Σ_j c_j bit_j = ½ c_i sin θ_i; and 0 by the angles that cancel."""
    rng = np.random.default_rng(n)
    circuit = there_and_back(n)
    theta = rng.uniform(0, 2 * np.pi, circuit.n_params)
    angles, prices = theta[:n], rng.normal(size=n)
    costs = linear_costs(prices)
    engine = qhn.engine("statevector", dtype=dtype)
    found = engine.evaluate(circuit, theta[None], lambda q: (costs[None], None))
    q, gradient = found.probs[0], found.gradient[0]
    of_q, of_gradient = ERRORS[dtype]
    assert abs(q.sum() - 1) < of_q
    expected = products(np.sin(angles / 2) ** 2)
    size = float(np.sqrt(expected @ costs**2))
    largest = float(expected.max())
    expected -= q
    assert np.abs(expected, out=expected).max() < of_q * largest
    slopes = np.concatenate([prices * np.sin(angles) / 2, np.zeros(circuit.n_params - n)])
    np.testing.assert_allclose(gradient, slopes, rtol=0, atol=of_gradient * size)


@SIZES
@PRECISIONS
def test_a_ladder_from_one_turned_wire_has_two_strings(n: int, dtype: str) -> None:
    """cos(θ/2)|0…0⟩ + sin(θ/2)|1…1⟩, by ``probs`` and ``gradient``, which every other call goes through, too."""
    circuit = Circuit(n, [Gate("RY", (0,), 0), *(Gate("CNOT", (i, i + 1)) for i in range(n - 1))])
    engine = qhn.engine("statevector", dtype=dtype)
    q = engine.probs(circuit, [1.1])
    of_q, of_gradient = ERRORS[dtype]
    np.testing.assert_allclose(q[[0, -1]], [np.cos(0.55) ** 2, np.sin(0.55) ** 2], rtol=0, atol=of_q)
    assert np.count_nonzero(q) == 2
    del q
    g = np.zeros(2**n)
    g[0], g[-1] = 3.0, 5.0
    assert engine.gradient(circuit, [1.1], g)[0] == pytest.approx(np.sin(1.1), abs=4 * of_gradient)


@pytest.mark.parametrize("call", ["probs", "gradient", "sample", "draw"])
def test_beyond_it_the_refusal_is_immediate_and_names_the_remedy(call: str) -> None:
    circuit = Circuit(25, (Gate("RY", (0,), 0),))
    further = {"gradient": ([0.0],), "sample": (1, None), "draw": (1, None)}.get(call, ())
    with pytest.raises(TooLarge, match=r"at most 24 qubits.*has 25.*smaller network, or a device"):
        getattr(qhn.engine("statevector"), call)(circuit, [0.1], *further)
