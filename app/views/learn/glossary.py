"""The words of the field, each in a sentence or two."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import streamlit as st

_FILE = Path(__file__).resolve().parents[3] / "assets" / "glossary.md"


@cache
def terms() -> dict[str, str]:
    """Term -> what it means."""
    found = re.findall(r"^\*\*(.+?)\*\*: (.+)$", _FILE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return dict(found)


def show() -> None:
    """All terms, or those in which a word occurs."""
    wanted = (
        st.text_input(
            "Find a word",
            key="learn.glossary",
            placeholder="posterior",
            max_chars=60,
            help="Words and symbols of all pages, explained in a sentence.",
        )
        .strip()
        .lower()
    )
    found = {term: text for term, text in terms().items() if wanted in f"{term} {text}".lower()}
    if not found:
        st.caption("No term has that word.")
    st.markdown("  \n".join(f"**{term}**: {text}" for term, text in found.items()))
