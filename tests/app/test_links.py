"""Links for a class: what a teacher asks stands on the page that a link opens, and in the link that the page gives."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from app import links
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
    assert len(page.get("image")) == 1


def test_a_picture_of_a_link_is_one_that_can_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[bytes] = []
    said: list[str] = []
    monkeypatch.setattr(links.st, "code", lambda *a, **k: None)
    monkeypatch.setattr(links.st, "image", lambda picture, **k: drawn.append(picture))
    monkeypatch.setattr(links.st, "caption", said.append)
    links.offer({"config": "x" * 300}, prompted="")
    assert len(drawn) == 1
    assert drawn[0].startswith(b"\x89PNG")
    links.offer({"config": "x" * 2000}, prompted="")
    assert len(drawn) == 1
    assert any("QR code" in text for text in said)
