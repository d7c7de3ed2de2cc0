"""The Train page on a projector: what its keys press, and the losses that the digits choose."""

from __future__ import annotations

import streamlit as st

from app import presenter, race_state, state
from app.forms import Form, losses
from app.views.train.shown import Shown
from qhn_core.config import RunConfig
from qhn_core.store import RunState

_WORDS = "**Space** trains, pauses, goes on · **←** a step back · **→** a step on"
#: The slider of the time machine.
_SCRUBBER = ".qhn-scrub input[type=range]"


def bar(form: Form, shown: Shown | None) -> None:
    """The keys, and a button for each loss that these settings can be trained with."""
    if not state.presenting():
        return
    losses = _losses(form.config)
    actions = {
        " ": presenter.on_button("train.pause", "train.resume", "train.train"),
        "ArrowLeft": (_SCRUBBER,),
        "ArrowRight": (_SCRUBBER, *(() if _finished(shown) else presenter.on_button("train.step"))),
    }
    for k in range(len(losses)):
        actions[str(k + 1)] = presenter.on_button(f"podium.{k}")
    digits = f" · **1**–**{len(losses)}** the loss" if len(losses) > 1 else ""
    presenter.bar(_WORDS + digits, actions)
    with st.container(horizontal=True, gap="small"):
        for k, (title, config) in enumerate(losses):
            mine = form.config is not None and config.objective == form.config.objective
            st.button(
                f"{k + 1} · {title}",
                key=f"podium.{k}",
                type="primary" if mine else "secondary",
                on_click=_choose,
                args=(config,),
                help="Put this loss into the settings",
            )


def _finished(shown: Shown | None) -> bool:
    """Whether one more step would begin another run, which nobody means who goes through this one by the arrows."""
    return shown is not None and shown.status is not None and shown.status.state is RunState.FINISHED


def _losses(config: RunConfig | None) -> list[tuple[str, RunConfig]]:
    """The losses that a race of these settings has, in its order; the settings' own with the weight that they say."""
    if config is None:
        return []
    race = race_state.race_of(config, losses())
    return [(side.title, side.applied_to(config)) for side in race.contenders]


def _choose(config: RunConfig) -> None:
    state.adopt(config)
