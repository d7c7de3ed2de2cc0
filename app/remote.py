"""Nothing leaves this machine before its cost was shown and agreed to: the question that every page asks."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial

import streamlit as st

from app import services, state
from app.controls import Controls
from qhn_core.config import RunConfig
from qhn_core.planning import RemoteCost, remote_cost

#: Session memory of the runs and races agreed to, and how many of them it holds.
_AGREED, _MOST = "remote.agreed", 64


def is_remote(config: RunConfig) -> bool:
    """Whether training it sends jobs to a real device."""
    return config.engine.remote


def digest(config_json: str) -> str:
    """A short text that stands for a configuration."""
    return hashlib.sha256(config_json.encode()).hexdigest()[:32]


def agree_to(run: str | None) -> None:
    """Remember that this session has agreed to what a run or a race costs to its end."""
    if run:
        state.remember(_AGREED, (*(r for r in state.recall(_AGREED, ()) if r != run), run)[-_MOST:])


def agreed_to(run: str) -> bool:
    """Whether this session has agreed to what a run or a race costs."""
    return run in state.recall(_AGREED, ())


def total(parts: Iterable[tuple[RunConfig, int]]) -> RemoteCost:
    """What all runs that go to real devices send: pairs of a configuration and the steps done already."""
    return remote_cost(parts, services.uploads())


def amount(cost: RemoteCost) -> str:
    """``24 circuits with 2,400 shots to ibm_torino``."""
    noun = "circuit" if cost.circuits == 1 else "circuits"
    return f"{cost.circuits:,} {noun} with {cost.shots:,} shots to {' and '.join(cost.devices)}"


def warn(name: str, cost: RemoteCost, *, also: str = "") -> None:
    """The question itself.

    Args:
        name: of the button that was pressed.
        cost: what it would send.
        also: what else it would do, as a sentence.
    """
    text = f"{name} sends up to {amount(cost)}: they leave this machine and may cost money."
    st.warning(f"{text} {also}".strip(), icon=":material/payments:")


@dataclass(frozen=True)
class Question:
    """The question of one page, open from the press of a button to its answer.

    Args:
        name: under which the session remembers what it is about.
    """

    name: str

    def ask(self, button: str, about: str) -> None:
        """Open it: which button waits for a yes, and what that would send (a run, a race, a configuration)."""
        state.remember(self.name, f"{button}|{about}")

    def asked(self) -> str:
        """The open question, empty if there is none."""
        return str(state.recall(self.name, ""))

    def parts(self) -> tuple[str, str]:
        """(button, about); empty if there is none."""
        name, _, about = self.asked().partition("|")
        return name, about

    def show(self, controls: Controls, cost: RemoteCost, act: Callable[[], None], *, also: str = "") -> None:
        """The cost, with Send and Not now; ``act`` is what the button does once it is agreed to."""
        warn(self.parts()[0], cost, also=also)
        left, right, _ = st.columns([1, 1, 3], gap="small")
        with left:
            controls.button(
                "Send", "send", partial(self._answer, self.asked()), act, primary=True, hint="Send these jobs now"
            )
        with right:
            controls.button(
                "Not now",
                "close",
                partial(self._answer, self.asked()),
                None,
                hint="Send nothing, and leave everything as it is",
            )

    def _answer(self, asked: str, act: Callable[[], None] | None) -> None:
        if self.asked() != asked:  # a second click
            return
        state.remember(self.name, "")
        if act is not None:
            act()
