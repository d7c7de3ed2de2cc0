"""What a form needs to know about an uploaded table: what was decided, what can be chosen, what stands in the way."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from qhn_core.datasets.table.columns import MAX_CLASSES, Column, Mark
from qhn_core.datasets.table.labels import fitting, label_classes, why_no_target
from qhn_core.datasets.table.missing import Missing
from qhn_core.datasets.table.numbers import is_decimal, is_missing
from qhn_core.datasets.table.proposal import Proposal, can_be_feature, is_named_class, n_not_numbered, propose
from qhn_core.datasets.table.reader import CsvTable, read_table
from qhn_core.errors import DataError, QHNError

#: Largest feature that is not scaled.
LARGEST = 1e100


class ColumnSummary(NamedTuple):
    """One column of an uploaded table."""

    name: str
    numeric: bool  #: can be a feature: every cell that is not missing is a finite number
    classes: tuple[str, ...]  #: its values, if it can be the target (2 to 20 of them); else empty
    problem: str  #: why it cannot be a feature, or empty
    missing: int = 0  #: missing cells
    row_number: bool = False  #: only counts the rows, or nearly all of them
    unlabelled: int = 0  #: rows that have no class, where it is the target
    words: tuple[str, ...] = ()  #: words for "missing" in it, which may be classes
    way: str = "auto"  #: what becomes of rows without a class, where it is the target


class CsvSummary(NamedTuple):
    """What a form needs to know about an uploaded table."""

    columns: tuple[ColumnSummary, ...]
    n_rows: int
    target: str  #: proposed target column, or empty if none can be
    features: tuple[str, ...]  #: numeric columns beside it, without row numbers
    notes: tuple[str, ...]  #: what was noticed and decided
    problems: tuple[str, ...]  #: what stands in the way; empty if the table can be used
    header: bool = True  #: whether row 1 was taken as names


def inspect_csv(data: bytes, *, header: bool | None = None) -> CsvSummary:
    """What is in an uploaded table; problems are listed, not raised.

    Args:
        data: content of the file, at most 50 MB.
        header: whether row 1 holds the names of the columns; None decides by what stands there, and notes it.
    """
    try:
        table = read_table(data, header=header)
    except QHNError as error:
        return CsvSummary((), 0, "", (), (), (str(error),))
    proposal = propose(table)
    names = [column.name for column in table.columns]
    target = "" if proposal.target is None else names[proposal.target]
    return CsvSummary(
        tuple(_summary(table, i, proposal) for i in range(len(names))),
        table.n_rows,
        target,
        tuple(names[i] for i in proposal.features),
        (*table.notes, *_notes(table, proposal)),
        tuple(_problems(table, proposal)),
        table.header,
    )


def check_features(table: CsvTable, at: Sequence[int], *, missing: Missing) -> None:
    """Refuse columns that are no features, naming the first offending row; missing cells where they are refused."""
    bad = [c for c in (table.columns[i] for i in at) if not (c.numeric if missing == "refuse" else can_be_feature(c))]
    if not bad:
        return
    first, more = bad[0], f" ({len(bad)} such columns: {', '.join(c.name for c in bad[:8])})" if len(bad) > 1 else ""
    raise DataError(
        f"column '{first.name}'",
        expected="a finite number in every row",
        got=_why_no_feature(first) + more,
        remedy=_remedy(first),
    )


def check_sizes(table: CsvTable, at: Sequence[int]) -> None:
    """Refuse features that no network can add up, naming the first; those that are standardised may have any size."""
    found = np.argwhere(np.abs(table.numbers[:, at]) > LARGEST)
    if len(found):
        row, column = map(int, found[0])
        raise DataError(
            f"column '{table.columns[at[column]].name}'",
            expected=f"numbers up to {LARGEST:g}",
            got=f"{table.numbers[row, at[column]]:g} in row {table.rows[row]}",
            remedy="Standardise the features, or correct the cell.",
        )


def _summary(table: CsvTable, at: int, proposal: Proposal) -> ColumnSummary:
    column = table.columns[at]
    way = fitting(table, at)
    found = label_classes(column, "auto", comma=table.comma)
    return ColumnSummary(
        column.name,
        can_be_feature(column),
        label_classes(column, way, comma=table.comma).names if way else (),
        "" if can_be_feature(column) else _why_no_feature(column),
        column.missing.times if can_be_feature(column) else 0,
        at in proposal.row_numbers,
        found.n_unlabelled if way else 0,
        label_classes(column, "class", comma=table.comma).words if way else (),
        way or "auto",
    )


def _notes(table: CsvTable, proposal: Proposal) -> list[str]:
    names, notes = [column.name for column in table.columns], []
    if proposal.row_numbers:
        listed = ", ".join(f"'{names[i]}'" for i in proposal.row_numbers)
        others = sum(n_not_numbered(table, i) or 0 for i in proposal.row_numbers)
        whose = "have no number of their own" if others > 1 else "has no number of its own"
        but = f", but for {others} that {whose}" if others else ""
        notes.append(
            f"{listed} only number{'s' * (len(proposal.row_numbers) == 1)} the rows{but}: "
            + ("the only feature there is; it can give the class away" if proposal.kept else "left out of the features")
        )
    if proposal.target is None:
        return notes
    notes += [*_doubts(table, proposal.target), *_class_notes(table, proposal.target)]
    holes = [
        f"{table.columns[i].missing.times} in '{names[i]}'" for i in proposal.features if table.columns[i].missing.times
    ]
    if holes:
        notes.append(f"missing cells: {', '.join(holes[:8])}")
    booleans = [names[i] for i in proposal.features if table.columns[i].booleans.times]
    if booleans:
        notes.append(f"true and false are read as 1 and 0 in {', '.join(repr(name) for name in booleans[:8])}")
    return notes


def _doubts(table: CsvTable, target: int) -> list[str]:
    """Where the target is not sure: other columns that are named as it would be, and the last one."""
    names, last, named = (
        [column.name for column in table.columns],
        len(table.columns) - 1,
        is_named_class(table, target),
    )
    notes = []
    if not named and target != last:
        notes.append(f"'{names[target]}' is taken for the class: choose another column if it is not")
    for i in range(len(names)):
        as_named = is_named_class(table, i)
        if i == target or not (as_named or (i == last and not (named and can_be_feature(table.columns[i])))):
            continue
        called = "the last column" if i == last else f"'{names[i]}'"
        why = why_no_target(table, i, "auto")
        if why is not None:
            notes.append(f"{called} is not the target: {why}")
        elif as_named:
            notes.append(f"{called} could be the class as well")
    return notes


def _class_notes(table: CsvTable, target: int) -> list[str]:
    """Which cells of the target are no class, and which are one though it could be otherwise."""
    column, notes = table.columns[target], []
    found = label_classes(column, "auto", comma=table.comma)
    if found.n_unlabelled:
        rows = f"{found.n_unlabelled} rows have" if found.n_unlabelled > 1 else "1 row has"
        way = fitting(table, target)
        notes.append(f"{rows} no class in '{column.name}': left out ('unlabelled: {way}'), unless you fill it")
    if found.words:
        notes.append(f"{', '.join(repr(word) for word in found.words)} counts as a class of '{column.name}'")
    for spelt in _alike_but_for_capitals(column):
        one = len({found.of_cell[cell] for cell in spelt}) == 1
        listed = ", ".join(repr(cell) for cell in spelt)
        notes.append(f"{listed} are {'one class' if one else 'different classes'} of '{column.name}'")
    return notes


def _alike_but_for_capitals(column: Column) -> list[list[str]]:
    """The words of a column that are spelt in several ways."""
    words: dict[str, list[str]] = {}
    for cell in column.values:
        if not is_missing(cell):
            words.setdefault(cell.casefold(), []).append(cell)
    return [spelt for spelt in words.values() if len(spelt) > 1]


def _problems(table: CsvTable, proposal: Proposal) -> list[str]:
    problems = []
    if proposal.target is None:
        why = why_no_target(table, len(table.columns) - 1, "auto")
        problems.append(
            f"No column can be the target: it needs 2 to {MAX_CLASSES} different values, and one in every row. "
            f"The last, {why}"
        )
    if not proposal.features:
        problems.append("No column can be a feature: one of numbers is needed.")
    return problems


def _why_no_feature(column: Column) -> str:
    """Why a column cannot be a feature, naming the first offending row."""
    if column.text.times:
        return f"text '{column.text.cell}' in row {column.text.row}"
    if column.infinite.times:
        return f"'{column.infinite.cell}' in row {column.infinite.row}"
    return _missing(column.missing)


def _missing(mark: Mark) -> str:
    """The first missing cell, and what is written there, if anything is."""
    more = f" ({mark.times} such rows)" if mark.times > 1 else ""
    said = f"'{mark.cell}' in row {mark.row}, which counts as a missing cell"
    return (said if mark.cell else f"a missing cell in row {mark.row}") + more


def _remedy(column: Column) -> str:
    cell = column.text.cell
    if column.text.times and is_decimal(cell):
        return "Write decimals with a point."
    if column.text.times and cell.lstrip("+-").replace(",", "").replace(".", "").isdecimal():
        return "Write decimals with a point, and thousands without a separator."
    if column.text.times:
        return "Leave the column out, or code it as numbers."
    if column.infinite.times:
        return "Correct the cell or delete the row, or leave the column out."
    return (
        "Fill the cell or delete the row, or leave the column out; or choose 'missing: rows' (leave such rows out) or "
        "'missing: median' (of the training rows)."
    )
