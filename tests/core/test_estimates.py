"""Standard errors of what a run logs from drawn strings: as large as the estimates scatter, and only there."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from qhn_core import trainer
from qhn_core.config import RunConfig

SMALL = {"dataset": {"name": "moons", "n_train": 10, "n_test": 20}, "network": {"name": "mlp", "layers": [2, 1]}}
#: 2-5-1: 21 qubits, one more than can be enumerated.
LARGE = {"dataset": {"name": "moons", "n_train": 10, "n_test": 20}, "network": {"name": "mlp", "layers": [2, 5, 1]}}
COPIES = 300


def logged(config, *, copies=1):
    """The first row of ``copies`` starts from the same angles."""
    setup = trainer.prepare(RunConfig.parse({"ansatz": {"name": "linear", "layers": 1}, "replicas": copies, **config}))
    state = trainer.init(setup)
    state = replace(state, theta=np.repeat(state.theta[:1], copies, axis=0))
    row = trainer.step(setup, state)[1].row
    assert row is not None
    return row


@pytest.mark.parametrize(
    ("objective", "estimator"),
    [
        ({"name": "mle"}, "spsa"),
        ({"name": "selbo", "lam": 1.0}, "spsa"),
        ({"name": "ksd"}, "spsa"),
        ({"name": "selbo", "lam": 1.0}, "parameter_shift"),
        ({"name": "elbo", "beta": 0.3}, "score_function"),
    ],
    ids=lambda value: value if isinstance(value, str) else value["name"],
)
def test_the_error_of_the_loss_is_its_spread(objective, estimator):
    """300 starts at the same angles: their losses scatter by the error stated, known to 4 %, within 15 %."""
    row = logged({**SMALL, "objective": objective, "estimator": {"name": estimator, "shots": 512}}, copies=COPIES)
    stated = np.sqrt(np.mean(row["loss_se"] ** 2))
    assert 0.85 < stated / row["loss"].std() < 1.18


def test_exact_runs_log_no_errors():
    assert not [name for name in logged({**SMALL, "objective": {"name": "elbo"}}) if name.endswith("_se")]


def test_beyond_enumeration_the_score_function_knows_entropy_and_kl_to_the_prior():
    """Means of log q of the drawn strings, beside the exact sums over all 2^21 strings: within 5 standard errors."""
    config = {**LARGE, "objective": {"name": "elbo"}, "estimator": {"name": "score_function", "shots": 2000}}
    row = logged(config)
    setup = trainer.prepare(RunConfig.parse({"ansatz": {"name": "linear", "layers": 1}, "replicas": 1, **config}))
    q = setup.engine.probs(setup.circuit, trainer.init(setup).theta)[0]
    log_q = np.log(np.maximum(q, np.finfo(np.float64).tiny))
    exact = {"entropy_bits": -(q @ log_q) / np.log(2.0), "kl_prior": q @ log_q + 21 * np.log(2.0)}
    for name, truth in exact.items():
        assert 0 < row[f"{name}_se"][0] < 0.1 * truth
        assert abs(row[name][0] - truth) < 5 * row[f"{name}_se"][0]
    assert row["elbo"][0] == pytest.approx(-10 * row["loss"][0], rel=1e-9), "the loss is −ELBO at β = 1"
    assert row["elbo_se"][0] == pytest.approx(10 * row["loss_se"][0], rel=1e-9)
    assert np.isnan(row["kl_posterior"]).all()


def test_a_simulator_tells_entropy_and_kl_to_the_prior_whatever_the_estimator():
    row = logged({**LARGE, "objective": {"name": "selbo"}, "estimator": {"name": "spsa", "shots": 200}})
    assert row["accuracy_test_se"][0] > 0
    for name in ("entropy_bits", "kl_prior", "elbo"):
        assert row[f"{name}_se"][0] > 0, name
    assert np.isnan(row["kl_posterior"]).all()


def test_from_a_device_s_shots_alone_entropy_and_kl_are_not_known():
    device = {"name": "pennylane", "device": "qiskit.aer"}
    row = logged(
        {**SMALL, "engine": device, "objective": {"name": "selbo"}, "estimator": {"name": "spsa", "shots": 64}}
    )
    assert row["accuracy_test_se"][0] > 0
    for name in ("entropy_bits", "kl_prior", "kl_posterior", "elbo"):
        assert np.isnan(row[name]).all(), name
