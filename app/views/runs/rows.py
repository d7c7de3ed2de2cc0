"""Rows of the table of runs: what is shown of a run, which runs a filter keeps, and in what settings runs differ."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from app.changes import setting_label, variant_label
from qhn_core.config import SCHEMA_VERSION, SECTIONS
from qhn_core.datasets import DATASETS
from qhn_core.errors import QHNError
from qhn_core.metrics import METRICS
from qhn_core.networks import NETWORKS
from qhn_core.objectives import OBJECTIVES
from qhn_core.store import RunRecord, RunState

#: Columns with a metric -> its name.
NUMBERS: Mapping[str, str] = {"accuracy": "accuracy_test", "nll": "predictive_nll_test", "kl": "kl_posterior"}
#: Menu entry -> (attribute of a row, or column of a metric; whether the largest comes first).
SORTS: Mapping[str, tuple[str, bool]] = {
    "Newest": ("created", True),
    "Oldest": ("created", False),
    "Name": ("folded", False),
    "Loss": ("loss_title", False),
    "Data": ("dataset", False),
    "Steps made": ("steps_made", True),
} | {METRICS[name].label: (column, METRICS[name].better == "higher") for column, name in NUMBERS.items()}
_ABSENT = "–"
#: Steps below which a run that was left counts as tried out.
FEW = 5


@dataclass(frozen=True)
class Settings:
    """What the table shows of a configuration; blanks where it cannot be read."""

    dataset: str = ""
    network: str = ""
    circuit: str = ""
    loss: str = ""
    loss_title: str = ""  #: the loss with its weight, ``ELBO β=0.3``
    n_qubits: int | None = None
    seed: int | None = None
    problem: str = ""  #: why the configuration cannot be read, or empty


@dataclass(frozen=True)
class Row:
    """One run as the table shows it."""

    record: RunRecord
    settings: Settings

    @property
    def folded(self) -> str:
        """Name for sorting and searching."""
        return self.record.name.casefold()

    @property
    def loss_title(self) -> str:
        """The loss with its weight, for sorting."""
        return self.settings.loss_title or self.settings.loss

    @property
    def dataset(self) -> str:
        """The data, for sorting."""
        return self.settings.dataset

    @property
    def steps_made(self) -> float:
        """Updates made."""
        return float(min(self.record.step, self.record.steps))

    @property
    def trial(self) -> bool:
        """Whether it was tried out for a few steps (by Step and Reset, say), and left."""
        left = self.record.state in (RunState.STOPPED, RunState.INTERRUPTED)
        return left and self.steps_made < FEW < self.record.steps and not self.record.pinned

    @property
    def created(self) -> float:
        """Seconds since 1970."""
        return self.record.created.timestamp()

    def number(self, column: str) -> float:
        """The metric of a column of :data:`NUMBERS`: mean over starts at the last logged step."""
        return self.record.final(NUMBERS[column])


def _circuit(config: dict[str, Any]) -> str:
    """The circuit's name and layers, or that it is a person's own."""
    if _name(config, "ansatz") == "qasm":
        return "own circuit"
    return " × ".join(str(v) for v in (_name(config, "ansatz"), _get(config, "ansatz", "layers")) if v)


@lru_cache(maxsize=20_000)
def settings_of(config_json: str) -> Settings:
    """What the table shows, without validating everything: a list of thousands of runs must be quick."""
    try:
        config = json.loads(config_json)
        version = config["schema_version"]
    except (ValueError, TypeError, KeyError):
        return Settings(problem="Its configuration cannot be read.")
    if version != SCHEMA_VERSION:
        problem = f"Its configuration has version {version}; this QHN Lab reads version {SCHEMA_VERSION}."
        return Settings(problem=problem, dataset=_name(config, "dataset"), loss=_name(config, "objective"))
    sections = {key: config.get(key) for key in ("dataset", "network")}
    layers = _get(config, "network", "layers")
    shape = "-".join(map(str, layers)) if isinstance(layers, list) else _name(config, "network")
    seed = config.get("seed")
    return Settings(
        dataset=_name(config, "dataset"),
        network=shape,
        circuit=_circuit(config),
        loss=_name(config, "objective"),
        loss_title=_loss_title(json.dumps(config.get("objective"), sort_keys=True)),
        n_qubits=_qubits(json.dumps(sections, sort_keys=True)),
        seed=seed if isinstance(seed, int) else None,
    )


@lru_cache(maxsize=2_000)
def _loss_title(section: str) -> str:
    """The loss as plots call it; nothing where this version does not know it."""
    parts = json.loads(section)
    try:
        return OBJECTIVES.parse(parts).title
    except (QHNError, ValueError, TypeError):
        return ""


@lru_cache(maxsize=2_000)
def _qubits(sections: str) -> int | None:
    """Number of qubits by network and dataset; None if it takes the data to know."""
    parts = json.loads(sections)
    try:
        if parts["network"] is not None:
            return NETWORKS.parse(parts["network"]).n_bits
        return getattr(DATASETS.parse(parts["dataset"]), "n_bits", None)
    except (QHNError, ValueError, TypeError):
        return None


def _get(config: Any, *path: str) -> Any:
    for key in path:
        config = config.get(key) if isinstance(config, dict) else None
    return config


def _name(config: Any, section: str) -> str:
    name = _get(config, section, "name")
    return name if isinstance(name, str) else ""


def to_rows(records: Iterable[RunRecord]) -> list[Row]:
    """Rows in the order of the records."""
    return [Row(record, settings_of(record.config_json)) for record in records]


def keep(
    rows: Iterable[Row],
    *,
    text: str = "",
    states: Sequence[str] = (),
    losses: Sequence[str] = (),
    datasets: Sequence[str] = (),
) -> list[Row]:
    """The rows that pass every filter; an empty filter passes all.

    Every word of ``text`` must occur in the name, the note, the id or the settings.
    """
    words = text.casefold().split()
    return [
        row
        for row in rows
        if (not states or row.record.state.value in states)
        and (not losses or row.settings.loss in losses)
        and (not datasets or row.settings.dataset in datasets)
        and all(word in _text(row) for word in words)
    ]


def _text(row: Row) -> str:
    s = row.settings
    parts = (row.folded, row.record.note, row.record.id, s.dataset, s.network, s.circuit, s.loss, s.loss_title)
    return " ".join(parts).casefold()


def order(rows: Iterable[Row], by: str) -> list[Row]:
    """Pinned rows first, then by a key of :data:`SORTS`; rows without that number come last."""
    attribute, descending = SORTS[by]

    def place(row: Row) -> tuple[bool, bool, Any]:
        value = row.number(attribute) if attribute in NUMBERS else getattr(row, attribute)
        if isinstance(value, str):
            return not row.record.pinned, False, value
        missing = not math.isfinite(value)
        return not row.record.pinned, missing, 0.0 if missing else (-value if descending else value)

    return sorted(rows, key=place)


def columns(rows: Sequence[Row]) -> dict[str, list[Any]]:
    """The table's columns, ready for a data frame; None where there is no number."""
    return {
        "pinned": ["★" if row.record.pinned else "" for row in rows],
        "name": [row.record.name for row in rows],
        "loss": [row.settings.loss_title or row.settings.loss for row in rows],
        "created": [row.record.created for row in rows],
        "state": [row.record.state.value for row in rows],
        **{column: [_number(row.number(column)) for row in rows] for column in NUMBERS},
        "dataset": [row.settings.dataset for row in rows],
        "network": [row.settings.network for row in rows],
        "circuit": [row.settings.circuit for row in rows],
        "qubits": [row.settings.n_qubits for row in rows],
        "steps": [f"{min(row.record.step, row.record.steps)} / {row.record.steps}" for row in rows],
        "seed": [row.settings.seed for row in rows],
        "note": [" ".join(row.record.note.split()) for row in rows],
        "run": [row.record.id for row in rows],
    }


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None


def flatten(config_json: str) -> dict[str, str]:
    """Settings as "section.field" -> text; lists stay whole. Empty if the configuration cannot be read."""
    try:
        config = json.loads(config_json)
    except ValueError:
        return {}
    found: dict[str, str] = {}

    def walk(value: Any, path: str) -> None:
        if isinstance(value, dict):
            for key, item in value.items():
                walk(item, f"{path}.{key}" if path else str(key))
        else:
            found[path.removesuffix(".name")] = value if isinstance(value, str) else json.dumps(value)

    walk(config, "")
    return found


def differences(configs: Sequence[str]) -> dict[str, list[str]]:
    """The settings in which configurations differ, as forms call them -> one text per configuration."""
    flat = [flatten(config) for config in configs]
    paths = list(dict.fromkeys(path for settings in flat for path in settings))
    table = {path: [settings.get(path, _ABSENT) for settings in flat] for path in paths}
    differing = {path: values for path, values in table.items() if len(set(values)) > 1}
    return {_called(path, table): _told(path, values) for path, values in differing.items()}


def _called(path: str, table: Mapping[str, list[str]]) -> str:
    return setting_label(path, table.get(path.partition(".")[0], ()))


def _told(path: str, values: list[str]) -> list[str]:
    """The values; of a section, what its variants are called."""
    return [v if v == _ABSENT else variant_label(path, v) for v in values] if path in SECTIONS else values
