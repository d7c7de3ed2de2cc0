"""Tables over all 2**N bitstrings: the likelihood table with its cache, the numbering of strings, the size limit."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qhn_core.datasets.base import Dataset
from qhn_core.errors import Cancelled, InvalidArgument, TooLarge
from qhn_core.networks.base import NetworkConfig

Array = NDArray[np.float64]

#: Largest N for which all 2**N strings are tabulated.
MAX_TABULATED = 20
#: Largest N at all: strings are numbered with 64-bit integers.
MAX_BITS = 62


def check_tabulated(n_bits: int) -> None:
    """Refuse N > 20 with the memory that a table would need, and the remedy."""
    if n_bits <= MAX_TABULATED:
        return
    if n_bits > MAX_BITS:
        raise TooLarge(f"{n_bits} binary weights are beyond any engine here. Use a smaller network.")
    # ℓ, log π and p(w|D), one replica's q and its diagonal: five vectors of 2**N float64.
    needed = 5 * 8 * 2**n_bits if n_bits < 200 else float("inf")
    raise TooLarge(
        f"Tabulating {n_bits} binary weights takes 2^{n_bits} strings and about {_memory(needed)} of memory; the limit "
        f"is {MAX_TABULATED} ({_memory(5 * 8 * 2**MAX_TABULATED)}). Use a smaller network, or a sampling estimator "
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


def string_index(bits: ArrayLike, n_bits: int) -> NDArray[np.int64]:
    """Index of strings (…, N), wire 0 most significant: (…)."""
    strings = np.asarray(bits)
    if strings.ndim < 1 or strings.shape[-1] != n_bits:
        raise InvalidArgument("bits", expected=f"shape (…, {n_bits})", got=f"shape {strings.shape}")
    index = np.zeros(strings.shape[:-1], dtype=np.int64)
    for wire in range(n_bits):
        index = (index << 1) | strings[..., wire].astype(np.int64)
    return index


def logsumexp(values: Array) -> float:
    """log Σ e^v without overflow."""
    top = float(values.max())
    return top + float(np.log(np.exp(values - top).sum()))


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


class DrawnStrings:
    """ℓ of strings seen so far, sorted by index; starts anew when it has grown beyond its limit."""

    def __init__(self, limit: int = 2**19) -> None:
        self._limit, self._lock = limit, threading.Lock()
        self._index = np.zeros(0, dtype=np.int64)
        self._values = np.zeros(0)

    def look_up(self, index: NDArray[np.int64], evaluate: Callable[[NDArray[np.int64]], Array]) -> Array:
        """ℓ at ``index`` (any shape), evaluating those not seen before."""
        unique, back = np.unique(index, return_inverse=True)
        with self._lock:
            known, values = self._index, self._values
        at = np.minimum(np.searchsorted(known, unique), max(0, len(known) - 1))
        missing = known[at] != unique if len(known) else np.ones(len(unique), dtype=bool)
        found = np.empty(len(unique))
        found[~missing] = values[at[~missing]]
        if missing.any():
            found[missing] = evaluate(unique[missing])
            if len(known) + int(missing.sum()) > self._limit:
                known, values = known[:0], values[:0]
            index_all = np.concatenate([known, unique[missing]])
            order = np.argsort(index_all, kind="stable")
            with self._lock:
                self._index = index_all[order]
                self._values = np.concatenate([values, found[missing]])[order]
        return found[back.ravel()].reshape(index.shape)


def _table_key(network: NetworkConfig, dataset: Dataset) -> str:
    digest = hashlib.sha256(network.model_dump_json().encode())
    for array in (dataset.x_train, dataset.y_train):
        digest.update(str((array.shape, array.dtype)).encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def _memory(n_bytes: float) -> str:
    for unit in ("bytes", "kB", "MB", "GB", "TB", "PB"):
        if n_bytes < 1000:
            return f"{n_bytes:.3g} {unit}"
        n_bytes /= 1000
    return f"{n_bytes:.3g} EB"
