"""The contenders' cards in the sidebar, the examples, and the form of what they share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import streamlit as st

from app import forms, race_state, services, state
from app.fields import specs
from app.figures.race import styles
from app.forms import Form
from app.widgets import field_widget
from qhn_core.config import SECTIONS, ConfigError
from qhn_core.errors import QHNError
from qhn_core.studies.race_config import DEFAULT_CONTENDERS, MAX_CONTENDERS, RaceConfig

#: Races to begin with: label -> (base, what to expect).
_NOISY = {"name": "xor", "n_train": 20, "noise": 0.45, "label_noise": 0.1, "label_noise_test": True}
EXAMPLES: Mapping[str, tuple[dict[str, Any], str]] = {
    "xor, noisy": (
        {"dataset": _NOISY, "replicas": 20, "data_draws": 20},
        "13 qubits. In a trial with 64 starts ELBO and SELBO predicted better than MLE.",
    ),
    "breast_cancer": (
        {
            "dataset": {"name": "breast_cancer", "n_train": 15, "label_noise": 0.1, "components": 4},
            "network": {"name": "mlp", "layers": [4, 2, 1], "activation": "sign"},
            "replicas": 20,
            "data_draws": 20,
        },
        "13 qubits, real data. In a trial the clearest difference of all.",
    ),
    "gaussian_mixture": (
        {"dataset": {"name": "gaussian_mixture", "n_train": 20}, "replicas": 20, "data_draws": 20},
        "13 qubits. In a trial hardly any difference: results vary by data set.",
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
_SAME = "as shared"
#: Weight of the second term that has a slider, by field name.
_WEIGHTS = ("beta", "lam")


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
    with left, st.popover("Examples", icon=":material/list:", width="stretch"):
        _examples()
    with right:
        full = len(config.contenders) >= MAX_CONTENDERS
        st.button(
            "Add",
            icon=":material/add:",
            key="race.add",
            disabled=full,
            help=f"Another contender, at most {MAX_CONTENDERS}",
            on_click=_guarded_adopt,
            args=(config, "add", 0),
            width="stretch",
        )
    looks = styles([contender.objective.name for contender in config.contenders])
    key = state.form_key("race.side", "sides")
    plain = config.to_dict()
    sides = [
        _card(config, i, plain["contenders"][i], key=f"{key}.{i}", dash=looks[i].dash)
        for i in range(len(config.contenders))
    ]
    st.markdown("**Shared by all**")
    base = forms.render(config.base, uploads=services.uploads(), key="race", leave_out=("objective",))
    rivals = _rivals(config)
    return _checked(base, sides, rivals)


def _checked(base: Form, sides: list[dict[str, Any]], rivals: list[str]) -> RaceForm:
    if base.config is None:
        return RaceForm(None, base, base.problems)
    try:
        race = RaceConfig.parse({"base": base.config.to_dict(), "contenders": sides, "rivals": rivals})
        race.configs()
    except ConfigError as error:
        return RaceForm(None, base, tuple(f"{path}: {what}" if path else what for path, what in error.problems))
    return RaceForm(race, base, base.problems)


def _examples() -> None:
    st.caption("The same three losses on other data. What wins differs between data sets.")
    for name, (_, words) in EXAMPLES.items():
        st.button(name, key=f"race.example.{name}", on_click=_take_example, args=(name,), width="stretch", help=words)


def _take_example(name: str) -> None:
    base = {"schema_version": 1, **EXAMPLES[name][0]}
    race_state.show(None)
    race_state.adopt(RaceConfig.parse({"base": base, "contenders": list(DEFAULT_CONTENDERS)}))


def _guarded_adopt(config: RaceConfig, what: str, index: int) -> None:
    """Change the list of contenders; what cannot be becomes a message."""
    state.remember("race.problem", "")
    plain = config.to_dict()
    sides = plain["contenders"]
    try:
        if what == "remove":
            del sides[index]
        elif what == "anneal":
            field = _weight_of(sides[index]["objective"]["name"])
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


def _weight_of(name: str) -> str:
    fields = SECTIONS["objective"][name].model_fields
    return next((field for field in _WEIGHTS if field in fields), "")


def _card(config: RaceConfig, index: int, values: Mapping[str, Any], *, key: str, dash: str) -> dict[str, Any]:
    """One contender: its loss with its weight in view, the rest folded; returns plain values."""
    registry = SECTIONS["objective"]
    names = list(registry.names())
    held = values["objective"]
    chosen = state.widget(f"{key}.loss", held["name"])
    if chosen != held["name"]:
        held = registry[chosen]().model_dump(mode="json")
    with st.container(border=True, gap="small", key=f"race-card-{index}"):
        left, right = st.columns([5, 1], gap="small", vertical_alignment="center")
        with left:
            st.selectbox(
                f"Loss of contender {index + 1}",
                names,
                names.index(held["name"]),
                key=f"{key}.loss",
                format_func=str.upper,
                label_visibility="collapsed",
            )
        with right:
            st.button(
                "",
                icon=":material/close:",
                key=f"{key}.remove",
                help="Take it out of the race",
                type="tertiary",
                disabled=len(config.contenders) == 1,
                on_click=_guarded_adopt,
                args=(config, "remove", index),
            )
        objective = _weight(held, key=f"{key}.{held['name']}")
        rest = {k: v for k, v in values.items() if k != "objective"}
        return {"objective": objective} | _folded(config, index, objective, rest, key=key, dash=dash)


def _weight(held: Mapping[str, Any], *, key: str) -> dict[str, Any]:
    """The slider of β or λ; a schedule shows its fields instead."""
    out = dict(held)
    field = _weight_of(held["name"])
    if not field:
        return out
    spec = next(s for s in specs(SECTIONS["objective"][held["name"]]) if s.name == field)
    if isinstance(held[field], Mapping):
        out[field] = field_widget(spec, held[field], key=f"{key}.{field}")
        return out
    value = float(held[field])
    top = 2.0 if value <= 2.0 else 2.0 * value
    out[field] = st.slider(spec.label, 0.0, top, value, step=0.05, key=f"{key}.{field}.{top:g}", help=spec.help or None)
    return out


def _folded(
    config: RaceConfig, index: int, objective: dict[str, Any], rest: Mapping[str, Any], *, key: str, dash: str
) -> dict[str, Any]:
    """Everything else about a contender; fills ``objective`` and returns what differs from the shared settings."""
    name, out = objective["name"], dict(rest)
    differs = [str(rest[k]["name"]) for k in ("ansatz", "estimator", "engine") if rest.get(k)]
    label = " · ".join(differs) or "More"
    with st.expander(label if dash == "solid" else f"{label} ({dash} line)", key=f"{key}.fold"):
        field = _weight_of(name)
        for spec in specs(SECTIONS["objective"][name]):
            if spec.name != field:
                objective[spec.name] = field_widget(
                    spec, objective.get(spec.name, spec.default), key=f"{key}.{name}.{spec.name}"
                )
        if field and not isinstance(objective[field], Mapping):
            st.button(
                "Warm up from 0",
                key=f"{key}.anneal",
                on_click=_guarded_adopt,
                args=(config, "anneal", index),
                help="Make the weight a schedule over the first half of the steps",
            )
        for section, title in (("ansatz", "Circuit"), ("estimator", "Gradient"), ("engine", "Engine")):
            found = _override(section, title, rest.get(section), config, key=key)
            out.pop(section, None)
            if found is not None:
                out[section] = found
        words = st.text_input("Name on the plots", rest.get("label", ""), key=f"{key}.label", max_chars=40)
        out["label"] = (words or "").strip()
    return out


def _override(
    section: str, title: str, held: Mapping[str, Any] | None, config: RaceConfig, *, key: str
) -> dict[str, Any] | None:
    """A choice of another variant for this contender alone; None for the shared one."""
    names = [_SAME, *SECTIONS[section].names()]
    current = held["name"] if held else _SAME
    chosen = st.selectbox(title, names, names.index(current), key=f"{key}.{section}")
    if chosen == _SAME:
        return None
    if held and held["name"] == chosen:
        values = dict(held)
    else:
        shared = getattr(config.base, section).model_dump(mode="json")
        values = forms.switched(section, chosen, shared)
    if section == "estimator" and "shots" in values:
        spec = next(s for s in specs(SECTIONS[section][chosen]) if s.name == "shots")
        values["shots"] = field_widget(spec, values["shots"], key=f"{key}.{section}.{chosen}.shots")
    if section == "ansatz" and "layers" in values:
        spec = next(s for s in specs(SECTIONS[section][chosen]) if s.name == "layers")
        values["layers"] = field_widget(spec, values["layers"], key=f"{key}.{section}.{chosen}.layers")
    return values


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
            )
        )
