"""Pictures of lessons, drawn in place."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from app import presenter, state
from app.figures.lesson import bars_figure, lines_figure, plane_figure
from app.live_chart import live_chart
from app.qubits import qubits
from qhn_core.lessons.outcome import Bars, Lines, Outcome, Picture, Plane, Qubits

#: Pixels of all pictures of a step together, and of what a note below takes of them.
ROOM, PRESENTED, NOTE = 500, 520, 150


def room() -> int:
    """Pixels of all pictures of a step together."""
    return PRESENTED if state.presenting() else ROOM


def pictures(
    names: Sequence[str],
    outcome: Outcome,
    *,
    before: Outcome | None = None,
    room: int,
    key: str = "",
    interactive: bool = True,
) -> None:
    """The named pictures one below the other, with the curves of the outcome before as ghosts.

    Args:
        room: pixels of all together.
        key: what tells this step's pictures from others of the same name.
        interactive: whether what can be turned may be turned.
    """
    shown = [name for name in names if name in outcome.pictures]
    height = room // max(len(shown), 1)
    for name in shown:
        picture = outcome.pictures[name]
        ghost = None if before is None else before.pictures.get(name)
        if isinstance(picture, Qubits):
            qubits(picture, name=name, key=f"learn.{key}.{name}", interactive=interactive)
        else:
            draw(name, picture, ghost, height=height)
    for name in names:
        if name not in outcome.pictures:
            st.caption(f"The picture '{name}' does not exist for these settings.")


def draw(name: str, picture: Picture, ghost: Picture | None, *, height: int) -> None:
    """One picture."""
    if isinstance(picture, Lines):
        figure = lines_figure(picture, [ghost] if isinstance(ghost, Lines) else [])
    elif isinstance(picture, Bars):
        figure = bars_figure(picture)
    elif isinstance(picture, Plane):
        figure = plane_figure(picture)
    else:
        return
    live_chart(figure, name=name, alt=picture.alt(), key=f"learn.{name}", height=height, scale=presenter.scale())
