"""History as compact binary chunks: a block of logged steps is one blob of int64 steps and float64 values."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qhn_core.errors import InvalidArgument, StoreError

_STEP, _VALUE = np.dtype("<i8"), np.dtype("<f8")


class Rows(NamedTuple):
    """Logged steps: ``steps`` (T,) strictly increasing int64, and ``history`` {metric: (T, B) float64}."""

    steps: NDArray[np.int64]
    history: dict[str, NDArray[np.float64]]


class Block(NamedTuple):
    """The same as one array: ``values`` (T, M, B), metrics in the order of ``names``."""

    steps: NDArray[np.int64]
    names: tuple[str, ...]
    values: NDArray[np.float64]


def to_block(steps: ArrayLike, rows: Mapping[str, ArrayLike]) -> Block:
    """A checked block from steps (T,) and {metric: (T, B)}; (T,) is taken for one replica."""
    numbers = np.asarray(steps, dtype=np.int64).reshape(-1)
    if np.any(np.diff(numbers) <= 0) or (numbers.size and numbers[0] < 0):
        raise InvalidArgument("steps", expected="strictly increasing numbers from 0", got=numbers.tolist())
    columns = [np.asarray(column, dtype=np.float64) for column in rows.values()]
    columns = [column[:, None] if column.ndim == 1 else column for column in columns]
    for name, column in zip(rows, columns, strict=True):
        if column.ndim != 2 or len(column) != len(numbers) or column.shape != columns[0].shape:
            raise InvalidArgument(
                f"rows[{name!r}]", expected=f"shape ({len(numbers)}, replicas)", got=f"shape {column.shape}"
            )
    if not columns:
        raise InvalidArgument("rows", expected="at least one metric", got="none")
    return Block(numbers, tuple(rows), np.stack(columns, axis=1))


def encode(block: Block) -> tuple[str, bytes]:
    """(layout as JSON text, blob)."""
    layout = json.dumps({"names": block.names, "shape": block.values.shape})
    return layout, block.steps.astype(_STEP).tobytes() + block.values.astype(_VALUE).tobytes()


def decode(layout: str, blob: bytes) -> Block:
    """Inverse of :func:`encode`; StoreError if the two do not fit each other."""
    try:
        described = json.loads(layout)
        rows, metrics, replicas = (int(n) for n in described["shape"])
        steps = np.frombuffer(blob, dtype=_STEP, count=rows).astype(np.int64)
        values = np.frombuffer(blob, dtype=_VALUE, offset=rows * _STEP.itemsize)
        return Block(steps, tuple(described["names"]), values.reshape(rows, metrics, replicas).astype(np.float64))
    except (ValueError, KeyError, TypeError) as error:
        raise StoreError(f"A part of a run's history is damaged and cannot be read ({error}).") from error


def kind(layout: str) -> tuple[tuple[str, ...], int]:
    """(names of the metrics, replicas) of a chunk with this layout; StoreError if it is none."""
    try:
        described = json.loads(layout)
        return tuple(described["names"]), int(described["shape"][2])
    except (ValueError, KeyError, TypeError, IndexError) as error:
        raise StoreError(f"A part of a run's history is damaged and cannot be read ({error}).") from error


def rows_in(layout: str) -> int:
    """Rows of a chunk whose layout :func:`kind` accepts."""
    return int(json.loads(layout)["shape"][0])


def join(blocks: Sequence[Block]) -> Block:
    """Blocks of the same metrics and replicas, one after the other."""
    return Block(
        np.concatenate([block.steps for block in blocks]),
        blocks[0].names,
        np.concatenate([block.values for block in blocks]),
    )


def between(block: Block, low: int, high: int | None = None) -> Block:
    """The rows with low ≤ step < high."""
    first = int(np.searchsorted(block.steps, low))
    last = len(block.steps) if high is None else int(np.searchsorted(block.steps, high))
    return Block(block.steps[first:last], block.names, block.values[first:last])


def to_rows(blocks: Iterable[Block]) -> Rows:
    """Rows of all blocks together; a metric that a block lacks is NaN there."""
    parts = [block for block in blocks if len(block.steps)]
    if not parts:
        return Rows(np.zeros(0, dtype=np.int64), {})
    names, replicas = whole((part.names, part.values.shape[2]) for part in parts)
    joined = join([aligned(part, names, replicas) for part in parts])
    return Rows(joined.steps, {name: joined.values[:, i] for i, name in enumerate(names)})


def aligned(block: Block, names: tuple[str, ...], replicas: int) -> Block:
    """The block with these metrics and so many replicas; what it lacks is NaN."""
    if block.names == names and block.values.shape[2] == replicas:
        return block
    values = np.full((len(block.steps), len(names), replicas), np.nan)
    where = {name: i for i, name in enumerate(block.names)}
    for i, name in enumerate(names):
        if name in where:
            values[:, i, : block.values.shape[2]] = block.values[:, where[name]]
    return Block(block.steps, names, values)


def whole(kinds: Iterable[tuple[tuple[str, ...], int]]) -> tuple[tuple[str, ...], int]:
    """(metrics, replicas) that hold blocks of all these :func:`kind`: every metric that one has, the most replicas."""
    found = list(kinds)
    names = tuple(dict.fromkeys(name for names, _ in found for name in names))
    return names, max((replicas for _, replicas in found), default=1)
