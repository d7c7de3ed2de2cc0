"""Menus whose contents are made while they are open, so that closed they cost the page nothing."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from app import state


def menu(label: str, draw: Callable[[], None], *, icon: str, key: str, help: str) -> None:
    """A button as wide as its column that opens what ``draw`` draws.

    Args:
        label: on the button.
        draw: called in the menu's place, when the menu is open.
        icon: name of a Material symbol.
        key: under which the page's state says whether the menu is open.
        help: of the button.
    """
    with st.popover(label, icon=f":material/{icon}:", width="stretch", key=key, on_change="rerun", help=help):
        if state.widget(key):
            draw()
