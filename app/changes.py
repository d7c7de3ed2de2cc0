"""What differs between two configurations, in few words: no framework."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from app.describe import TITLES, section_summary, value_text
from app.fields import LABELS, specs
from qhn_core.config import SECTIONS, RunConfig
from qhn_core.studies.race.config import RaceConfig

#: How the parts of a list of changes are joined.
AND = " · "


def changes(before: RunConfig, now: RunConfig) -> tuple[str, ...]:
    """One text for each setting that differs: ``Loss ELBO β=0.3 → MLE``, ``Learning rate 0.05 → 0.1``."""
    old, new = before.to_dict(), now.to_dict()
    found: list[str] = []
    for name in dict.fromkeys([*old, *new]):
        if old.get(name) == new.get(name):
            continue
        if name == "objective" and before.objective.title != now.objective.title:
            found.append(_arrow("Loss", before.objective.title, now.objective.title))
        elif name in SECTIONS:
            found += _of_section(name, old.get(name), new.get(name))
        else:
            found.append(_arrow(_label(name), value_text(old.get(name)), value_text(new.get(name))))
    return tuple(found)


def setting_label(path: str, variants: Iterable[str] = ()) -> str:
    """What forms call a setting: ``Seed``, ``Loss``, ``Loss: λ``.

    Args:
        path: ``seed``, ``objective``, ``objective.lam``.
        variants: names of the section's variants, one of which has the field.
    """
    section, _, field = path.partition(".")
    if section not in SECTIONS:
        return _label(path)
    if not field:
        return TITLES[section]
    known = (SECTIONS[section][name] for name in variants if name in SECTIONS[section].names())
    labels = {spec.name: spec.label for variant in known for spec in specs(variant)}
    return _of(section, labels.get(field, _label(field)))


def variant_label(section: str, name: str) -> str:
    """What a section's variant is called in few words: ``ELBO``, ``Linear (CNOT ladder)``; its name if unknown."""
    if name not in SECTIONS[section].names():
        return name
    variant = SECTIONS[section][name]
    return str(getattr(variant, "short", "") or variant.label or name)


def _of(section: str, label: str) -> str:
    """A field's label after its section's."""
    return f"{TITLES[section]}: {label if len(label) < 3 else label[:1].lower() + label[1:]}"


def race_changes(before: RaceConfig, now: RaceConfig) -> tuple[str, ...]:
    """The same for two races: what all contenders share, who they are, and who they are compared with."""
    found = list(changes(before.base, now.base))
    for label, old, new in (
        ("Contenders", _named(side.title for side in before.contenders), _named(side.title for side in now.contenders)),
        ("Rivals", _named(before.rivals), _named(now.rivals)),
        ("Judged at step", _short(before.judged_step), _short(now.judged_step)),
    ):
        if old != new:
            found.append(_arrow(label, old, new))
    if before != now and not found:
        found.append("a contender's own settings")
    return tuple(found)


def _named(names: Iterable[str]) -> str:
    return ", ".join(names).replace("_", " ") or "none"


def _of_section(name: str, old: Any, new: Any) -> list[str]:
    """A section's changes: of its variant, or else of its fields."""
    if not isinstance(old, dict) or not isinstance(new, dict) or old["name"] != new["name"]:
        return [_arrow(TITLES[name], _whole(name, old), _whole(name, new))]
    labels = {spec.name: spec.label for spec in specs(SECTIONS[name][old["name"]])}
    found = []
    for field in dict.fromkeys([*old, *new]):
        if old.get(field) != new.get(field):
            label = _of(name, labels.get(field, _label(field)))
            found.append(_arrow(label, _short(old.get(field)), _short(new.get(field))))
    return found


def _whole(name: str, values: Any) -> str:
    if not isinstance(values, dict):
        return "none"
    label = SECTIONS[name][values["name"]].label or str(values["name"])
    summary = section_summary(name, values, limit=1)
    return f"{label} ({summary})" if summary and name == "network" else label


def _label(name: str) -> str:
    return LABELS.get(name, name.replace("_", " ").capitalize())


def _short(value: Any) -> str:
    return "off" if value is None else value_text(value)[:24]


def _arrow(label: str, old: str, new: str) -> str:
    return f"{label} {old} → {new}"
