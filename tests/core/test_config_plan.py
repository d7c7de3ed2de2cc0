"""plan(): what a run needs, and refusals before anything starts."""

from __future__ import annotations

import re
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qhn_core import planning as config_plan
from qhn_core import trainer
from qhn_core.checks import readable
from qhn_core.config import SECTIONS, ConfigError, RunConfig
from qhn_core.errors import InvalidArgument, QHNError, TooLarge, Unsupported
from qhn_core.planning import plan
from qhn_core.results import train


def of(**changes):
    return plan(RunConfig.parse(changes))


def mlp(*layers):
    return {"name": "mlp", "layers": layers}


def test_the_default():
    needs = of()
    assert (needs.n_qubits, needs.n_params, needs.n_features, needs.n_classes) == (13, 78, 2, 2)
    assert needs.exact
    assert (needs.circuits_per_step, needs.shots_per_step) == (16, 0)
    assert 1e6 < needs.memory_bytes < 1e9
    assert needs.circuit.n_qubits == 13
    assert needs.warnings == ()


@pytest.mark.parametrize(
    ("changes", "error", "says"),
    [
        (
            {"dataset": {"name": "iris", "components": 4}},
            InvalidArgument,
            r"layers\[0\]: expected 4, the number of features of dataset 'iris', got 2. Use layers \(4, 3, 3\)",
        ),
        ({"network": mlp(3, 2, 1)}, InvalidArgument, r"Use layers \(2, 2, 1\)"),
        (
            {"dataset": {"name": "iris", "components": 2}},
            InvalidArgument,
            r"layers\[2\]: expected an output for 3 classes.*Use layers \(2, 3, 3\)",
        ),
        ({"network": mlp(2, 5, 1)}, TooLarge, "21 qubits.*each column takes.*score_function or spsa"),
        ({"network": mlp(2, 9, 1)}, TooLarge, "37 qubits.*TB.*end at 20 qubits. Use a smaller network"),
        ({"network": {"name": "mlp", "layers": (2, 9, 1), "bias": False}}, TooLarge, "27 qubits.*GB.*smaller network"),
        ({"network": {"name": "mlp", "layers": (2, 10, 1), "bias": False}}, TooLarge, "30 qubits.*[GT]B.*smaller"),
        ({"steps": 10**6, "replicas": 100}, TooLarge, "log_every.*limit is 268 MB. Log every"),
        ({"estimator": {"name": "parameter_shift", "shots": 128}}, Unsupported, r"log q\(w\)"),
        ({"estimator": {"name": "spsa", "shots": 128}}, Unsupported, "explicit distribution"),
        ({"prior": {"name": "bernoulli", "rho": [0.5, 0.4]}}, InvalidArgument, "13"),
    ],
)
def test_refusals_name_the_reason_and_the_remedy(changes, error, says):
    with pytest.raises(error, match=says):
        of(**changes)


def test_thousands_of_weights_are_refused_quickly():
    with pytest.raises(QHNError, match=r"smaller network|memory"):
        of(network=mlp(2, 500, 1))


@pytest.mark.parametrize(("steps", "replicas"), [(10**6, 100), (100_000, 4096), (123_457, 999)])
def test_suggested_log_every_is_the_least_that_is_accepted(steps, replicas):
    with pytest.raises(TooLarge) as caught:
        of(steps=steps, replicas=replicas)
    every = int(re.search(r"log_every: (\d+)\)", str(caught.value))[1])
    assert of(steps=steps, replicas=replicas, log_every=every).n_qubits == 13
    with pytest.raises(TooLarge):
        of(steps=steps, replicas=replicas, log_every=every - 1)


def test_a_history_that_is_too_large_is_told_in_the_words_of_the_form_too():
    with pytest.raises(TooLarge, match=r"^log_every \(Log every\): 100,001 logged steps of 4,096 starts \(replicas\)"):
        of(steps=100_000, replicas=4096)


@pytest.mark.parametrize(("steps", "every"), [(1, 1), (10, 1), (10, 3), (10, 5), (10, 10), (3, 10)])
def test_logged_steps_are_those_of_the_history(steps, every):
    config = RunConfig.parse({"network": mlp(2, 1), "replicas": 1, "steps": steps, "log_every": every})
    assert config.logged_steps == len(train(config).steps)


def test_suggested_layers_are_accepted():
    needs = of(dataset={"name": "iris", "components": 4}, network=mlp(4, 1, 3))
    assert (needs.n_features, needs.n_classes) == (4, 3)


def test_memory_is_held_against_the_machine(monkeypatch):
    monkeypatch.setattr(config_plan, "memory_limit", lambda: 100_000_000)
    big = {"network": mlp(2, 4, 1), "replicas": 200}
    with pytest.raises(TooLarge, match=r"17 qubits with 200 replicas need about.*the limit is 100 MB") as caught:
        of(**big)
    fewer = int(str(caught.value).split("Use about ")[1].split()[0])
    assert 1 <= fewer < 200
    monkeypatch.setattr(config_plan, "memory_limit", lambda: 1_000)
    with pytest.raises(TooLarge, match="Use a smaller network"):
        of(replicas=1)


def test_beyond_enumeration_needs_draws_and_warns():
    needs = of(network=mlp(2, 5, 1), objective="mle", estimator={"name": "spsa", "shots": 64}, replicas=1)
    assert needs.n_qubits == 21
    assert not needs.exact
    assert needs.shots_per_step > 0
    assert any("estimates" in w for w in needs.warnings)


def test_lbfgs_with_shots_warns():
    needs = of(objective="mle", estimator={"name": "spsa", "shots": 64}, optimiser="lbfgs")
    assert any("L-BFGS" in w for w in needs.warnings)
    assert of(optimiser="lbfgs").warnings == ()


def test_an_engine_that_lacks_what_is_needed():
    with pytest.raises(Unsupported, match=r"needs .*exact.*which engine 'pennylane' does not"):
        of(engine={"name": "pennylane", "device": "qiskit.aer"}, objective="mle")


def test_a_cost_table_is_not_drawn():
    table = {"name": "cost_table", "costs": [0.0, 1.0, 2.0, 3.0]}
    assert plan(RunConfig.parse({"dataset": table})).n_qubits == 2
    with pytest.raises(InvalidArgument, match="data_draws"):
        plan(RunConfig.parse({"dataset": table, "data_draws": 2}))


@pytest.mark.parametrize("done", [0, 2])
def test_the_cost_is_that_of_every_circuit_a_run_has_left(monkeypatch, done):
    config = RunConfig(
        dataset={"name": "xor", "n_train": 8, "n_test": 4},
        network={"name": "mlp", "layers": [2, 1]},
        estimator={"name": "spsa", "shots": 16},
        objective={"name": "mle"},
        ansatz={"name": "linear", "layers": 1},
        steps=4,
    )
    setup = trainer.prepare(config)
    state = trainer.init(setup)
    for _ in range(done):
        state, _ = trainer.step(setup, state)
    circuits_run = []
    engine = type(setup.engine)
    sample = engine.sample

    def counted(self, circuit, theta, shots, rng):
        circuits_run.extend([shots] * len(theta))
        return sample(self, circuit, theta, shots, rng)

    monkeypatch.setattr(engine, "sample", counted)
    while not state.done:
        state, _ = trainer.step(setup, state)
    assert setup.plan.cost(config.steps, done) == (len(circuits_run), sum(circuits_run))


def test_readable():
    assert readable(2_500_000) == "2.5 MB"
    assert readable(1 << 400) == "more than any machine's memory"
    assert readable(999) == "999 bytes"


@settings(max_examples=80, deadline=None)
@given(
    layers=st.lists(st.integers(1, 200), min_size=2, max_size=5),
    data=st.sampled_from(["xor", "iris", "digits"]),
    replicas=st.integers(1, 4096),
    steps=st.integers(1, 10**6),
    estimator=st.sampled_from(SECTIONS["estimator"].names()),
    loss=st.sampled_from(SECTIONS["objective"].names()),
)
def test_what_is_valid_is_planned_or_refused_in_words(layers, data, replicas, steps, estimator, loss):
    config = {
        "network": mlp(*layers),
        "dataset": data,
        "replicas": replicas,
        "steps": steps,
        "estimator": estimator,
        "objective": loss,
    }
    with suppress(ConfigError):
        config = RunConfig.parse(config)
        with suppress(QHNError):
            assert plan(config).n_qubits <= 24


@pytest.mark.parametrize("hidden", [0, 5, 16])
@pytest.mark.parametrize("engine", SECTIONS["engine"].names())
def test_what_prepare_refuses_plan_has_refused(engine, hidden):
    """Networks of 3, 21 and 65 bits: with a table, without, and beyond an int64."""
    for estimator in SECTIONS["estimator"].names():
        for loss in SECTIONS["objective"].names():
            config = RunConfig.parse(
                {
                    "dataset": {"name": "xor", "n_train": 4, "n_test": 2},
                    "network": mlp(2, hidden, 1) if hidden else mlp(2, 1),
                    "ansatz": {"name": "brickwork", "layers": 1},
                    "engine": engine,
                    "estimator": {"name": estimator},
                    "objective": loss,
                    "replicas": 1,
                }
            )
            try:
                needs = plan(config)
            except QHNError:
                continue
            setup = trainer.prepare(config)
            assert (setup.problem.table is not None) == needs.tabulated
