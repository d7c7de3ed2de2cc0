"""Links for a class: what a teacher asks stands on the page that a link opens, and in the link that the page gives."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from streamlit.testing.v1 import AppTest

from app import links, qr
from qhn_core.config import RunConfig
from qhn_core.studies.race.config import RaceConfig
from tests.app.pages import opened

SMALL: dict[str, Any] = {"network": {"name": "mlp", "layers": [2, 1, 1]}, "steps": 3, "replicas": 2}
PROMPT = "Which <b>loss</b> wins? ![x](https://elsewhere.example/x.png)"
RUN = {"config": RunConfig.parse(SMALL).to_url()}
RACE = {"race": RaceConfig.parse({"base": {"schema_version": 1, **SMALL}}).to_url()}


@pytest.mark.parametrize(
    ("view", "query", "field", "menu"),
    [("", RUN, "share.prompt", "share.menu"), ("compare", RACE, "race.share.prompt", "race.share")],
)
def test_a_prompt_is_shown_as_text_and_goes_on_in_the_link(
    view: str, query: dict[str, str], field: str, menu: str, fresh: Path
) -> None:
    page = opened(view, **query, prompt=PROMPT, hide="network")
    assert [text.value for text in page.text] == [PROMPT]
    assert all(box.key != field for box in page.text_input), "what is in a menu is drawn while it is open"
    page.session_state[menu] = True
    page.run()
    page.text_input(key=field).set_value("And now? " * 40).run()
    assert not page.exception
    shared = next(code.value for code in page.code if "prompt=" in code.value)
    asked = {name: values[0] for name, values in parse_qs(urlsplit(shared).query).items()}
    assert asked == query | {"prompt": ("And now? " * 40)[: links.LONGEST].strip(), "hide": "network"}
    assert page.button(key=f"{menu}.qr").label == "QR code"


def test_a_link_has_a_code_over_the_whole_screen_while_its_page_is_shown(fresh: Path) -> None:
    page = opened(**RUN, prompt=PROMPT)
    page.session_state["share.menu"] = True
    page.run()
    page.button(key="share.menu.qr").click().run()
    assert not page.session_state["share.menu"], "the menu makes room"
    page.run()
    (shown,) = _codes(page)
    assert "data:image/svg+xml" in shown, "it stays when the page starts anew"
    assert "<p>Which &lt;b&gt;loss&lt;/b&gt; wins?" in shown
    page.switch_page("views/compare/page.py").run()
    assert not _codes(page)


def _codes(page: AppTest) -> list[str]:
    return [block.proto.body for block in page.get("html") if "<img" in block.proto.body]


def test_a_link_that_no_phone_could_read_has_no_code(monkeypatch: pytest.MonkeyPatch) -> None:
    offered: list[str] = []
    said: list[str] = []
    monkeypatch.setattr(links.st, "code", lambda *a, **k: None)
    monkeypatch.setattr(links.qr, "entrance", lambda link, **k: offered.append(link))
    monkeypatch.setattr(links.st, "caption", said.append)
    links.offer({"config": "x" * 300}, menu="m", prompted="")
    assert len(offered) == 1
    links.offer({"config": "x" * 2000}, menu="m", prompted="")
    assert len(offered) == 1
    assert any("QR code" in text for text in said)


def test_a_code_is_dark_on_light_with_its_quiet_zone() -> None:
    picture = qr.code("http://127.0.0.1:8501?config=1")
    assert picture.startswith("data:image/svg+xml")
    assert "%23fff" in picture
    assert "%23000" in picture


def test_hidden_controls_are_not_chosen_by_whom_they_are_hidden_from(fresh: Path) -> None:
    page = opened(**RUN)
    page.session_state["share.menu"] = True
    page.run()
    page.pills(key="hide.sections").set_value(["network"]).run()
    assert page.pills(key="hide.sections").value == ["network"], "who hid them may show them again"
    assert page.query_params["hide"] == "network"
    page = opened(**RUN, hide="network")
    page.session_state["share.menu"] = True
    page.run()
    assert not [group for group in page.pills if group.key == "hide.sections"]
    assert any("hide=network" in code.value for code in page.code)
