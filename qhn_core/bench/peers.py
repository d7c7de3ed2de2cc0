"""The other side of a cell: PennyLane, each in its fastest way, with the same loss and an Adam update.

``default.qubit`` broadcasts over replicas and differentiates through torch or JAX (compiled); ``lightning.qubit`` takes
one replica at a time: q, our own loss code for the frozen diagonal g, and its adjoint gradient of the sparse
observable diag(g). Circuits are queued from prepared gate lists; nothing of our engine takes part.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from qhn_core import trainer
from qhn_core.circuits.circuit import Circuit
from qhn_core.kernels import HammingKernel

#: One training step; returns the angles after it, (B, P).
Step = Callable[[], Any]

#: Backprop keeps about every intermediate state twice; cells that would need more than this are left out, bytes.
BACKPROP_BYTES = 6 << 30


def backprop_fits(circuit: Circuit, replicas: int) -> bool:
    """Whether backprop through ``default.qubit`` stays within the memory limit."""
    return 2 * len(circuit.gates) * replicas * 16 * 2**circuit.n_qubits <= BACKPROP_BYTES


def torch_backprop(run: trainer.Setup) -> Step:
    """``default.qubit`` with torch backprop, broadcast over replicas, and torch's Adam."""
    import pennylane as qml
    import torch

    circuit = run.circuit
    node = _node(circuit, qml, interface="torch")
    theta = torch.tensor(trainer.init(run).theta, requires_grad=True)
    adam = torch.optim.Adam([theta], lr=0.05)
    value = _loss(run, torch, torch.tensor)

    def step() -> Any:
        adam.zero_grad()
        q = node(theta).reshape(len(theta), -1)
        value(q).sum().backward()
        adam.step()
        return theta.detach()

    return step


def jax_jit(run: trainer.Setup) -> Step:
    """``default.qubit`` under JAX jit: value, gradient and Adam in one compiled function, 64 bits."""
    import jax
    import pennylane as qml

    jax.config.update("jax_enable_x64", True)
    jnp = jax.numpy
    circuit = run.circuit
    node = _node(circuit, qml, interface="jax")
    value = _loss(run, jnp, jnp.asarray)

    def total(theta: Any) -> Any:
        return value(node(theta).reshape(len(theta), -1)).sum()

    @jax.jit
    def update(theta: Any, mean: Any, square: Any, step: Any) -> Any:
        _, gradient = jax.value_and_grad(total)(theta)
        mean, square = 0.9 * mean + 0.1 * gradient, 0.999 * square + 0.001 * gradient**2
        scale = jnp.sqrt(square / (1 - 0.999**step)) + 1e-8
        return theta - 0.05 * mean / (1 - 0.9**step) / scale, mean, square, step + 1.0

    start = jnp.asarray(trainer.init(run).theta)
    state = [(start, jnp.zeros_like(start), jnp.zeros_like(start), 1.0)]

    def step() -> Any:
        state[0] = jax.block_until_ready(update(*state[0]))
        return state[0][0]

    return step


def lightning_adjoint(run: trainer.Setup) -> Step:
    """``lightning.qubit``: q, our loss code, then its adjoint gradient of diag(g); one replica at a time."""
    import pennylane as qml
    from scipy import sparse

    circuit, config = run.circuit, run.config
    wires = range(circuit.n_qubits)
    device = qml.device("lightning.qubit", wires=circuit.n_qubits)
    rotations = [gate for gate in circuit.gates if gate.is_rotation]
    trainable = [k for k, gate in enumerate(rotations) if gate.param is not None]
    owner = np.array([rotations[k].param for k in trainable])
    scales = np.array([rotations[k].scale for k in trainable])
    how = qml.devices.ExecutionConfig(gradient_method="adjoint")
    state = [trainer.init(run).theta]
    memory = [config.optimiser.init(state[0])]
    index = [0]

    def tape(angles: Any, measurement: Any) -> Any:
        script = qml.tape.QuantumScript([_operation(gate, angles, qml) for gate in circuit.gates], [measurement])
        script.trainable_params = trainable
        return script

    def step() -> Any:
        theta = state[0]
        gradient = np.zeros_like(theta)
        for r, angles in enumerate(theta):
            q = np.asarray(device.execute(tape(angles, qml.probs(wires=wires))))
            g = config.objective.exact(q[None], run.problem, 1).diagonal[0]
            observable = qml.SparseHamiltonian(sparse.diags(g).tocsr(), wires=wires)
            slopes = device.compute_derivatives(tape(angles, qml.expval(observable)), how)
            np.add.at(gradient[r], owner, scales * np.asarray(slopes, np.float64).ravel())
        state[0], memory[0] = config.optimiser.step(theta, gradient, memory[0], step=index[0], closure=_no_line_search)
        index[0] += 1
        return state[0]

    return step


def _no_line_search(theta: Any, replicas: Any) -> Any:
    raise AssertionError("Adam asks for no line search")


def _operation(gate: Any, theta: Any, qml: Any) -> Any:
    kind = getattr(qml, gate.name)
    wires = list(gate.wires)
    return kind(gate.angle(theta), wires=wires) if gate.is_rotation else kind(wires=wires)


def _node(circuit: Circuit, qml: Any, *, interface: str) -> Any:
    device = qml.device("default.qubit", wires=circuit.n_qubits)

    @qml.qnode(device, interface=interface, diff_method="backprop")
    def probabilities(theta: Any) -> Any:
        for gate in circuit.gates:
            _operation(gate, theta if len(theta) > 1 else theta[0], qml)
        return qml.probs(wires=range(circuit.n_qubits))

    return probabilities


def _loss(run: trainer.Setup, xp: Any, asarray: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """The loss of every row of q, for torch and JAX alike."""
    objective: Any = run.config.objective
    problem = run.problem
    nll, log_prior = asarray(problem.nll), asarray(problem.log_prior)
    if objective.name == "mle":
        return lambda q: (q * nll).sum(1)
    if objective.name == "elbo":
        return lambda q: (q * (nll + xp.log(q.clip(1e-300)) - log_prior)).sum(1)
    n = problem.n_bits
    kernel: HammingKernel = objective.kernel_on(n)
    weights = asarray(kernel.eigenvalues(n) / 2.0**n)
    prior, strength = asarray(np.exp(problem.log_prior)), float(objective.lam) * problem.n_train

    def selbo(q: Any) -> Any:
        rows = len(q)
        x = (q - prior).reshape(rows, -1, 1)
        for _ in range(n):  # Walsh–Hadamard, one bit a pass
            x = x.reshape(rows, -1, 2, x.shape[-1])
            x = xp.stack((x[:, :, 0] + x[:, :, 1], x[:, :, 0] - x[:, :, 1]), 2).reshape(rows, x.shape[1], -1)
        return (q * nll).sum(1) + strength * (weights * x.reshape(rows, -1) ** 2).sum(1)

    return selbo
