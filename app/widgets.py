"""One field of a configuration as one widget (or a few): what :mod:`app.fields` describes, in Streamlit."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any

import streamlit as st
from pydantic import BaseModel

from app import state
from app.fields import Spec, read_numbers, specs, step_of, write_numbers

#: Largest span of whole numbers for which a slider is easier than typing.
_SLIDER_SPAN = 12
#: JavaScript counts no further.
_SAFE = 2**53 - 1


def field_widget(spec: Spec, value: Any, *, key: str) -> Any:
    """The widget for one field, holding ``value`` at first; returns the field's new value (plain data).

    The value is the widget's default in every run of the script, not only the first: the browser may get to draw only
    the newest of several runs, and would otherwise start from a default that was never meant.

    Args:
        spec: what the field is.
        value: its value in the configuration.
        key: the widget's key; parts of a compound field append to it.
    """
    if spec.optional:
        on = _toggle(spec, value is not None, key=f"{key}.on")
        if not on:
            return None
        value = _switched_on(spec, value)
    return _WIDGETS[spec.kind](spec, value, key)


def held(spec: Spec, value: Any, *, key: str) -> Any:
    """What :func:`field_widget` is going to return, read off the widget before it is drawn anew.

    ``value`` where it has not been drawn yet, where what it holds cannot be read, and of schedules and texts.
    """
    if spec.optional:
        if not state.widget(f"{key}.on", value is not None):
            return None
        value = _switched_on(spec, value)
    if spec.kind == "schedule":
        plain = not isinstance(value, Mapping) and state.widget(f"{key}.kind", "constant") == "constant"
        return state.widget(f"{key}.constant", value) if plain else value
    if spec.kind in ("numbers", "number or numbers") and (text := state.widget(key)) is not None:
        with contextlib.suppress(ValueError):
            return _read(spec, text)
    return state.widget(key, value) if spec.kind in ("bool", "choice", "float", "int") else value


def _switched_on(spec: Spec, value: Any) -> Any:
    """What an optional field holds at first when it is switched on."""
    value = spec.low if value is None and not spec.low_open else value
    return 1 if value is None else value


def _toggle(spec: Spec, on: bool, *, key: str) -> bool:
    return st.toggle(spec.label, on, key=key, help=spec.help or None)


def _choice(spec: Spec, value: Any, key: str) -> Any:
    if len(spec.choices) <= 2 and all(len(str(choice)) < 9 for choice in spec.choices):
        return st.segmented_control(
            spec.label, spec.choices, default=value, key=key, help=spec.help or None, required=True, width="stretch"
        )
    at = spec.choices.index(value) if value in spec.choices else 0
    return st.selectbox(spec.label, spec.choices, at, key=key, help=spec.help or None)


def _bool(spec: Spec, value: Any, key: str) -> bool:
    return _toggle(spec, bool(value), key=key)


def _whole(spec: Spec, value: Any, key: str) -> int:
    low = int(spec.low) + spec.low_open if spec.low is not None else -_SAFE
    high = int(spec.high) - spec.high_open if spec.high is not None else _SAFE
    value = min(max(int(value), low), high)
    if high - low <= _SLIDER_SPAN:
        return int(st.slider(spec.label, low, high, value, key=key, help=spec.help or None))
    return int(st.number_input(spec.label, low, high, value, step=1, key=key, help=spec.help or None))


def _number(spec: Spec, value: Any, key: str) -> float:
    tiny = 1e-9
    low = None if spec.low is None else float(spec.low) + tiny * spec.low_open
    high = None if spec.high is None else float(spec.high) - tiny * spec.high_open
    value = float(value)
    value = value if low is None else max(value, low)
    value = value if high is None else min(value, high)
    closed = not (spec.low_open or spec.high_open)
    if low is not None and high is not None and closed and high - low <= 1.0 and low == 0.0:
        return float(st.slider(spec.label, low, high, value, step=0.01, key=key, help=spec.help or None))
    return float(
        st.number_input(spec.label, low, high, value, step=step_of(spec), format="%g", key=key, help=spec.help or None)
    )


def _text(spec: Spec, value: Any, key: str) -> str:
    return str(
        st.text_input(
            spec.label, "" if value is None else str(value), key=key, help=spec.help or None, max_chars=spec.longest
        )
        or ""
    )


def _numbers(spec: Spec, value: Any, key: str) -> Any:
    """Numbers as text of any length; what cannot be read is said under the field, and the old value kept."""
    values = value if isinstance(value, (list, tuple)) else (value,)
    written = str(value) if isinstance(value, str) else write_numbers(values)
    text = st.text_input(spec.label, written, key=key, help=spec.help or None) or ""
    try:
        return _read(spec, text)
    except ValueError as error:
        st.caption(f":red[{error}]")
        return value


def _read(spec: Spec, text: str) -> Any:
    """What the text of such a field says; a ValueError has words for the form."""
    single = spec.kind == "number or numbers"
    if single and text.strip() in spec.choices:
        return text.strip()
    numbers = read_numbers(text, whole=spec.whole)
    if spec.length is not None and len(numbers) != spec.length:
        raise ValueError(f"Write {spec.length} numbers.")
    if single and not numbers:
        raise ValueError("Write a number.")
    return numbers[0] if single and len(numbers) == 1 else numbers


def _texts(spec: Spec, value: Any, key: str) -> tuple[str, ...]:
    text = _text(spec, ", ".join(map(str, value or ())), key)
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _schedule(spec: Spec, value: Any, key: str) -> Any:
    """A number, or a schedule with its own fields; the number comes back after trying schedules."""
    kinds = {str(model.model_fields["kind"].default): model for model in spec.choices}
    current = str(value.get("kind")) if isinstance(value, Mapping) else "constant"
    chosen = str(state.widget(f"{key}.kind", current))
    if chosen == "constant":
        kept = state.recall(f"{key}.kept")
        plain = value if not isinstance(value, Mapping) else value.get("end", spec.default) if kept is None else kept
        numeric = plain if isinstance(plain, (int, float)) else 1.0
        left, right = st.columns([1.25, 1], vertical_alignment="bottom")
        with left:
            number = _number(spec, numeric, f"{key}.constant")
        with right:
            _schedule_kind(kinds, current, key)
        state.remember(f"{key}.kept", number)
        return number
    _schedule_kind(kinds, current, key, label=spec.label, help_text=spec.help)
    model = kinds[chosen]
    held = value if isinstance(value, Mapping) and value.get("kind") == chosen else _first_schedule(model, value)
    return {"kind": chosen} | model_widgets(model, held, key=f"{key}.{chosen}")


def _schedule_kind(
    kinds: Mapping[str, Any], current: str, key: str, *, label: str = "Schedule", help_text: str = ""
) -> None:
    options = ["constant", *kinds]
    st.selectbox(
        label,
        options,
        options.index(current),
        key=f"{key}.kind",
        help=help_text or None,
    )


def _first_schedule(model: type[BaseModel], value: Any) -> dict[str, Any]:
    """What a switch starts with: from a number the kind's defaults, ending at it; from a schedule its start and end."""
    start = model().model_dump()
    if isinstance(value, Mapping):
        return start | {name: value[name] for name in ("start", "end", "steps") if name in value}
    if isinstance(value, (int, float)):
        start["end"] = float(value)
        start["start"] = 10.0 * float(value) if start["start"] > 1.0 else start["start"] * float(value)
    return start


def model_widgets(model: type[BaseModel], values: Mapping[str, Any], *, key: str) -> dict[str, Any]:
    """Widgets for all fields of a small model, two in a row where they are numbers."""
    out: dict[str, Any] = {}
    columns = st.columns(2)
    for i, spec in enumerate(specs(model)):
        with columns[i % 2]:
            out[spec.name] = field_widget(spec, values.get(spec.name, spec.default), key=f"{key}.{spec.name}")
    return out


_WIDGETS = {
    "bool": _bool,
    "choice": _choice,
    "float": _number,
    "int": _whole,
    "number or numbers": _numbers,
    "numbers": _numbers,
    "schedule": _schedule,
    "text": _text,
    "texts": _texts,
}
