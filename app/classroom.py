"""A class on this server: who is here, what the teacher shows everybody, and how often a code may be tried.

There is one only where the server was started with ``--classroom``. Then every session belongs to a person, known by
the secret in its cookie; what pages ask of :mod:`app.services` is answered as that person may see it.
"""

from __future__ import annotations

import io
import os
import socket
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.runtime.scriptrunner_utils.script_run_context import RunLocation, ThreadState

from qhn_core.errors import QHNError
from qhn_core.store.people import Codes, People, Person

#: Environment variable that asks for a class.
ASKED = "QHN_CLASSROOM"
#: The cookie with a person's secret, and how long a class lasts at most, seconds.
COOKIE, LASTS = "qhn_class", 12 * 3600.0
#: Seconds for which it is remembered whose a secret is, and after which somebody who was not seen counts as away.
_KNOWN, AWAY = 3.0, 12.0
#: Wrong codes an address may try in a minute; each further one doubles the wait, up to the longest. Addresses kept.
_FREE, _WINDOW, _LONGEST, _ADDRESSES = 10, 60.0, 3600.0, 10_000


class ClassEnded(QHNError):
    """The class is over, or this browser has no place in it."""

    def __init__(self) -> None:
        super().__init__("The class has ended, or this browser has no place in it. Reload the page to enter a code.")


class Tries:
    """Wrong codes by address: so many a minute are free, then each has to wait twice as long as the one before."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        #: Address -> (wrong tries since it was last quiet, when the last was, until when it has to wait).
        self._found: OrderedDict[str, tuple[int, float, float]] = OrderedDict()

    def wait(self, address: str) -> float:
        """Seconds that the address has to wait before its next try; 0 for none."""
        with self._guard:
            return max(0.0, self._found.get(address, (0, 0.0, 0.0))[2] - time.monotonic())

    def failed(self, address: str) -> None:
        """A wrong code came from there."""
        now = time.monotonic()
        with self._guard:
            count, last, until = self._found.pop(address, (0, now, 0.0))
            if now - max(last, until) > _WINDOW:
                count = 0
            count += 1
            delay = 0.0 if count < _FREE else min(_WINDOW * 2.0 ** (count - _FREE), _LONGEST)
            self._found[address] = (count, now, now + delay)
            while len(self._found) > _ADDRESSES:
                self._found.popitem(last=False)


@dataclass(frozen=True)
class Board:
    """What the teacher has put on every screen.

    Args:
        version: grows with every change.
        shown: grows with every page that is sent to the screens.
        page: the page sent last; empty for none.
        query: the parameters of its address.
        own: gives the parameters of one person alone; None for none. Asked when somebody is taken there.
        eyes: whether all look at the projector.
    """

    version: int = 0
    shown: int = 0
    page: str = ""
    query: Mapping[str, str] = field(default_factory=dict)
    own: Callable[[Person], Mapping[str, str]] | None = None
    eyes: bool = False


@dataclass(frozen=True)
class Presence:
    """Where somebody is: the page, the run that it shows, and when they were seen (monotonic seconds)."""

    page: str = ""
    run: str = ""
    at: float = 0.0


class Classroom:
    """The class of this server; safe for threads.

    Args:
        people: the store's table of people.
        port: where the server listens.
    """

    def __init__(self, people: People, *, port: int) -> None:
        self.people, self.port = people, port
        self.codes: Codes = people.open_class(seconds=LASTS)
        self.tries = Tries()
        self.board = Board()
        self._guard = threading.Lock()
        self._known: dict[str, tuple[Person | None, float]] = {}
        self._presence: dict[str, Presence] = {}
        self._followed: dict[str, int] = {}

    @property
    def link(self) -> str:
        """Where students find it."""
        return f"http://{lan_address()}:{self.port}"

    def who(self, secret: str) -> Person | None:
        """Whose secret this is; None for nobody's."""
        if not secret:
            return None
        now = time.monotonic()
        found = self._known.get(secret)
        if found is not None and now - found[1] < _KNOWN:
            return found[0]
        person = self.people.who(secret)
        with self._guard:
            if len(self._known) > 4 * 500:
                self._known.clear()
            self._known[secret] = (person, now)
        return person

    def enter(self, address: str, code: str, name: str) -> tuple[Person, str] | None:
        """A place for who knows a code; a wrong one counts against the address."""
        found = self.people.enter(code, name)
        if found is None:
            self.tries.failed(address)
        return found

    def change(self, change: Callable[[Board], Board]) -> None:
        """Put something else on the board."""
        with self._guard:
            self.board = replace(change(self.board), version=self.board.version + 1)

    def send(
        self, page: str, query: Mapping[str, str], own: Callable[[Person], Mapping[str, str]] | None = None
    ) -> None:
        """Open a page on every screen, with parameters for all and some for single people."""
        self.change(lambda b: replace(b, shown=b.shown + 1, page=page, query=dict(query), own=own))

    def saw(self, person: Person, page: str, run: str) -> None:
        """Somebody's page was drawn."""
        self._presence[person.id] = Presence(page, run, time.monotonic())

    def presence(self, person: Person) -> Presence:
        """Where somebody was seen last."""
        return self._presence.get(person.id, Presence())

    def followed(self, person: Person) -> int:
        """How many pages sent to the screens somebody has been taken to; a reload of their page changes nothing."""
        return self._followed.get(person.id, 0)

    def has_followed(self, person: Person, shown: int) -> None:
        """Somebody has come to the page that was sent as the ``shown``-th."""
        self._followed[person.id] = shown

    def is_here(self, person: Person) -> bool:
        """Whether somebody's page is open."""
        seen = self.presence(person).at
        return seen > 0 and time.monotonic() - seen < AWAY

    def away(self, person: str) -> float:
        """Seconds since the page of the person of this id was last seen; infinite for who was never seen."""
        found = self._presence.get(person)
        return float("inf") if found is None else time.monotonic() - found.at

    def students(self) -> list[Person]:
        """Everybody but the teacher."""
        return [person for person in self.people.here() if not person.teacher]

    def end(self, *, wipe: bool) -> None:
        """Close the class; where ``wipe``, with all runs and answers of its people."""
        if wipe:
            self.people.wipe()
        else:
            self.people.close_class()
        with self._guard:
            self._known.clear()
            self._presence.clear()
            self._followed.clear()


def is_asked() -> bool:
    """Whether this server was started for a class."""
    return bool(os.environ.get(ASKED))


#: The class of this server, once it is open.
current: list[Classroom] = []


def begin(people: People, *, port: int) -> Classroom:
    """Open the class of this server."""
    current[:] = [Classroom(people, port=port)]
    return current[0]


def classroom() -> Classroom | None:
    """The class of this server; None where it was not started for one."""
    return current[0] if current else None


def person() -> Person | None:
    """Who looks at this page; None where there is no class, and outside of pages. ClassEnded for who has no place.

    A control's callback that finds the class ended asks for its page again instead, which then says so: what a callback
    raises has no page to be told on, and would be a stack trace.
    """
    if not is_asked() or get_script_run_ctx(suppress_warning=True) is None:
        return None
    room = classroom()
    found = room.who(st.context.cookies.get(COOKIE, "")) if room is not None else None
    if found is None:
        if ThreadState.get().run_location is RunLocation.CALLBACK:
            st.rerun()
        raise ClassEnded()
    return found


def lan_address() -> str:
    """This machine's address in its network; 127.0.0.1 where it has none. Nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("10.255.255.255", 9))
            return str(probe.getsockname()[0])
        except OSError:
            return "127.0.0.1"


def announcement(room: Classroom) -> str:
    """What the terminal says when a class begins: link, codes, and the link as a QR code."""
    import segno

    picture = io.StringIO()
    segno.make(room.link, micro=False).terminal(picture, compact=True)
    return (
        f"\n{picture.getvalue()}\n  A class is open at  {room.link}\n  Class code          {room.codes.student}\n"
        f"  Teacher's code      {room.codes.teacher}   (opens everything: for you alone)\n"
    )
