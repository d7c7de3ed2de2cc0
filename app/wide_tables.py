"""Tables wider than the page move sideways by themselves, by keyboard too; the page does not."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st

_SCRIPT = Path(__file__).resolve().parent.parent / "assets" / "wide_tables.js"
_STYLE = (
    '<style>[data-testid="stMarkdownContainer"]:has(> table) { overflow-x: auto; } '
    '[data-testid="stMarkdownContainer"] :is(td, th) { padding: 0.35rem 0.5rem; }</style>'
)


@cache
def _component() -> Any:
    return st.components.v2.component("qhn_wide_tables", js=_SCRIPT.read_text(encoding="utf-8"), isolate_styles=False)


def style() -> None:
    """At the top of a page, before its tables."""
    st.html(_STYLE)


def reach() -> None:
    """At the end of a page: its tables are reached by Tab."""
    _component()(key="wide_tables")
