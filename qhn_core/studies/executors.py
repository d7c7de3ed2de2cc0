"""Where the cells of a sweep run: in processes on this machine, or on the workers of a Dask cluster.

Either way a cell is text in, text out (:func:`~qhn_core.studies.sweep.run_cell`), and the result of a cell is the same.
"""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import connection
from typing import Any

from qhn_core.errors import QHNError
from qhn_core.runner.cluster import PATIENCE, connect
from qhn_core.studies.sweep import Cell, SweepConfig, SweepFolder, run_cell

#: Called after each cell with (finished, of how many).
Progress = Callable[[int, int], None]


class CellFailed(QHNError):
    """A cell could not be trained; the message says which and why. Finished cells are kept."""


def run_sweep(
    sweep: SweepConfig,
    folder: SweepFolder,
    *,
    scheduler: str | None = None,
    patience: float = PATIENCE,
    workers: int | None = None,
    uploads: str | None = None,
    progress: Progress | None = None,
) -> int:
    """Run the cells that are not finished yet; returns how many that were.

    Args:
        sweep: what to vary.
        folder: where finished cells are, and go as soon as each is done.
        scheduler: address of a Dask scheduler (``tcp://host:port``); None for processes here.
        patience: seconds for which the scheduler is waited for.
        workers: number of processes here; by default one a core.
        uploads: folder of uploaded files; on a cluster every worker has to have it under this path.
        progress: called after each cell.
    """
    cells = sweep.cells()
    open_cells = {cell.key: cell for cell in cells if not folder.has(cell.key)}
    total = len({cell.key for cell in cells})
    done = total - len(open_cells)
    if progress is not None:
        progress(done, total)
    if not open_cells:
        return 0
    results = _on_dask(open_cells, scheduler, uploads, patience) if scheduler else _here(open_cells, workers, uploads)
    for key, text in results:
        folder.put(key, text)
        done += 1
        if progress is not None:
            progress(done, total)
    return len(open_cells)


def _here(cells: dict[str, Cell], workers: int | None, uploads: str | None) -> Iterator[tuple[str, str]]:
    # Processes, each with one thread: cells are independent, and threads would share one interpreter lock.
    count = max(1, min(len(cells), workers or os.cpu_count() or 1))
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(count, mp_context=context, initializer=_begin) as pool:
        waiting = {pool.submit(run_cell, cell.config.to_json(), uploads): cell for cell in cells.values()}
        try:
            for future in as_completed(waiting):
                yield waiting[future].key, _result(future, waiting[future])
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _on_dask(cells: dict[str, Cell], scheduler: str, uploads: str | None, patience: float) -> Iterator[tuple[str, str]]:
    with _client(scheduler, patience) as client:
        from distributed import as_completed as completed

        waiting = {
            client.submit(run_cell, cell.config.to_json(), uploads, key=f"cell-{key}", pure=True, retries=3): cell
            for key, cell in cells.items()
        }
        for future in completed(list(waiting), loop=client.loop):
            yield waiting[future].key, _result(future, waiting[future])


@contextmanager
def _client(scheduler: str, patience: float) -> Iterator[Any]:
    client = connect(scheduler, patience=patience)
    try:
        yield client
    finally:
        client.close()


def _result(future: Any, cell: Cell) -> str:
    try:
        return future.result()
    except BrokenProcessPool:
        raise CellFailed("A process ended unexpectedly (out of memory?). Finished cells are kept: run again.") from None
    except QHNError as error:
        where = ", ".join(f"{path}={value}" for path, value in cell.point.items())
        raise CellFailed(f"Cell {where}: {error}") from None


def _begin() -> None:
    """In each process, first of all."""
    threading.Thread(target=_end_with_parent, name="qhn-parent", daemon=True).start()
    _one_thread()


def _one_thread() -> None:
    """In each process: parallel kernels and libraries keep to one thread (results do not depend on it)."""
    import numba

    numba.set_num_threads(1)


def _end_with_parent() -> None:
    """End this process once the one that started it is gone: killed, it cannot tell its workers."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os._exit(1)  # a cell in work is lost either way
