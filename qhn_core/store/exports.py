"""Runs as CSV and JSON for other programs."""

from __future__ import annotations

import csv
import io
import json
import math
import re
import zipfile
from collections.abc import Callable, Sequence
from typing import IO, Any, Literal

from qhn_core.store.chunks import Rows
from qhn_core.store.record import RunRecord

Format = Literal["csv", "json"]
Source = Callable[[], tuple[RunRecord, Rows]]


def file_name(record: RunRecord, kind: str) -> str:
    """``<name>-<id>.<kind>`` with nothing in it that a file system or a shell minds."""
    slug = re.sub(r"[^A-Za-z0-9]+", "-", record.name).strip("-").lower()[:60].strip("-")
    return f"{slug}-{record.id}.{kind}" if slug else f"{record.id}.{kind}"


def write_csv(record: RunRecord, rows: Rows, out: IO[str]) -> None:
    """Tidy table: a line a step and replica; columns run, step, replica, then the metrics. NaN is an empty cell.

    Numbers are written with all their digits, so that reading them back gives the same.
    """
    writer = csv.writer(out, lineterminator="\n")
    names = list(rows.history)
    writer.writerow(["run", "step", "replica", *names])
    for t, step in enumerate(rows.steps.tolist()):
        columns = [rows.history[name][t].tolist() for name in names]
        for replica, cells in enumerate(zip(*columns, strict=True)):
            writer.writerow([record.id, step, replica, *("" if math.isnan(cell) else repr(cell) for cell in cells)])


def write_json(record: RunRecord, rows: Rows, out: IO[str]) -> None:
    """One object: the run's record, its configuration, steps (T,) and history {metric: (T, B)}; NaN is null."""
    head: dict[str, Any] = {
        "format": "qhn-run-1",
        "id": record.id,
        "name": record.name,
        "note": record.note,
        "state": record.state.value,
        "message": record.message,
        "created": record.created.isoformat(),
        "updated": record.updated.isoformat(),
        "config": json.loads(record.config_json),
        "summary": record.summary,
        "steps": rows.steps.tolist(),
        "history": {name: [[_number(x) for x in row] for row in a.tolist()] for name, a in rows.history.items()},
    }
    json.dump(head, out, allow_nan=False)
    out.write("\n")


def write_one(source: Source, kind: Format, out: IO[bytes]) -> str:
    """Write one run to a binary file; returns the name it should have."""
    record, rows = source()
    text = io.TextIOWrapper(out, encoding="utf-8", newline="")
    (write_csv if kind == "csv" else write_json)(record, rows, text)
    text.flush()
    text.detach()
    return file_name(record, kind)


def write_many(sources: Sequence[Source], kind: Format, out: IO[bytes]) -> str:
    """Write several runs as a zip archive with a file each, one run in memory at a time; returns its name."""
    with zipfile.ZipFile(out, "w", compression=zipfile.ZIP_DEFLATED) as archive:
        for source in sources:
            buffer = io.BytesIO()
            name = write_one(source, kind, buffer)
            archive.writestr(name, buffer.getvalue())
    return f"qhn-runs-{kind}.zip"


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None
