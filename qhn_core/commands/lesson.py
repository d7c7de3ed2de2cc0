"""``lesson``: check the file of a lesson, or list the lessons that come with the program."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from qhn_core.commands.shared.common import QuietOption


def command(
    action: Annotated[str, typer.Argument(metavar="ACTION", help="check, list, or fields.")],
    files: Annotated[list[Path] | None, typer.Argument(metavar="FILE…", help="Lessons, as Markdown files.")] = None,
    run: Annotated[
        bool,
        typer.Option(
            "--run", help="Run each experiment too: does what should be seen happen, can each challenge be met?"
        ),
    ] = False,
    quiet: QuietOption = False,
) -> None:
    """Check lessons (what is wrong, and at which line), list those that there are, or say all that a file may hold."""
    from qhn_core.checks import check_choice
    from qhn_core.errors import InvalidArgument
    from qhn_core.lessons import LessonError, library, load_lesson

    if check_choice("ACTION", action, ("check", "list", "fields")) == "fields":
        from qhn_core.lessons.reference import reference

        typer.echo(reference(), nl=False)
        return
    if action == "list":
        for lesson in library()[0]:
            typer.echo(f"{lesson.number:3d}  {lesson.title}: {lesson.question} ({lesson.minutes} min)")
        return
    if not files:
        raise InvalidArgument("FILE", expected="at least one file to check", got="none")
    wrong = 0
    for path in files:
        try:
            lesson = load_lesson(path)
        except LessonError as error:
            typer.echo(str(error), err=True)
            wrong += len(error.problems)
            continue
        missed = _run(lesson, quiet) if run else []
        for text in missed:
            typer.echo(f"{path.name}, {text}", err=True)
        wrong += len(missed)
        if not missed:
            _praise(path.name, lesson)
    if wrong:
        raise typer.Exit(2)


def _praise(name: str, lesson) -> None:  # type: ignore[no-untyped-def]
    """What a good lesson is, and whether another one has its number."""
    from qhn_core.lessons import library

    steps = f"{len(lesson.steps)} step{'s' * (len(lesson.steps) > 1)}"
    typer.echo(f"{name}: good. {lesson.title}, {steps}, {lesson.minutes} min.")
    for other in library()[0]:
        if other.number == lesson.number and other.id != lesson.id:
            typer.echo(f"  Its number, {lesson.number}, is that of '{other.title}' too: they stand side by side.")


def _run(lesson, quiet: bool) -> list[str]:  # type: ignore[no-untyped-def]
    """What should be seen and was not, and challenges that cannot be met."""
    from qhn_core.lessons.playing import play, said

    missed = []
    for step, played in play(lesson):
        missed += [f"step {step.id}: {text}" for text in played.wrong]
        if not quiet:
            typer.echo(f"  {step.id}: {played.seconds:.1f} s, {len(played.seen)} of {played.expected} seen")
            if (tried := played.challenge) is not None and tried.met is not None:
                typer.echo(f"    challenge met at {said(tried.met)}; {tried.tried} of {tried.offered} settings tried")
    return missed
