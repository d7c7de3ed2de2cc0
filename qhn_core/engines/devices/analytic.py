"""Exact probabilities, gradients and draws from PennyLane's own simulators.

PennyLane records operations on one process-wide stack, so that two threads that build circuits at once would find
each other's gates in theirs: everything here holds one lock.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qhn_core.circuits.circuit import Circuit, Gate
from qhn_core.circuits.pennylane import PENNYLANE_LOCK
from qhn_core.engines.base import Evaluation
from qhn_core.engines.devices.noise import Noise, two_qubit_kraus
from qhn_core.extras import require

Array = NDArray[np.float64]
#: Memory for one batch of states, bytes; larger batches are split.
BATCH_BYTES = 256 << 20
#: Backprop holds every intermediate state: where one replica's are more than this, bytes, adjoint takes its place
#: (parameter shift for density matrices).
BACKPROP_BYTES = 2 << 30


class Analytic:
    """One of PennyLane's exact simulators.

    Args:
        device: default.qubit, lightning.qubit or default.mixed.
        gradient: backprop, adjoint or parameter_shift.
        noise: applied after gates and before readout (default.mixed only).
        single: single precision (lightning.qubit only).
    """

    def __init__(self, device: str, *, gradient: str, noise: Noise, single: bool = False) -> None:
        self.device, self.gradient_method, self.noise, self.single = device, gradient, noise, single

    def _open(self, n_qubits: int, seed: int | None = None) -> Any:
        import pennylane as qml

        options: dict[str, Any] = {} if seed is None else {"seed": seed}
        if self.device == "lightning.qubit" and self.single:
            options["c_dtype"] = np.complex64
        return qml.device(self.device, wires=n_qubits, **options)

    def _queue(self, circuit: Circuit, theta: Any) -> None:
        """Gates with their noise, in the active recording; theta (B, P)."""
        import pennylane as qml

        if not self.noise.present:
            circuit.apply(theta)
            return
        pair = [qml.math.asarray(k) for k in two_qubit_kraus(self.noise.two_qubit)]
        for gate in circuit.gates:
            operation = getattr(qml, gate.name)
            operation(gate.angle(theta), wires=gate.wires) if gate.is_rotation else operation(wires=gate.wires)
            if len(gate.wires) == 1 and self.noise.one_qubit:
                qml.DepolarizingChannel(0.75 * self.noise.one_qubit, wires=gate.wires)
            elif len(gate.wires) == 2 and self.noise.two_qubit:
                qml.QubitChannel(pair, wires=gate.wires)
        if self.noise.readout:
            for wire in range(circuit.n_qubits):
                qml.BitFlip(self.noise.readout, wires=wire)

    def _tape(self, circuit: Circuit, theta: Any, measure: Callable[[], Any], shots: int | None = None) -> Any:
        import pennylane as qml

        with qml.queuing.AnnotatedQueue() as queue:
            self._queue(circuit, theta)
            measure()
        return qml.tape.QuantumScript.from_queue(queue, shots=shots)

    def _batches(self, circuit: Circuit, replicas: int, copies: int = 1) -> Iterator[slice]:
        """Slices of the replica axis whose states, ``copies`` each, stay within the memory limit."""
        size = max(1, BATCH_BYTES // (copies * self._state_bytes(circuit)))
        return (slice(start, start + size) for start in range(0, replicas, size))

    def _copies(self, circuit: Circuit) -> int:
        """How many states backprop holds for a replica; with noise, the Kraus operators' branches too (measured)."""
        return (12 if self.noise.present else 2) * len(circuit.gates) + 2

    def _too_deep(self, circuit: Circuit) -> bool:
        return self._copies(circuit) * self._state_bytes(circuit) > BACKPROP_BYTES

    def _state_bytes(self, circuit: Circuit) -> int:
        return int(16 * 2 ** (circuit.n_qubits * (2 if self.device == "default.mixed" else 1)))

    def probs(self, circuit: Circuit, theta: Array) -> Array:
        """q (B, 2**N) at theta (B, P)."""
        import pennylane as qml

        q = np.empty((len(theta), 2**circuit.n_qubits))
        with PENNYLANE_LOCK:
            device = self._open(circuit.n_qubits)
            for part in self._batches(circuit, len(theta)):
                tape = self._tape(circuit, theta[part], lambda: qml.probs(wires=range(circuit.n_qubits)))
                q[part] = qml.execute([tape], device, diff_method=None)[0]
        return q

    def gradient(self, circuit: Circuit, theta: Array, diagonal: Array) -> Array:
        """∂_θ Σ q g, (B, P), for theta (B, P) and a frozen g (B, 2**N)."""
        method = self.gradient_method
        if method == "backprop" and self._too_deep(circuit):
            method = "adjoint" if self.device == "default.qubit" else "parameter_shift"
        if method == "adjoint":
            return self._adjoint(circuit, theta, diagonal)
        if method == "parameter_shift":
            return self._shift(circuit, theta, diagonal)
        gradient = np.empty_like(theta)
        for part in self._batches(circuit, len(theta), copies=self._copies(circuit)):
            gradient[part] = self._backprop(circuit, theta[part], partial(_frozen, diagonal[part])).gradient
        return gradient

    def evaluate(self, circuit: Circuit, theta: Array, diagonal: Callable[[Array], tuple[Array, Any]]) -> Evaluation:
        """Probabilities, ``diagonal(q)`` and the gradient; one pass where the whole batch fits into memory."""
        one_pass = self.gradient_method == "backprop" and not self._too_deep(circuit)
        if one_pass and len(list(self._batches(circuit, len(theta), copies=self._copies(circuit)))) == 1:
            return self._backprop(circuit, theta, diagonal)
        q = self.probs(circuit, theta)
        g, aux = diagonal(q)
        return Evaluation(q, aux, self.gradient(circuit, theta, g))

    def _backprop(self, circuit: Circuit, theta: Array, diagonal: Callable[[Array], tuple[Array, Any]]) -> Evaluation:
        require("torch", purpose="A gradient by backprop through PennyLane's simulator")
        import pennylane as qml
        import torch

        leaf = torch.tensor(theta, dtype=torch.float64, requires_grad=True)
        with PENNYLANE_LOCK:
            tape = self._tape(circuit, leaf, lambda: qml.probs(wires=range(circuit.n_qubits)))
            device = self._open(circuit.n_qubits)
            found = qml.execute([tape], device, diff_method="backprop", interface="torch")[0]
        found = found.to(torch.float64).expand(len(theta), -1)
        q = found.detach().numpy().copy()
        g, aux = diagonal(q)
        if not found.requires_grad:  # no gate has a parameter
            return Evaluation(q, aux, np.zeros_like(theta))
        found.backward(torch.tensor(np.ascontiguousarray(g)))
        return Evaluation(q, aux, np.zeros_like(theta) if leaf.grad is None else leaf.grad.numpy().copy())

    def _adjoint(self, circuit: Circuit, theta: Array, diagonal: Array) -> Array:
        rotations = [gate for gate in circuit.gates if gate.is_rotation]
        trainable = [k for k, gate in enumerate(rotations) if gate.param is not None]
        gradient = np.zeros_like(theta)
        if not trainable:
            return gradient
        slopes_of = self._lightning_slopes if self.device == "lightning.qubit" else self._default_slopes
        with PENNYLANE_LOCK:
            device = self._open(circuit.n_qubits)
            for row, angles in enumerate(theta):
                slopes = slopes_of(device, circuit, angles, diagonal[row], trainable)
                for k, slope in zip(trainable, slopes, strict=True):
                    gradient[row, rotations[k].param] += rotations[k].scale * slope
        return gradient

    def _lightning_slopes(self, device: Any, circuit: Circuit, angles: Array, g: Array, trainable: list[int]) -> Array:
        """∂ by each trainable angle of ⟨diag(g)⟩, the observable being a sparse matrix."""
        import pennylane as qml
        import scipy.sparse as sparse

        observable = qml.SparseHamiltonian(sparse.diags(g).tocsr(), wires=range(circuit.n_qubits))
        tape = self._tape(circuit, angles, partial(qml.expval, observable))
        tape.trainable_params = trainable
        slopes = device.compute_derivatives(tape, qml.devices.ExecutionConfig(gradient_method="adjoint"))
        return np.asarray(slopes, dtype=np.float64).ravel()

    def _default_slopes(self, device: Any, circuit: Circuit, angles: Array, g: Array, trainable: list[int]) -> Array:
        """The same from the state ψ: 2 Re Σ_w g(w) ψ*(w) ∂ψ(w). (default.qubit makes a sparse observable dense.)"""
        import pennylane as qml
        from pennylane.devices.qubit import adjoint_vjp

        tape = self._tape(circuit, angles, qml.state)
        # unprepared tapes take their wires as they come: this makes it all of them, in order
        tape = qml.tape.QuantumScript([qml.Identity(range(circuit.n_qubits)), *tape.operations], tape.measurements)
        tape.trainable_params = trainable
        state = device.execute(tape)
        return 2.0 * np.real(np.ravel(adjoint_vjp(tape, g * np.conj(state))))

    def _shift(self, circuit: Circuit, theta: Array, diagonal: Array) -> Array:
        """½[f(φ+π/2) − f(φ−π/2)] for every occurrence φ of a parameter; exact, with noise as well."""
        free, angles = unshared(circuit, theta)
        gradient = np.zeros_like(theta)
        for row, (phi, g) in enumerate(zip(angles, diagonal, strict=True)):
            steps = 0.5 * np.pi * np.eye(len(phi))
            q = self.probs(free, np.concatenate([phi + steps, phi - steps]))
            slopes = 0.5 * (q[: len(phi)] - q[len(phi) :]) @ g
            for gate, slope in zip((g_ for g_ in circuit.gates if g_.param is not None), slopes, strict=True):
                gradient[row, gate.param] += gate.scale * slope
        return gradient

    def sample(self, circuit: Circuit, theta: Array, shots: int, seed: int) -> NDArray[np.uint8]:
        """Bits (B, shots, N) from PennyLane's own sampling."""
        import pennylane as qml

        n, rows = circuit.n_qubits, len(theta)
        bits = np.empty((rows, shots, n), dtype=np.uint8)
        with PENNYLANE_LOCK:
            device = self._open(n, seed)
            if all(gate.param is None for gate in circuit.gates):  # nothing to broadcast over
                tape = self._tape(circuit, theta, lambda: qml.sample(wires=range(n)), rows * shots)
                bits[:] = np.reshape(qml.execute([tape], device, diff_method=None)[0], bits.shape)
                return bits
            for part in self._batches(circuit, rows):
                tape = self._tape(circuit, theta[part], lambda: qml.sample(wires=range(n)), shots)
                found = qml.execute([tape], device, diff_method=None)[0]
                bits[part] = np.reshape(found, bits[part].shape)
        return bits


def _frozen(diagonal: Array, _: Array) -> tuple[Array, None]:
    return diagonal, None


def unshared(circuit: Circuit, theta: Array) -> tuple[Circuit, Array]:
    """The same circuit with one parameter per parametrised gate, and its angles (B, G)."""
    gates: list[Gate] = []
    angles = []
    for gate in circuit.gates:
        if gate.param is not None:
            angles.append(np.asarray(gate.angle(theta)))
            gate = Gate(gate.name, gate.wires, len(angles) - 1)
        gates.append(gate)
    columns = np.stack(angles, axis=-1) if angles else np.empty((len(theta), 0))
    return Circuit(circuit.n_qubits, tuple(gates), name=circuit.name), columns
