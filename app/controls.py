"""What the pages that train have in common: buttons whose refusals become messages, and the speed control."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import streamlit as st

from app import presenter, state
from app.describe import duration_text
from qhn_core.errors import QHNError
from qhn_core.runner import RunStatus

#: What the speed control offers, from slow motion for teaching: label -> steps per second, None for unlimited.
SPEEDS: dict[str, float | None] = {
    "1 step/s": 1.0,
    "2 steps/s": 2.0,
    "5 steps/s": 5.0,
    "10 steps/s": 10.0,
    "25 steps/s": 25.0,
    "100 steps/s": 100.0,
    "unlimited": None,
}

#: Pixels that the longest of them needs.
_SPEED_WIDTH = 172


@dataclass(frozen=True)
class Controls:
    """The controls of one page.

    Args:
        page: prefix of the widgets' keys.
        problem: name under which the session remembers why the last action was refused; empty if it was not.
    """

    page: str
    problem: str

    def button(
        self,
        label: str,
        icon: str,
        act: Callable[..., None],
        *args: object,
        primary: bool = False,
        off: bool = False,
        hint: str = "",
        key: str = "",
    ) -> None:
        """A button that calls ``act(*args)``; its key is the label in lower case, or ``key``."""
        st.button(
            label,
            key=f"{self.page}.{key or label.lower()}",
            icon=f":material/{icon}:",
            type="primary" if primary else "secondary",
            disabled=off,
            help=hint or None,
            on_click=self.guarded,
            args=(act, *args),
            width="content",
        )

    def guarded(self, act: Callable[..., None], *args: object) -> None:
        """Run an action; what goes wrong becomes a message on the page."""
        state.remember(self.problem, "")
        try:
            act(*args)
        except QHNError as error:
            state.remember(self.problem, str(error))

    def speed_control(self, changed: Callable[[], None], *, words: Callable[[str], str]) -> None:
        """The choice of speed, holding what was chosen last.

        Args:
            changed: called after another speed was chosen.
            words: a label of :data:`SPEEDS` -> what the control shows.
        """
        st.selectbox(
            "Speed, steps per second",
            list(SPEEDS),
            list(SPEEDS).index(self._chosen()),
            key=f"{self.page}.speed",
            format_func=words,
            on_change=self._speed_changed,
            args=(changed,),
            label_visibility="collapsed",
            width=round(_SPEED_WIDTH * presenter.scale()),
            help="How fast the steps follow each other: slow to watch each one, unlimited to be done soon.",
        )

    def speed(self) -> float | None:
        """Steps per second as chosen; None for unlimited."""
        return SPEEDS[self._chosen()]

    def _chosen(self) -> str:
        name = state.recall(f"speed.{self.page}", "unlimited")
        return name if name in SPEEDS else "unlimited"

    def _speed_changed(self, then: Callable[[], None]) -> None:
        """Keep the choice, as a visit to another page lets go of the widget."""
        state.remember(f"speed.{self.page}", state.widget(f"{self.page}.speed"))
        then()


def rate_text(rate: float) -> str:
    """Steps per second for people; a dash where it is not known (NaN)."""
    if rate != rate:
        return "–"
    return f"{rate:,.0f}" if rate >= 10 else f"{rate:.1f}"


def queue_text(status: RunStatus) -> str:
    """What a run that waits says: its place, and when it begins as far as that can be foreseen."""
    if status.message:  # which says for what
        return "Waiting"
    text = f"Waiting for a free processor core: number {status.queue_position or 1} in the queue"
    return text if status.wait_seconds is None else f"{text}, begins in {about_text(status.wait_seconds)}"


def about_text(seconds: float) -> str:
    """A foreseen time for people: ``about 8 s``, ``under 1 s``."""
    text = duration_text(seconds)
    return text if text.startswith("under") else f"about {text}"
