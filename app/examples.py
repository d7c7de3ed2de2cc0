"""Settings to begin with, one press away: what a newcomer meets first, and what is worth seeing next."""

from __future__ import annotations

from functools import cache
from typing import Any, Final

import streamlit as st

from app import state
from qhn_core.config import RunConfig
from qhn_core.config.examples import TEN_DIGITS

#: Name -> what differs from the defaults.
EXAMPLES: Final[dict[str, dict[str, Any]]] = {
    "XOR with noise, 13 weights": {},
    "Ten digits, 640 weights": TEN_DIGITS,
}


@cache
def example(name: str) -> RunConfig:
    """The configuration of an example."""
    return RunConfig.model_validate(EXAMPLES[name])


def pick() -> None:
    """A menu of the examples; choosing one puts its settings into the form."""
    st.selectbox(
        "Examples",
        list(EXAMPLES),
        index=None,
        placeholder="Examples",
        key="example",
        label_visibility="collapsed",
        on_change=_adopt,
        help="Settings worth seeing: a choice fills in the whole form.",
    )


def _adopt() -> None:
    name = state.widget("example", None)
    if name in EXAMPLES:
        state.show_run(None)
        state.adopt(example(name))
