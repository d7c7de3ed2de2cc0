"""Changes to the list of contenders: one more, one fewer, or a weight that warms up."""

from __future__ import annotations

from typing import Any

from app import race_state, state
from qhn_core.errors import QHNError
from qhn_core.objectives import OBJECTIVES
from qhn_core.studies.race.config import RaceConfig


def change(config: RaceConfig, what: str, index: int) -> None:
    """Change the list of contenders; what cannot be becomes a message.

    Args:
        config: the race as it is.
        what: ``add``, ``remove``, or ``anneal`` for a weight that rises over the first half of the steps.
        index: of the contender; unused where one is added.
    """
    state.remember("race.problem", "")
    plain = config.to_dict()
    sides = plain["contenders"]
    try:
        if what == "remove":
            del sides[index]
        elif what == "anneal":
            field = weight_of(sides[index]["objective"]["name"])
            value = sides[index]["objective"][field]
            steps = max(1, config.base.steps // 2)
            sides[index]["objective"][field] = {"kind": "linear", "start": 0.0, "end": value, "steps": steps}
        else:
            sides.append(_newcomer(config))
        race_state.adopt(RaceConfig.parse(plain))
    except QHNError as error:
        state.remember("race.problem", str(error))


def _newcomer(config: RaceConfig) -> dict[str, Any]:
    """A contender that differs from those there are."""
    titles = {contender.title for contender in config.contenders}
    for weight in (0.3, 0.1, 0.5, 2.0, 0.7, 1.5):
        if f"ELBO β={weight:g}" not in titles:
            return {"objective": {"name": "elbo", "beta": weight}}
    return {"objective": {"name": "mle"}, "label": f"MLE {len(titles) + 1}"}


def weight_of(name: str) -> str:
    """The field of a loss that weighs its second term (β, λ); empty for a loss without one."""
    return OBJECTIVES[name].weight
