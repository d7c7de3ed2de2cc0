"""Menus whose contents are made while they are open, so that closed they cost the page nothing; files in them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import streamlit as st

from app import state


def menu(
    label: str,
    draw: Callable[[], None],
    *,
    icon: str,
    key: str,
    help: str,
    width: Literal["stretch", "content"] = "stretch",
) -> None:
    """A button that opens what ``draw`` draws.

    What is opened is as high as its contents on the side of the button that has room (pages.css): empty as it opens,
    it would stay below a button that stands at the bottom of the window.

    Args:
        label: on the button.
        draw: called in the menu's place, when the menu is open.
        icon: name of a Material symbol.
        key: under which the page's state says whether the menu is open.
        help: of the button.
        width: of the button: its column's, or its label's.
    """
    with st.popover(label, icon=f":material/{icon}:", width=width, key=key, on_change="rerun", help=help):
        if state.widget(key):
            with st.container(key=f"menu.{key}"):
                draw()


def take(
    label: str, make: Callable[[], bytes] | None, name: str, mime: str, *, missing: str, key: str | None = None
) -> None:
    """A button that hands out a file, out of use where there is none.

    Args:
        label: on the button.
        make: makes the file, when it is asked for; None for no file.
        name: of the file.
        mime: its type.
        missing: why there is none, and what to do.
        key: of the button.
    """
    st.download_button(
        label,
        make or b"",
        name,
        mime,
        disabled=make is None,
        help=missing if make is None else None,
        width="stretch",
        on_click="ignore",
        key=key,
    )
