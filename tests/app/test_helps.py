"""Every control explains itself: what it does to what one sees first, symbols and formulas after that."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from app.describe import SECTION_HELP, TITLES
from app.fields import specs
from app.forms import RUN_FIELDS
from qhn_core.config import SECTIONS, RunConfig
from qhn_core.metrics import METRICS
from tests.app.pages import MAIN

APP = MAIN.parent
#: What a person changes or presses. (Of Streamlit; :class:`app.controls.Controls` calls its own ``hint``.)
WIDGETS = frozenset(
    (
        *("button", "checkbox", "download_button", "file_uploader", "form_submit_button", "link_button", "multiselect"),
        *("number_input", "page_link", "pills", "popover", "radio", "segmented_control", "select_slider", "selectbox"),
        *("slider", "text_area", "text_input", "toggle", "metric"),
    )
)
#: A word of the language, and no symbol or formula before the explanation has begun: ``ρ = P(bit = 1)``, ``H[q]``.
PLAIN = re.compile(r"[A-Z][a-z’']*(-[a-z]+)?[ ,:.]|[A-Z][a-z]+$")
#: What no explanation begins with.
FORMULA = re.compile(r"^[^:,.(]*[=≥≤‖²^÷∂Στρβλγ]")
NAMED = {spec.name: spec for spec in specs(RunConfig)}


def models() -> Iterator[tuple[str, type[BaseModel]]]:
    """Every variant of every section, and the schedules that their fields may be."""
    for section, registry in SECTIONS.items():
        for name in registry.names():
            yield f"{section}.{name}", registry[name]
            for spec in specs(registry[name]):
                for model in spec.choices if spec.kind == "schedule" else ():
                    yield f"{section}.{name}.{spec.name}.{model.__name__}", model


def is_plain(text: str) -> bool:
    """Whether a text begins in words."""
    return bool(PLAIN.match(text)) and not FORMULA.match(text)


def test_what_counts_as_plain() -> None:
    for text in ("How likely each bit is: ρ = P(bit = 1)", "One step, then pause", "Untick all"):
        assert is_plain(text), text
    for text in ("ρ = P(bit = 1)", "H[q] in bits", "2^H networks", "", "Weight β ≥ 0 of KL", "KL(q‖π): how far"):
        assert not is_plain(text), text


@pytest.mark.parametrize(("where", "model"), models(), ids=lambda value: value if isinstance(value, str) else "")
def test_every_field_of_every_form_says_what_it_does(where: str, model: type[BaseModel]) -> None:
    assert not {spec.name: spec.help for spec in specs(model) if not is_plain(spec.help)}


def test_sections_run_fields_and_metrics_say_it_too() -> None:
    assert set(SECTION_HELP) == set(SECTIONS) == set(TITLES)
    said = {**SECTION_HELP, **{name: NAMED[name].help for name in RUN_FIELDS}}
    said |= {metric.name: f"{metric.meaning[:1].upper()}{metric.meaning[1:]}" for metric in METRICS.values()}
    assert not {name: text for name, text in said.items() if not is_plain(text)}


def widgets() -> Iterator[tuple[str, dict[str, ast.expr]]]:
    """Every call in the pages that makes a widget: its place, and its keyword arguments."""
    for file in sorted(APP.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
                continue
            owner = node.func.value
            if node.func.attr in WIDGETS and not (
                isinstance(owner, ast.Name) and owner.id.endswith(("PAGE", "share", "controls"))
            ):
                kept = {word.arg: word.value for word in node.keywords if word.arg is not None}
                yield f"{file.relative_to(APP)}:{node.lineno} {node.func.attr}", kept


def texts(expression: Any) -> Iterator[str]:
    """The texts that an expression may be, as far as they stand in the program."""
    if isinstance(expression, ast.Constant) and isinstance(expression.value, str):
        yield expression.value
    elif isinstance(expression, ast.JoinedStr) and isinstance(expression.values[0], ast.Constant):
        yield str(expression.values[0].value)
    elif isinstance(expression, ast.IfExp):
        yield from texts(expression.body)
        yield from texts(expression.orelse)


def test_every_widget_of_every_page_has_a_help() -> None:
    found = list(widgets())
    assert len(found) > 150
    none = [
        where
        for where, words in found
        if "help" not in words or (isinstance(words["help"], ast.Constant) and not words["help"].value)
    ]
    assert not none
    assert not [(where, text) for where, words in found for text in texts(words["help"]) if not is_plain(text)]


def test_every_button_of_the_controls_has_a_hint() -> None:
    bare = [
        f"{file.relative_to(APP)}:{node.lineno}"
        for file in sorted(Path(APP).rglob("*.py"))
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "button"
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id.strip("_") in ("PAGE", "AGAIN", "controls")
        and "hint" not in {word.arg for word in node.keywords}
    ]
    assert not bare
