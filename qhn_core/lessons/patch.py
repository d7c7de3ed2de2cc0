"""A configuration with some of its fields changed, section by section."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from qhn_core.config import RunConfig
from qhn_core.config.run import SECTIONS


def patched(config: RunConfig, change: Mapping[str, Any]) -> RunConfig:
    """``config`` with the fields of ``change``; raises ConfigError.

    Of a section that keeps its variant only the named options change; another variant begins from its own defaults,
    a circuit with its predecessor's start.
    """
    return RunConfig.parse(merged(config.to_dict(), change))


def merged(plain: dict[str, Any], change: Mapping[str, Any]) -> dict[str, Any]:
    """The same on plain data."""
    found = dict(plain)
    for key, value in change.items():
        old = found.get(key)
        if key not in SECTIONS or not isinstance(value, Mapping) or not isinstance(old, Mapping):
            found[key] = value
        elif value.get("name", old.get("name")) == old.get("name"):
            found[key] = {**old, **value}
        else:
            found[key] = {**_shared(key, str(value["name"]), old), **value}
    return found


def _shared(section: str, name: str, old: Mapping[str, Any]) -> dict[str, Any]:
    """Options that another circuit takes over; other variants share names of options by chance only."""
    if section != "ansatz" or name not in SECTIONS[section].names():
        return {}
    return {key: old[key] for key in ("hadamard", "init", "scale") if key in old and name != "iqp"}


def set_path(change: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """``change`` with the dotted ``path`` set to ``value``."""
    head, _, rest = path.partition(".")
    inner = dict(change.get(head, {})) if rest else {}
    return {**change, head: set_path(inner, rest, value) if rest else value}
