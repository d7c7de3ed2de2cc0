"""A circuit of one's own in a real browser: chosen, pasted, drawn at once, trained, and there again after a reload."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.menus import take

pytestmark = pytest.mark.browser
Tab = Callable[..., Page]

expect.set_options(timeout=60_000)

#: As many qubits as the first network has bits; the drawing shows what only this program has.
PROGRAM = """OPENQASM 2.0;
include "qelib1.inc";
gate link(t) a,b { cx a,b; rz(t) b; cx a,b; }
qreg q[13];
ry(pi/2) q;
link(0.25) q[0],q[12];
rx(0.5) q[12];
"""


def program(page: Page) -> Any:
    return page.get_by_test_id("stSidebar").get_by_role("textbox", name="OpenQASM 2")


def paste(page: Page, text: str) -> None:
    program(page).fill(text)
    program(page).press("Control+Enter")


def test_a_pasted_circuit_is_drawn_at_once_and_trained(dashboard: Any, tab: Tab) -> None:
    page = tab(dashboard.address)
    train = page.get_by_role("button", name="Train", exact=True)
    expect(train).to_be_enabled()
    take(page.get_by_role("combobox", name="Circuit").first, "Your own (OpenQASM 2)")
    expect(program(page)).to_be_visible()
    expect(page.get_by_text("13 qubits, 39 angles that can be trained")).to_be_visible()

    paste(page, PROGRAM.replace("rx(0.5)", "rx(1/0)"))
    expect(page.get_by_text("The text is not used: expected in line 7 an angle, got 1 / 0")).to_be_visible()
    paste(page, PROGRAM)
    expect(page.get_by_text("13 qubits, 15 angles that can be trained")).to_be_visible()
    expect(page.get_by_text("Circuit: Your own (OpenQASM 2), 15 angles")).to_be_visible()
    expect(train).to_be_enabled()
    train.click()
    expect(page.get_by_text("finished", exact=False).first).to_be_visible()
    losses = page.evaluate("document.querySelector('[data-chart=loss]').data.map(line => Array.from(line.y))")
    curve = max(losses, key=len)
    assert curve[-1] < curve[0]

    page.reload()
    expect(page.get_by_text("finished", exact=False).first).to_be_visible()
    expect(program(page)).to_have_value(PROGRAM)
    kept = [path.read_text() for path in dashboard.data.rglob("*.qasm")]
    assert kept == [PROGRAM]
