"""The words of an OpenQASM 2 program, with their lines."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple, NoReturn

from qhn_core.errors import InvalidArgument, Unsupported, shorten

MAX_CHARACTERS = 1_000_000
_TOKEN = re.compile(
    r"(?P<newline>\r\n?|\n)|(?P<blank>[ \t\f\v\ufeff]+|//[^\r\n]*)"
    r"|(?P<real>(?:[0-9]+\.[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?|[0-9]+[eE][+-]?[0-9]+)|(?P<integer>[0-9]+)"
    r"|(?P<name>[A-Za-z_][A-Za-z0-9_]*)|(?P<string>\"[^\"\r\n]*\")|(?P<sign>->|==|[;,{}()\[\]+\-*/^])"
)


class Token(NamedTuple):
    """One word: its kind (real, integer, name, string, sign or end), its text, and its line, counted from 1."""

    kind: str
    text: str
    line: int


def wrong(line: int, expected: str, got: object, *, remedy: str = "") -> NoReturn:
    """Refuse the program for what stands in ``line``."""
    raise InvalidArgument("text", expected=f"in line {line} {expected}", got=got, remedy=remedy)


def unsupported(line: int, what: str) -> NoReturn:
    """Refuse what OpenQASM 2 allows and a circuit here cannot hold."""
    raise Unsupported(f"OpenQASM, line {line}: {what}")


def check_text(text: object) -> str:
    """``text`` if it is a string within the bound."""
    if not isinstance(text, str):
        raise InvalidArgument("text", expected="a string", got=type(text).__name__)
    if len(text) > MAX_CHARACTERS:
        raise InvalidArgument("text", expected=f"at most {MAX_CHARACTERS} characters", got=f"{len(text)}")
    return text


def tokens(text: str) -> Iterator[Token]:
    """The program's words one by one, then one of kind ``end``."""
    line, position = 1, 0
    while position < len(text):
        found = _TOKEN.match(text, position)
        if found is None:
            wrong(line, "OpenQASM 2", f"the character {text[position].encode('ascii', 'backslashreplace').decode()}")
        position = found.end()
        if found.lastgroup == "newline":
            line += 1
        elif found.lastgroup != "blank":
            yield Token(str(found.lastgroup), found.group(), line)
    yield Token("end", "the end", line)


class Words:
    """The words of a program, read one after the other."""

    def __init__(self, text: str) -> None:
        self._rest = tokens(text)
        self.next = next(self._rest)

    def take(self) -> Token:
        """The next word, which is then past."""
        taken = self.next
        if taken.kind != "end":
            self.next = next(self._rest)
        return taken

    def at(self, *texts: str) -> bool:
        """Whether the next word is one of ``texts``."""
        return self.next.text in texts and self.next.kind in ("sign", "name")

    def skip(self, text: str) -> bool:
        """Whether the next word was ``text``, which is then past."""
        if self.at(text):
            self.take()
            return True
        return False

    def expect(self, text: str, what: str) -> Token:
        """The next word, which must be ``text``; ``what`` says where it stands."""
        if not self.at(text):
            wrong(self.next.line, f"'{text}' {what}", shorten(self.next.text))
        return self.take()

    def kind(self, kind: str, what: str) -> Token:
        """The next word, which must be of this kind."""
        if self.next.kind != kind:
            wrong(self.next.line, what, shorten(self.next.text))
        return self.take()
