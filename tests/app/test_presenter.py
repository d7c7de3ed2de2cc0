"""Presenter's mode without a browser: figures enlarged as they are, and keys that press what is on the page."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from app import figures, state
from app.figures.large import enlarge
from qhn_core.config import RunConfig
from qhn_core.studies.race.config import RaceConfig
from tests.app.pages import charts, opened, press

SMALL: dict[str, Any] = {"network": {"name": "mlp", "layers": [2, 1, 1]}, "steps": 3, "replicas": 2}


def test_letters_and_lines_grow_and_the_data_stay() -> None:
    figure = {
        "data": [{"y": [1.0, 2.0], "line": {"width": 2}, "marker": {"size": [3, 4]}, "text": "size 3"}],
        "layout": figures.layout("Loss <span style='font-size:12px'>start 3</span>", annotations=[{"yshift": 4}]),
    }
    large = enlarge(figure, 1.5)
    assert large["data"][0] == figure["data"][0] | {"line": {"width": 3.0}}
    assert large["layout"]["font"]["size"] == 1.5 * figures.FONT
    assert large["layout"]["xaxis"]["tickfont"]["size"] == 1.5 * (figures.FONT - 1)
    assert large["layout"]["margin"]["t"] == 1.5 * figure["layout"]["margin"]["t"]
    assert large["layout"]["annotations"] == [{"yshift": 6.0}]
    assert "font-size:18px" in large["layout"]["title"]["text"]
    assert enlarge(figure, 1.0) == figure


@pytest.mark.parametrize(
    ("view", "query", "chart"),
    [
        ("", {"config": RunConfig.parse(SMALL).to_url()}, "loss"),
        ("compare", {"race": RaceConfig.parse({"base": {"schema_version": 1, **SMALL}}).to_url()}, "race-nll"),
        ("learn", {"lesson": "mle-and-collapse", "step": "break"}, ""),
    ],
)
def test_every_key_presses_something_that_is_there(view: str, query: dict[str, str], chart: str, fresh: Path) -> None:
    page = opened(view, **query, present="1", prompt="Why? " * 100)
    told = [json.loads(block.proto.json) for block in page.get("bidi_component") if "actions" in block.proto.json]
    assert len(told) == 1
    assert len(told[0]["prompt"]) == 200
    keys = {f".st-key-{(b.key or '').replace('.', '-')} button" for b in page.button}
    buttons = {key: places for key, places in told[0]["actions"].items() if places[-1].startswith(".st-key-")}
    pressed = [places for key, places in buttons.items() if key != " "]
    assert all(keys & set(places) for places in pressed), told[0]["actions"]
    sizes = [charts(page)[chart]["figure"]["layout"]["font"]["size"]] if chart else []
    press(page, "presenter.leave")
    assert "present" not in page.query_params
    assert any(button.key == "presenter.enter" for button in page.button)
    if chart:
        assert {" ", "ArrowRight", "1", "2", "3", "Escape"} <= set(told[0]["actions"])
        assert sizes[0] > 1.4 * charts(page)[chart]["figure"]["layout"]["font"]["size"]


def test_a_digit_takes_a_contender_out_of_view_and_back(fresh: Path) -> None:
    from app.views.compare import podium

    race = RaceConfig.parse({"base": {"schema_version": 1, **SMALL}})
    page = opened("compare", race=race.to_url(), present="1")
    key = "race.podium.1"
    assert page.button(key=key).label == "2 · ELBO β=1"
    page.button(key=key).click().run()
    assert "off" in page.button(key=key).icon
    page.button(key=key).click().run()
    assert "off" not in page.button(key=key).icon
    assert podium.in_view(None) is None
    assert state.PRESENT == "present"
