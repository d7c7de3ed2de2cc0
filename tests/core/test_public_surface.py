"""The names that scripts outside this project rely on, with their shapes, and what importing the package costs."""

from __future__ import annotations

import inspect
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import qhn_core as qhn

ROOT = Path(__file__).resolve().parents[2]


def in_fresh_python(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_circuit_and_gate():
    circuit = qhn.Circuit(
        n_qubits=2, gates=[qhn.Gate("RY", 0, param=0, scale=2.0, offset=0.1), qhn.Gate("CNOT", (0, 1))]
    )
    assert (circuit.n_qubits, circuit.n_params, len(circuit.gates)) == (2, 1, 2)
    assert isinstance(circuit.draw(), str)
    assert callable(circuit.apply)


def test_ansatz_angles_and_engine():
    circuit = qhn.ansatz("brickwork", n_qubits=3, layers=2)
    theta = qhn.initial_angles(circuit, replicas=4, seed=0, kind="uniform", scale=0.1)
    assert theta.shape == (4, circuit.n_params)
    engine = qhn.engine("statevector", dtype="float64")
    assert engine.probs(circuit, theta[0]).shape == (8,)
    q = engine.probs(circuit, theta)
    assert q.shape == (4, 8)
    np.testing.assert_allclose(q.sum(axis=1), 1.0, atol=1e-12)
    assert engine.gradient(circuit, theta[0], np.arange(8.0)).shape == (circuit.n_params,)
    assert engine.gradient(circuit, theta, np.arange(8.0)).shape == theta.shape
    assert engine.gradient(circuit, theta, np.ones((4, 8))).shape == theta.shape
    rng = np.random.default_rng(0)
    assert engine.sample(circuit, theta[0], 5, rng).shape == (5, 3)
    bits = engine.sample(circuit, theta, 5, rng)
    assert bits.shape == (4, 5, 3)
    assert bits.dtype == np.uint8


def test_data_network_prior_and_problem():
    data = qhn.dataset("moons", n_train=12, n_test=20, noise=0.2, seed=0)
    assert data.name == "moons"
    assert (data.x_train.shape, data.y_train.shape) == ((12, 2), (12,))
    assert (data.x_test.shape, data.y_test.shape) == ((20, 2), (20,))
    assert isinstance(data.source, str)
    net = qhn.network("mlp", layers=(2, 1, 1), activation="sign")
    assert net.n_bits == 5
    p = net.predict_proba(np.zeros((3, 5), dtype=np.uint8), data.x_test)
    assert p.shape == (3, 20, 2)
    assert qhn.prior("bernoulli", rho=0.5).log_prob(np.zeros((3, 5), dtype=np.uint8)).shape == (3,)
    task = qhn.problem(net, data, prior=None)
    assert task.nll.shape == task.log_prior.shape == task.posterior.shape == (32,)
    assert task.nll.dtype == np.float64
    assert np.ndim(task.log_evidence) == 0
    assert qhn.problem_from_costs(np.arange(8.0)).nll.tolist() == list(range(8))


def test_objective_exact():
    task = qhn.problem_from_costs(np.arange(8.0))
    q = np.full((2, 8), 1 / 8)
    for name, options in {"mle": {}, "elbo": {"beta": 0.5}, "selbo": {"lam": 0.3, "gamma": 0.7}, "ksd": {}}.items():
        loss = qhn.objective(name, **options)
        assert loss.needs
        value, terms, diagonal = loss.exact(q, task, 0)
        assert value.shape == (2,)
        assert diagonal.shape == (2, 8)
        assert all(term.shape == (2,) for term in terms.values())


def test_train(tmp_path):
    config = qhn.RunConfig.model_validate(
        {"steps": 2, "replicas": 2, "network": {"name": "mlp", "layers": [2, 1, 1], "activation": "sign"}}
    )
    result = qhn.train(config, on_event=None)
    assert isinstance(result, qhn.RunResult)
    assert result.theta.ndim == 2
    assert result.config == config
    result.save(tmp_path)
    assert qhn.RunResult.load(tmp_path).steps.tolist() == [0, 1, 2]


def test_everything_named_is_there_and_documented():
    for name in qhn.__all__:
        thing = getattr(qhn, name)
        assert inspect.getdoc(thing), name


def test_functions_of_the_package_do_not_share_a_folders_name():
    folders = {p.stem for p in (ROOT / "qhn_core").iterdir() if not p.name.startswith("_")}
    functions = {name for name in qhn.__all__ if inspect.isfunction(getattr(qhn, name))}
    assert not functions & folders


def test_import_is_light():
    heavy = ("torch", "pennylane", "sklearn", "scipy", "distributed", "streamlit", "plotly", "numba", "yaml")
    code = f"import qhn_core, sys, json; print(json.dumps([m for m in {heavy!r} if m in sys.modules]))"
    assert json.loads(in_fresh_python(code)) == []


def test_default_training_imports_no_torch_and_no_pennylane():
    code = (
        "import sys, qhn_core as q\n"
        "c = q.RunConfig.model_validate({'steps': 1, 'replicas': 1, 'dataset': 'xor',"
        " 'network': {'name': 'mlp', 'layers': [2, 1, 1]}})\n"
        "q.train(c)\n"
        "print([m for m in ('torch', 'pennylane', 'sklearn') if m in sys.modules])"
    )
    assert in_fresh_python(code).strip() == "[]"


@pytest.mark.parametrize(
    "kind", ["ansatz", "dataset", "network", "prior", "engine", "objective", "estimator", "optimiser"]
)
def test_unknown_names_list_the_valid_ones(kind):
    options = {"n_qubits": 2} if kind == "ansatz" else {}
    with pytest.raises(qhn.QHNError, match="expected one of"):
        getattr(qhn, kind)("nonsense", **options)
