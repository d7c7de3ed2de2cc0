"""Forms from the config models: every registered variant and every field finds its widget here.

``render`` draws the sidebar and returns the configuration that it shows, what it would need, or why it cannot run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import streamlit as st

from app import state
from app.describe import TITLES, fit_layers, memory_text, section_summary
from app.fields import specs
from app.upload_forms import COLUMN_FIELDS, is_upload, upload_widget
from app.widgets import field_widget
from qhn_core.config import DEFAULTS, SECTIONS, ConfigError, Plan, RunConfig, plan
from qhn_core.errors import QHNError

#: Settings of the run itself, in the order of the form.
RUN_FIELDS = ("steps", "replicas", "seed", "log_every", "data_draws")
_KEY = "form"
#: Sections whose choice of variant is always in view; the others are folded.
_OPEN = ("dataset", "ansatz", "objective")
_ORDER = ("dataset", "network", "ansatz", "objective", "optimiser", "prior")


@dataclass(frozen=True)
class Form:
    """What a form says.

    Args:
        config: the configuration, or None where the fields contradict each other.
        plan: what it needs, or None where it is refused.
        problems: why there is no configuration, or why it is refused; empty if it can run.
    """

    config: RunConfig | None
    plan: Plan | None = None
    problems: tuple[str, ...] = field(default=())

    @property
    def ready(self) -> bool:
        """Whether it can be trained."""
        return self.config is not None and self.plan is not None


def render(
    config: RunConfig, *, uploads: Path, key: str = _KEY, leave_out: Sequence[str] = (), method: bool = True
) -> Form:
    """Draw the form into the current container, holding ``config`` at first.

    Args:
        config: what to show at first; then the widgets' own values win, until :func:`app.state.adopt`.
        uploads: folder of uploaded files.
        key: prefix of the widgets' keys, so that a page may have a form of its own.
        leave_out: sections (or ``run``) that this page does without; their values are kept.
        method: whether engine and gradient estimator are offered.
    """
    key = state.form_key(key)
    gone = frozenset(leave_out) | state.hidden()
    summary = st.container()
    values: dict[str, Any] = config.to_dict()
    for name in _ORDER:
        if name == "network" and _fit_network(values, config, uploads):
            state.renew("network")
        if name in gone or name not in values:
            continue
        place = state.form_key(key, "network") if name == "network" else key
        values[name] = _section(name, values[name], uploads=uploads, key=place)
    if "run" not in gone:
        _run_section(values, key=key)
    if method and "method" not in gone:
        with st.expander(f"Method: {values['estimator']['name'].replace('_', ' ')}", key=f"{key}.method"):
            for name in ("estimator", "engine"):
                values[name] = _section(name, values[name], uploads=uploads, key=key, fold=False)
    form = check(values, uploads)
    with summary:
        _summary(form)
    return form


def check(values: Mapping[str, Any], uploads: Path | None) -> Form:
    """Validate plain values, and plan the run: what it needs, or why it is refused."""
    try:
        config = RunConfig.parse(dict(values))
    except ConfigError as error:
        return Form(None, None, tuple(f"{path}: {what}" if path else what for path, what in error.problems))
    try:
        return Form(config, plan(config, uploads))
    except QHNError as error:
        return Form(config, None, (str(error),))


def _summary(form: Form) -> None:
    if form.plan is None:
        st.markdown(":red[:material/block: **Cannot run as set**]")
        return
    needs = form.plan
    st.markdown(
        f"**{needs.n_qubits}** qubits · **{needs.n_params}** parameters · **{memory_text(needs.memory_bytes)}**",
        help="Qubits follow from the network: one for each binary weight. The memory is an estimate of the peak.",
    )
    for warning in needs.warnings:
        st.caption(f":orange[{warning}]")


def _section(name: str, values: Mapping[str, Any], *, uploads: Path, key: str, fold: bool = True) -> dict[str, Any]:
    """One section: the choice of variant, and its fields; returns plain values."""
    registry = SECTIONS[name]
    names = sorted(registry.names(), key=lambda n: (registry[n].label or n).lower())
    select = f"{key}.{name}"
    inside = fold and name not in _OPEN
    chosen = state.widget(select, values["name"])
    if chosen != values["name"]:
        values = switched(name, chosen, values)
    title = TITLES.get(name, name.capitalize())
    if not inside:
        _choose(select, names, values["name"], title, registry)
        if name == "objective" or not fold:
            return variant_fields(name, values, uploads=uploads, key=key)
        label = section_summary(name, values, limit=2) or "Settings"
    else:
        label = _folded_label(title, registry[values["name"]].label, section_summary(name, values, limit=2))
    with st.expander(label, key=f"{key}.{name}.fold"):
        if inside and len(names) > 1:
            _choose(select, names, values["name"], title, registry)
        return variant_fields(name, values, uploads=uploads, key=key)


def _folded_label(title: str, variant: str, summary: str) -> str:
    """A section in one line of the sidebar; the variant's name where there is room for it."""
    whole = f"{title}: {variant} · {summary}" if summary else f"{title}: {variant}"
    return whole if len(whole) <= 34 or not summary else f"{title}: {summary}"


def _choose(key: str, names: Sequence[str], value: str, title: str, registry: Any) -> None:
    st.selectbox(title, names, names.index(value), key=key, format_func=lambda n: registry[n].label or n)


def variant_fields(name: str, values: Mapping[str, Any], *, uploads: Path, key: str) -> dict[str, Any]:
    """Widgets for all fields of a section's chosen variant, what is advanced last; returns plain values.

    Args:
        name: of the section.
        values: what the widgets hold at first; ``name`` among them says which variant.
        uploads: folder of uploaded files.
        key: prefix of the widgets' keys.
    """
    variant = SECTIONS[name][values["name"]]
    idle = _without_effect(name, variant)
    uploaded = any(is_upload(spec) for spec in specs(variant))
    out: dict[str, Any] = dict(values)
    for spec in sorted(specs(variant), key=lambda s: s.advanced):
        if spec.name in idle or (uploaded and spec.name in COLUMN_FIELDS):
            continue
        held = values.get(spec.name, spec.default)
        place = f"{key}.{name}.{values['name']}.{spec.name}"
        if is_upload(spec):
            out.update(upload_widget(spec, values, uploads=uploads, key=place))
        else:
            out[spec.name] = field_widget(spec, held, key=place)
    return out


def _without_effect(section: str, variant: Any) -> frozenset[str]:
    """Fields that draw examples, for data that has none."""
    if section == "dataset" and not variant.needs_network:
        return frozenset(SECTIONS["dataset"].base.model_fields)
    return frozenset()


def _run_section(values: dict[str, Any], *, key: str) -> None:
    shown = [spec for spec in specs(RunConfig) if spec.name in RUN_FIELDS]
    with st.expander(f"Run: {values['steps']} steps · {values['replicas']} starts", key=f"{key}.run.fold"):
        for spec in shown:
            values[spec.name] = field_widget(spec, values[spec.name], key=f"{key}.run.{spec.name}")


def switched(section: str, chosen: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """First values of a newly chosen variant: its defaults, and what all variants of the section share."""
    registry = SECTIONS[section]
    variant = registry[chosen]
    shared = {
        field_name: values[field_name]
        for field_name in registry.base.model_fields
        if field_name in values and field_name not in ("name", "lr")
    }
    for options in ({"name": chosen, **shared}, {"name": chosen}):
        try:
            return dict(variant.model_validate(options).model_dump(mode="json"))
        except ValueError:
            continue
    return {"name": chosen}


def _fit_network(values: dict[str, Any], config: RunConfig, uploads: Path) -> bool:
    """Give the network the inputs and outputs of newly chosen data; whether it changed."""
    try:
        dataset = SECTIONS["dataset"].parse(values["dataset"])
        if not dataset.needs_network:
            values.pop("network", None)
            return False
        new = "network" not in values
        network = values.setdefault("network", {**_plain_default("network")})
        if (not new and dataset == config.dataset) or "layers" not in network:
            return new
        features, classes = dataset.shape(uploads)
    except (ValueError, QHNError):
        return False
    fitted = fit_layers(network["layers"], features=features, classes=classes, bias=network.get("bias", True))
    if list(fitted) == list(network["layers"]):
        return new
    values["network"] = {**network, "layers": list(fitted)}
    return True


def _plain_default(section: str) -> dict[str, Any]:
    return dict(SECTIONS[section].parse(DEFAULTS[section]).model_dump(mode="json"))
