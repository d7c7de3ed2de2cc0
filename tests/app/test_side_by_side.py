"""Compare's pictures of every contender, and the ways between Train and Compare."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from app import race_state, services
from qhn_core.config import RunConfig
from tests.app.test_compare_page import SHORT, charts, ended, opened, press, race_of, tab, words


def titles(page: Any, kind: str) -> list[str]:
    found = charts(page)
    return [found[f"race-{kind}-{i + 1}"]["figure"]["layout"]["title"]["text"] for i in range(3)]


def test_every_contender_is_pictured_at_the_same_start_and_step(fresh: Path) -> None:
    page = tab(ended(press(opened(SHORT), "train")), "Pictures")
    losses = services.races().history(race_of(page), 0).history["loss"][-1]
    start = int(np.argmin(np.abs(losses - np.median(losses)))) + 1
    for kind in ("boundary", "networks"):
        for title, name in zip(titles(page, kind), ("MLE", "ELBO β=1", "SELBO λ=1"), strict=True):
            assert name in title
            assert f"start {start}, step 8" in title
    assert f"Start {start} (median loss of MLE) at step 8" in words(page)
    drawn = charts(page)["race-networks-2"]["figure"]["data"]
    assert {trace["name"] for trace in drawn} >= {"weights", "drawn", "exact q", "posterior"}


def test_pictures_follow_the_scrubber_and_the_chosen_start(fresh: Path) -> None:
    page = tab(ended(press(opened(SHORT), "train")), "Pictures")
    page.selectbox(key="race.start.12").set_value("3").run()
    page.slider(key="race.scrub.8").set_value(0).run()
    assert not page.exception
    assert all("start 3, step 0" in title for title in titles(page, "boundary"))
    first = charts(page)["race-networks-1"]["figure"]["data"]
    other = charts(page)["race-networks-3"]["figure"]["data"]
    assert first[0]["z"] == other[0]["z"]  # the same circuit at the same angles, before any step


def test_a_run_as_a_race_has_its_loss_among_the_contenders() -> None:
    config = RunConfig.parse({"objective": {"name": "elbo", "beta": 0.3}, "seed": 5, "replicas": 7})
    race = race_state.race_of(config)
    assert race.base.model_copy(update={"objective": config.objective}) == config
    assert [c.title for c in race.contenders] == ["MLE", "ELBO β=0.3", "SELBO λ=1"]
    assert config in race.configs()
    ksd = race_state.race_of(RunConfig.parse({"objective": {"name": "ksd"}}))
    assert [c.objective.name for c in ksd.contenders] == ["mle", "elbo", "selbo", "ksd"]


def test_from_shots_the_elbo_is_left_out_of_the_race() -> None:
    estimator = {"name": "parameter_shift", "shots": 64}
    race = race_state.race_of(RunConfig.parse({"objective": {"name": "selbo"}, "estimator": estimator}))
    assert [c.objective.name for c in race.contenders] == ["mle", "selbo"]


def test_from_compare_to_train_and_back(fresh: Path) -> None:
    page = opened(SHORT)
    second = [button for button in page.button if button.label == "Open in Train"][1]
    second.click().run()
    assert not page.exception
    assert next(box.value for box in page.selectbox if box.label == "Loss") == "elbo"
    assert RunConfig.from_url(str(page.query_params["config"])).steps == 8
    page.button(key="race.this").click().run()
    assert not page.exception
    losses = [box.value for box in page.selectbox if box.label.startswith("Loss of contender")]
    assert losses == ["mle", "elbo", "selbo"]


def test_the_menu_of_examples_closes_after_a_choice(fresh: Path) -> None:
    page = opened(SHORT)
    page.session_state["race.examples"] = True
    page.run()
    page.button(key="race.example.small and quick").click().run()
    assert not page.exception
    assert page.session_state["race.examples"] is False
    assert next(box.value for box in page.selectbox if box.label == "Data") == "xor"
