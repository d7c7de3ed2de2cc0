"""Runs as CSV and JSON for other programs, piece by piece: a long history is never in memory as a whole."""

from __future__ import annotations

import contextlib
import io
import json
import re
import secrets
import time
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from itertools import chain
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from qhn_core.errors import StoreError
from qhn_core.store.chunks import Block, Rows, aligned
from qhn_core.store.record import RunRecord

Format = Literal["csv", "json"]
#: Lines of CSV written at once: some milliseconds of the interpreter, which others wait for.
LINES = 4096
#: Values that JSON holds at once, as it goes by metric and the history by step.
VALUES = 8 * 2**20
#: How drafts are called, and seconds after which one that did not grow belongs to nobody.
_DRAFT, _FORGOTTEN = ".export-", 600.0
_NONE = np.zeros(0, dtype=np.int64)


class Table(NamedTuple):
    """A history that is read block by block.

    Args:
        names: of all metrics that any block has, in the order of columns.
        replicas: the most that any block has.
        blocks: from the first to the last step, anew for each call.
    """

    names: tuple[str, ...]
    replicas: int
    blocks: Callable[[], Iterable[Block]]


Source = Callable[[], AbstractContextManager[tuple[RunRecord, Table]]]


def table_of(rows: Rows) -> Table:
    """A history in memory as a table."""

    def blocks() -> Iterator[Block]:
        for part in _slices(len(rows.steps), replicas):
            yield Block(rows.steps[part], names, np.stack([rows.history[name][part] for name in names], axis=1))

    names = tuple(rows.history)
    replicas = rows.history[names[0]].shape[1] if names else 1
    return Table(names, replicas, blocks)


def file_name(record: RunRecord, kind: str) -> str:
    """``<name>-<id>.<kind>`` with nothing in it that a file system or a shell minds."""
    slug = re.sub(r"[^A-Za-z0-9]+", "-", record.name).strip("-").lower()[:60].strip("-")
    return f"{slug}-{record.id}.{kind}" if slug else f"{record.id}.{kind}"


def archive_name(kind: Format) -> str:
    """What an archive of several runs is called."""
    return f"qhn-runs-{kind}.zip"


def parts(record: RunRecord, table: Table, kind: Format) -> Iterator[bytes]:
    """One run as a file, piece by piece."""
    return csv_parts(record, table) if kind == "csv" else json_parts(record, table)


def csv_parts(record: RunRecord, table: Table) -> Iterator[bytes]:
    """Tidy table: a line a step and replica; columns run, step, replica, then the metrics. NaN is an empty cell.

    Numbers are written with all their digits, as Python's ``repr`` has them, so that reading them back gives the same.
    """
    yield f"{','.join(('run', 'step', 'replica', *table.names))}\n".encode()
    for block in table.blocks():
        for part in _slices(len(block.steps), table.replicas):
            values = aligned(
                Block(block.steps[part], block.names, block.values[part]), table.names, table.replicas
            ).values
            lines = _lines(values.transpose(0, 2, 1).reshape(-1, len(table.names)))
            starts = [
                b"%s,%d,%d," % (record.id.encode(), step, replica)
                for step in block.steps[part].tolist()
                for replica in range(table.replicas)
            ]
            yield b"".join(chain.from_iterable(zip(starts, lines, [b"\n"] * len(starts), strict=True)))


def json_parts(record: RunRecord, table: Table) -> Iterator[bytes]:
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
    }
    steps = [block.steps for block in table.blocks()]
    yield json.dumps(head, allow_nan=False)[:-1].encode() + b', "steps": ' + _json(np.concatenate([_NONE, *steps]))
    yield b', "history": {'
    rows = sum(map(len, steps))
    at_once = max(1, VALUES // max(rows * table.replicas, 1))
    for first in range(0, len(table.names), at_once):
        chosen = table.names[first : first + at_once]
        values = np.empty((len(chosen), rows, table.replicas))
        done = 0
        for block in table.blocks():
            part = aligned(block, chosen, table.replicas).values
            values[:, done : done + len(block.steps)] = part.transpose(1, 0, 2)
            done += len(block.steps)
        for name, column in zip(chosen, values, strict=True):
            yield (b", " if name != table.names[0] else b"") + json.dumps(name).encode() + b": ["
            for piece in _slices(rows, table.replicas):
                yield (b"," if piece.start else b"") + _json(column[piece])[1:-1]
            yield b"]"
    yield b"}}\n"


def file_parts(source: Source, kind: Format) -> Iterator[bytes]:
    """:func:`parts` of a run that is opened when the first of them is asked for."""
    with source() as (record, table):
        yield from parts(record, table, kind)


def archive_parts(sources: Sequence[Source], kind: Format) -> Iterator[bytes]:
    """Several runs as a zip archive with a file each, piece by piece."""
    outbox = _Outbox()
    # Random digits give way to no effort: the fastest level makes them nearly as small.
    with zipfile.ZipFile(outbox, "w", compression=zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for source in sources:
            with source() as (record, table), archive.open(file_name(record, kind), "w", force_zip64=True) as entry:
                for part in parts(record, table, kind):
                    entry.write(part)
                    yield outbox.taken()
    yield outbox.taken()


def write_file(folder: Path, name: str, content: Iterable[bytes]) -> Path:
    """Write a file into ``folder``, made if missing, as a draft that takes its name once complete; StoreError if not.

    Drafts that a program left when it was killed are removed.
    """
    draft = folder / f"{_DRAFT}{secrets.token_hex(4)}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _clear(folder)
        with draft.open("wb") as out:
            for part in content:
                out.write(part)
        return draft.replace(folder / name)
    except OSError as error:
        raise StoreError(f"The export into {folder} failed: {error.strerror}.") from error
    finally:
        draft.unlink(missing_ok=True) if draft.parent.is_dir() else None


def _clear(folder: Path) -> None:
    """Remove drafts that nobody has written to for long; an export under way writes all the time."""
    for draft in folder.glob(f"{_DRAFT}*"):
        with contextlib.suppress(OSError):
            if time.time() - draft.stat().st_mtime > _FORGOTTEN:
                draft.unlink()


class _Outbox(io.RawIOBase):
    """A file that is only written to, and emptied from time to time."""

    def __init__(self) -> None:
        self._held = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._held += data
        return len(data)

    def taken(self) -> bytes:
        """What has been written since the last call."""
        held, self._held = self._held, bytearray()
        return bytes(held)


def _slices(rows: int, replicas: int) -> Iterator[slice]:
    """Rows in pieces of :data:`LINES` lines."""
    size = max(1, LINES // max(replicas, 1))
    return (slice(first, min(first + size, rows)) for first in range(0, rows, size))


def _lines(values: NDArray[np.float64]) -> list[bytes]:
    """Rows of (R, M) as text with commas: each number as ``repr`` writes it, NaN as nothing.

    orjson writes the same shortest digits; its exponents look otherwise, so numbers that ``repr`` gives one, and
    infinities, are left out for it to write null, and filled in.
    """
    size = np.abs(values)
    with_exponent = ((size < 1e-4) & (size > 0)) | (size >= 1e16)
    text = _json(np.where(with_exponent, np.nan, values))
    if with_exponent.any():
        missing = with_exponent | np.isnan(values)
        told = [b"" if number != number else repr(number).encode() for number in values[missing].tolist()]
        pieces = text.split(b"null")
        text = b"".join(chain.from_iterable(zip(pieces, [*told, b""], strict=True)))
    else:
        text = text.replace(b"null", b"")
    return text[2:-2].split(b"],[")


def _json(values: NDArray[Any]) -> bytes:
    import orjson

    return orjson.dumps(np.ascontiguousarray(values), option=orjson.OPT_SERIALIZE_NUMPY)
