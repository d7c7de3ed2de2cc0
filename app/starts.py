"""Which start of a run the pictures show: that of median loss, unless another one is chosen. Kept in the URL."""

from __future__ import annotations

from typing import Final, Literal

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from app import state
from qhn_core.metrics import median_start

MEDIAN: Final = "median"
BEST: Final = "best"
_PARAMETER: Final = "start"


def options(replicas: int) -> list[str]:
    """What can be chosen of a run: the start of median loss, of lowest loss, or one by its number, from 1."""
    return [MEDIAN, BEST, *map(str, range(1, replicas + 1))] if replicas > 1 else ["1"]


def start_of(
    choice: str,
    losses: NDArray[np.float64],
    *,
    replicas: int,
    active: bool,
    steps: NDArray[np.integer] | None = None,
) -> int:
    """The number of a start, from 0.

    Args:
        choice: one of :func:`options`.
        losses: the loss at the logged steps, (T, B); its last row decides for a run that rests.
        replicas: number B of starts.
        active: whether more steps will come. Then the choice is looked at anew at rows 1, 2, 4, 8, …: pictures must
            not hop between starts.
        steps: of these rows, (T,), where not all logged ones are among them (``Supervisor.curves``).
    """
    if choice.isdecimal():
        return min(max(int(choice), 1), replicas) - 1
    if not len(losses) or np.isnan(losses).all():
        return 0
    loss = losses[_settled(np.arange(len(losses)) if steps is None else steps) if active else -1]
    if np.isnan(loss).all():
        return 0
    return int(np.nanargmin(loss)) if choice == BEST else median_start(loss)


def _settled(steps: NDArray[np.integer]) -> int:
    """Where the newest of rows 1, 2, 4, 8, … (counted from 1) stands among those with these steps."""
    every = int(steps[1] - steps[0]) if len(steps) > 1 else 1
    rows = int(steps[-1] - steps[0]) // every + 1
    return int(np.searchsorted(steps, steps[0] + ((1 << (rows.bit_length() - 1)) - 1) * every))


def said(choice: str, start: int, replicas: int) -> str:
    """How a picture's title names its start; nothing where there is but one."""
    if replicas < 2:
        return ""
    why = {MEDIAN: ", median loss", BEST: ", lowest loss"}.get(choice, "")
    return f"start {start + 1}{why}"


def chosen(replicas: int) -> str:
    """The choice of this page: one of :func:`options`."""
    names = options(replicas)
    return state.choice(_PARAMETER, names, names[0])


def pick(replicas: int, *, key: str, label: str = "Pictures of", width: Literal["stretch"] | int = 250) -> str:
    """The menu of starts, beside what it decides; returns the choice."""
    names, current = options(replicas), chosen(replicas)
    words = {MEDIAN: f"Start of median loss, of {replicas}", BEST: f"Start of lowest loss, of {replicas}"}
    widget = f"{key}.{len(names)}"
    st.selectbox(
        label,
        names,
        index=names.index(current),
        format_func=lambda name: words.get(name, f"Start {name}"),
        key=widget,
        on_change=lambda: state.keep_choice(_PARAMETER, _unless_first(state.widget(widget), names)),
        width=width,
        disabled=len(names) == 1,
        label_visibility="collapsed",
        help="The pictures show one start; curves and tiles are of all of them",
    )
    return current


def _unless_first(choice: str, names: list[str]) -> str | None:
    return None if choice == names[0] else choice
