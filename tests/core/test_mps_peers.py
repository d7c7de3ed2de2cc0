"""The engine of matrix products against quimb, far beyond a state vector, and against PennyLane, within one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pennylane as qml
import pytest
import quimb.tensor as qtn
import torch

import qhn_core as qhn
from qhn_core.bitstrings import every_string
from qhn_core.engines.mps import profile

WIDE = [
    ("chain", 3, 60),
    ("brickwork", 2, 64),
    ("linear", 2, 65),
    ("chain", 2, 128),
    ("brickwork", 1, 130),
    ("chain", 2, 200),
]
SMALL = (
    "product",
    "chain",
    "linear",
    "ring",
    "brickwork",
    "basic_entangler",
    "strongly_entangling",
    "all_to_all",
    "iqp",
)


def operations(circuit: qhn.Circuit, theta: np.ndarray) -> list[Any]:
    """The circuit as PennyLane's operations at these angles."""
    with qml.queuing.AnnotatedQueue() as queue:
        circuit.apply(theta)
    return list(qml.tape.QuantumScript.from_queue(queue).operations)


def in_quimb(circuit: qhn.Circuit, theta: np.ndarray) -> Any:
    """The state as quimb builds it: PennyLane's matrices, gate by gate; only what is zero to rounding is cut off."""
    made = qtn.CircuitMPS(circuit.n_qubits, cutoff=1e-14)
    for operation in operations(circuit, theta):
        made.apply_gate_raw(qml.matrix(operation), tuple(operation.wires))
    return made


def amplitude(state: Any, bits: np.ndarray) -> complex:
    """⟨bits|state⟩ by quimb."""
    return complex(
        state.isel({state.site_ind(i): int(bit) for i, bit in enumerate(bits)}).contract(all, optimize="greedy")
    )


@pytest.mark.usefixtures("own_namespaces")
@pytest.mark.parametrize(("name", "layers", "n_qubits"), WIDE)
def test_wide_circuits_have_quimbs_amplitudes_and_marginals(name, layers, n_qubits):
    circuit = qhn.ansatz(name, n_qubits=n_qubits, layers=layers)
    theta = np.random.default_rng(7).uniform(0, 2 * np.pi, circuit.n_params)
    mps = qhn.engine("mps")
    strings, log_q = mps.draw(circuit, theta, 4, np.random.default_rng(1))
    peer = in_quimb(circuit, theta)
    expected = [2 * np.log(abs(amplitude(peer.psi, bits))) for bits in strings]
    np.testing.assert_allclose(log_q, expected, atol=1e-10)
    np.testing.assert_allclose(mps.log_prob(circuit, theta, strings), expected, atol=1e-10)
    some = range(0, n_qubits, 9)
    ones = [0.5 - peer.psi.magnetization(i).real for i in some]
    np.testing.assert_allclose(profile.marginals(circuit, theta)[list(some)], ones, atol=1e-10)


@pytest.mark.parametrize("name", SMALL)
@pytest.mark.parametrize("n_qubits", [4, 9])
def test_small_circuits_have_pennylanes_log_q_and_scores(name, n_qubits):
    n_qubits = min(n_qubits, 5) if name == "iqp" else n_qubits  # its bonds are the widest
    one = name in ("product", "all_to_all", "iqp")
    circuit = qhn.ansatz(name, n_qubits=n_qubits, layers=1 if one else 2)
    theta = np.random.default_rng(3).uniform(0, 2 * np.pi, circuit.n_params)
    mps = qhn.engine("mps")
    strings = every_string(n_qubits)
    weights = np.random.default_rng(5).normal(size=len(strings))

    @qml.qnode(qml.device("default.qubit", wires=n_qubits), interface="torch", diff_method="backprop")
    def node(angles):
        circuit.apply(angles)
        return qml.probs(wires=range(n_qubits))

    angles = torch.tensor(theta, requires_grad=True)
    log_q = node(angles).log()
    possible = log_q.detach().numpy() > -40.0
    (log_q[possible] * torch.tensor(weights[possible])).sum().backward()
    found = mps.log_prob(circuit, theta, strings[possible])
    np.testing.assert_allclose(found, log_q.detach().numpy()[possible], atol=1e-10)
    score = mps.score(circuit, theta, strings[possible], weights[possible])
    np.testing.assert_allclose(score, angles.grad.numpy(), rtol=1e-10, atol=1e-9)
