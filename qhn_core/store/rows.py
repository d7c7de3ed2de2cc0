"""Rows of the table of runs: find, change, read."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from pydantic import ValidationError

from qhn_core.errors import InvalidArgument, QHNError, StoreError
from qhn_core.objectives import OBJECTIVES
from qhn_core.store.record import RunRecord, RunState

MAX_NAME, MAX_NOTE = 200, 20_000
COLUMNS = (
    "id, name, note, config, state, message, created, updated, step, steps, pinned, summary, person, parent, forked"
)


class UnknownRun(StoreError):
    """There is no run of this id."""

    def __init__(self, run_id: str) -> None:
        self.run_id = run_id
        super().__init__(f"There is no run '{run_id}' in this data folder; it may have been deleted.")


class TakenOver(StoreError):
    """Another process holds the run now."""

    def __init__(self, run_id: str) -> None:
        self.run_id = run_id
        super().__init__(f"Run {run_id} was taken over by another process; this one no longer writes to it.")


def find(db: sqlite3.Connection, run_id: str, columns: str) -> sqlite3.Row:
    row = db.execute(f"SELECT {columns} FROM runs WHERE id = ?", (run_id,)).fetchone()  # noqa: S608 - own names
    if row is None:
        raise UnknownRun(run_id)
    return row


def update(db: sqlite3.Connection, run_id: str, fields: Mapping[str, Any]) -> None:
    assignments = ", ".join(f"{name} = ?" for name in fields)
    db.execute(f"UPDATE runs SET {assignments} WHERE id = ?", (*fields.values(), run_id))  # noqa: S608 - own names


def to_record(row: sqlite3.Row) -> RunRecord:
    """The row as a record; one that cannot be read comes as damaged, so that it never hides the others."""
    try:
        return _sound(row)
    except (ValueError, TypeError, OverflowError, OSError, AttributeError) as error:
        return RunRecord(
            id=str(row["id"]),
            name="damaged run",
            note="",
            state=RunState.DAMAGED,
            message=f"This run's entry in the store cannot be read ({error}). It can only be deleted.",
            created=datetime.fromtimestamp(0, UTC),
            updated=datetime.fromtimestamp(0, UTC),
            step=0,
            steps=0,
            pinned=False,
            config_json="{}",
            summary={},
            person=str(row["person"]),
        )


def _sound(row: sqlite3.Row) -> RunRecord:
    texts = {name: row[name] for name in ("id", "name", "note", "message", "config", "person")}
    for name, value in texts.items():
        if not isinstance(value, str):
            raise TypeError(f"{name}: expected text, got {type(value).__name__}")
    summary = json.loads(row["summary"])
    if not isinstance(summary, dict) or not all(isinstance(entry, dict) for entry in summary.values()):
        raise ValueError("summary: expected metrics with their values")
    json.loads(row["config"])
    return RunRecord(
        id=row["id"],
        name=row["name"],
        note=row["note"],
        state=RunState(row["state"]),
        message=row["message"],
        created=datetime.fromtimestamp(row["created"], UTC),
        updated=datetime.fromtimestamp(row["updated"], UTC),
        step=int(row["step"]),
        steps=int(row["steps"]),
        pinned=bool(row["pinned"]),
        config_json=row["config"],
        summary=summary,
        person=row["person"],
        parent=row["parent"] or "",
        forked=int(row["forked"] or 0),
    )


def clean_text(argument: str, value: str, limit: int, *, lines: bool = False) -> str:
    """``value`` without control characters, trimmed; InvalidArgument if it is too long."""
    if not isinstance(value, str) or len(value) > limit:
        raise InvalidArgument(argument, expected=f"text of at most {limit} characters", got=value)
    kept = "".join(c for c in value if c.isprintable() or (lines and c in "\n\t"))
    return kept.strip()


def default_name(config_json: str) -> str:
    """What tells a run from others, as far as the configuration says it: ``ELBO β=0.3 · xor, 20 · 2-3-1``."""
    try:
        config = json.loads(config_json)
        objective, dataset, network = (config.get(room) or {} for room in ("objective", "dataset", "network"))
        data = ", ".join(str(dataset[key]) for key in ("name", "n_train") if dataset.get(key))
        layers = network.get("layers")
        size = "-".join(map(str, layers)) if isinstance(layers, list) else network.get("name")
        name = " · ".join(str(part) for part in (_loss_title(objective), data, size) if part)
    except (ValueError, AttributeError):
        name = ""
    return name[:MAX_NAME] or "run"


def _loss_title(section: dict[str, Any]) -> str:
    """The loss as plots call it; its bare name where this version does not know it."""
    try:
        return OBJECTIVES.parse(section).title
    except (QHNError, ValidationError):
        return str(section.get("name") or "")
