"""Who belongs to a class: a code opens it, a random secret that the browser keeps holds a place in it.

Nothing that opens a door is kept as it is. Codes are short, so they are kept as salted scrypt hashes (RFC 7914) and
compared in constant time; secrets have 256 random bits, of which a plain SHA-256 tells nothing.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import sqlite3
import time
from dataclasses import dataclass
from typing import NamedTuple

from qhn_core.errors import StoreError, TooLarge
from qhn_core.store.database import Database
from qhn_core.store.rows import clean_text

#: Letters of codes: no two that are taken for each other when read from a wall or typed.
LETTERS = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
#: Characters of the class's and of the teacher's code.
STUDENT, TEACHER = 6, 10
MAX_PERSON = 40
#: People of one class.
_MOST = 500
#: Seconds between two notes that somebody was seen.
_SEEN = 20.0


class Codes(NamedTuple):
    """What opens a class; shown once, as the store keeps only hashes."""

    student: str
    teacher: str


@dataclass(frozen=True)
class Person:
    """Somebody in a class.

    Args:
        id: random, 128 bits; what their runs, races and answers are kept under.
        name: what they called themselves.
        teacher: whether they came by the teacher's code.
        joined, seen: seconds since the epoch.
        expires: when their place ends.
    """

    id: str
    name: str
    teacher: bool
    joined: float
    seen: float
    expires: float


class People:
    """The tables of classes and people; safe for threads and processes, each method one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def open_class(self, *, seconds: float) -> Codes:
        """New codes for the class under way, or for a new one that ends after ``seconds``.

        After a restart of the server everybody keeps their place; only the codes are others.
        """
        codes = Codes(_code(STUDENT), _code(TEACHER))
        salt, now = secrets.token_bytes(16), time.time()
        hashes = (salt, _slow(codes.student, salt), _slow(codes.teacher, salt))
        with self._database.write() as db:
            db.execute("DELETE FROM classes WHERE expires <= ?", (now,))
            found = _current(db, now)
            if found is None:
                row = (secrets.token_hex(8), now, now + seconds, *hashes)
                db.execute("INSERT INTO classes VALUES (?,?,?,?,?,?)", row)
            else:
                db.execute("UPDATE classes SET salt = ?, student = ?, teacher = ? WHERE id = ?", (*hashes, found["id"]))
        return codes

    def is_open(self) -> bool:
        """Whether a class is under way."""
        with self._database.read() as db:
            return _current(db, time.time()) is not None

    def close_class(self) -> None:
        """End the class: codes and places are void at once. Runs and answers stay."""
        with self._database.write() as db:
            db.execute("DELETE FROM classes")

    def enter(self, code: str, name: str) -> tuple[Person, str] | None:
        """A place in the class, and the secret that holds it; None for a wrong code. Takes about 50 ms."""
        title, typed, now = clean_text("name", name[:MAX_PERSON], MAX_PERSON), normal(code), time.time()
        with self._database.read() as db:
            found = _current(db, now)
        if found is None:
            return None
        tried = _slow(typed, found["salt"])
        student, teacher = (hmac.compare_digest(tried, found[role]) for role in ("student", "teacher"))
        if not (student or teacher):
            return None
        secret = secrets.token_urlsafe(32)
        with self._database.write() as db:
            count = db.execute("SELECT count(*) FROM people WHERE class = ?", (found["id"],)).fetchone()[0]
            if count >= _MOST:
                raise TooLarge(f"{count} people are in this class already, the most that there can be.")
            person = Person(
                secrets.token_urlsafe(16), title or f"Student {count + 1}", teacher, now, now, found["expires"]
            )
            row = (person.id, found["id"], person.name, int(teacher), _quick(secret), now, now)
            db.execute("INSERT INTO people VALUES (?,?,?,?,?,?,?)", row)
        return person, secret

    def who(self, secret: str) -> Person | None:
        """Whose secret this is, if the class goes on; notes now and then that they were seen."""
        now = time.time()
        query = (
            "SELECT people.*, classes.expires FROM people JOIN classes ON classes.id = people.class "
            "WHERE secret = ? AND expires > ?"
        )
        with self._database.read() as db:
            row = db.execute(query, (_quick(secret), now)).fetchone()
        if row is None:
            return None
        if now - row["seen"] > _SEEN:
            try:
                with self._database.write() as db:
                    db.execute("UPDATE people SET seen = ? WHERE id = ?", (now, row["id"]))
            except StoreError:  # a busy or full disk does not show anybody the door
                return _person(row)
        return _person(row)

    def here(self) -> list[Person]:
        """Everybody in the class under way, in the order of joining."""
        query = (
            "SELECT people.*, classes.expires FROM people JOIN classes ON classes.id = people.class "
            "WHERE expires > ? ORDER BY joined"
        )
        with self._database.read() as db:
            return [_person(row) for row in db.execute(query, (time.time(),))]

    def wipe(self) -> int:
        """Remove the class with all runs and answers of its people; returns the number of runs."""
        own = "(SELECT id FROM people)"
        with self._database.write() as db:
            for table in ("answers", "places"):
                db.execute(f"DELETE FROM {table} WHERE browser IN {own}")  # noqa: S608 -- own names
            db.execute(f"DELETE FROM races WHERE person IN {own}")  # noqa: S608
            count = db.execute(f"DELETE FROM runs WHERE person IN {own}").rowcount  # noqa: S608
            db.execute("DELETE FROM classes")
        return count


def normal(code: str) -> str:
    """A code as typed, without blanks and hyphens and in capitals; what is longer than any code is cut."""
    return "".join(c for c in code[:64].upper() if c.isalnum())[:16]


def _current(db: sqlite3.Connection, now: float) -> sqlite3.Row | None:
    return db.execute("SELECT * FROM classes WHERE expires > ? ORDER BY began DESC LIMIT 1", (now,)).fetchone()


def _person(row: sqlite3.Row) -> Person:
    return Person(row["id"], row["name"], bool(row["teacher"]), row["joined"], row["seen"], row["expires"])


def _code(length: int) -> str:
    return "".join(secrets.choice(LETTERS) for _ in range(length))


def _slow(code: str, salt: bytes) -> bytes:
    return hashlib.scrypt(code.encode(), salt=salt, n=2**14, r=8, p=1, dklen=32)


def _quick(secret: str) -> bytes:
    return hashlib.sha256(secret[:256].encode("utf-8", "replace")).digest()
