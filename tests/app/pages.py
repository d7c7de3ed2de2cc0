"""Pages through AppTest, as all tests of pages drive and read them."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from streamlit.testing.v1 import AppTest

from app import services
from qhn_core.config import RunConfig
from qhn_core.runner import RunState

MAIN = Path(__file__).parents[2] / "app" / "main.py"
#: Seconds that a run of a page may take on a busy machine.
PATIENCE = 90


def trained(settings: Mapping[str, Any]) -> str:
    """The id of a run of these settings that has ended on the server of the pages."""
    run = services.supervisor().start(RunConfig.parse(settings))
    assert services.supervisor().wait(run, timeout=PATIENCE).state is RunState.FINISHED
    return run


def link(settings: Mapping[str, Any]) -> str:
    """How settings stand in the address of a page."""
    return RunConfig.parse(settings).to_url()


def opened(view: str = "", /, *, check: bool = True, **query: str) -> AppTest:
    """A page as a visitor with this link sees it.

    Args:
        view: folder of the page under ``app/views``; the entrance (Train) where empty.
        check: whether trouble on it fails the test.
        query: the link's parameters.
    """
    page = AppTest.from_file(str(MAIN), default_timeout=PATIENCE)
    if view:
        page.run()  # only then are the pages known
        page.switch_page(f"views/{view}/page.py")
    for name, value in query.items():
        page.query_params[name] = value
    page.run()
    assert not (check and page.exception), page.exception
    return page


def press(page: AppTest, key: str) -> AppTest:
    """Click the button of this key."""
    page.button(key=key).click().run()
    assert not page.exception
    return page


def until(page: AppTest, holds: Callable[[], Any], seconds: float = 120.0) -> None:
    """Draw the page again until ``holds()``: timers live in the browser, which is not there."""
    end = time.monotonic() + seconds
    while not holds() and time.monotonic() < end:
        time.sleep(0.1)
        page.run()
        assert not page.exception
    assert holds()


def charts(page: AppTest) -> dict[str, dict[str, Any]]:
    """What the live charts on the page were sent, by their data-chart name."""
    sent = [json.loads(block.proto.bytes) for block in page.get("bidi_component") if block.proto.bytes]
    return {payload["name"]: payload for payload in sent if "figure" in payload}


def drawn(page: AppTest, *names: str) -> bool:
    """Whether all these charts are there and show something."""
    found = charts(page)
    return all(name in found and found[name]["figure"]["data"] for name in names)


def title(page: AppTest, chart: str) -> str:
    """A chart's title as it is read."""
    return re.sub(r"<[^>]+>", "", charts(page)[chart]["figure"]["layout"]["title"]["text"])


def curves(page: AppTest, chart: str) -> dict[str, dict[str, Any]]:
    """A chart's traces by name."""
    return {trace["name"]: trace for trace in charts(page)[chart]["figure"]["data"] if "name" in trace}


def words(page: AppTest, *kinds: str) -> str:
    """What stands in Markdown and captions, or in elements of other kinds (``error``, ``warning``), as plain text."""
    blocks = (block for kind in kinds or ("markdown", "caption") for block in getattr(page, kind))
    return "\n".join(str(block.value) for block in blocks).replace("\u00a0", " ")


def tiles(page: AppTest) -> dict[str, str]:
    """Label -> value of the page's tiles."""
    return {tile.label: tile.value for tile in page.metric}


def run_of(page: AppTest) -> str:
    """The run that Train's address names."""
    return str(page.query_params["run"])


def ended(page: AppTest) -> AppTest:
    """Train once the run on it has ended."""
    services.supervisor().wait(run_of(page), timeout=PATIENCE)
    return page.run()
