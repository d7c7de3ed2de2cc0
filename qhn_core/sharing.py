"""Large objects that several hold at once are made once, and let go when nobody holds them any more; their bytes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from typing import Any, Generic, TypeVar
from weakref import WeakValueDictionary

import numpy as np

T = TypeVar("T")
#: Seconds between two looks of those who wait for another's work.
_LOOK = 0.02


class Shared(Generic[T]):
    """Objects by key, for as long as somebody holds them; safe for threads. They must not be changed."""

    def __init__(self) -> None:
        self._found: WeakValueDictionary[Hashable, T] = WeakValueDictionary()
        self._making: dict[Hashable, threading.Event] = {}
        self._guard = threading.Lock()

    def get(self, key: Hashable, make: Callable[[], T], *, tick: Callable[[], None] = lambda: None) -> T:
        """The object of this key, made by the first who asks; those who ask meanwhile wait for it.

        Args:
            key: what it is made from.
            make: makes it; where this fails, the next who waits makes it.
            tick: called now and then while waiting; may raise to give up.
        """
        while True:
            with self._guard:
                found = self._found.get(key)
                if found is not None:
                    return found
                others = self._making.get(key)
                if others is None:
                    done = self._making[key] = threading.Event()
                    break
            while not others.wait(_LOOK):
                tick()
        try:
            made = make()
            with self._guard:
                self._found[key] = made
            return made
        finally:
            with self._guard:
                del self._making[key]
            done.set()

    def __len__(self) -> int:
        """Objects that somebody holds."""
        return len(self._found)


def held_bytes(thing: Any, seen: set[int]) -> int:
    """Memory of the arrays that an object of this package leads to.

    Args:
        thing: it is followed through attributes, mappings and sequences.
        seen: identities of what was counted already, by other objects too; what is found is added.
    """
    total, waiting = 0, [thing]
    while waiting:
        one = waiting.pop()
        if isinstance(one, np.ndarray) and isinstance(one.base, np.ndarray):
            one = one.base
        if id(one) in seen:
            continue
        if isinstance(one, np.ndarray):
            seen.add(id(one))
            total += one.nbytes
        elif isinstance(one, dict):
            seen.add(id(one))
            waiting.extend(one.values())
        elif isinstance(one, list | tuple):
            seen.add(id(one))
            waiting.extend(one)
        elif type(one).__module__.startswith("qhn_core") and hasattr(one, "__dict__"):
            seen.add(id(one))
            waiting.extend(vars(one).values())
    return total
