"""Tables wider than the page move sideways by themselves (``assets/styles/pages.css``); here: by keyboard, too."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st

_SCRIPT = Path(__file__).resolve().parent.parent / "assets" / "wide_tables.js"


@cache
def _component() -> Any:
    return st.components.v2.component("qhn_wide_tables", js=_SCRIPT.read_text(encoding="utf-8"), isolate_styles=False)


def reach() -> None:
    """At the end of a page: its tables are reached by Tab."""
    _component()(key="wide_tables")
