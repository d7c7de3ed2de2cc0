"""The Compare page on a projector: what its keys press, and the contenders that the digits show and hide."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from app import presenter, state
from app.views.compare.data import Seen
from app.views.compare.sides import RaceForm

_WORDS = "**Space** trains, pauses, goes on · **→** one step"
_KEPT = "race.out_of_view"


def bar(form: RaceForm) -> None:
    """The keys, and a button for each contender."""
    if not state.presenting():
        return
    titles = [] if form.config is None else [contender.title for contender in form.config.contenders]
    actions = {
        " ": presenter.on_button("race.pause", "race.resume", "race.train"),
        "ArrowRight": presenter.on_button("race.step"),
    }
    for k in range(len(titles)):
        actions[str(k + 1)] = presenter.on_button(f"race.podium.{k}")
    presenter.bar(f"{_WORDS} · **1**–**{len(titles)}** a contender in or out of view", actions)
    hidden = _hidden()
    with st.container(horizontal=True, gap="small"):
        for k, title in enumerate(titles):
            st.button(
                f"{k + 1} · {title}",
                key=f"race.podium.{k}",
                icon=":material/visibility_off:" if title in hidden else ":material/visibility:",
                type="secondary" if title in hidden else "primary",
                on_click=_turn,
                args=(title,),
                help="Take this contender out of view, or bring it back",
            )


def in_view(seen: Seen | None) -> Seen | None:
    """The race with the contenders that are to be seen; with all where none would be, and elsewhere."""
    if seen is None or not state.presenting():
        return seen
    hidden = _hidden()
    lanes = tuple(lane for lane in seen.lanes if lane.title not in hidden)
    return replace(seen, lanes=lanes) if lanes else seen


def _hidden() -> frozenset[str]:
    return frozenset(str(state.recall(_KEPT, "")).split("\n"))


def _turn(title: str) -> None:
    state.remember(_KEPT, "\n".join(sorted(_hidden() ^ {title})))
