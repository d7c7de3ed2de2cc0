"""Networks of more than 20 weights on the Train and Hardware pages: estimates that say so, and nothing refused wrongly.

2-5-1 has 21 weights: one more than can be enumerated.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from app import services
from app.previews import Previews
from qhn_core import trainer
from qhn_core.config import RunConfig
from qhn_core.runner import RunState
from tests.app.pages import charts, drawn, link, opened, tiles, trained, until

LARGE: dict[str, Any] = {
    "dataset": {"name": "moons", "n_train": 10, "n_test": 40},
    "network": {"name": "mlp", "layers": [2, 5, 1]},
    "ansatz": {"name": "linear", "layers": 1},
    "objective": {"name": "selbo"},
    "estimator": {"name": "spsa", "shots": 200},
    "steps": 2,
    "replicas": 1,
}
KNOWN = {**LARGE, "objective": {"name": "elbo"}, "estimator": {"name": "score_function", "shots": 200}}
CHARTS = ("loss", "gap", "weights", "boundary", "marginals", "circuit")


def said_on(page: AppTest, chart: str) -> str:
    return json.dumps(charts(page)[chart]["figure"]["layout"], ensure_ascii=False)


@pytest.mark.parametrize("config", [LARGE, KNOWN], ids=["spsa", "score_function"])
def test_before_training_everything_that_draws_can_show_is_shown(config: dict[str, Any], fresh: Path) -> None:
    page = opened(config=link(config))
    until(page, lambda: drawn(page, *CHARTS))
    assert "adjoint" not in json.dumps(charts(page))
    assert "estimated from 256 draws" in said_on(page, "loss")
    assert "estimated from 256 draws" in said_on(page, "gap")
    assert "±" in tiles(page)["Test accuracy"]


def test_a_finished_run_shows_estimates_with_their_errors(fresh: Path) -> None:
    page = opened(run=trained(LARGE))
    until(page, lambda: drawn(page, *CHARTS))
    value, error = map(float, tiles(page)["Test accuracy"].split(" ± "))
    assert 0 <= value <= 1
    assert 0 < error < 0.3
    (accuracy,) = [m for m in page.metric if m.label == "Test accuracy"]
    assert "Estimated from 256 draws" in accuracy.help
    loss = {trace["name"]: trace for trace in charts(page)["loss"]["figure"]["data"]}
    assert "± 1 standard error" in said_on(page, "loss")
    history = services.supervisor().history(str(page.query_params["run"])).history
    upper, middle = np.array(loss["+ s.e."]["y"]), np.array(loss["loss"]["y"])
    assert upper - middle == pytest.approx(history["loss_se"][:, 0], rel=1e-2)
    assert "KL to posterior" not in tiles(page)  # there is no table; a simulator tells the other two
    assert "±" in tiles(page)["KL to prior"]
    assert "±" in tiles(page)["Effective networks"]


def test_the_score_function_knows_entropy_and_kl_to_the_prior(fresh: Path) -> None:
    page = opened(run=trained(KNOWN))
    assert "±" in tiles(page)["Effective networks"]
    assert "±" in tiles(page)["KL to prior"]
    assert tiles(page)["KL to prior"].endswith("nats")


def test_a_run_of_an_earlier_process_is_drawn_from_its_angles(fresh: Path) -> None:
    run = trained(LARGE)
    services.supervisor().shutdown()
    st.cache_resource.clear()
    page = opened(run=run)
    until(page, lambda: drawn(page, *CHARTS))
    assert "adjoint" not in json.dumps(charts(page))


def test_an_exact_run_says_nothing_of_draws(fresh: Path) -> None:
    small = {**LARGE, "network": {"name": "mlp", "layers": [2, 2, 1]}, "estimator": {"name": "adjoint"}}
    page = opened(run=trained(small))
    assert "±" not in "".join(tiles(page).values())
    assert "draws" not in said_on(page, "loss") + said_on(page, "gap")


def test_the_dial_says_why_it_has_no_exact_values(fresh: Path) -> None:
    page = opened("hardware", view="shots", run=trained(LARGE))
    until(page, lambda: page.info)
    told = " ".join(i.value for i in page.info)
    assert "end at 20 qubits" in told
    assert "adjoint" not in told


def test_weights_are_drawn_on_the_device(fresh: Path) -> None:
    page = opened("hardware", view="deploy", run=trained(LARGE))
    until(page, lambda: [b for b in page.button if b.label == "Draw weights"])
    next(b for b in page.button if b.label == "Draw weights").click().run()
    until(page, lambda: drawn(page, "deploy-histogram", "deploy-distance", "deploy-accuracy"))
    bars = charts(page)["deploy-histogram"]["figure"]["data"][0]
    assert {len(name) for name in bars["x"]} == {21}
    assert not page.error


def test_training_on_the_device_is_offered(fresh: Path) -> None:
    page = opened("hardware", view="train", run=trained(LARGE), steps="2", train_shots="64")
    until(page, lambda: [b for b in page.button if b.label == "Train on this device"])
    next(b for b in page.button if b.label == "Train on this device").click().run()
    next(b for b in page.button if b.label == "Send").click().run()
    run = str(page.query_params["trained"])
    assert services.supervisor().wait(run, timeout=120).state is RunState.FINISHED
    until(page, lambda: drawn(page, "hardware-loss"))
    assert not page.error


def test_settings_without_an_estimator_for_them_can_still_be_deployed(fresh: Path) -> None:
    config = {**LARGE, "estimator": {"name": "adjoint"}}
    page = opened("hardware", view="deploy", config=link(config))
    until(page, lambda: [b for b in page.button if b.label == "Draw weights"])
    assert "adjoint" not in " ".join(i.value for i in page.info)


def test_a_preview_is_what_the_run_logs_at_step_0(tmp_path: Path) -> None:
    """The same strings are drawn from the same angles, and the same is estimated from them."""
    config = RunConfig.parse(KNOWN)
    ready = Previews(tmp_path).wait(config)
    setup = trainer.prepare(config)
    logged = trainer.step(setup, trainer.init(setup))[1].row
    assert ready.row is not None
    assert logged is not None
    for name in ("loss", "loss_se", "accuracy_test", "accuracy_test_se", "kl_prior", "mmd2"):
        assert ready.row[name] == pytest.approx(logged[name], rel=1e-9), name


def test_more_qubits_than_the_simulator_has_are_said(tmp_path: Path) -> None:
    device = {"name": "pennylane", "device": "qiskit.remote", "backend": "ibm_torino", "account": "lab"}
    wide = {"network": {"name": "mlp", "layers": [2, 6, 1]}, "ansatz": {"name": "all_to_all"}}
    config = RunConfig.parse({**LARGE, **wide, "engine": device})
    ready = Previews(tmp_path).wait(config)
    assert ready.setup is None, "no engine was made"
    assert "25 qubits: too many to simulate" in ready.message
