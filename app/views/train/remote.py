"""Nothing leaves this machine from the Train page before its cost was shown and agreed to."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from app import services, state
from app.controls import Controls
from app.remote import Question, agree_to, agreed_to, digest, is_remote, total
from app.views.train.data import config_of, is_active
from qhn_core.config import RunConfig

_QUESTION = Question("train.question")


def held_back(name: str, config: RunConfig | None, run: str | None) -> bool:
    """Whether the button ``name`` waits for a yes. Then the page asks.

    A run that is active, and that this session has agreed to, goes on unasked; others may have come by a link.

    Args:
        name: the button pressed.
        config: what would be trained.
        run: the run that would go on; None for a new one.
    """
    if config is None or not is_remote(config) or (run is not None and is_active(run) and agreed_to(run)):
        return False
    _QUESTION.ask(name, run or digest(config.to_json()))
    return True


def asked() -> str:
    """The open question, empty if there is none."""
    return _QUESTION.asked()


def question(controls: Controls, form_config: RunConfig | None, actions: Mapping[str, Callable[[], None]]) -> None:
    """The cost of what was asked for, with Send and Not now; nothing where there is no question, or no longer.

    Args:
        controls: the page's, for its buttons.
        form_config: what a new run would train.
        actions: what the buttons do once it is agreed to, by name.
    """
    name, about = _QUESTION.parts()
    if name not in actions:
        return
    if about == state.run_id():
        part = config_of(about), services.supervisor().status(about).step
    elif form_config is not None and about == digest(form_config.to_json()):
        part = form_config, 0
    else:
        return

    def act() -> None:
        actions[name]()
        agree_to(state.run_id())

    _QUESTION.show(controls, total([part]), act)
