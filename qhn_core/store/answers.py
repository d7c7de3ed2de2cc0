"""What people answered in lessons, by the browser that they used: no names, only a random id that the browser keeps.

An answer is given once: it is locked before the run goes on, and a second one changes nothing.
"""

from __future__ import annotations

import json
import re
import secrets
import sqlite3
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from qhn_core.checks import check_choice
from qhn_core.errors import InvalidArgument, TooLarge
from qhn_core.store.database import Database

#: How sure one may be, from a guess on.
SURE: Final = (0, 1, 2)
#: Kinds of answers.
KINDS: Final = ("choice", "number", "curve", "ranking")
#: Most characters of one answer as JSON, most answers that one browser may leave, most browsers that are kept.
_LONGEST, MOST, BROWSERS = 8_000, 2_000, 20_000
_BROWSER = re.compile(r"[A-Za-z0-9_-]{16,64}")
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")


@dataclass(frozen=True)
class Answer:
    """One answer.

    Args:
        browser: the random id of who answered.
        lesson, step: where.
        kind: choice, number, curve or ranking.
        value: the option's id, the number, the heights of the curve, or the items' ids from the top down.
        sure: 0 a guess, 1 fairly, 2 sure.
        correct: whether it was right; None where nothing decides it.
        created: when, UTC.
    """

    browser: str
    lesson: str
    step: str
    kind: str
    value: Any
    sure: int
    correct: bool | None
    created: datetime


def new_browser() -> str:
    """A random id for a browser, 128 bits."""
    return secrets.token_urlsafe(16)


def is_browser(text: object) -> bool:
    """Whether ``text`` can be a browser's id."""
    return isinstance(text, str) and _BROWSER.fullmatch(text) is not None


class Answers:
    """The table of answers; safe for threads and processes, each method one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def lock(
        self, browser: str, lesson: str, step: str, *, kind: str, value: Any, sure: int = 1, correct: bool | None = None
    ) -> Answer:
        """Keep an answer, unless this browser has already given one here; returns the one that counts."""
        where = (_browser(browser), _name("lesson", lesson), _name("step", step))
        text = _text(kind, value)
        if sure not in SURE:
            raise InvalidArgument("sure", expected=f"one of {list(SURE)}", got=sure)
        row = (*where, kind, text, int(sure), None if correct is None else int(correct), time.time())
        with self._database.write() as db:
            _make_room(db, where[0])
            db.execute("INSERT OR IGNORE INTO answers VALUES (?,?,?,?,?,?,?,?)", row)
            kept = db.execute("SELECT * FROM answers WHERE browser = ? AND lesson = ? AND step = ?", where).fetchone()
        return _answer(kept)

    def judge(self, browser: str, lesson: str, step: str, *, correct: bool) -> None:
        """Say whether a locked answer was right, once the run has shown it; the first judgement counts."""
        where = (int(correct), _browser(browser), _name("lesson", lesson), _name("step", step))
        query = "UPDATE answers SET correct = ? WHERE browser = ? AND lesson = ? AND step = ? AND correct IS NULL"
        with self._database.write() as db:
            db.execute(query, where)

    def of_browser(self, browser: str, lesson: str | None = None) -> list[Answer]:
        """All answers of a browser, or those in one lesson, the oldest first."""
        query, values = "SELECT * FROM answers WHERE browser = ?", [_browser(browser)]
        if lesson is not None:
            query, values = f"{query} AND lesson = ?", [*values, lesson]
        with self._database.read() as db:
            return [_answer(row) for row in db.execute(f"{query} ORDER BY created", values)]

    def of_step(self, lesson: str, step: str, *, since: float = 0.0, limit: int = 1000) -> list[Answer]:
        """What everybody answered at one step from ``since`` (seconds since the epoch) on, the newest first."""
        with self._database.read() as db:
            rows = db.execute(
                "SELECT * FROM answers WHERE lesson = ? AND step = ? AND created >= ? ORDER BY created DESC LIMIT ?",
                (lesson, step, since, limit),
            )
            return [_answer(row) for row in rows]

    def visit(self, browser: str, lesson: str, step: str) -> None:
        """Remember at which step of a lesson a browser is."""
        row = (_browser(browser), _name("lesson", lesson), _name("step", step), time.time())
        with self._database.write() as db:
            _make_room(db, row[0])
            db.execute("INSERT OR REPLACE INTO places VALUES (?,?,?,?)", row)

    def places(self, browser: str) -> dict[str, str]:
        """Lesson -> step at which the browser was last."""
        with self._database.read() as db:
            rows = db.execute("SELECT lesson, step FROM places WHERE browser = ?", (_browser(browser),))
            return {row["lesson"]: row["step"] for row in rows}

    def clear(self, browser: str, lesson: str | None = None) -> int:
        """Forget a browser's answers and places, of one lesson or of all; returns how many answers there were."""
        where, values = "browser = ?", [_browser(browser)]
        if lesson is not None:
            where, values = f"{where} AND lesson = ?", [*values, lesson]
        with self._database.write() as db:
            db.execute(f"DELETE FROM places WHERE {where}", values)  # noqa: S608 -- only the words above
            return db.execute(f"DELETE FROM answers WHERE {where}", values).rowcount  # noqa: S608

    def export(self, browser: str) -> str:
        """A browser's answers and places as JSON text."""
        answers = [
            {
                "lesson": a.lesson,
                "step": a.step,
                "kind": a.kind,
                "answer": a.value,
                "sure": a.sure,
                "correct": a.correct,
                "created": a.created.isoformat(),
            }
            for a in self.of_browser(browser)
        ]
        return json.dumps({"answers": answers, "places": self.places(browser)}, indent=1)


def _make_room(db: sqlite3.Connection, browser: str) -> None:
    """Bound what one browser, and all of them, may leave: the browsers longest away are forgotten first."""
    count = db.execute("SELECT count(*) FROM answers WHERE browser = ?", (browser,)).fetchone()[0]
    if count >= MOST:
        raise TooLarge(f"This browser has left {count} answers, the most that are kept. Clear them on the Learn page.")
    if db.execute("SELECT count(*) FROM places WHERE browser = ?", (browser,)).fetchone()[0] >= MOST:
        db.execute("DELETE FROM places WHERE browser = ?", (browser,))
    known = db.execute("SELECT count(DISTINCT browser) FROM places").fetchone()[0]
    if known > BROWSERS:
        old = "SELECT browser FROM places GROUP BY browser ORDER BY max(updated) LIMIT ?"
        for table in ("answers", "places"):
            db.execute(f"DELETE FROM {table} WHERE browser IN ({old})", (known - BROWSERS,))  # noqa: S608


def _answer(row: sqlite3.Row) -> Answer:
    return Answer(
        browser=row["browser"],
        lesson=row["lesson"],
        step=row["step"],
        kind=row["kind"],
        value=json.loads(row["answer"]),
        sure=row["sure"],
        correct=None if row["correct"] is None else bool(row["correct"]),
        created=datetime.fromtimestamp(row["created"], UTC),
    )


def _text(kind: str, value: Any) -> str:
    check_choice("kind", kind, KINDS)
    try:
        text = json.dumps(value, separators=(",", ":"), allow_nan=False)
    except (TypeError, ValueError):
        raise InvalidArgument("value", expected="text, finite numbers, or a list of them", got=value) from None
    if len(text) > _LONGEST:
        raise TooLarge(f"An answer may take {_LONGEST} characters; this one has {len(text)}.")
    return text


def _browser(text: str) -> str:
    if not is_browser(text):
        raise InvalidArgument("browser", expected="16 to 64 letters, digits, - or _", got=text)
    return text


def _name(argument: str, text: str) -> str:
    if not isinstance(text, str) or not _NAME.fullmatch(text):
        raise InvalidArgument(argument, expected="a name of small letters, digits and hyphens", got=text)
    return text
