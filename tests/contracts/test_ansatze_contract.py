"""What holds of every registered ansatz, whatever it is."""

import numpy as np
import pytest
from pydantic import ValidationError

from qhn_core.ansatze import ANSATZE, initial_angles
from qhn_core.circuits.circuit import Circuit
from qhn_core.errors import InvalidArgument

SIZES = (1, 2, 3, 5)


def configs(name):
    """Every accepted combination of layers and hadamard."""
    found = []
    for layers in (1, 2, 4):
        for hadamard in (False, True):
            try:
                found.append(ANSATZE.make(name, layers=layers, hadamard=hadamard))
            except InvalidArgument:
                continue
    return found


def slow_probs(circuit: Circuit, theta):
    """q by dense gate matrices on the state tensor, axis = wire."""
    state = np.zeros((2,) * circuit.n_qubits, dtype=complex)
    state[(0,) * circuit.n_qubits] = 1.0
    for gate in circuit.gates:
        half = (gate.angle(theta) if gate.is_rotation else 0.0) / 2
        c, s = np.cos(half), np.sin(half)
        phase = np.exp(-1j * half)
        matrix = {
            "RX": np.array([[c, -1j * s], [-1j * s, c]]),
            "RY": np.array([[c, -s], [s, c]]),
            "RZ": np.diag([phase, phase.conj()]),
            "Hadamard": np.array([[1, 1], [1, -1]]) / np.sqrt(2),
            "CNOT": np.eye(4)[[0, 1, 3, 2]],
            "CZ": np.diag([1, 1, 1, -1]),
            "IsingZZ": np.diag([phase, phase.conj(), phase.conj(), phase]),
        }[gate.name]
        k = len(gate.wires)
        state = np.tensordot(matrix.reshape((2,) * (2 * k)), state, (range(k, 2 * k), gate.wires))
        state = np.moveaxis(state, range(k), gate.wires)
    return np.abs(state.ravel()) ** 2


@pytest.mark.parametrize("name", ANSATZE.names())
def test_label_help_and_bounds_for_forms(name):
    config = ANSATZE[name]
    assert config.label
    assert config.__doc__
    for field in config.model_fields.values():
        assert field.description or field.annotation.__args__ == (name,)
    assert configs(name)
    with pytest.raises(ValidationError):
        config.model_validate({"name": name, "depth": 3})


@pytest.mark.parametrize("name", ANSATZE.names())
def test_parameters_are_numbered_in_gate_order_and_all_used(name):
    for config in configs(name):
        for n in SIZES:
            circuit = config.build(n)
            slots = [g.param for g in circuit.gates if g.param is not None]
            assert slots == list(range(circuit.n_params))
            assert circuit.n_params >= n
            assert circuit.content_hash == config.build(n).content_hash


@pytest.mark.parametrize("name", ANSATZE.names())
def test_probabilities_move_with_the_angles(name):
    """A circuit whose q is the same at any θ cannot learn; such options must be refused instead."""
    for config in configs(name):
        for n in SIZES:
            circuit = config.build(n)
            q = [slow_probs(circuit, row) for row in initial_angles(circuit, replicas=3, seed=n)]
            assert max(np.abs(q[0] - q[1]).sum(), np.abs(q[0] - q[2]).sum()) > 1e-3, (config, n)
            assert all(abs(p.sum() - 1) < 1e-12 for p in q)


@pytest.mark.parametrize("name", ANSATZE.names())
def test_small_angles_after_hadamards_are_near_uniform(name):
    for config in configs(name):
        if config.hadamard:
            circuit = config.build(3)
            q = slow_probs(circuit, initial_angles(circuit, kind="normal", scale=1e-4)[0])
            np.testing.assert_allclose(q, 1 / 8, atol=1e-2)


@pytest.mark.parametrize("name", ANSATZE.names())
def test_draws_every_parameter_once(name):
    for config in configs(name):
        circuit = config.build(3)
        text = circuit.draw()
        shown = [text.count(f"θ{k})") for k in range(circuit.n_params)]
        twice = [1 + (circuit.gates[positions[0]].name == "IsingZZ") for positions in circuit.occurrences]
        assert shown == twice
