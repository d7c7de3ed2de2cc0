"""Sweeps: a run configuration with some fields varied over lists or ranges, every combination once.

A cell is one configuration (its replicas are the seeds). Finished cells are files named by the configuration's
content, so that a sweep that was broken off goes on where it was, and cells that two sweeps share are run once.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import math
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import ConfigDict, Field, ValidationError, field_validator, model_validator

from qhn_core.checks import check_choice
from qhn_core.config import RunConfig
from qhn_core.config import text as text_forms
from qhn_core.errors import ConfigError, InvalidArgument, StoreError
from qhn_core.metrics import LOGGED
from qhn_core.registry import KnownFields, describe_errors
from qhn_core.results import train

#: Most cells in one sweep.
MAX_CELLS = 10_000


class Range(KnownFields):
    """``count`` numbers from ``start`` to ``end``, evenly spaced, or by equal factors where ``log`` is set."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    start: float
    end: float
    count: int = Field(5, ge=2, le=1000)
    log: bool = False

    @model_validator(mode="after")
    def _positive(self) -> Range:
        if self.log and (self.start <= 0 or self.end <= 0):
            raise ValueError("a logarithmic range needs a positive start and end")
        return self

    def values(self) -> tuple[float | int, ...]:
        """The numbers; whole where they are."""
        spaced = np.geomspace if self.log else np.linspace
        numbers = spaced(self.start, self.end, self.count).tolist()
        return tuple(round(v) if math.isclose(v, round(v), abs_tol=1e-12) else round(v, 12) for v in numbers)


class SweepConfig(KnownFields):
    """What to vary.

    Fields:
        base: the run configuration that all cells share.
        axes: dotted field names, such as ``objective.beta`` or ``ansatz.layers``, to a list of values or a range.
            ``objective``, ``ansatz`` and the other sections may themselves be varied, as a list of mappings.
        metric: what tables and heat maps show.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    base: dict[str, Any] = Field(default_factory=dict)
    axes: dict[str, tuple[Any, ...] | Range] = Field(min_length=1, max_length=4)
    metric: str = "predictive_nll_test"

    @field_validator("metric")
    @classmethod
    def _known(cls, metric: str) -> str:
        return check_choice("metric", metric, LOGGED)

    @model_validator(mode="after")
    def _bounded(self) -> SweepConfig:
        cells = math.prod(len(self.values(axis)) for axis in self.axes)
        if not 1 <= cells <= MAX_CELLS:
            raise ValueError(f"axes: expected 1 to {MAX_CELLS} combinations, got {cells}")
        return self

    def values(self, axis: str) -> tuple[Any, ...]:
        """The values of one axis."""
        chosen = self.axes[axis]
        return chosen.values() if isinstance(chosen, Range) else chosen

    def cells(self) -> list[Cell]:
        """Every combination, validated; a :class:`ConfigError` names the one that cannot be."""
        return list(self._cells())

    def _cells(self) -> Iterator[Cell]:
        for combination in itertools.product(*(self.values(axis) for axis in self.axes)):
            point = dict(zip(self.axes, combination, strict=True))
            plain = RunConfig.parse(self.base, source="sweep base").to_dict()
            for path, value in point.items():
                _set(plain, path, value)
            where = ", ".join(f"{path}={value}" for path, value in point.items())
            yield Cell(point, RunConfig.parse(plain, source=f"sweep cell {where}"))

    @classmethod
    def parse(cls, value: Any, *, source: str = "sweep") -> SweepConfig:
        """Validate a mapping from outside; every problem in one :class:`ConfigError`."""
        try:
            return cls.model_validate(value)
        except ValidationError as error:
            raise ConfigError(describe_errors(error), source=source) from None


@dataclass(frozen=True)
class Cell:
    """One combination: the varied fields' values, and the configuration that they make."""

    point: dict[str, Any]
    config: RunConfig

    @property
    def key(self) -> str:
        """Content hash of the configuration: the name of the cell's file."""
        return cell_key(self.config.to_json())


def load_sweep(path: str | Path) -> SweepConfig:
    """The sweep in a YAML or JSON file; raises :class:`ConfigError`."""
    text, suffix = text_forms.read_file(Path(path))
    source = f"file {Path(path).name}"
    read = text_forms.read_json if suffix == ".json" else text_forms.read_yaml
    return SweepConfig.parse(read(text, source=source), source=source)


def cell_key(config_json: str) -> str:
    """SHA-256 of a configuration's canonical JSON."""
    canonical = json.dumps(json.loads(config_json), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def run_cell(config_json: str, uploads: str | None = None) -> str:
    """Train one cell and return its result as JSON text: {"config", "final": {metric: [per replica]}, "steps"}.

    Text in, text out, so that any process, here or on another machine, can do it.
    """
    config = RunConfig.from_json(config_json)
    result = train(config, uploads=Path(uploads) if uploads else None)
    final = {name: [_number(v) for v in values[-1]] for name, values in result.history.items()}
    return json.dumps({"config": config.to_dict(), "final": final, "steps": int(result.steps[-1])}, allow_nan=False)


class SweepFolder:
    """Finished cells on disk: one JSON file each, written at once or not at all."""

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder) / "cells"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(f"Cannot write into '{folder}': {error.strerror or error}.") from error

    def has(self, key: str) -> bool:
        """Whether the cell is finished."""
        return self._path(key).is_file()

    def put(self, key: str, text: str) -> None:
        """Keep a finished cell."""
        draft = self._path(key).with_suffix(f".part{os.getpid()}")
        try:
            draft.write_text(text, encoding="utf-8")
            draft.replace(self._path(key))
        except OSError as error:
            raise StoreError(f"Cannot write into '{self.folder}': {error.strerror or error}.") from error

    def get(self, key: str) -> dict[str, Any]:
        """A finished cell; StoreError where its file is damaged."""
        try:
            return json.loads(self._path(key).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise StoreError(f"The cell {self._path(key)} is damaged: delete it and run the sweep again.") from error

    def _path(self, key: str) -> Path:
        return self.folder / f"{key}.json"


def table(sweep: SweepConfig, folder: SweepFolder) -> list[dict[str, Any]]:
    """One row per finished cell: the varied values, and mean, standard error and number of seeds of the metric."""
    rows = []
    for cell in sweep.cells():
        if not folder.has(cell.key):
            continue
        raw = folder.get(cell.key)["final"].get(sweep.metric, [])
        values = np.array([math.nan if v is None else v for v in raw], dtype=np.float64)
        values = values[np.isfinite(values)]
        error = values.std(ddof=1) / math.sqrt(len(values)) if len(values) > 1 else math.nan
        mean = float(values.mean()) if len(values) else math.nan
        rows.append(dict(cell.point) | {"mean": mean, "standard_error": float(error), "seeds": len(values)})
    return rows


def _number(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def _set(plain: dict[str, Any], path: str, value: Any) -> None:
    *parents, last = path.split(".")
    target: Any = plain
    for part in parents:
        target = target.get(part) if isinstance(target, dict) else None
        if not isinstance(target, dict):
            raise InvalidArgument("axes", expected="the dotted name of a configuration's field", got=path)
    target[last] = value
