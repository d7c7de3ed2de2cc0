"""Random nestings of ctrl, adjoint, pow and prod of PennyLane operations, against default.qubit.

Each stands between layers of rotations, so that a phase lost under a control shows in the probabilities.
"""

import numpy as np
import pennylane as qml
import pytest

from qhn_core import Circuit, engine

N = 5
NESTINGS, CHUNKS = 360, 12

FIXED = [
    *((gate, 1) for gate in (qml.X, qml.Y, qml.Z, qml.H, qml.S, qml.T, qml.SX, qml.Identity)),
    *((gate, 2) for gate in (qml.CNOT, qml.CZ, qml.CY, qml.CH, qml.SWAP, qml.ISWAP, qml.SISWAP, qml.ECR)),
    *((gate, 3) for gate in (qml.Toffoli, qml.CSWAP, qml.CCZ)),
]
TURNING = [
    *((gate, 1) for gate in (qml.RX, qml.RY, qml.RZ, qml.PhaseShift, qml.GlobalPhase)),
    *((gate, 2) for gate in (qml.IsingXX, qml.IsingYY, qml.IsingZZ, qml.IsingXY, qml.PSWAP, qml.MultiRZ)),
    *((gate, 2) for gate in (qml.CRX, qml.CRY, qml.CRZ, qml.ControlledPhaseShift, qml.SingleExcitation)),
    *((gate, 2) for gate in (qml.SingleExcitationPlus, qml.SingleExcitationMinus, qml.FermionicSWAP)),
]


def leaf(rng, wires, theta):
    """One operation on some of ``wires``: fixed, with one parameter, or an exponential."""
    kind = rng.integers(8)
    if kind == 0:
        word = qml.X(wires[0]) @ qml.Y(wires[1]) if len(wires) > 1 else qml.Z(wires[0])
        return qml.exp(word if rng.integers(2) else qml.Identity(wires[0]), 1j * (0.3 + theta[0]))
    if kind == 1:
        return qml.DiagonalQubitUnitary(np.exp(1j * rng.uniform(0, 6, 2)), wires[0])
    pool = [entry for entry in (FIXED if kind < 5 else TURNING) if entry[1] <= len(wires)]
    gate, size = pool[rng.integers(len(pool))]
    if (gate, size) in FIXED:
        return gate(wires=wires[:size])
    return gate(rng.choice([-1.5, 0.5, 1.0, 2.0]) * theta[rng.integers(2)] + rng.uniform(-2, 2), wires=wires[:size])


def nested(rng, wires, theta, depth):
    """An operation inside up to ``depth`` wrappings; controls take wires away from what is inside."""
    wrapping = rng.choice(["ctrl", "adjoint", "pow", "prod"]) if depth else "none"
    wires = [wires[k] for k in rng.permutation(len(wires))]
    if wrapping == "ctrl" and len(wires) > 1:
        count = int(rng.integers(1, min(2, len(wires) - 1) + 1))
        inside = nested(rng, wires[count:], theta, depth - 1)
        return qml.ctrl(inside, wires[:count], control_values=[bool(v) for v in rng.integers(0, 2, count)])
    if wrapping == "adjoint":
        return qml.adjoint(nested(rng, wires, theta, depth - 1))
    if wrapping == "pow":
        return qml.pow(nested(rng, wires, theta, depth - 1), int(rng.choice([-2, -1, 0, 2, 3])))
    if wrapping == "prod":
        # Of two factors: default.qubit has the matrix of three wrong where the second is on a wire of its own.
        return qml.prod(nested(rng, wires, theta, depth - 1), nested(rng, wires, theta, depth - 1))
    return leaf(rng, wires[:3], theta)


def circuit_of(seed):
    """A quantum function of theta (3,), the same at every call."""

    def function(theta):
        for wire in range(N):
            qml.RY(0.4 + wire, wire)
            qml.RX(0.3, wire)
        with qml.QueuingManager.stop_recording():
            operation = nested(np.random.default_rng(seed), list(range(N)), theta, depth=3)
        qml.apply(operation)
        for wire in range(N):
            qml.RX(theta[2] + wire, wire)

    return function


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_random_nestings_have_the_probabilities_of_default_qubit(chunk):
    for seed in range(chunk, NESTINGS, CHUNKS):
        function = circuit_of(seed)
        circuit = Circuit.from_pennylane(function, 3, n_qubits=N)
        theta = np.random.default_rng([seed, 1]).uniform(-7, 7, 3)

        @qml.qnode(qml.device("default.qubit", wires=N))
        def right(angles, function=function):
            function(angles)
            return qml.probs(wires=range(N))

        np.testing.assert_allclose(
            engine("statevector").probs(circuit, theta), right(theta), atol=1e-9, err_msg=f"seed {seed}"
        )


def test_the_nestings_reach_what_they_are_for():
    """Phases under controls, in a good part of the nestings; controls within controls; powers and adjoints of both."""
    texts = []
    for seed in range(NESTINGS):
        with qml.queuing.AnnotatedQueue() as queue:
            circuit_of(seed)(np.array([0.3, 0.7, 0.2]))
        texts.append(str(queue.queue[2 * N]))
    assert sum("ontrolled" in text or "C" in text for text in texts) > NESTINGS / 2
    assert all(sum(word in text for text in texts) > 20 for word in ("Adjoint", "**", "@", "Phase"))
