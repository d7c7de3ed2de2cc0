"""One contender's card in the sidebar: its loss with its weight in view, the rest folded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from app import forms, services, state
from app.circuit_form import circuit_widget
from app.describe import SECTION_HELP
from app.fields import specs
from app.views.compare.lineup import change, weight_of
from app.widgets import field_widget
from qhn_core.config import SECTIONS
from qhn_core.studies.race.config import RaceConfig

_SAME = "as the race"
#: What a contender may have of its own, and what its choice is called.
_OWN = {"ansatz": "Circuit", "optimiser": "Optimiser", "estimator": "Gradient", "engine": "Engine"}
#: Fields that are offered of a circuit or estimator of its own; of an optimiser all are.
_IN_VIEW = ("layers", "shots")


def contender_card(config: RaceConfig, index: int, values: Mapping[str, Any], *, key: str, dash: str) -> dict[str, Any]:
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
                format_func=lambda name: registry[name].short,
                label_visibility="collapsed",
                help=SECTION_HELP["objective"],
            )
        with right:
            st.button(
                "",
                icon=":material/close:",
                key=f"{key}.remove",
                help="Take it out of the race",
                type="tertiary",
                disabled=len(config.contenders) == 1,
                on_click=change,
                args=(config, "remove", index),
            )
        objective = _weight(held, key=f"{key}.{held['name']}")
        rest = {k: v for k, v in values.items() if k != "objective"}
        return {"objective": objective} | _folded(config, index, objective, rest, key=key, dash=dash)


def _weight(held: Mapping[str, Any], *, key: str) -> dict[str, Any]:
    """The slider of β or λ; a schedule shows its fields instead."""
    out = dict(held)
    field = weight_of(held["name"])
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
    chosen = {k: state.widget(f"{key}.{k}", rest[k]["name"] if rest.get(k) else _SAME) for k in _OWN}
    label = " · ".join(_variant_label(k, v) for k, v in chosen.items() if v != _SAME) or "More"
    with st.expander(label if dash == "solid" else f"{label} ({dash} line)", key=f"{key}.fold"):
        field = weight_of(name)
        for spec in specs(SECTIONS["objective"][name]):
            if spec.name != field:
                objective[spec.name] = field_widget(
                    spec, objective.get(spec.name, spec.default), key=f"{key}.{name}.{spec.name}"
                )
        if field and not isinstance(objective[field], Mapping):
            st.button(
                "Warm up from 0",
                key=f"{key}.anneal",
                on_click=change,
                args=(config, "anneal", index),
                help="Make the weight a schedule over the first half of the steps",
            )
        for section, title in _OWN.items():
            found = _override(section, title, rest.get(section), config, key=key)
            out.pop(section, None)
            if found is not None:
                out[section] = found
        if st.button(
            "Open in Train",
            icon=":material/tune:",
            key=f"{key}.open",
            help="This contender's settings on the Train page",
        ):
            state.open_settings(config.configs()[index])
            st.switch_page("views/train/page.py")
        words = st.text_input(
            "Name on the plots",
            rest.get("label", ""),
            key=f"{key}.label",
            max_chars=40,
            help="What curves and tables call this contender; empty for the name of its loss.",
        )
        out["label"] = (words or "").strip()
    return out


def _override(
    section: str, title: str, held: Mapping[str, Any] | None, config: RaceConfig, *, key: str
) -> dict[str, Any] | None:
    """A choice of another variant for this contender alone; None for the shared one."""
    current, names = held["name"] if held else _SAME, [_SAME, *SECTIONS[section].names()]
    chosen = st.selectbox(
        title,
        names,
        names.index(current),
        key=f"{key}.{section}",
        format_func=lambda name: _variant_label(section, name),
        help=f"{SECTION_HELP[section]} Chosen here, it is this contender's alone.",
    )
    if chosen == _SAME:
        return None
    shared = getattr(config.base, section).model_dump(mode="json")
    if held and held["name"] == chosen:
        values = dict(held)
    else:
        values = shared if shared["name"] == chosen else forms.switched(section, chosen, shared)
    if section == "optimiser":
        return forms.variant_fields(section, values, key=key)
    if section == "ansatz" and SECTIONS[section][chosen].own:
        bits = forms.bits(config.base.to_dict(), services.uploads())
        values |= circuit_widget(values, n_qubits=bits, uploads=services.uploads(), key=f"{key}.{section}.{chosen}")
    for spec in specs(SECTIONS[section][chosen]):
        if spec.name in _IN_VIEW and spec.name in values:
            values[spec.name] = field_widget(spec, values[spec.name], key=f"{key}.{section}.{chosen}.{spec.name}")
    return values


def _variant_label(section: str, name: str) -> str:
    return name if name == _SAME else SECTIONS[section][name].label or name
