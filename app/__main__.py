"""``python -m app``: load what the first visitor needs, then serve. Options are those of ``streamlit run``."""

from __future__ import annotations

import contextlib
import ctypes
import signal
import sys
import threading
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

#: Seconds of getting ready after which that is said.
_LONG = 5.0

#: Seconds after which a thread that computes gives the interpreter to one that waits for it (Python's default: 0.005).
#: The event loop gives it up at every message; with some threads at work it would then wait 5 ms a thread each time.
SWITCH = 0.0005

#: Heaps among which the C library may divide threads (glibc's default: eight a core), and the option's number. With one
#: for nearly each of a class's hundred threads, what is freed in one is of no use to another: the server only grew.
HEAPS, _ARENA_MAX = 2, -8

#: Libraries that Streamlit and the statistics load when a page first shows a table or an interval: a class that opens
#: its pages at the same moment would wait for them.
_LATE = ("pandas", "PIL.Image", "scipy.special")


def main() -> None:
    """Modules, kernels and the default's first step are there before the address is announced."""
    sys.setswitchinterval(SWITCH)
    with contextlib.suppress(OSError, AttributeError):  # another C library
        ctypes.CDLL(None).mallopt(_ARENA_MAX, HEAPS)
    from app import services
    from app.views.train import below, controls, curves, share  # noqa: F401 -- a view itself is run
    from qhn_core.errors import QHNError

    with _said_if_long(), contextlib.suppress(QHNError):  # the page says what is wrong, and what to do
        services.warm_up_now()
    for name in _LATE:
        import_module(name)
    from streamlit.web import cli

    # The server ends in good order on these two and raises them again: then Python too ends in good order, so that the
    # runs in work are kept as interrupted, with their checkpoints.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _end)
    cli.main(["run", str(Path(__file__).with_name("server.py")), *sys.argv[1:]], prog_name="streamlit")


@contextlib.contextmanager
def _said_if_long() -> Iterator[None]:
    """A first start, which compiles kernels, is not silent."""
    words = "Getting ready: at a first start the simulator's kernels are compiled, which takes a minute or two ..."
    timer = threading.Timer(_LONG, print, args=(words,), kwargs={"flush": True})
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _end(number: int, _frame: object) -> None:
    sys.exit(128 + number)


if __name__ == "__main__":
    main()
