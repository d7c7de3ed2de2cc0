"""Lessons as files: Markdown with front matter, read as a stranger's input, with every problem and its line.

The front matter is YAML between two lines of ``---``. Below it, each step's words stand under ``## id``; what is said
only after the step's question is answered follows ``### Then``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from qhn_core import places
from qhn_core.config.text import read_yaml
from qhn_core.errors import ConfigError, InvalidArgument, QHNError, StoreError
from qhn_core.lessons.lesson import Lesson
from qhn_core.lessons.words import MOST_WORDS, check_prose
from qhn_core.registry import describe_errors

#: Where the lessons that come with the program stand.
FOLDER = places.root() / "assets" / "lessons"
#: Largest file read, bytes.
LARGEST = 1 << 16
_NAME = re.compile(r"\d{0,3}-?([a-z0-9][a-z0-9-]{0,39})\.md")
_STEP = re.compile(r"^##\s+(.+?)\s*$")
_THEN = re.compile(r"^###\s+Then\s*$")


@dataclass(frozen=True)
class Problem:
    """Something wrong with a lesson's file, at a line (from 1), in a field (empty for the words)."""

    line: int
    field: str
    what: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.field + ': ' if self.field else ''}{self.what}"


class LessonError(QHNError, ValueError):
    """A lesson that cannot be used, with every problem and where it is."""

    def __init__(self, source: str, problems: list[Problem]) -> None:
        self.source, self.problems = source, sorted(problems, key=lambda p: p.line)
        super().__init__("\n".join(f"{source}, {problem}" for problem in self.problems))


def load_lesson(path: str | Path) -> Lesson:
    """The lesson in a file; raises :class:`LessonError` with all that is wrong, or StoreError if it cannot be read."""
    path = Path(path)
    name = _NAME.fullmatch(path.name)
    if name is None:
        what = "expected a name such as 11-my-lesson.md: small letters, digits and hyphens"
        raise LessonError(path.name, [Problem(1, "", what)])
    try:
        with path.open("rb") as handle:
            data = handle.read(LARGEST + 1)
    except OSError as error:
        raise StoreError(f"{path} cannot be read: {error.strerror or error}.") from None
    if len(data) > LARGEST:
        raise LessonError(path.name, [Problem(1, "", f"is larger than {LARGEST} bytes")])
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise LessonError(path.name, [Problem(line, "", "is not UTF-8 text: save it as UTF-8")]) from None
    return read_lesson(text, id=name[1], source=path.name)


def read_lesson(text: str, *, id: str, source: str = "lesson") -> Lesson:
    """The lesson that ``text`` holds; raises :class:`LessonError`."""
    front, body, first = _split(text, source)
    try:
        found = read_yaml(front, source=source)
    except ConfigError as error:
        raise LessonError(source, [_yaml_problem(what) for _, what in error.problems]) from None
    lines = _lines_of(front)
    words, heads, problems = _words(body, first)
    for reserved in ("id", "words"):
        if reserved in found:
            problems.append(Problem(_line(lines, reserved), reserved, "is not written here: it follows from the file"))
    try:
        lesson = Lesson.model_validate({**found, "id": id, "words": words})
    except ValidationError as error:
        told = list(describe_errors(error))
        # A list whose items are wrong counts as empty, too.
        nested = {path.partition(".")[0] for path, _ in told if "." in path}
        problems += [Problem(_line(lines, path), path, what) for path, what in told if path not in nested]
    except QHNError as error:
        problems.append(Problem(_line(lines, "experiment"), "experiment", str(error)))
    else:
        problems += [Problem(_line(lines, path), path, what) for path, what in lesson.problems()]
        problems += _unmatched(lesson, words, heads, first)
        if not problems:
            return lesson
    raise LessonError(source, problems)


def library(folder: Path = FOLDER) -> tuple[list[Lesson], list[LessonError]]:
    """The lessons of a folder by their number, and what is wrong with those that cannot be used."""
    good, bad = [], []
    for path in sorted(folder.glob("*.md"))[:200]:
        try:
            good.append(_cached(path, path.stat().st_mtime_ns))
        except LessonError as error:
            bad.append(error)
        except (OSError, StoreError) as error:
            bad.append(LessonError(path.name, [Problem(1, "", str(error))]))
    return sorted(good, key=lambda lesson: (lesson.number, lesson.id)), bad


@lru_cache(maxsize=256)
def _cached(path: Path, changed: int) -> Lesson:
    """A lesson as its file was when it was last changed."""
    return load_lesson(path)


def _split(text: str, source: str) -> tuple[str, list[str], int]:
    """Front matter, the body's lines, and the number of the body's first line."""
    lines = text.splitlines()
    if not lines or lines[0].strip() != "---":
        raise LessonError(source, [Problem(1, "", "expected '---', the beginning of the front matter")])
    for k, line in enumerate(lines[1:], start=1):
        if line.strip() == "---":
            # The blank line keeps the numbers of lines as they are in the file.
            return "\n" + "\n".join(lines[1:k]), lines[k + 1 :], k + 2
    raise LessonError(source, [Problem(len(lines), "", "expected a second '---', the end of the front matter")])


def _words(body: list[str], first: int) -> tuple[dict[str, tuple[str, str]], dict[str, int], list[Problem]]:
    """Step -> words before and after the reveal; step -> line of its heading; and what is wrong with them."""
    found: dict[str, list[list[str]]] = {}
    heads: dict[str, int] = {}
    problems, now, then = [], None, 0
    for number, line in enumerate(body, start=first):
        if heading := _STEP.match(line):
            now, then = heading[1], 0
            if now in found:
                problems.append(Problem(number, "", f"the step '{now}' has words already"))
            found[now], heads[now] = [[], []], number
        elif _THEN.match(line):
            then = 1
        elif now is None:
            if line.strip():
                problems.append(Problem(number, "", "expected a heading '## id' of a step before any words"))
                break
        else:
            found[now][then].append(line)
        try:
            check_prose(line)
        except InvalidArgument as error:
            problems.append(Problem(number, "", str(error)))
    words = {step: ("\n".join(parts[0]).strip(), "\n".join(parts[1]).strip()) for step, parts in found.items()}
    return words, heads, problems


def _unmatched(lesson: Lesson, words: dict[str, tuple[str, str]], heads: dict[str, int], first: int) -> list[Problem]:
    """Steps without words, words without a step, and steps that say too much for a screen."""
    steps = [step.id for step in lesson.steps]
    said = [(first, f"the step '{i}' has no words: write '## {i}' and some below it") for i in steps if i not in words]
    said += [(heads[i], f"'## {i}' is no step; the steps are {', '.join(steps)}") for i in words if i not in steps]
    for i, parts in words.items():
        for part, when in zip(parts, ("", " after '### Then'"), strict=True):
            if (count := len(part.split())) > MOST_WORDS:
                said.append((heads[i], f"'## {i}' says {count} words{when}; {MOST_WORDS} fit a screen"))
    return [Problem(line, "", what) for line, what in said]


def _lines_of(front: str) -> dict[str, int]:
    """Dotted path of each key and item -> its line."""
    import yaml

    found: dict[str, int] = {}

    def walk(node: Any, path: str) -> None:
        found[path] = node.start_mark.line + 1
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                inner = f"{path}.{key.value}".lstrip(".")
                walk(value, inner)
                found[inner] = key.start_mark.line + 1
        elif isinstance(node, yaml.SequenceNode):
            for k, value in enumerate(node.value):
                walk(value, f"{path}.{k}".lstrip("."))

    walk(yaml.compose(front, Loader=yaml.SafeLoader), "")
    return found


def _line(lines: dict[str, int], path: str) -> int:
    """The line of a field, or of the nearest one around it. (A kind that was tried is part of pydantic's path.)"""
    parts = [part for part in path.split(".") if part not in ("choice", "number", "curve", "ranking")]
    while parts and ".".join(parts) not in lines:
        parts.pop()
    return lines.get(".".join(parts), 2)


def _yaml_problem(what: str) -> Problem:
    found = re.search(r" (?:at line (\d+)|\(line (\d+)\))", what)
    return Problem(int(found[1] or found[2]) if found else 2, "", what.replace(found[0], "") if found else what)
