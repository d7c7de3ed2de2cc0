"""The benchmark: both sides do the same work, and what misses its target says so."""

from __future__ import annotations

import json
import subprocess

import numpy as np
import pytest

import qhn_core as qhn
from qhn_core.ansatze.base import ANSATZE
from qhn_core.bench import extras, ours, peers, wide
from qhn_core.bench.cells import LOSSES, TARGETS, Cell, parse_cells, survey_cells, target_cells
from qhn_core.bench.extras import first_step, peak_memory
from qhn_core.bench.figure import Figure
from qhn_core.bench.run import JAX, LIGHTNING, TORCH, Report, Row, machine, run
from qhn_core.bench.tables import markdown, show, summary
from qhn_core.bench.timing import compare
from qhn_core.bench.variance import spread
from qhn_core.config import RunConfig
from qhn_core.config.examples import TEN_DIGITS
from qhn_core.errors import InvalidArgument
from qhn_core.estimators import estimator
from qhn_core.estimators.base import Work
from qhn_core.problems.problem import problem_from_costs


@pytest.mark.parametrize("replicas", [1, 3])
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("circuit", ["linear", "iqp"])
def test_both_sides_do_the_same_steps(circuit, loss, replicas):
    prepared = ours.setup(Cell(circuit, loss, 4, replicas))
    sides = [ours.stepper(prepared), peers.torch_backprop(prepared), peers.lightning_adjoint(prepared)]
    for _ in range(3):
        mine, torch_side, lightning_side = (np.asarray(side()) for side in sides)
        np.testing.assert_allclose(torch_side, mine, atol=1e-7)
        np.testing.assert_allclose(lightning_side, mine, atol=1e-7)


def test_cells_cover_targets_and_every_registered_circuit():
    cells = target_cells(quick=False) + survey_cells(None, quick=False)
    assert {(c.qubits, c.replicas) for c in cells if c.target} == set(TARGETS)
    families = {name for name in ANSATZE.names() if not ANSATZE[name].own}
    assert set(ANSATZE.names()) - families == {"qasm"}
    assert {(c.circuit, c.loss) for c in cells} == {(c, loss) for c in families for loss in LOSSES}
    assert len(set(cells)) == len(cells)


def test_cells_from_text():
    assert parse_cells("13:1, iqp:mle:10:30") == [Cell("linear", "elbo", 13, 1), Cell("iqp", "mle", 10, 30)]
    for wrong in ("linear", "linear:elbo:x:1", "nope:elbo:6:1", "6:0", "25:1"):
        with pytest.raises(InvalidArgument):
            parse_cells(wrong)


def test_contenders_take_turns():
    calls: list[str] = []
    found = compare({"a": lambda: calls.append("a"), "b": lambda: calls.append("b")}, seconds=0.02, rounds=4)
    assert set(found) == {"a", "b"}
    assert all(0 < value < 0.01 for value in found.values())
    assert "ab" in "".join(calls[4:]).replace("aa", "a").replace("bb", "b")


def report(ratio: float, share: float) -> Report:
    rows = [Row(Cell("linear", "elbo", 13, 1), 1e-3, {LIGHTNING: ratio * 1e-3, TORCH: 1.0, JAX: 0.5e-3 * ratio})]
    return Report(rows, [Figure("share", share, "", 0.5)], machine())


def test_what_misses_its_target_is_named(capsys):
    good, bad = report(9.0, 0.4), report(7.0, 0.6)
    assert "MISSED" not in markdown(good)
    assert markdown(bad).count("MISSED") == 2
    show(bad)
    assert "MISSED" in capsys.readouterr().out.replace("\n", "") or not bad.rows[0].met
    numbers = json.loads(bad.to_json())
    assert numbers["steps"][0]["met"] is False
    assert numbers["steps"][0]["ratio"] == pytest.approx(7.0)
    assert numbers["figures"][0]["met"] is False
    assert {"date", "cores", "numba", "pennylane"} <= set(numbers["machine"])


def test_an_accuracy_that_is_never_reached_is_a_miss_and_no_time():
    small = {"dataset": {**TEN_DIGITS["dataset"], "side": 2}, "network": {**TEN_DIGITS["network"], "layers": [4, 10]}}
    config = RunConfig.model_validate(TEN_DIGITS | small | {"steps": 4, "log_every": 2})
    assert wide.time_to_accuracy(config, 1.01) == (np.inf, 4)
    seconds, steps = wide.time_to_accuracy(config, 0.0)
    assert np.isfinite(seconds), "reached"
    assert steps <= 2
    row = json.loads(report(9.0, np.inf).to_json())["figures"][0]
    assert (row["value"], row["met"]) == (None, False)


def test_the_benchmark_measures_what_the_dashboard_offers():
    step, example = (RunConfig.model_validate(one) for one in (wide.STEP, TEN_DIGITS))
    changed = {"ansatz": example.ansatz, "batch": example.batch, "steps": 2000, "log_every": 50}
    assert step.model_copy(update=changed) == example


def test_the_summary_has_the_extremes_of_each_size(capsys):
    rows = [
        Row(Cell(circuit, "elbo", n, 1), 1e-3, {LIGHTNING: 1e-3 * ratio})
        for circuit, n, ratio in (("product", 6, 20.0), ("linear", 6, 50.0), ("iqp", 6, 90.0), ("iqp", 9, 7.0))
    ]
    found = Report(rows, [], machine())
    line = ("6", "1", "≥ 30×", "2 of 3", "20× (product, elbo)", "50×", "90× (iqp, elbo)")
    assert summary(found) == [line]
    assert "| " + " | ".join(line) + " |" in markdown(found)
    show(found)
    assert "2 of 3" in capsys.readouterr().out


def test_being_behind_compiled_jax_is_a_miss():
    row = Row(Cell("linear", "elbo", 13, 1), 1e-3, {LIGHTNING: 1.0, JAX: 0.9e-3})
    assert not row.met


def test_a_small_run_from_end_to_end():
    told: list[str] = []
    found = run(cells="product:mle:3:2", extras=False, quick=True, jax=False, progress=told.append)
    assert told == ["[1/1] product mle N=3 B=2"]
    assert found.rows[0].ratio > 1.0
    assert set(found.rows[0].peers) == {LIGHTNING, TORCH}


def test_backprop_is_left_out_where_memory_would_not_do():
    assert peers.backprop_fits(qhn.ansatz("linear", n_qubits=6, layers=4), 30)
    assert not peers.backprop_fits(qhn.ansatz("linear", n_qubits=20, layers=4), 1)


def test_the_first_step_is_a_whole_training_step(monkeypatch):
    found = first_step(processes=1)
    assert 0.0 < found.step < 60.0
    assert min(found.importing, found.preparing) > 0.001
    broken = extras.FIRST.replace("RunConfig.model_validate(", "RunConfig.model_validate({'log_every': 0} | ")
    monkeypatch.setattr(extras, "FIRST", broken)
    with pytest.raises(subprocess.CalledProcessError):
        first_step(processes=1)


def test_memory_figure():
    assert 2.0 < peak_memory(12, 2) <= 8.0


def test_the_noise_of_estimators_follows_their_law():
    """Leave-one-out variance per evaluation goes as S/(S − 1): 1.75 between 2 and 8 draws, within a fifth.

    1500 estimates each at a fixed seed; both are unbiased, and parameter shift costs more.
    """
    task = problem_from_costs(np.random.default_rng(0).normal(size=16))
    work = Work(qhn.engine("statevector"), qhn.ansatz("chain", n_qubits=4, layers=1), qhn.objective("mle"), task)
    theta = np.full((1, work.circuit.n_params), 0.8)
    truth = work.engine.gradient(work.circuit, theta, task.nll)[0]
    few, many = (
        spread("", estimator("score_function", shots=shots), work, theta, truth, repeats=1500) for shots in (2, 8)
    )
    assert (few.evaluations, many.evaluations) == (2, 8)
    assert 1.4 < few.noise / many.noise < 2.1
    assert max(few.bias, many.bias) < 0.1
    shift = spread("", estimator("parameter_shift", shots=8), work, theta, truth, repeats=100)
    assert shift.evaluations == 8 * (2 * work.circuit.n_params + 1)
    assert shift.noise > many.noise


@pytest.mark.usefixtures("own_namespaces")
def test_quimbs_score_is_ours_so_that_like_is_timed_with_like():
    circuit = qhn.ansatz("chain", n_qubits=12, layers=3)
    rng = np.random.default_rng(2)
    theta, weights = rng.uniform(0.0, 6.0, circuit.n_params), rng.normal(size=5)
    bits, _ = qhn.engine("mps").draw(circuit, theta, 5, rng)
    theirs = wide.quimb_score(circuit, bits, theta, weights)()
    np.testing.assert_allclose(theirs, qhn.engine("mps").score(circuit, theta, bits, weights), atol=1e-9)


def test_a_power_law_has_its_exponent():
    assert wide.exponent((100, 200, 400), (0.01, 0.04, 0.16)) == pytest.approx(2.0)
