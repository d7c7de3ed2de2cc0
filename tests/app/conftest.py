"""What the tests of pages share."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import streamlit as st

from app import services


@pytest.fixture
def fresh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A data folder of its own for the server's services."""
    monkeypatch.setenv("QHN_DATA", str(tmp_path))
    st.cache_resource.clear()
    yield tmp_path
    for thread in threading.enumerate():
        if thread.name == "qhn-warm-up":  # it would fill the caches of the next test with what is of this one
            thread.join(timeout=60)
    services.shared_supervisor().shutdown()
    services.shared_races().shutdown()
    st.cache_resource.clear()


@pytest.fixture(scope="session")
def contrast() -> Callable[[str, str], float]:
    """WCAG contrast ratio of two ``#rrggbb``."""

    def luminance(colour: str) -> float:
        red, green, blue = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
        linear = [p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in (red, green, blue)]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    def ratio(one: str, other: str) -> float:
        light, dark = sorted((luminance(one), luminance(other)), reverse=True)
        return (light + 0.05) / (dark + 0.05)

    return ratio


@pytest.fixture(scope="session")
def mixed() -> Callable[[str, str, float], str]:
    """The colour between two ``#rrggbb``, as Plotly interpolates."""

    def between(low: str, high: str, share: float) -> str:
        pairs = [(int(low[i : i + 2], 16), int(high[i : i + 2], 16)) for i in (1, 3, 5)]
        return "#" + "".join(f"{round(a + share * (b - a)):02x}" for a, b in pairs)

    return between
