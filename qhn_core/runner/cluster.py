"""Training on the workers of a Dask cluster, slice by slice; what comes back is what this machine would have made."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from qhn_core.errors import Cancelled, DeviceError
from qhn_core.extras import require
from qhn_core.runner.slices import Slice, advance
from qhn_core.store.checkpoint import pack

#: Seconds that a slice takes, so that events stream back; and most steps of one.
SECONDS, MOST = 0.25, 100_000
#: Seconds between looks at whether a run is to stop, and for which a slice may take before it is asked whether there is
#: any worker at all.
_LOOK, _LOST = 0.5, 15.0
#: Times that a slice is made again whose worker was lost.
_RETRIES = 5
#: Seconds for which a scheduler is waited for.
PATIENCE = 10.0


def connect(address: str, *, patience: float = PATIENCE) -> Any:
    """A client of the Dask scheduler at ``address``.

    Args:
        address: of the scheduler, ``tcp://host:port``.
        patience: seconds for which it is tried again before it is given up.

    Raises:
        DeviceError: no scheduler answers; the message says where, why, and what to do.
    """
    require("distributed", purpose="A cluster")
    from distributed import Client

    try:
        return Client(address, timeout=patience, set_as_default=False)
    except (OSError, TimeoutError, ValueError) as error:
        raise DeviceError(
            f"No Dask scheduler answers at {address} ({error}). Start one with 'dask scheduler', or leave --scheduler "
            "out to train on this machine."
        ) from None


class Cluster:
    """A Dask cluster, connected to when it is first used; safe for threads.

    Args:
        address: of its scheduler, ``tcp://host:port``.
        uploads: folder of uploaded files; every worker has to have those that runs need under this path.
        patience: seconds for which the scheduler is waited for.
    """

    def __init__(self, address: str, *, uploads: Path | None = None, patience: float = PATIENCE) -> None:
        self.address, self._uploads, self._patience = address, str(uploads) if uploads is not None else None, patience
        self._guard = threading.Lock()
        self._connected: Any = None

    def slots(self) -> int:
        """Threads of all workers, at least one; DeviceError where no scheduler answers."""
        return max(1, sum(self._client().nthreads().values()))

    def advance(
        self,
        runs: Sequence[tuple[str, dict[str, Any]]],
        *,
        steps: int,
        seconds: float = SECONDS,
        every: int = 0,
        cancelled: Callable[[], bool],
    ) -> list[Slice]:
        """A slice of each run, all at the same time.

        Args:
            runs: configuration as JSON and state as named arrays, of each.
            steps: that a slice has at most.
            seconds: after which it ends, if that is earlier.
            every: steps from one state that comes back with the rows to the next; 0 for none.
            cancelled: asked now and then; where it says True, Cancelled is raised and the slices are given up.
        """
        client = self._client()
        futures = [
            client.submit(
                advance, text, self._uploads, pack(state), steps, seconds, every, pure=False, retries=_RETRIES
            )
            for text, state in runs
        ]
        try:
            return [Slice.from_bytes(self._result(client, future, cancelled)) for future in futures]
        finally:
            for future in futures:
                future.release()

    def close(self) -> None:
        """Let go of the cluster, which goes on without this program."""
        with self._guard:
            client, self._connected = self._connected, None
        if client is not None:
            client.close(timeout=2)

    def _client(self) -> Any:
        with self._guard:
            if self._connected is None:
                self._connected = connect(self.address, patience=self._patience)
            return self._connected

    def _result(self, client: Any, future: Any, cancelled: Callable[[], bool]) -> bytes:
        """Wait for a slice; DeviceError, after which the run is paused where it is, if no worker can make it."""
        from distributed.scheduler import KilledWorker

        asked = time.monotonic()
        while True:
            if cancelled():
                with suppress(Exception):
                    future.cancel()
                raise Cancelled()
            try:
                blob: bytes = future.result(timeout=_LOOK)
                return blob
            except TimeoutError:
                if time.monotonic() - asked > _LOST and not client.nthreads():
                    raise DeviceError(f"The cluster at {self.address} has no worker.") from None
            except (KilledWorker, OSError) as error:
                raise DeviceError(
                    f"Workers of the cluster at {self.address} are lost again and again: {error}."
                ) from None
