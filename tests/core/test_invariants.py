"""The eight invariants of the science, each over every registered variant that it concerns."""

from __future__ import annotations

import hashlib
import io
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from qhn_core import trainer
from qhn_core.ansatze import ANSATZE, initial_angles
from qhn_core.bitstrings import every_string, from_index
from qhn_core.circuits.circuit import FIXED, ROTATIONS, Circuit, Gate
from qhn_core.config import SECTIONS, RunConfig
from qhn_core.datasets import dataset
from qhn_core.engines import ENGINES, engine
from qhn_core.engines.base import CAPABILITIES
from qhn_core.estimators import ESTIMATORS
from qhn_core.estimators.base import Work
from qhn_core.kernels import HammingKernel
from qhn_core.networks import NETWORKS, network
from qhn_core.objectives import OBJECTIVES, objective
from qhn_core.optimisers import OPTIMISERS
from qhn_core.priors import prior
from qhn_core.problems.problem import problem, problem_from_costs
from qhn_core.trainer import TrainState

ROOT = Path(__file__).resolve().parents[2]
DEVICES = {
    "statevector": {"name": "statevector"},
    "default.qubit": {"name": "pennylane", "device": "default.qubit"},
    "lightning.qubit": {"name": "pennylane", "device": "lightning.qubit"},
}
TINY = {
    "dataset": {"name": "xor", "n_train": 6, "n_test": 10, "noise": 0.4, "label_noise": 0.1},
    "network": {"name": "mlp", "layers": [2, 1, 1], "activation": "sign"},
    "ansatz": {"name": "linear", "layers": 2},
    "replicas": 3,
}


def engines():
    return {label: ENGINES.parse(options).build() for label, options in DEVICES.items()}


def circuits(n_qubits: int = 3) -> dict[str, Circuit]:
    """One circuit of each ansatz, and one with every gate, shared and scaled parameters."""
    found = {}
    for name in ANSATZE.names():
        options = {"layers": 2} if ANSATZE[name].model_fields["layers"].annotation is int else {}
        found[name] = ANSATZE.parse({"name": name, **options}).build(n_qubits)
    gates = [Gate("Hadamard", w) for w in range(n_qubits)]
    for slot, (name, wires) in enumerate(ROTATIONS.items()):
        gates.append(Gate(name, tuple(range(wires)), param=slot))
        gates.append(Gate(name, tuple(range(wires))[::-1], param=slot, scale=-0.5, offset=0.3))
        gates.extend(Gate(fixed, tuple(range(1, 1 + count))) for fixed, count in FIXED.items())
        gates.append(Gate("RY", 1, offset=0.4))
    return found | {"every gate": Circuit(n_qubits, gates)}


def tiny_problem(n_bits: int = 3):
    rng = np.random.default_rng(3)
    return problem_from_costs(rng.uniform(0, 4, 2**n_bits), prior=prior("bernoulli", rho=0.35))


# 1 ----------------------------------------------------------------------------------------------------------------


def test_every_registered_engine_is_compared():
    # "mps" has parity tests of its own (test_mps); "auto" is one of the two.
    assert {options["name"] for options in DEVICES.values()} == set(ENGINES.names()) - {"mps", "auto"}


@pytest.mark.parametrize("name", circuits())
def test_1_probabilities_sum_to_one_and_engines_agree(name):
    circuit = circuits(4)[name]
    theta = initial_angles(circuit, replicas=2, seed=4)
    found = {label: e.probs(circuit, theta) for label, e in engines().items()}
    for label, q in found.items():
        np.testing.assert_allclose(q.sum(axis=1), 1.0, atol=1e-10, err_msg=label)
        assert (q >= 0).all(), label
        np.testing.assert_allclose(q, found["statevector"], rtol=0, atol=1e-10, err_msg=label)


# 2 ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("loss", OBJECTIVES.names())
@pytest.mark.parametrize("name", circuits())
def test_2_all_gradients_agree(name, loss):
    """Adjoint = parameter shift = finite differences, on our engine; and the engines' own gradients agree."""
    circuit, task, goal = circuits()[name], tiny_problem(), OBJECTIVES.parse(loss)
    theta = initial_angles(circuit, replicas=2, seed=1)
    ours = engine("statevector")

    def estimate(estimator):
        return ESTIMATORS.parse(estimator).estimate(Work(ours, circuit, goal, task), theta, 0, np.random.default_rng(0))

    adjoint = estimate("adjoint").gradient
    assert np.abs(adjoint).max() > 1e-3, "a gradient of zeros would prove nothing"
    np.testing.assert_allclose(estimate({"name": "parameter_shift", "shots": None}).gradient, adjoint, atol=1e-9)
    eps = 1e-5
    for p in range(circuit.n_params):
        shift = np.zeros(circuit.n_params)
        shift[p] = eps
        up, down = (goal.exact(ours.probs(circuit, theta + s), task).value for s in (shift, -shift))
        np.testing.assert_allclose((up - down) / (2 * eps), adjoint[:, p], atol=1e-7)
    diagonal = goal.exact(ours.probs(circuit, theta), task).diagonal
    for label, other in engines().items():
        np.testing.assert_allclose(other.gradient(circuit, theta, diagonal), adjoint, atol=1e-9, err_msg=label)


# 3 ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("loss", OBJECTIVES.names())
def test_3_evidence_minus_elbo_is_the_divergence_from_the_posterior(loss):
    config = RunConfig.model_validate(TINY | {"objective": loss, "steps": 30, "data_draws": 2})
    setup = trainer.prepare(config)
    state = trainer.init(setup)
    while not state.done:
        state, info = trainer.step(setup, state)
        gap = setup.problem.log_evidence - info.row["elbo"]
        np.testing.assert_allclose(gap, info.row["kl_posterior"], rtol=0, atol=1e-8)
        q, p = info.probs, setup.problem.posterior
        independent = np.sum(np.where(q > 0, q * (np.log(np.maximum(q, 1e-300)) - np.log(p)), 0.0), axis=1)
        np.testing.assert_allclose(info.row["kl_posterior"], independent, rtol=0, atol=1e-8)
        assert (info.row["kl_posterior"] >= -1e-9).all()


# 4 ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n_bits", [1, 4, 7])
@pytest.mark.parametrize("gamma", [0.05, 0.7, 3.0])
def test_4_divergences_vanish_where_they_should_and_only_there(n_bits, gamma):
    task = problem_from_costs(np.random.default_rng(0).uniform(0, 3, 2**n_bits))
    uniform = np.full((1, 2**n_bits), 0.5**n_bits)
    kernel = HammingKernel(gamma)
    elbo = objective("elbo", beta=1.0).exact(uniform, task).terms
    assert abs(elbo["kl"][0]) < 1e-12
    assert abs(kernel.mmd2(uniform, uniform)[0]) < 1e-15
    rng = np.random.default_rng(1)
    for _ in range(20):
        q = rng.dirichlet(np.ones(2**n_bits))[None]
        assert kernel.mmd2(q, uniform)[0] > 0
        assert objective("elbo", beta=1.0).exact(q, task).terms["kl"][0] > 0
        assert objective("ksd").exact(q, task).value[0] > 0
    assert abs(objective("ksd").exact(task.posterior[None], task).value[0]) < 1e-20


def test_4_the_flattest_difference_is_still_seen():
    """q − π a single parity of all bits, which a wide kernel all but ignores, gives an MMD above 0."""
    n_bits = 6
    uniform = np.full(2**n_bits, 0.5**n_bits)
    parity = np.prod(1.0 - 2.0 * every_string(n_bits), axis=1)
    gamma = 0.2
    found = HammingKernel(gamma).mmd2(uniform * (1 + parity), uniform)
    np.testing.assert_allclose(found, 0.5**n_bits * (-np.expm1(-gamma)) ** n_bits, rtol=1e-9)
    assert found > 0


# 5 ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("gammas", [0.7, (0.1, 1.0, 4.0)])
def test_5_transform_is_the_double_sum_and_the_estimator_is_unbiased(gammas):
    """Mean of 400 estimates from 64 strings each, within 4 of its standard errors (a false alarm in 16,000)."""
    n_bits, rng = 5, np.random.default_rng(11)
    kernel, rho = HammingKernel(gammas), rng.uniform(0.2, 0.8, n_bits)
    strings = every_string(n_bits)
    pi = np.exp(prior("bernoulli", rho=tuple(rho)).log_prob(strings))
    q = rng.dirichlet(np.full(2**n_bits, 0.3))
    hamming = (strings[:, None] != strings[None]).sum(axis=-1)
    each = [np.exp(-g * hamming) for g in np.atleast_1d(gammas)]
    exact = float((q - pi) @ np.mean(each, axis=0) @ (q - pi))
    np.testing.assert_allclose(kernel.mmd2(q, pi), exact, rtol=1e-12)
    draws = from_index(rng.choice(2**n_bits, p=q, size=(400, 64)), n_bits)
    estimates = kernel.mmd2_unbiased(draws, rho)
    assert abs(estimates.mean() - exact) < 4 * estimates.std(ddof=1) / 20


# 6 ----------------------------------------------------------------------------------------------------------------


def product_angles(setup, phi: np.ndarray) -> np.ndarray:
    """Angles of a family with which its circuit prepares Π RY(φ_i)|0⟩ up to phases.

    RY(φ) stands in the last layer where entanglers come before rotations (on |0…0⟩ they do nothing), else in the
    first, after which only diagonal gates act; all other angles are zero.
    """
    gates, theta = setup.circuit.gates, np.zeros((len(phi), setup.circuit.n_params))
    entangler_first = gates[0].name not in ROTATIONS
    turns = [g for g in gates if g.name == "RY"]
    n = setup.circuit.n_qubits
    for gate in turns[-n:] if entangler_first else turns[:n]:
        theta[:, gate.param] = phi[:, gate.wires[0]]
    return theta


@pytest.mark.parametrize("family", ["brickwork", "ring", "all_to_all"])
@pytest.mark.parametrize("layers", [1, 3])
@pytest.mark.parametrize("data", ["xor", "moons"])
def test_6_richer_families_never_end_below_mean_field(family, layers, data):
    options = TINY | {
        "dataset": {"name": data, "n_train": 8, "n_test": 0},
        "objective": {"name": "elbo", "beta": 1.0},
        "optimiser": {"name": "lbfgs", "lr": 1.0},
        "steps": 40,
    }
    product = trainer.prepare(RunConfig.model_validate(options | {"ansatz": {"name": "product", "layers": 1}}))
    mean_field, last = finish(product, trainer.init(product))
    assert (last["grad_norm"] < 1e-4).all(), "mean field has not converged"
    rich = trainer.prepare(RunConfig.model_validate(options | {"ansatz": {"name": family, "layers": layers}}))
    start = replace(trainer.init(rich), theta=product_angles(rich, mean_field.theta))
    np.testing.assert_allclose(
        rich.engine.probs(rich.circuit, start.theta),
        product.engine.probs(product.circuit, mean_field.theta),
        atol=1e-12,
    )
    _, end = finish(rich, start)
    assert (end["elbo"] >= last["elbo"] - 1e-9).all()


def finish(setup, state):
    while not state.done:
        state, info = trainer.step(setup, state)
    return state, info.row


# 7 ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("activation", ["sign", "tanh", "relu", "sigmoid"])
@pytest.mark.parametrize("name", NETWORKS.names())
def test_7_table_is_the_network_string_by_string_and_survives_saving(name, activation):
    data = dataset("moons", n_train=9, n_test=7, seed=2)
    fields = NETWORKS[name].model_fields
    options = {k: v for k, v in {"layers": (2, 2, 1), "activation": activation}.items() if k in fields}
    net = network(name, **options)
    table = problem(net, data, cache=False).nll
    assert table.dtype == np.float64
    strings = every_string(net.n_bits)
    for index, bits in enumerate(strings):
        p = net.predict_proba(bits[None], data.x_train)[0]
        want = -sum(np.log(p[i, label]) for i, label in enumerate(data.y_train))
        assert abs(table[index] - want) < 1e-9
    again = NETWORKS.parse(json.loads(json.dumps(net.model_dump(mode="json"))))
    np.testing.assert_array_equal(again.predict_proba(strings, data.x_test), net.predict_proba(strings, data.x_test))


# 8 ----------------------------------------------------------------------------------------------------------------


def sampled(estimator: str) -> dict:
    return {"name": estimator} | ({"shots": 40} if "shots" in ESTIMATORS[estimator].model_fields else {})


def combinations() -> dict[str, RunConfig]:
    """Every optimiser with the exact estimator, and every estimator with each optimiser that it is meant for."""
    found = {}
    for opt in OPTIMISERS.names():
        for est in ESTIMATORS.names():
            options = {"name": opt, "lr": {"kind": "cosine", "start": 0.1, "end": 0.01, "steps": 8}}
            changes = {"optimiser": options, "estimator": sampled(est), "steps": 7, "data_draws": 2}
            loss = {"name": "selbo", "lam": {"kind": "linear", "start": 0.1, "end": 1.0, "steps": 5}}
            found[f"{opt} {est}"] = RunConfig.model_validate(TINY | changes | {"objective": loss})
    return found


def history_hash(setup, state: TrainState, *, pauses: tuple[int, ...] = ()) -> str:
    """Digest of every logged number and the final angles; at each pause the state goes through a file."""
    digest = hashlib.sha256()
    while not state.done:
        if state.step in pauses:
            buffer = io.BytesIO()
            np.savez(buffer, **state.arrays())
            buffer.seek(0)
            state = TrainState.from_arrays(dict(np.load(buffer, allow_pickle=False)))
        state, info = trainer.step(setup, state)
        if info.row is not None:
            for name in sorted(info.row):
                digest.update(name.encode() + np.ascontiguousarray(info.row[name]).tobytes())
    digest.update(state.theta.tobytes())
    return digest.hexdigest()


@pytest.mark.parametrize("label", combinations())
def test_8_same_seed_same_bits_and_resumed_is_uninterrupted(label):
    config = combinations()[label]
    first, second = trainer.prepare(config), trainer.prepare(config)
    whole = history_hash(first, trainer.init(first))
    assert history_hash(second, trainer.init(second)) == whole
    assert history_hash(second, trainer.init(second), pauses=(1, 2, 5, 7)) == whole
    other = trainer.prepare(config.model_copy(update={"seed": 1}))
    assert history_hash(other, trainer.init(other)) != whole


THREADS = """
import sys; sys.path.insert(0, {root!r})
import importlib.util, qhn_core
spec = importlib.util.spec_from_file_location("invariants", {here!r})
m = importlib.util.module_from_spec(spec); spec.loader.exec_module(m)
for label, config in m.across_threads().items():
    setup = m.trainer.prepare(config)
    print(label, m.history_hash(setup, m.trainer.init(setup)))
"""


def across_threads() -> dict[str, RunConfig]:
    """Runs large enough to be worth several threads: many replicas, one big state, shots, L-BFGS."""
    base = {"steps": 3, "replicas": 8, "dataset": {"name": "xor", "n_train": 8, "n_test": 40}}
    net = [{"name": "mlp", "layers": [2, h, 1], "activation": "sign"} for h in (1, 2, 4)]
    variants = {
        "replicas": {"network": net[1]},
        "one state of 17 qubits": {"network": net[2], "replicas": 1, "steps": 2},
        "two states of 17 qubits": {
            "network": net[2],
            "replicas": 2,
            "steps": 1,
            "ansatz": {"name": "iqp", "layers": 1},
        },
        "shots": {"network": net[0], "objective": "selbo", "estimator": {"name": "parameter_shift", "shots": 64}},
        "lbfgs": {"network": net[1], "optimiser": "lbfgs", "objective": "ksd"},
    }
    return {label: RunConfig.model_validate(base | changes) for label, changes in variants.items()}


def test_8_the_number_of_threads_changes_nothing():
    code = THREADS.format(root=str(ROOT), here=__file__)
    found = []
    for threads in ("1", "2"):
        names = ("NUMBA_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
        done = subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            cwd=ROOT,
            timeout=240,
            env=os.environ | dict.fromkeys(names, threads),
        )
        assert done.returncode == 0, done.stderr
        found.append(done.stdout.splitlines())
    assert len(found[0]) == len(across_threads())
    assert found[0] == found[1]


def test_the_sections_named_here_exist():
    assert {"ansatz", "objective", "estimator", "optimiser", "engine"} <= set(SECTIONS)
    assert engine("statevector").provides == set(CAPABILITIES)
