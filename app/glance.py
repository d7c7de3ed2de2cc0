"""What a form is going to say, read off its widgets before it is drawn: drawing takes longer than training may."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from app import state
from app.forms import KEY, Form, check, fields_of, run_fields, switched
from app.widgets import held
from qhn_core.config import SECTIONS, RunConfig


def glance(config: RunConfig, *, uploads: Path) -> Form:
    """What the form of a page that holds ``config`` says, as far as single widgets tell it.

    Nothing can be told where other data were chosen, as the network then changes with them; schedules, texts and files
    count as unchanged. So this is a guess: what the form itself decides, a moment later, holds.
    """
    key, gone = state.form_key(KEY), state.hidden()
    values: dict[str, Any] = config.to_dict()
    for name in SECTIONS:
        if name in gone or name not in values:
            continue
        place = state.form_key(key, "network") if name == "network" else key
        chosen = state.widget(f"{place}.{name}", values[name]["name"])
        if chosen != values[name]["name"]:
            if name == "dataset":
                return Form(None)
            values[name] = switched(name, chosen, values[name])
        for spec, widget in fields_of(name, values[name], key=place):
            values[name][spec.name] = held(spec, values[name].get(spec.name, spec.default), key=widget)
    for spec, widget in run_fields(key):
        values[spec.name] = held(spec, values[spec.name], key=widget)
    return check(values, uploads)
