"""What the pictures over training are made of: entropies, circuits without entanglers, networks that are followed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qhn_core import Circuit, Gate, ansatz, engine, initial_angles
from qhn_core.analysis.dependence import dependence
from qhn_core.analysis.entanglement import amplitudes, entropies
from qhn_core.analysis.film import followed
from qhn_core.bitstrings import index_of
from qhn_core.circuits.entanglers import without_entanglers
from qhn_core.engines.mps.profile import entanglement
from qhn_core.engines.statevector import twin
from qhn_core.errors import InvalidArgument, TooLarge

ANSATZE = ("linear", "ring", "brickwork", "all_to_all", "strongly_entangling", "iqp", "chain")


@pytest.mark.parametrize("name", ANSATZE)
def test_amplitudes_are_those_of_the_twin_with_their_phases(name):
    circuit = ansatz(name, n_qubits=4, layers=2)
    theta = initial_angles(circuit, replicas=1, seed=3)[0]
    assert np.allclose(amplitudes(circuit, theta), twin.state(circuit, theta)[-1], atol=1e-12)


@pytest.mark.parametrize("name", ["linear", "brickwork", "chain"])
def test_entropies_of_cuts_are_those_of_the_chain_of_matrices(name):
    circuit = ansatz(name, n_qubits=6, layers=3)
    theta = initial_angles(circuit, replicas=1, seed=1)[0]
    assert np.allclose(entropies(circuit, theta).cuts, entanglement(circuit, theta).entropy, atol=1e-9)


def test_entropies_of_known_states_and_their_bounds():
    pair = Circuit(3, [Gate("Hadamard", (0,)), Gate("CNOT", (0, 1)), Gate("RY", (2,), 0)])
    found = entropies(pair, [0.7])
    assert np.allclose(found.qubits, [1.0, 1.0, 0.0], atol=1e-12)
    assert np.allclose(found.cuts, [1.0, 0.0], atol=1e-12)
    circuit = ansatz("all_to_all", n_qubits=5, layers=2)
    whole = entropies(circuit, initial_angles(circuit, replicas=1, seed=0)[0])
    assert (whole.cuts <= np.minimum(np.arange(1, 5), np.arange(4, 0, -1)) + 1e-12).all()
    assert np.isclose(whole.cuts[0], whole.qubits[0])
    assert np.isclose(whole.cuts[-1], whole.qubits[-1])
    with pytest.raises(TooLarge, match="up to 16"):
        entropies(ansatz("linear", n_qubits=17, layers=1), np.zeros(34))


@pytest.mark.parametrize("name", ANSATZE)
def test_without_entanglers_all_weights_are_independent_and_rotations_stay(name):
    circuit = ansatz(name, n_qubits=4, layers=2)
    theta = initial_angles(circuit, replicas=1, seed=5)[0]
    cut = without_entanglers(circuit)
    assert cut.n_params == circuit.n_params
    assert [gate for gate in circuit.gates if len(gate.wires) == 1] == list(cut.gates)
    q = engine("statevector").probs(cut, theta)
    assert float(dependence(q).total_correlation) < 1e-12
    assert np.allclose(entropies(cut, theta).cuts, 0.0, atol=1e-9)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(0.0, 1.0), min_size=8, max_size=8).filter(lambda q: sum(q) > 1e-3), st.integers(0, 99))
def test_followed_networks_have_a_probability_and_move_only_when_mass_moves_past_them(q, seed):
    table = np.array(q) / sum(q)
    found = index_of(followed(table, count=16, seed=seed))
    assert (table[found] > 0.0).all()
    assert np.array_equal(found, index_of(followed(3.0 * table, count=16, seed=seed))), "whatever the scale of q"
    u = np.random.default_rng(seed).random(16)
    slow = [next(w for w in range(8) if table[: w + 1].sum() > x or w == np.flatnonzero(table)[-1]) for x in u]
    assert (np.abs(found - slow) <= 0).mean() >= 15 / 16, "a sum in another order may round across one edge"


def test_followed_networks_are_draws_from_q():
    """χ² with 7 degrees of freedom; above 24.3 with probability .001 for a right sampler (fixed seed)."""
    q = np.random.default_rng(0).dirichlet(np.ones(8))
    counts = np.bincount(index_of(followed(q, count=4000, seed=1)), minlength=8)
    assert ((counts - 4000 * q) ** 2 / (4000 * q)).sum() < 24.3
    with pytest.raises(InvalidArgument, match=r"^q: expected probabilities"):
        followed(np.ones(6))
