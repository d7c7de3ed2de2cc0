"""A glance at a form tells what the form says once it is drawn."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from qhn_core.config import RunConfig


def form_page() -> None:
    """A page with nothing but a form, looked at before it is drawn; runs inside AppTest."""
    from pathlib import Path

    import streamlit as st

    from app import forms
    from app.glance import glance
    from qhn_core.config import RunConfig

    held, uploads = RunConfig.from_url(st.session_state["given"]), Path(st.session_state["uploads"])
    guess = glance(held, uploads=uploads)
    form = forms.render(held, uploads=uploads)
    st.session_state["guess"] = None if guess.config is None else guess.config.to_json()
    st.session_state["said"] = None if form.config is None else form.config.to_json()
    st.session_state["before"] = held.to_json()
    if form.config is not None:
        st.session_state["given"] = form.config.to_url()


Change = Callable[[AppTest], Any]
SINGLE: dict[str, Change] = {
    "number of a schedule": lambda page: page.number_input(key="form.objective.elbo.beta.constant").set_value(0.25),
    "loss": lambda page: page.selectbox(key="form.objective").set_value("selbo"),
    "depth": lambda page: page.number_input(key="form.ansatz.linear.layers").set_value(2),
    "switch": lambda page: page.toggle(key="form.ansatz.linear.hadamard").set_value(True),
    "what reads as a number": lambda page: page.text_input(key="form.prior.bernoulli.rho").set_value("0.3"),
    "one of a few": lambda page: page.button_group(key="form.ansatz.linear.init").set_value("normal"),
    "what can be off": lambda page: page.toggle(key="form.optimiser.adam.clip.on").set_value(True),
    "whole number": lambda page: page.number_input(key="form.run.steps").set_value(77),
    "layers": lambda page: page.text_input(key="form.network.mlp.layers").set_value("2-2-1"),
    "layers that are none": lambda page: page.text_input(key="form.network.mlp.layers").set_value("two"),
    "slider": lambda page: page.slider(key="form.dataset.xor.label_noise").set_value(0.3),
    "circuit": lambda page: page.selectbox(key="form.ansatz").set_value("ring"),
}


@pytest.fixture
def page(tmp_path: Path) -> AppTest:
    found = AppTest.from_function(form_page, default_timeout=60)
    found.session_state["given"] = RunConfig().to_url()
    found.session_state["uploads"] = str(tmp_path)
    return found.run()


def told(page: AppTest) -> tuple[str | None, str | None]:
    assert not page.exception, page.exception
    return page.session_state["guess"], page.session_state["said"]


@pytest.mark.parametrize("change", SINGLE.values(), ids=SINGLE)
def test_a_change_is_known_before_the_form_is_drawn(page: AppTest, change: Change) -> None:
    guess, said = told(page)
    assert guess == said
    change(page).run()
    guess, said = told(page)
    assert guess == said
    page.run()
    guess, said = told(page)
    assert guess == said == page.session_state["before"]


def test_every_change_above_but_the_refused_one_is_one(page: AppTest) -> None:
    _, first = told(page)
    for name, change in SINGLE.items():
        change(page).run()
        _, said = told(page)
        assert (said == page.session_state["before"]) == (name == "layers that are none"), name
    assert said != first


def test_what_only_drawing_tells_is_not_guessed(page: AppTest) -> None:
    page.selectbox(key="form.dataset").set_value("moons").run()
    guess, said = told(page)
    assert guess is None
    assert said != page.session_state["before"]
    page.selectbox(key="form.objective.elbo.beta.kind").set_value("linear").run()
    guess, said = told(page)
    assert guess == page.session_state["before"]
    assert said != guess
