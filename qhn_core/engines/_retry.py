"""Calls to devices: with a time limit, tried again with growing pauses, and failing with a reason."""

from __future__ import annotations

import logging
import re
import threading
import time
from collections.abc import Callable
from typing import Any, TypeVar

from qhn_core.errors import DeviceError, QHNError, shorten

LOG = logging.getLogger(__name__)
T = TypeVar("T")
_LONG_WORD = re.compile(r"[A-Za-z0-9_\-+/=]{32,}")


def reason(error: BaseException) -> str:
    """What went wrong, for a message: type and text, without anything that looks like a credential."""
    return shorten(f"{type(error).__name__}: {_LONG_WORD.sub('[hidden]', str(error))}", 300)


def within(seconds: float, function: Callable[[], T]) -> T:
    """``function()``, or TimeoutError after ``seconds``; the call itself is then left behind in a daemon thread."""
    box: dict[str, Any] = {}

    def work() -> None:
        try:
            box["value"] = function()
        except BaseException as error:  # handed to the caller's thread
            box["error"] = error

    thread = threading.Thread(target=work, name="qhn-device", daemon=True)
    thread.start()
    thread.join(seconds)
    if thread.is_alive():
        raise TimeoutError(f"no answer within {seconds:g} s")
    if "error" in box:
        raise box["error"]
    value: T = box["value"]
    return value


def call_device(
    function: Callable[[], T],
    *,
    device: str,
    timeout: float,
    attempts: int,
    pause: float,
    sleep: Callable[[float], None] = time.sleep,
) -> T:
    """``function()`` with a time limit, tried up to ``attempts`` times with pauses that double.

    A timeout is not tried again: the job may still be waiting in a queue, and a second one would be paid for too.

    Raises:
        DeviceError: it failed at every attempt, or took longer than ``timeout`` seconds; the reason is in the message.
        QHNError: this package's own refusals pass through at once.
    """
    for attempt in range(1, attempts + 1):
        try:
            return within(timeout, function)
        except QHNError:
            raise
        except TimeoutError as error:
            raise DeviceError(
                f"{device}: {error}. The run can be resumed; a longer 'timeout' leaves room for a queue."
            ) from None
        except Exception as error:
            what = reason(error)
            LOG.warning("%s failed (attempt %d of %d): %s", device, attempt, attempts, what)
            if attempt == attempts:
                raise DeviceError(
                    f"{device} failed {attempts} times, at last with {what}. The run can be resumed."
                ) from None
        sleep(pause * 2 ** (attempt - 1))
    raise DeviceError(f"{device}: no attempt was allowed.")
