"""The Explore page through AppTest: the first visit, every section, links that lead nowhere, large circuits."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from tests.app import pages
from tests.app.pages import charts, link, until

SMALL: dict[str, Any] = {"network": {"name": "mlp", "layers": [2, 1, 1]}, "steps": 10, "replicas": 3}


def trained(**more: Any) -> str:
    return pages.trained(SMALL | more)


def opened(**query: str) -> AppTest:
    return pages.opened("explore", **query)


def residual(page: AppTest) -> float | None:
    for block in page.get("html"):
        found = re.search(r'data-residual="([^"]+)"', block.proto.body)
        if found:
            return float(found[1])
    return None


def test_the_first_visit_offers_to_train_and_follows_the_run(fresh: Path) -> None:
    page = opened()
    assert [b.label for b in page.button] == ["Train the default now", "Look at it untrained", "Go to Train"]
    page.button(key="explore.look").click().run()
    until(page, lambda: "posterior" in charts(page))
    assert page.query_params["source"] == ["untrained"] or page.query_params["source"] == "untrained"


def test_every_section_of_a_finished_run(fresh: Path) -> None:
    run = trained()
    expected = {
        "posterior": {"posterior", "strings", "marginals", "dependence"},
        "landscape": {"landscape", "line", "density"},
        "spectrum": {"spectrum", "mmd", "hidden"},
        "trainability": {"trainability", "steepness"},
        "architecture": set(),
        "sweep": {"sweep"},
    }
    for section, names in expected.items():
        page = opened(run=run, section=section)
        until(page, lambda page=page, names=names: names <= set(charts(page)))
        assert all(chart["alt"] for chart in charts(page).values())
        assert not page.error
    page = opened(run=run)
    until(page, lambda: residual(page) is not None)
    assert residual(page) < 1e-6  # type: ignore[operator]


def test_the_scrubber_goes_back_to_the_start(fresh: Path) -> None:
    run = trained()
    page = opened(run=run)
    until(page, lambda: page.select_slider and residual(page) is not None)
    last = [m.value for m in page.metric]
    slider = page.select_slider[0]
    assert [int(v) for v in re.findall(r"step (\d+) of", " ".join(slider.options))] == list(range(11))
    page = opened(run=run, step="0")
    until(page, lambda: residual(page) is not None and [m.value for m in page.metric] != last)
    assert residual(page) < 1e-6  # type: ignore[operator]


@pytest.mark.parametrize(
    "query", [{"run": "nothere1"}, {"section": "%00", "start": "-3", "step": "1e9"}, {"start": "99", "gamma": "nan"}]
)
def test_links_that_lead_nowhere_do_no_harm(fresh: Path, query: dict[str, str]) -> None:
    run = trained()
    page = opened(**({"run": run} | query))
    if query.get("run") == "nothere1":
        assert "nothere1" in page.error[0].value
    else:
        until(page, lambda: "posterior" in charts(page))


def test_a_run_of_shots_and_one_with_superposed_architecture(fresh: Path) -> None:
    shots = trained(objective={"name": "ksd"}, estimator={"name": "parameter_shift", "shots": 64}, steps=3)
    page = opened(run=shots)
    until(page, lambda: "posterior" in charts(page))
    until(page, lambda: any(slider.label == "Step" for slider in page.select_slider))  # among the states it kept
    network = {"name": "mlp_superposed", "layers": [2, 2, 1], "choose_width": True}
    page = opened(run=trained(network=network), section="architecture")
    until(page, lambda: {"architecture", "architectures"} <= set(charts(page)))
    names = {trace["name"] for trace in charts(page)["architecture"]["figure"]["data"]}
    assert {"sign, 2-2-1", "relu, 2-1-1"} <= names


def test_more_than_twenty_qubits_say_which_sections_exist(fresh: Path) -> None:
    run = trained(
        network={"name": "mlp", "layers": [2, 5, 1]},
        objective={"name": "mle"},
        estimator={"name": "parameter_shift", "shots": 8},
        ansatz={"name": "product"},
        steps=1,
        replicas=1,
    )
    page = opened(run=run)
    until(page, lambda: {"profile", "schmidt", "neighbours", "decided"} <= set(charts(page)))
    assert not page.info
    page = opened(run=run, section="posterior")
    assert any("needs a table of all 2^21 strings" in info.value for info in page.info)
    page = opened(run=run, section="landscape")
    until(page, lambda: {"landscape", "costs"} <= set(charts(page)))
    assert "16 draws a point" in json.dumps(charts(page)["landscape"]["figure"]["layout"])
    page = opened(run=run, section="sweep")
    until(page, lambda: "sweep" in charts(page))


def test_a_sweep_on_the_page_is_kept_and_gone_on_with(fresh: Path) -> None:
    run = trained()
    page = opened(run=run, section="sweep")
    until(page, lambda: "sweep" in charts(page))
    page.text_input[0].set_value("0.3, 1").run()
    page.text_input[1].set_value("1, 2").run()
    page.button(key="explore.sweep").click().run()
    until(page, lambda: len(list((fresh / "sweeps" / "cells").glob("*.json"))) == 4)
    until(page, lambda: None not in [v for row in charts(page)["sweep"]["figure"]["data"][0]["z"] for v in row])
    page.text_input[0].set_value("0.3, oops").run()
    assert "oops" in page.error[0].value


def test_variance_is_measured_on_a_button(fresh: Path) -> None:
    page = opened(run=trained(), section="trainability", against="layers")
    until(page, lambda: "trainability" in charts(page))
    page.button(key="explore.measure").click().run()
    until(page, lambda: page.dataframe and len(page.dataframe[0].value) >= 8)
    assert len(charts(page)["trainability"]["figure"]["data"]) >= 8


def test_a_sweep_on_a_real_device_is_left_to_the_command_line(fresh: Path) -> None:
    device = {"name": "pennylane", "device": "qiskit.remote", "backend": "ibm_torino"}
    config = SMALL | {"objective": {"name": "selbo"}, "engine": device, "estimator": {"name": "spsa", "shots": 100}}
    page = opened(config=link(config), section="sweep", source="untrained")
    until(page, lambda: "command line (below)" in " ".join(info.value for info in page.info))
    assert not [button for button in page.button if button.key == "explore.sweep"]


def test_one_start_has_one_entropy_and_pictures_name_their_start(fresh: Path) -> None:
    run = trained(data_draws=3)
    page = opened(run=run, start="2")
    until(page, lambda: residual(page) is not None)
    entropy = pages.tiles(page)["Entropy"]
    assert "3 draws of the data" in pages.words(page)
    assert "of start 2, on draw 2 of 3 of the data" in page.caption[0].value
    assert "curves are medians" in page.caption[0].value
    page = opened(run=run, start="2", section="bonds")
    until(page, lambda: "profile" in charts(page))
    tiles = pages.tiles(page)
    assert tiles["H(q)"] == entropy
    assert tiles["Total correlation"].endswith(" bits")
    for section, name in (("galaxy", "galaxy"), ("landscape", "landscape")):
        page = opened(run=run, start="2", section=section)
        until(page, lambda page=page, name=name: name in charts(page))
        assert "start 2, draw 2 of 3 of the data" in charts(page)[name]["figure"]["layout"]["title"]["text"]
