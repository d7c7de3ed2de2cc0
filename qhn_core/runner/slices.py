"""A slice of training, made wherever it is asked for: state in, rows and state out, all of it named arrays as bytes.

The slice is a pure function of the configuration and the state, so that one that is lost with its machine is simply
made again, elsewhere, and a history put together from slices is the one that a single machine makes.
"""

from __future__ import annotations

import os
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from qhn_core.runner.trail import Trail
from qhn_core.sharing import held_bytes
from qhn_core.store.checkpoint import pack, unpack

if TYPE_CHECKING:
    from qhn_core.trainer import Setup, TrainState

Array = NDArray[np.float64]
#: Set-ups that a worker keeps, and the most bytes of them where there are several: a class may train one each.
_SETUPS, _SETUP_BYTES = 64, 256 * 2**20
#: Largest probabilities that are sent with a slice, bytes; where they are larger a page works them out from the angles.
_MOST_SEEN = 8 * 2**20
_ROW, _STATE, _SEEN, _KEPT = "row.", "state.", "seen.", "kept."


@dataclass(frozen=True, eq=False)
class Slice:
    """What some steps of training brought.

    Args:
        steps: logged steps, (T,); rows: metric -> (T, B).
        took: seconds of computing until each logged step, (T,), and until the end of the slice, (T + 1,) in all.
        state: after the last step.
        seen: ``step``, ``theta`` and, where there are some, ``probs`` or ``bits`` of the last step made.
        kept: states before logged steps, as :class:`~qhn_core.runner.trail.Trail` keeps them.
        done, reason: as of :class:`~qhn_core.trainer.Info`.
        process: number of the process that made it.
    """

    steps: NDArray[np.int64]
    rows: dict[str, Array]
    took: Array
    state: TrainState
    seen: dict[str, NDArray[Any]]
    kept: tuple[TrainState, ...]
    done: bool
    reason: str
    process: int

    @classmethod
    def from_bytes(cls, blob: bytes) -> Slice:
        """Inverse of what :func:`advance` returns."""
        from qhn_core.trainer import TrainState

        arrays = unpack(blob)
        return cls(
            steps=arrays["steps"],
            rows=_below(arrays, _ROW),
            took=arrays["took"],
            state=TrainState.from_arrays(_below(arrays, _STATE)),
            seen=_below(arrays, _SEEN),
            kept=tuple(TrainState.from_arrays(_below(arrays, f"{_KEPT}{i}.")) for i in range(int(arrays["kept"]))),
            done=bool(arrays["done"]),
            reason=arrays["reason"].tobytes().decode(),
            process=int(arrays["process"]),
        )


def advance(
    config_json: str, uploads: str | None, state_blob: bytes, steps: int, seconds: float, every: int = 0
) -> bytes:
    """Train from a state for at most ``steps`` steps and about ``seconds`` seconds, at least one step."""
    from qhn_core import trainer
    from qhn_core.trainer import TrainState

    setup = _setup(config_json, uploads)
    state = TrainState.from_arrays(unpack(state_blob))
    trail = Trail(every)
    began, numbers, rows, took = time.perf_counter(), [], [], []
    for made in range(1, steps + 1):
        before = state
        state, info = trainer.step(setup, before)
        if info.row is not None:
            numbers.append(info.step)
            rows.append(info.row)
            took.append(time.perf_counter() - began)
            if every:
                trail.keep(before, last=info.done)
        if info.done or made == steps or time.perf_counter() - began >= seconds:
            break
    seen = {"step": np.array(info.step), "theta": before.theta, "probs": info.probs, "bits": info.bits}
    named = {name: np.stack([row[name] for row in rows]) for name in (rows[0] if rows else ())}
    return pack(
        {
            "steps": np.array(numbers, dtype=np.int64),
            **{_ROW + name: column for name, column in named.items()},
            **{_STATE + name: array for name, array in state.arrays().items()},
            **{f"{_KEPT}{i}.{k}": v for i, one in enumerate(trail.waiting()) for k, v in one.arrays().items()},
            "kept": np.array(len(trail.waiting())),
            **{_SEEN + k: v for k, v in seen.items() if v is not None and v.nbytes <= _MOST_SEEN},
            "took": np.array([*took, time.perf_counter() - began]),
            "done": np.array(int(info.done)),
            "reason": np.frombuffer((info.reason or "").encode(), dtype=np.uint8),
            "process": np.array(os.getpid()),
        }
    )


_setups: OrderedDict[tuple[str, str | None], Setup] = OrderedDict()
_guard = threading.Lock()


def _setup(config_json: str, uploads: str | None) -> Setup:
    """The set-up of a configuration, kept for the next slice of the same run."""
    from qhn_core import trainer
    from qhn_core.config import RunConfig

    key = (config_json, uploads)
    with _guard:
        if key not in _setups:
            config = RunConfig.from_json(config_json)
            _setups[key] = trainer.prepare(config, uploads=Path(uploads) if uploads else None)
            while len(_setups) > 1 and (
                len(_setups) > _SETUPS or held_bytes(list(_setups.values()), set()) > _SETUP_BYTES
            ):
                _setups.popitem(last=False)
        _setups.move_to_end(key)
        return _setups[key]


def _below(arrays: dict[str, NDArray[Any]], prefix: str) -> dict[str, NDArray[Any]]:
    return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}
