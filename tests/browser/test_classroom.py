"""A class in real browsers: two students and a teacher, from the code at the door to the end."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import Server, start_server, stop_server, traces

#: Milliseconds: three browsers and a server share the machine.
LONG = 180_000
LOSS = "[data-chart=loss][data-refreshes]"


@pytest.fixture(scope="module")
def lecture(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with a class."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("QHN_CLASSROOM", "1")
        server = start_server(tmp_path_factory.mktemp("class"))
    yield server
    stop_server(server)
    assert not (found := traces(server)), found


@pytest.fixture
def enter(lecture: Server, chromium: Browser) -> Iterator[Callable[[str, str], Page]]:
    """Comes in as somebody, in a browser of their own: ``enter("Class code", "Ana")``."""
    contexts = []

    def come(kind: str, name: str) -> Page:
        found = re.search(rf"{kind} +(\w+)", lecture.log.read_text())
        assert found is not None
        contexts.append(chromium.new_context(viewport={"width": 1280, "height": 720}))
        page = contexts[-1].new_page()
        page.set_default_timeout(LONG)
        page.goto(f"{lecture.address}/runs")
        page.fill("#code", "AAAAAA")
        page.click("button")
        expect(page.locator("[role=alert]")).to_contain_text("not the code", timeout=LONG)
        page.fill("#code", found[1].lower())
        page.fill("#name", name)
        page.click("button")
        page.wait_for_selector(LOSS)
        return page

    yield come
    for context in contexts:
        context.close()


def pick(page: Page, label: str, text: str) -> None:
    """Choose from a long list by typing a part of what is wanted."""
    page.get_by_role("combobox", name=label).fill(text)
    page.get_by_role("option", name=re.compile(text)).first.click()
    page.wait_for_timeout(3000)  # the button beside it sends what the server knows of the choice


def choice_of(page: Page) -> None:
    """Answer the question that stands on the page, if it offers options."""
    page.locator("[data-testid=stRadio] label").nth(1).click()
    page.get_by_role("button", name="Lock my answer").click()


@pytest.mark.timeout(1500)  # three browsers and their server
def test_a_class_from_the_code_to_the_end(lecture: Server, enter: Callable[[str, str], Page]) -> None:
    ana, bo, tom = enter("Class code", "Ana"), enter("Class code", "Bo"), enter("Teacher's code", "Tom")
    assert ana.get_by_role("link", name="Class", exact=True).count() == 0

    # What one trains another does not find.
    ana.get_by_role("button", name="Train").click()
    ana.wait_for_url(re.compile(r"run=\w+"), timeout=LONG)
    found = re.search(r"run=(\w+)", ana.url)
    assert found is not None
    bo.goto(f"{lecture.address}/?run={found[1]}")
    expect(bo.get_by_text(f"There is no run '{found[1]}'")).to_be_visible(timeout=LONG)

    # The console, eyes to the front.
    tom.get_by_role("link", name="Class", exact=True).click()
    tom.wait_for_selector("[data-testid=stDataFrame]")
    tom.get_by_role("button", name="Eyes on me").click()
    for page in (ana, bo):
        expect(page.get_by_text("Eyes on the projector")).to_be_visible(timeout=LONG)
    tom.get_by_role("button", name="Eyes back to work").click()
    ana.wait_for_selector(LOSS)

    # A step is sent, answers come back without names.
    tom.get_by_role("tab", name="Send").click()
    pick(tom, "Step", "Fifteen patients")
    tom.get_by_role("button", name="Send this step").click()
    for page in (ana, bo):
        page.wait_for_url(re.compile("lesson=mle-and-collapse"), timeout=LONG)
        page.wait_for_selector("[data-testid=stRadio]")
    choice_of(ana)
    tom.get_by_role("tab", name="Predictions").click()
    pick(tom, "Question", "Fifteen patients")
    expect(tom.get_by_text("1 of 2 have answered")).to_be_visible(timeout=LONG)
    choice_of(bo)
    expect(tom.get_by_text("2 of 2 have answered")).to_be_visible(timeout=LONG)
    heights = "document.querySelector('[data-chart=class-answers]').data[0].x"
    tom.wait_for_function(f"Math.max(...{heights}) === 2", timeout=LONG)

    # Reloaded, a student is where they were, with what they answered.
    ana.reload()
    expect(ana.get_by_text("You said").first).to_be_visible(timeout=LONG)
    assert "lesson=mle-and-collapse" in ana.url

    # The class is the experiment: each has their own race, the projector what they found together.
    tom.get_by_role("tab", name="Experiment").click()
    tom.get_by_role("button", name="Give everybody theirs").click()
    raced = []
    for page in (ana, bo):
        page.wait_for_url(re.compile(r"raced=\w+"), timeout=LONG)
        raced += re.findall(r"raced=(\w+)", page.url)
    assert len(set(raced)) == 2
    expect(tom.get_by_text("2 of 2 have finished")).to_be_visible(timeout=LONG)
    shown = "document.querySelector('[data-chart=class-pooled]').data"
    tom.wait_for_function(f"{shown}.length === 4 && {shown}[1].x.length === 1", timeout=LONG)
    expect(tom.get_by_text("too few to judge").first).to_be_visible(timeout=LONG)

    # The end: nobody has a place any more.
    tom.get_by_role("tab", name="End the class").click()
    tom.get_by_text("I want to end this class now").click()
    tom.get_by_role("button", name="Close the class", exact=True).click()
    deadline = time.monotonic() + LONG / 1000
    while time.monotonic() < deadline and "/class/enter" not in bo.url:
        bo.goto(f"{lecture.address}/runs")
    assert "/class/enter" in bo.url


def test_without_a_place_a_browser_gets_the_form_and_nothing_else(lecture: Server, chromium: Browser) -> None:
    page = chromium.new_page()
    page.goto(f"{lecture.address}/?run=abcdefgh")
    assert page.url.endswith("/class/enter")
    script: Any = """async () => {
      const got = (await fetch("/app/static/plotly.min.js")).status;
      const socket = new WebSocket(location.origin.replace("http", "ws") + "/_stcore/stream", ["streamlit"]);
      const opened = new Promise((done) => {
        socket.onopen = () => done("open");
        socket.onerror = () => done("no");
      });
      return [got, await opened];
    }"""
    page.goto(f"{lecture.address}/_stcore/health")
    assert page.evaluate(script) == [401, "no"]
    page.close()


def test_the_data_folder_holds_no_code_and_the_log_no_answer(lecture: Server) -> None:
    log = lecture.log.read_text()
    codes = re.findall(r"code +(\w+)", log)
    assert len(codes) == 2
    assert log.count(codes[0]) == log.count(codes[1]) == 1, "told once, to who started the server"
    everything = b"".join(file.read_bytes() for file in Path(lecture.data).glob("runs.sqlite3*"))
    assert not [code for code in codes if code.encode() in everything]
