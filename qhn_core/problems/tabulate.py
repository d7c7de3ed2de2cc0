"""ℓ of all 2**N strings worked out: the size limit, and a cache of tables by content."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from qhn_core.bitstrings import MAX_TABULATED
from qhn_core.checks import readable
from qhn_core.datasets.base import Dataset
from qhn_core.errors import Cancelled, TooLarge
from qhn_core.networks.base import NetworkConfig

Array = NDArray[np.float64]
#: Vectors of 2**N float64 that a table comes with: ℓ, log π and p(w|D), one replica's q and its diagonal.
_VECTORS = 5


def check_tabulated(n_bits: int) -> None:
    """Refuse N > 20 with the memory that a table would need, and the remedy."""
    if n_bits > MAX_TABULATED:
        raise TooLarge(
            f"Tabulating {n_bits} binary weights takes 2^{n_bits} strings and about "
            f"{readable(_VECTORS * 8 << n_bits)} of memory; the limit is {MAX_TABULATED} "
            f"({readable(_VECTORS * 8 << MAX_TABULATED)}). Use a smaller network, or a sampling estimator "
            "(score_function, spsa), which evaluates drawn strings only."
        )


def likelihood_table(
    network: NetworkConfig,
    dataset: Dataset,
    *,
    progress: Callable[[float], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
    cache: bool = True,
) -> Array:
    """ℓ(w) of all 2**N strings on the training examples, nats, summed: (2**N,), read-only.

    Equal functions are evaluated once (:meth:`NetworkConfig.functions`), in chunks of a few megabytes.
    """

    def tick(fraction: float = 0.0) -> None:
        if cancelled is not None and cancelled():
            raise Cancelled("The likelihood table was not finished.")
        if progress is not None:
            progress(fraction)

    key = _table_key(network, dataset)
    table = TABLES.get(key) if cache else None
    if table is None:
        tick()
        functions = network.functions(dataset.x_train, tick=tick)
        table = functions.nll(dataset.y_train, tick=tick)[functions.group_of]
        table.flags.writeable = False
        if cache:
            TABLES.put(key, table)
    if progress is not None:
        progress(1.0)
    return table


class TableCache:
    """Likelihood tables by content, least recently used out first, bounded in bytes; safe between threads."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes, self._bytes = max_bytes, 0
        self._tables: OrderedDict[str, Array] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: str) -> Array | None:
        """The table, or None."""
        with self._lock:
            if key in self._tables:
                self._tables.move_to_end(key)
            return self._tables.get(key)

    def put(self, key: str, table: Array) -> None:
        """Keep ``table``, and drop the oldest ones beyond the limit."""
        with self._lock:
            if key in self._tables or table.nbytes > self._max_bytes:
                return
            self._tables[key] = table
            self._bytes += table.nbytes
            while self._bytes > self._max_bytes:
                self._bytes -= self._tables.popitem(last=False)[1].nbytes

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._tables.clear()
            self._bytes = 0


#: Tables of this process.
TABLES = TableCache(128 * 2**20)


def _table_key(network: NetworkConfig, dataset: Dataset) -> str:
    digest = hashlib.sha256(network.model_dump_json().encode())
    for array in (dataset.x_train, dataset.y_train):
        digest.update(str((array.shape, array.dtype)).encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()
