"""The contenders' cards in the sidebar, the examples, and the form of what they share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import streamlit as st

from app import forms, race_state, services, state
from app.examples import EXAMPLES as DIGITS
from app.figures.race import styles
from app.forms import Form
from app.views.compare.card import contender_card
from app.views.compare.lineup import change
from app.views.compare.wide import is_wide
from qhn_core.config import ConfigError, RunConfig
from qhn_core.studies.race.config import DEFAULT_CONTENDERS, MAX_CONTENDERS, RaceConfig

#: Races to begin with: label -> (base, what to expect).
_NOISY = {"name": "xor", "n_train": 20, "noise": 0.45, "label_noise": 0.1, "label_noise_test": True}
EXAMPLES: Mapping[str, tuple[dict[str, Any], str]] = {
    "xor, noisy": (
        {"dataset": _NOISY, "replicas": 20, "data_draws": 20},
        "13 qubits. In 24 draws, untuned, the SELBO was ahead of MLE; the ELBO at β = 0.3, but not at 1. Over ten data "
        "sources, all tuned, both lead by .02 nats. Twice as many settings for MLE halve that, and no lead is sure.",
    ),
    "breast_cancer": (
        {
            "dataset": {"name": "breast_cancer", "n_train": 15, "label_noise": 0.1, "components": 4},
            "network": {"name": "mlp", "layers": [4, 2, 1], "activation": "sign"},
            "replicas": 20,
            "data_draws": 20,
        },
        "13 qubits, real data. The draw of the data matters more than the loss: look at the intervals.",
    ),
    "gaussian_mixture": (
        {"dataset": {"name": "gaussian_mixture", "n_train": 20}, "replicas": 20, "data_draws": 20},
        "13 qubits. Results vary by data set: try the same race on another.",
    ),
    "ten digits, 640 weights": (
        {**DIGITS["Ten digits, 640 weights"], "steps": 300, "replicas": 9},
        "640 qubits, no table: metrics from drawn networks, rivals at the same budget. Nine seeds, as a verdict needs; "
        "a minute or two.",
    ),
    "small and quick": (
        {
            "dataset": _NOISY,
            "network": {"name": "mlp", "layers": [2, 2, 1], "activation": "sign"},
            "steps": 300,
            "replicas": 10,
            "data_draws": 10,
        },
        "9 qubits: small enough to race anew at every move of a slider.",
    ),
}


_MENU = "race.examples"


@dataclass(frozen=True)
class RaceForm:
    """What the sidebar says.

    Args:
        config: the race, or None where the settings contradict each other.
        base: the form of what contenders share.
        problems: why there is no race, or why it is refused.
    """

    config: RaceConfig | None
    base: Form
    problems: tuple[str, ...]

    @property
    def ready(self) -> bool:
        """Whether it can be started."""
        return self.config is not None and not self.problems


def render(config: RaceConfig) -> RaceForm:
    """Draw the sidebar and return what it says."""
    left, right = st.columns(2, gap="small")
    with (
        left,
        st.popover(
            "Examples",
            icon=":material/list:",
            width="stretch",
            key=_MENU,
            on_change="rerun",
            help="Races to begin with",
        ),
    ):
        _examples()
    with right:
        full = len(config.contenders) >= MAX_CONTENDERS
        st.button(
            "Add",
            icon=":material/add:",
            key="race.add",
            disabled=full,
            help=f"Another contender, at most {MAX_CONTENDERS}",
            on_click=change,
            args=(config, "add", 0),
            width="stretch",
        )
    looks = styles([contender.objective.name for contender in config.contenders])
    key = state.form_key("race.side", "sides")
    plain = config.to_dict()
    sides = [
        contender_card(config, i, plain["contenders"][i], key=f"{key}.{i}", dash=looks[i].dash)
        for i in range(len(config.contenders))
    ]
    st.markdown("**Shared by all**")
    base = forms.render(config.base, uploads=services.uploads(), key="race", leave_out=("objective",))
    judged = _judged_step(config, base)
    return _checked(base, {"contenders": sides, "rivals": _rivals(config), "judged_step": judged})


def _judged_step(config: RaceConfig, base: Form) -> int | None:
    """The step of the verdict, announced before anybody has seen a curve; None for the last."""
    if base.config is None:
        return None
    steps = base.config.steps
    key = f"{state.form_key('race.judged', 'sides')}.{steps}"
    value = st.number_input(
        "Judged at step",
        min(base.config.log_every, steps),
        steps,
        state.widget(key, min(config.judged_at, steps)),
        step=base.config.log_every,
        key=key,
        help="Set before the race begins. A verdict at another step is labelled exploratory.",
    )
    return None if value == steps else int(value)


def _checked(base: Form, rest: dict[str, Any]) -> RaceForm:
    if base.config is None:
        return RaceForm(None, base, base.problems)
    try:
        race = RaceConfig.parse({"base": base.config.to_dict()} | rest)
        race.configs()
    except ConfigError as error:
        return RaceForm(None, base, tuple(f"{path}: {what}" if path else what for path, what in error.problems))
    return RaceForm(race, base, base.problems or _own_circuits(race))


def _own_circuits(race: RaceConfig) -> tuple[str, ...]:
    """What is wrong with contenders' own circuits: of another size than the network, or not on this server."""
    said = []
    for contender, config in zip(race.contenders, race.configs(), strict=True):
        if contender.ansatz is not None and contender.ansatz.own:
            checked = forms.check(config.to_dict(), services.uploads())
            said += [f"{contender.title}: {problem}" for problem in checked.problems]
    return tuple(said)


def _examples() -> None:
    st.caption("The same three losses on other data. What wins differs between data sets.")
    for name, (_, words) in EXAMPLES.items():
        st.button(name, key=f"race.example.{name}", on_click=_take_example, args=(name,), width="stretch", help=words)


def _take_example(name: str) -> None:
    state.close_menu(_MENU)
    base = RunConfig.parse(EXAMPLES[name][0])
    race_state.show(None)
    wide = is_wide(base)
    race = RaceConfig.parse({"base": base.to_dict(), "contenders": list(DEFAULT_CONTENDERS)})
    race_state.adopt(race_state.race_of(base) if wide else race)


def _rivals(config: RaceConfig) -> list[str]:
    from qhn_core.baselines import BASELINES

    with st.expander(f"Rivals: {len(config.rivals)}"):
        key = state.form_key("race.rivals", "sides")
        return list(
            st.multiselect(
                "Classical methods on the same problem",
                list(BASELINES.names()),
                list(config.rivals),
                key=key,
                format_func=lambda name: BASELINES.make(name).label,
                help="Methods without a circuit, on the same data: what a quantum circuit has to beat.",
            )
        )
