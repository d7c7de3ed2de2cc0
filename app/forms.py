"""Forms from the config models: every registered variant and every field finds its widget here.

``render`` draws the sidebar and returns the configuration that it shows, what it would need, or why it cannot run.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import streamlit as st

from app import services, simulability, state, step_times
from app.circuit_form import CIRCUIT_FIELDS, circuit_widget
from app.describe import SECTION_HELP, TITLES, counted, fit_layers, section_summary
from app.fields import Spec, specs
from app.upload_forms import COLUMN_FIELDS, MEGABYTES, is_upload, upload_widget
from app.widgets import field_widget
from qhn_core.checks import readable
from qhn_core.config import DEFAULTS, SECTIONS, ConfigError, RunConfig
from qhn_core.datasets import DatasetConfig
from qhn_core.errors import DataError, MissingUpload, QHNError
from qhn_core.planning import Plan, plan

#: Settings of the run itself, in the order of the form.
RUN_FIELDS = ("steps", "replicas", "batch", "seed", "log_every", "data_draws")
#: Prefix of the keys of the form that stands beside a page.
KEY = "form"
#: Sections whose choice of variant is always in view; the others are folded.
_OPEN = ("dataset", "ansatz", "objective")
_ORDER = ("dataset", "network", "ansatz", "objective", "optimiser", "prior")
#: What all data have, and what is for made-up data only: real labels are flipped where a person asks for it.
_SHARED = tuple(name for name in DatasetConfig.model_fields if name != "name")
_NOISE = ("label_noise", "label_noise_test")
_LOSSES = "form.losses"


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
    config: RunConfig, *, uploads: Path, key: str = KEY, leave_out: Sequence[str] = (), method: bool = True
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
        if name == "network" and _fit_network(values, config, uploads, key):
            state.renew("network")
        if name in gone or name not in values:
            continue
        place = state.form_key(key, "network") if name == "network" else key
        n_qubits = bits(values, uploads) if name == "ansatz" else 0
        values[name] = _section(name, values[name], uploads=uploads, key=place, n_qubits=n_qubits)
    if "run" not in gone:
        _run_section(values, key=key)
    if method and "method" not in gone:
        with st.expander(f"Method: {values['estimator']['name'].replace('_', ' ')}", key=f"{key}.method"):
            for name in ("estimator", "engine"):
                values[name] = _section(name, values[name], uploads=uploads, key=key, fold=False)
    form = check(values, uploads)
    if form.config is not None and "objective" not in gone:
        _remember_loss(form.config)
    with summary:
        _summary(form)
    return form


def check(values: Mapping[str, Any], uploads: Path | None) -> Form:
    """Validate plain values, and plan the run: what it needs, or why it is refused."""
    try:
        config = RunConfig.parse(dict(values))
    except ConfigError as error:
        told = (f"{path}: {what}" if path else what for path, what in error.problems)
        return Form(None, None, tuple(map(_labelled, told)))
    try:
        return Form(config, plan(config, uploads))
    except QHNError as error:
        return Form(config, None, (_told(error),))


def _told(error: QHNError) -> str:
    """A refusal in the words of the page."""
    if isinstance(error, MissingUpload):
        return f"{error} The place for it is under {'Circuit' if error.what == 'circuit' else 'Data'}."
    if isinstance(error, DataError) and error.argument == "sha256" and error.got == "none":
        return f"No file is in use yet. Upload one of at most {MEGABYTES} MB under Data."
    return _labelled(str(error))


def _labelled(text: str) -> str:
    """What is wrong with a setting of the run, with what the form calls it: ``batch (Examples a step): …``."""
    name, colon, what = text.partition(": ")
    label = next((spec.label for spec in specs(RunConfig) if spec.name == name in RUN_FIELDS), name)
    if not colon or label.lower() == name:
        return text
    return f"{label}: {what}" if name in label else f"{name} ({label}): {what}"


def _summary(form: Form) -> None:
    if form.plan is None:
        st.markdown(":red[:material/block: **Cannot run as set**]")
        return
    needs = form.plan
    st.markdown(
        f"**{needs.n_qubits}** qubits · **{needs.n_params}** parameters · **{readable(needs.memory_bytes)}**",
        help="Qubits follow from the network: one for each binary weight. The memory is an estimate of the peak.",
    )
    seconds = services.step_times().get(form.config) if form.config is not None else None
    pace = "" if seconds is None else f"; {step_times.told(seconds)}"
    st.caption(simulability.said(needs.circuit) + pace)
    for warning in needs.warnings:
        st.caption(f":orange[{warning}]")


def _section(
    name: str, values: Mapping[str, Any], *, uploads: Path, key: str, fold: bool = True, n_qubits: int = 0
) -> dict[str, Any]:
    """One section: the choice of variant, and its fields; returns plain values. ``n_qubits`` is for circuits."""
    registry = SECTIONS[name]
    names = sorted(registry.names(), key=lambda n: (registry[n].label or n).lower())
    select = f"{key}.{name}"
    inside = fold and name not in _OPEN
    chosen = state.widget(select, values["name"])
    if chosen != values["name"]:
        values = _switched_data(chosen, values, key) if name == "dataset" else switched(name, chosen, values)
    title = TITLES.get(name, name.capitalize())
    if not inside:
        _choose(name, select, names, values["name"])
        values = _with_upload(name, values, uploads=uploads, key=key)
        if values.keys() >= CIRCUIT_FIELDS:
            place = f"{key}.{name}.{values['name']}"
            values = {**values, **circuit_widget(values, n_qubits=n_qubits, uploads=uploads, key=place)}
        if name == "objective" or not fold:
            return variant_fields(name, values, key=key)
        label = section_summary(name, values, limit=2) or "Settings"
    else:
        label = _folded_label(title, registry[values["name"]].label, section_summary(name, values, limit=2))
    with st.expander(label, key=f"{key}.{name}.fold"):
        if inside and len(names) > 1:
            _choose(name, select, names, values["name"])
        return variant_fields(name, values, key=key)


def _folded_label(title: str, variant: str, summary: str) -> str:
    """A section in one line of the sidebar; the variant's name where there is room for it."""
    whole = f"{title}: {variant} · {summary}" if summary else f"{title}: {variant}"
    return whole if len(whole) <= 34 or not summary else f"{title}: {summary}"


def _choose(name: str, key: str, names: Sequence[str], value: str) -> None:
    """The menu of a section's variants."""
    registry, title = SECTIONS[name], TITLES.get(name, name.capitalize())
    st.selectbox(
        title, names, names.index(value), key=key, format_func=lambda n: registry[n].label or n, help=SECTION_HELP[name]
    )


def variant_fields(name: str, values: Mapping[str, Any], *, key: str) -> dict[str, Any]:
    """Widgets for all fields of a section's chosen variant, what is advanced last; returns plain values.

    (Those that an uploaded file decides are the uploader's.)

    Args:
        name: of the section.
        values: what the widgets hold at first; ``name`` among them says which variant.
        key: prefix of the widgets' keys.
    """
    out: dict[str, Any] = dict(values)
    for spec, place in fields_of(name, values, key=key):
        out[spec.name] = field_widget(spec, values.get(spec.name, spec.default), key=place)
    return out


def fields_of(name: str, values: Mapping[str, Any], *, key: str) -> Iterator[tuple[Spec, str]]:
    """The fields that :func:`variant_fields` draws, in their order, and the keys of their widgets."""
    variant = SECTIONS[name][values["name"]]
    idle = _without_effect(name, variant)
    uploaded = any(is_upload(spec) for spec in specs(variant))
    # Another file has other numbers of rows: the widgets start from them, which only new ones do.
    place = f"{key}.{name}.{values['name']}" + (f".{values['sha256'][:8]}" if uploaded and values["sha256"] else "")
    for spec in sorted(specs(variant), key=lambda s: s.advanced):
        if spec.name in idle or is_upload(spec) or (uploaded and spec.name in COLUMN_FIELDS):
            continue
        if name == "ansatz" and spec.name in CIRCUIT_FIELDS:
            continue
        yield spec, f"{place}.{spec.name}"


def _with_upload(name: str, values: Mapping[str, Any], *, uploads: Path, key: str) -> dict[str, Any]:
    """The uploader of a variant that has one, in plain view; returns the values with those that a file decides."""
    for spec in filter(is_upload, specs(SECTIONS[name][values["name"]])):
        asked = {**values, **_asked(values, key)}
        place = f"{key}.{name}.{values['name']}.{spec.name}"
        found = {**values, **upload_widget(spec, asked, uploads=uploads, key=place)}
        if any(found.get(shared) != values.get(shared) for shared in _SHARED):
            _remember_data(values, found, key)
        values = found
    return dict(values)


def _without_effect(section: str, variant: Any) -> frozenset[str]:
    """Fields that draw examples, for data that has none."""
    if section == "dataset" and not variant.needs_network:
        return frozenset(SECTIONS["dataset"].base.model_fields)
    return frozenset()


def _run_section(values: dict[str, Any], *, key: str) -> None:
    label = f"Run: {counted(values['steps'], 'step')} · {counted(values['replicas'], 'start')}"
    with st.expander(label, key=f"{key}.run.fold"):
        for spec, place in run_fields(key):
            values[spec.name] = field_widget(spec, values[spec.name], key=place)


def run_fields(key: str) -> Iterator[tuple[Spec, str]]:
    """The fields of the run itself, and the keys of their widgets."""
    return ((spec, f"{key}.run.{spec.name}") for spec in specs(RunConfig) if spec.name in RUN_FIELDS)


def switched(section: str, chosen: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """First values of a newly chosen variant: its defaults, and what all variants of the section share.

    Real data start with the labels that they have: noise is for made-up data, and for who asks for it. A loss that was
    chosen before has the weight that it had then.
    """
    if section == "objective" and chosen in losses():
        return dict(losses()[chosen])
    registry = SECTIONS[section]
    variant = registry[chosen]
    own = ("name", "lr", *(_NOISE if getattr(variant, "real", False) else ()))
    shared = {
        field_name: values[field_name]
        for field_name in registry.base.model_fields
        if field_name in values and field_name not in own
    }
    for options in ({"name": chosen, **shared}, {"name": chosen}):
        try:
            return dict(variant.model_validate(options).model_dump(mode="json"))
        except ValueError:
            continue
    return {"name": chosen}


def losses() -> dict[str, dict[str, Any]]:
    """The settings that each loss had when it was chosen last in this session, by its name."""
    found: dict[str, dict[str, Any]] = state.recall(_LOSSES, {})
    return found


def _remember_loss(config: RunConfig) -> None:
    loss = config.objective.model_dump(mode="json")
    if losses().get(loss["name"]) != loss:
        state.remember(_LOSSES, losses() | {loss["name"]: loss})


def _switched_data(chosen: str, values: Mapping[str, Any], key: str) -> dict[str, Any]:
    """As :func:`switched`; what the data chosen before had changed by themselves comes back."""
    new = switched("dataset", chosen, {**values, **_asked(values, key)})
    _remember_data(values, new, key)
    return new


def _asked(values: Mapping[str, Any], key: str) -> dict[str, Any]:
    """What a person, or the default, last asked of all data: what real data or a file put in its place is undone."""
    asked, given = state.recall(f"{key}.asked", {}), state.recall(f"{key}.given", {})
    return {
        name: asked[name] if name in asked and given.get(name) == values[name] else values[name]
        for name in _SHARED
        if name in values
    }


def _remember_data(before: Mapping[str, Any], after: Mapping[str, Any], key: str) -> None:
    asked = _asked(before, key)
    state.remember(f"{key}.asked", asked)
    state.remember(f"{key}.given", {name: after[name] for name in asked if name in after})


def _fit_network(values: dict[str, Any], config: RunConfig, uploads: Path, key: str) -> bool:
    """Give the network the inputs and outputs of newly chosen data; whether it changed.

    The layers that a person, or the default, last chose are what is fitted: a network that had to be narrowed for some
    data is wide again with the next.
    """
    try:
        dataset = SECTIONS["dataset"].parse(values["dataset"])
        if not dataset.needs_network:
            state.remember(f"{key}.network", values.pop("network", state.recall(f"{key}.network")))
            return False
        new = "network" not in values
        network = values.setdefault("network", state.recall(f"{key}.network") or _plain_default("network"))
        if (not new and dataset == config.dataset) or "layers" not in network:
            return new
        features, classes = dataset.shape(uploads)
    except (ValueError, QHNError):
        return False
    layers, kept = list(network["layers"]), state.recall(f"{key}.layers", {})
    chosen = kept["chosen"] if kept.get("fitted") == layers else layers
    fitted = list(fit_layers(chosen, features=features, classes=classes, bias=network.get("bias", True)))
    state.remember(f"{key}.layers", {"chosen": chosen, "fitted": fitted})
    if fitted == layers:
        return new
    values["network"] = {**network, "layers": fitted}
    return True


def bits(values: Mapping[str, Any], uploads: Path) -> int:
    """Qubits that a circuit needs for the network, or cost table, as it stands; 1 where these are not valid."""
    try:
        if values.get("network"):
            return int(SECTIONS["network"].parse(values["network"]).n_bits)
        costs = SECTIONS["dataset"].parse(values["dataset"]).load(uploads).costs
    except (ValueError, QHNError):
        return 1
    return 1 if costs is None else int(costs.size).bit_length() - 1


def _plain_default(section: str) -> dict[str, Any]:
    return dict(SECTIONS[section].parse(DEFAULTS[section]).model_dump(mode="json"))
