"""Nothing leaves this machine from the Train page before its cost was shown and agreed to."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import streamlit as st

from app import services, state
from app.views._controls import Controls
from app.views._train_data import config_of, is_active
from qhn_core.config import RunConfig, plan

#: What the question is about: a button's name and the run or configuration, as one text; empty for no question.
_QUESTION = "train.question"


def held_back(name: str, config: RunConfig | None, run: str | None) -> bool:
    """Whether the button ``name`` waits for a yes. Then the page asks; a run that is active has been agreed to.

    Args:
        name: the button pressed.
        config: what would be trained.
        run: the run that would go on; None for a new one.
    """
    if config is None or not getattr(config.engine, "remote", False) or (run is not None and is_active(run)):
        return False
    state.remember(_QUESTION, f"{name}|{run or config.to_url()}")
    return True


def asked() -> str:
    """The open question, empty if there is none."""
    return str(state.recall(_QUESTION, ""))


def question(controls: Controls, form_config: RunConfig | None, actions: Mapping[str, Callable[[], None]]) -> None:
    """The cost of what was asked for, with Send and Not now; nothing where there is no question, or no longer.

    Args:
        controls: the page's, for its buttons.
        form_config: what a new run would train.
        actions: what the buttons do once it is agreed to, by name.
    """
    name, _, about = asked().partition("|")
    if name not in actions:
        return
    run = state.run_id()
    if about == run:
        config, done = config_of(about), services.supervisor().status(about).step
    elif form_config is not None and about == form_config.to_url():
        config, done = form_config, 0
    else:
        return
    circuits, shots = plan(config, services.uploads()).cost(config.steps, done)
    device = getattr(config.engine, "backend", "")
    st.warning(
        f"{name} sends up to {circuits:,} circuits with {shots:,} shots to {device}: they leave this machine and may "
        "cost money.",
        icon=":material/payments:",
    )
    left, right, _ = st.columns([1, 1, 3], gap="small")
    with left:
        controls.button("Send", "send", _agreed, actions[name], primary=True)
    with right:
        controls.button("Not now", "close", _agreed, None)


def _agreed(act: Callable[[], None] | None) -> None:
    state.remember(_QUESTION, "")
    if act is not None:
        act()
