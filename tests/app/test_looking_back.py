"""Train looks back, forks, and shows the pictures that are asked for; Explore shows the network of a string."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from streamlit.testing.v1 import AppTest

from app import services
from app.numbers import digits
from app.views.train.data import config_of, of_run
from qhn_core import trainer
from qhn_core.config import RunConfig
from qhn_core.store import RunState
from tests.app import pages
from tests.app.pages import charts, press, tiles, title, until, words

SMALL: dict[str, Any] = {
    "dataset": {"name": "xor", "n_train": 8, "n_test": 20},
    "network": {"name": "mlp", "layers": [2, 1, 1]},
    "ansatz": {"name": "linear", "layers": 2},
    "objective": {"name": "mle"},
    "steps": 24,
    "replicas": 2,
}
PICTURES = ("weights", "boundary", "marginals")


def back_at(page: AppTest, run: str, step: int) -> None:
    """What the slider does in a browser."""
    page.session_state["qhn.train.at"] = f"{run}:{step}"
    page.run()
    assert not page.exception, page.exception


def ask(page: AppTest, kind: str, *names: str) -> None:
    page.session_state["view.more"] = kind
    page.run()
    until(page, lambda: all(name in charts(page) for name in names))


def test_everything_follows_the_step_looked_back_at_and_a_fork_leaves_there(fresh: Path) -> None:
    run = pages.trained(SMALL)
    page = pages.opened(run=run)
    until(page, lambda: "boundary" in charts(page))
    newest = tiles(page)
    back_at(page, run, 6)
    history = services.shared_supervisor().history(run).history
    assert tiles(page)["KL to posterior, mean of 2"] == f"{history['kl_posterior'][6].mean():.2f} nats"
    assert tiles(page) != newest
    assert all("step 6" in title(page, name) for name in PICTURES)
    assert charts(page)["loss"]["figure"]["layout"]["shapes"][-1]["x0"] == 6
    hands = next(trace for trace in charts(page)["circuit"]["figure"]["data"] if trace["name"] == "angles")
    theta = services.shared_supervisor().state_at(run, 6).theta
    angles = [np.degrees(theta[k]) % 360 for k in range(2)]
    pointing = sorted((np.array(hands["marker"]["angle"]) - 180) % 360)  # markers are upside down
    assert any(np.allclose(pointing, sorted(np.degrees(row) % 360)) for row in theta), angles
    boxes = [trace for trace in charts(page)["circuit"]["figure"]["data"] if trace["name"] == "RY"]
    assert "∂L/n" in boxes[0]["customdata"][0]

    press(page, "train.fork.here")
    assert "goes on from step 6" in words(page, "info")
    page.selectbox(key="form.objective").set_value("elbo").run()
    assert "Changed: Loss MLE → ELBO" in words(page, "info")
    press(page, "train.train")
    branch = services.shared_store().list()[0]
    assert (branch.parent, branch.forked, branch.config.objective.name) == (run, 6, "elbo")
    assert services.shared_supervisor().wait(branch.id, 60).state is RunState.FINISHED
    ask(page, "branches", "branches")
    drawn = charts(page)["branches"]["figure"]["data"]
    assert drawn[0]["name"] == "from the start: MLE"
    assert drawn[1]["x"][0] == 6
    assert config_of(run).objective.name == "mle", "the run that was left stays as it is"


def test_the_step_that_was_made_is_the_step_that_is_seen_and_can_be_left(fresh: Path) -> None:
    supervisor = services.shared_supervisor()
    config = RunConfig.parse(SMALL)
    run = supervisor.start(config, paused=True)
    for _ in range(3):
        supervisor.step(run)
        supervisor.wait(run, 60)
    seen = of_run(run, config)
    assert (seen.step, seen.steps.tolist()) == (3, [0, 1, 2, 3])
    assert supervisor.history(run).steps.tolist() == [0, 1, 2], "it is worked out for the page alone"
    page = pages.opened(run=run)
    until(page, lambda: "boundary" in charts(page))
    assert f"{seen.history['kl_posterior'][3].mean():.2f} nats" in tiles(page).values()
    press(page, "train.fork.here")
    assert "goes on from step 3" in words(page, "info")
    press(page, "train.train")
    branch = services.shared_store().list()[0]
    assert (branch.parent, branch.forked) == (run, 3)
    supervisor.resume(run)
    for each in (run, branch.id):
        assert supervisor.wait(each, 60).state in (RunState.FINISHED, RunState.STOPPED)
    logged = supervisor.history(branch.id)
    assert logged.steps[0] == 3
    for name, rows in logged.history.items():
        assert np.array_equal(rows[0], seen.history[name][3], equal_nan=True), name


def test_pictures_that_are_asked_for_and_the_circuit_without_entanglers(fresh: Path) -> None:
    run = pages.trained(SMALL)
    page = pages.opened(run=run)
    until(page, lambda: "boundary" in charts(page))
    film = ("film-average", "film-bayes", "film-best", "film-drawn0", "film-drawn1", "film-drawn2")
    ask(page, "film", *film)
    assert title(page, "film-average").startswith("Vote of all networks")
    assert title(page, "film-bayes").startswith("Exact Bayes")
    ask(page, "entanglement", "entanglement-cuts", "entanglement-qubits", "entanglement-dependence")
    assert len(charts(page)["entanglement-cuts"]["figure"]["data"][0]["x"]) == 25
    ask(page, "plateau", "barometer", "steepness")
    assert "random uniform starts" in words(page)
    page.toggle(key="view.uncoupled").set_value(True).run()
    assert all("no entanglers" in title(page, name) for name in PICTURES)
    links = next(trace for trace in charts(page)["circuit"]["figure"]["data"] if trace["name"] == "links")
    assert links["opacity"] < 0.5


def test_a_run_of_an_earlier_version_says_that_it_kept_nothing(fresh: Path) -> None:
    run = pages.trained(SMALL)
    with services.shared_store().database.write() as db:
        db.execute("DELETE FROM states")
    page = pages.opened(run=run)
    until(page, lambda: "train it again to look back" in words(page))


def test_a_string_of_the_terrain_shows_its_network_and_its_cost(fresh: Path) -> None:
    run = pages.trained(SMALL)
    page = pages.opened("explore", run=run, section="galaxy")
    until(page, lambda: "terrain" in charts(page))
    assert charts(page)["terrain"]["clickable"]
    page.session_state["qhn.explore.string"] = f"{run}:5"
    page.run()
    until(page, lambda: "one-network" in charts(page))
    assert "−−+−+" in words(page)
    signs = next(trace for trace in charts(page)["one-network"]["figure"]["data"] if trace["name"] == "weights")
    assert signs["text"] == ["−1", "−1", "−1"]
    problem = trainer.prepare(config_of(run)).problem
    assert f"costs **{digits(problem.nll[5] / 8)} nats per example**" in words(page)
    assert f"number {int((problem.nll < problem.nll[5]).sum()) + 1} of 32" in words(page)
