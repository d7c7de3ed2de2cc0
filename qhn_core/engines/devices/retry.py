"""Calls to devices: with a time limit, tried again with growing pauses, given up when asked, failing with a reason."""

from __future__ import annotations

import logging
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

from qhn_core.errors import Cancelled, DeviceError, QHNError, shorten

LOG = logging.getLogger(__name__)
T = TypeVar("T")
_LONG_WORD = re.compile(r"[A-Za-z0-9_\-+/=]{32,}")
#: Seconds between two questions whether to give up.
_LOOK = 0.05


class GivenUp(Cancelled):
    """Somebody waited for a device and was asked to stop; the text says what became of the job, or is empty."""


def _never() -> bool:
    return False


_ASKED: ContextVar[Callable[[], bool]] = ContextVar("qhn_stop_asked", default=_never)


@contextmanager
def stopping(asked: Callable[[], bool]) -> Iterator[None]:
    """Inside it, and in this thread, every wait for a device ends with GivenUp soon after ``asked()`` says True.

    Training is a pure function that knows no button; so whoever runs it says here, around it, when to give up.
    """
    token = _ASKED.set(asked)
    try:
        yield
    finally:
        _ASKED.reset(token)


def reason(error: BaseException) -> str:
    """What went wrong, for a message: type and text, without anything that looks like a credential."""
    return shorten(f"{type(error).__name__}: {_LONG_WORD.sub('[hidden]', str(error))}", 300)


def sentence(text: str) -> str:
    """``text`` with a full stop, unless it has one at its end or before its closing quotation mark."""
    return text if re.search(r"[.!?…]['\")\]]*$", text) else f"{text}."


def _times(attempts: int) -> str:
    return "with" if attempts == 1 else f"{attempts} times, at last with"


def within(seconds: float, function: Callable[[], T], *, patient: bool = False) -> T:
    """``function()``, or TimeoutError after ``seconds``; the call itself is then left behind in a daemon thread.

    Raises:
        TimeoutError: it took longer.
        GivenUp: :func:`stopping` says so (never where ``patient``); the call is left behind, too.
    """
    box: dict[str, Any] = {}
    done = threading.Event()

    def work() -> None:
        try:
            box["value"] = function()
        except BaseException as error:  # handed to the caller's thread
            box["error"] = error
        finally:
            done.set()

    try:
        threading.Thread(target=work, name="qhn-device", daemon=True).start()
    except RuntimeError:  # a program that ends may start no more threads, and still has a job to cancel
        work()
    if not _wait(seconds, done, _never if patient else _ASKED.get()):
        raise TimeoutError(f"no answer within {seconds:g} s")
    if "error" in box:
        raise box["error"]
    value: T = box["value"]
    return value


def rest(seconds: float) -> None:
    """Sleep, or GivenUp as soon as :func:`stopping` says so."""
    _wait(seconds, threading.Event(), _ASKED.get())


def _wait(seconds: float, done: threading.Event, asked: Callable[[], bool]) -> bool:
    """Whether ``done`` was set within ``seconds``; GivenUp where ``asked()`` says True before."""
    deadline = time.monotonic() + seconds
    while not done.is_set():
        left = deadline - time.monotonic()
        if left <= 0:
            return False
        if asked():
            raise GivenUp("")
        done.wait(min(_LOOK, left))
    return True


def call_device(
    function: Callable[[], T],
    *,
    device: str,
    timeout: float,
    attempts: int,
    pause: float,
    sleep: Callable[[float], None] = rest,
) -> T:
    """``function()`` with a time limit, tried up to ``attempts`` times with pauses that double.

    A timeout is not tried again: the job may still be waiting in a queue, and a second one would be paid for too.

    Raises:
        DeviceError: it failed at every attempt, or took longer than ``timeout`` seconds; the reason is in the message.
        GivenUp: :func:`stopping` says so, while it waits for an answer or between two attempts.
        QHNError: this package's own refusals pass through at once.
    """
    for attempt in range(1, attempts + 1):
        try:
            return within(timeout, function)
        except QHNError:
            raise
        except TimeoutError as error:
            raise DeviceError(f"{device}: {error}. A longer 'timeout' leaves room for a queue.") from None
        except Exception as error:
            what = reason(error)
            LOG.warning("%s failed (attempt %d of %d): %s", device, attempt, attempts, what)
            if attempt == attempts:
                raise DeviceError(sentence(f"{device} failed {_times(attempts)} {what}")) from None
        sleep(pause * 2 ** (attempt - 1))
    raise DeviceError(f"{device}: no attempt was allowed.")
