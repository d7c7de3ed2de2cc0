"""The race that the Compare page shows: its configuration (``race`` in the URL) and, once begun, its id (``raced``)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from app import state
from qhn_core.bitstrings import MAX_TABULATED
from qhn_core.config import RunConfig
from qhn_core.errors import ConfigError, QHNError
from qhn_core.objectives import OBJECTIVES
from qhn_core.studies.race.config import DEFAULT_CONTENDERS, RaceConfig

RACE, RACED = "race", "raced"
_WRITTEN, _PROBLEM, _DEFAULT = "race.written", "race.link_problem", "race.default"
#: Rivals of a race without a table: they judge single networks.
WIDE_RIVALS: Final = ("mean_field", "straight_through", "simulated_annealing", "logistic_regression")
_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")


def read() -> RaceConfig:
    """The race to show: from a URL that this session did not write, else what the form held, else the default."""
    text = state.parameter(RACE)
    if text is not None and text != state.recall(_WRITTEN) and not state.is_late(text):
        state.remember(_WRITTEN, text)
        try:
            config = RaceConfig.from_url(text)
        except ConfigError as error:
            state.remember(_PROBLEM, str(error))
            state.remember(RACE, RaceConfig().to_url())
        else:
            state.remember(_PROBLEM, "")
            state.remember(RACE, config.to_url())
        _renew()
    known = state.recall(RACE)
    return RaceConfig.from_url(known) if known else RaceConfig()


def link_problem() -> str:
    """Why the URL's race could not be used; empty if it could."""
    return str(state.recall(_PROBLEM, ""))


def write(config: RaceConfig) -> None:
    """Remember what the form says, and put it in the URL where it changed."""
    text = config.to_url()
    said, before = state.parameter(RACE), state.recall(_WRITTEN)
    if text == state.recall(RACE) and said is not None and said in (text, before):
        return
    state.replaced(before)
    state.remember(RACE, text)
    state.remember(_WRITTEN, text)
    state.remember(_PROBLEM, "")
    state.keep_choice(RACE, text)


def adopt(config: RaceConfig) -> None:
    """Make ``config`` the one that the form shows, whatever its widgets hold."""
    write(config)
    _renew()


def race_of(config: RunConfig, known: Mapping[str, dict[str, Any]] | None = None) -> RaceConfig:
    """A run's settings as a race: its loss against MLE and the others, on its data, from its starting angles.

    A loss that the gradient estimator cannot train (the ELBO from shots) is left out.

    Args:
        config: the run.
        known: settings of losses, by their names, in place of those that races begin with.
    """
    own = config.objective.model_dump(mode="json")
    bits = config.network.n_bits if config.network is not None else 0
    chosen = {**(known or {}), own["name"]: own}
    names = [side["objective"]["name"] for side in DEFAULT_CONTENDERS]
    sides = [
        chosen.get(name) or _fitted(side["objective"], bits)
        for name, side in zip(names, DEFAULT_CONTENDERS, strict=True)
    ]
    if own not in sides:
        sides.append(own)
    plain = config.to_dict()
    trainable = [side for side in sides if side == own or _can_run(plain | {"objective": side})]
    race: dict[str, Any] = {"base": plain, "contenders": [{"objective": side} for side in trainable]}
    if bits > MAX_TABULATED:
        race["rivals"] = list(WIDE_RIVALS)
    return RaceConfig.parse(race)


def _fitted(objective: dict[str, Any], n_bits: int) -> dict[str, Any]:
    """A loss's settings; with a kernel that still sees something of hundreds of bits."""
    wide = n_bits > MAX_TABULATED and "gamma" in OBJECTIVES[objective["name"]].model_fields
    return objective | {"gamma": "auto"} if wide else objective


def _can_run(values: dict[str, Any]) -> bool:
    config = RunConfig.parse(values)
    try:
        needed = config.estimator.requires(config.objective)
    except QHNError:
        return False
    return needed <= config.engine.provides


def race_id() -> str | None:
    """The race that the page shows, from the URL or, after a visit to another page, from the session."""
    text = state.parameter(RACED)
    if not text or state.is_late(text):
        text = state.recall(RACED)
    return text if text and _ID.fullmatch(text) else None


def show(race: str | None) -> None:
    """Attach the page to a race, or to none."""
    if race != state.recall(RACED):
        state.replaced(state.recall(RACED))
    state.remember(RACED, race)
    state.keep_choice(RACED, race)


def _renew() -> None:
    state.renew()
    state.renew("sides")
