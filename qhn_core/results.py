"""A finished run: training it in one call, keeping it, and getting it back. Files hold plain arrays, never pickles."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from qhn_core import trainer
from qhn_core.circuits.arrays import circuit_arrays, circuit_from_arrays
from qhn_core.circuits.circuit import Circuit
from qhn_core.config import RunConfig, load_config
from qhn_core.errors import StoreError

_CONFIG, _ARRAYS, _PREFIX, _CIRCUIT = "config.json", "history.npz", "history.", "circuit."
#: Most bytes that a saved history may unpack to.
_UNPACKED_LIMIT = 2 << 30


@dataclass(frozen=True, eq=False)
class RunResult:
    """What a run leaves behind.

    Args:
        config: what was run.
        steps: the logged steps, (T,) int64; the first is 0.
        history: name -> (T, B) float64, the quantities of a logged step (see ``analysis.metrics``), NaN where one
            does not exist; terms of the loss as ``term_<name>``.
        theta: final angles, radians, (B, P).
        circuit: the one that was given to :func:`train`; None where the configuration says which.
    """

    config: RunConfig
    steps: NDArray[np.int64]
    history: dict[str, NDArray[np.float64]]
    theta: NDArray[np.float64]
    circuit: Circuit | None = None

    def save(self, folder: str | Path) -> Path:
        """Write ``config.json`` and ``history.npz`` into ``folder``, which is made if missing."""
        folder = Path(folder)
        arrays: dict[str, NDArray] = {_PREFIX + name: array for name, array in self.history.items()}
        if self.circuit is not None:
            arrays |= {_CIRCUIT + name: array for name, array in circuit_arrays(self.circuit).items()}
        try:
            folder.mkdir(parents=True, exist_ok=True)
            (folder / _CONFIG).write_text(self.config.to_json(), encoding="utf-8")
            fresh = folder / f"{_ARRAYS}.part"
            with fresh.open("wb") as handle:
                np.savez(handle, steps=self.steps, theta=self.theta, **arrays)  # type: ignore[arg-type]
            fresh.replace(folder / _ARRAYS)
        except OSError as error:
            raise StoreError(f"Cannot save the run in '{folder}': {error.strerror or error}.") from error
        return folder

    @classmethod
    def load(cls, folder: str | Path) -> RunResult:
        """Read what :meth:`save` wrote.

        Raises:
            ConfigError: the configuration is not valid.
            StoreError: a file is missing, damaged, or of the wrong shape.
        """
        folder = Path(folder)
        for name in (_CONFIG, _ARRAYS):
            if not (folder / name).is_file():
                raise StoreError(f"'{folder}' holds no saved run: {name} is missing.")
        config = load_config(folder / _CONFIG)
        arrays = _read_arrays(folder / _ARRAYS)
        steps, theta = arrays.pop("steps"), arrays.pop("theta")
        parts = {name: arrays.pop(name) for name in list(arrays) if name.startswith(_CIRCUIT)}
        circuit = circuit_from_arrays({n.removeprefix(_CIRCUIT): a for n, a in parts.items()}) if parts else None
        history = {name.removeprefix(_PREFIX): array for name, array in arrays.items()}
        good = steps.ndim == 1 and theta.ndim == 2
        good = good and all(array.shape == (steps.size, len(theta)) for array in history.values())
        if not good:
            raise StoreError(f"'{folder / _ARRAYS}' is damaged: its arrays do not have the shapes of one run.")
        return cls(config, steps.astype(np.int64), history, theta.astype(np.float64), circuit)


def train(
    config: RunConfig,
    on_event: Callable[[trainer.Info], object] | None = None,
    uploads: Path | None = None,
    *,
    circuit: Circuit | None = None,
) -> RunResult:
    """Train to the end in this thread, and return the history.

    Args:
        config: the run, a :class:`~qhn_core.config.RunConfig`.
        on_event: called with each step's :class:`~qhn_core.trainer.Info`.
        uploads: folder of content-addressed uploaded files.
        circuit: any :class:`~qhn_core.circuits.circuit.Circuit` with a wire for each bit, to train instead of the one
            that ``config.ansatz`` describes; initial angles are drawn as ``config.ansatz`` says.

    Raises:
        QHNError: what cannot work is refused before the first step, with the reason.
    """
    setup = trainer.prepare(config, uploads=uploads, circuit=circuit)
    state = trainer.init(setup)
    steps, rows = [], []
    while not state.done:
        state, info = trainer.step(setup, state)
        if info.row is not None:
            steps.append(info.step)
            rows.append(info.row)
        if on_event is not None:
            on_event(info)
    history = {name: np.stack([row[name] for row in rows]) for name in rows[0]}
    return RunResult(config, np.array(steps, dtype=np.int64), history, state.theta, circuit)


def _read_arrays(path: Path) -> dict[str, NDArray]:
    damaged = f"'{path}' is damaged or was cut off"
    try:
        with zipfile.ZipFile(path) as archive:
            if sum(item.file_size for item in archive.infolist()) > _UNPACKED_LIMIT:
                raise StoreError(f"'{path}' would unpack to more than {_UNPACKED_LIMIT >> 30} GiB.")
        with np.load(path, allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
    except StoreError:
        raise
    except Exception as error:  # a stranger's archive can fail in many ways: encrypted, garbled, larger than memory
        raise StoreError(f"{damaged}: {error}.") from None
    wrong = [n for n in ("steps", "theta") if n not in arrays]
    if wrong or any(array.dtype.kind not in "iuf" for array in arrays.values()):
        raise StoreError(f"{damaged}: it does not hold the arrays of a run.")
    return arrays
