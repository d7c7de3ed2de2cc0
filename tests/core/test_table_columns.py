"""Columns read a block at a time are those that would be read a cell at a time."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qhn_core.bench import files
from qhn_core.datasets import inspect_csv
from qhn_core.datasets.cost_table import read_costs
from qhn_core.datasets.table import columns
from qhn_core.datasets.table.columns import MAX_VALUES, NONE, Column, ColumnReader
from qhn_core.datasets.table.numbers import BOOLEANS, is_missing, read_number
from qhn_core.datasets.table.reader import read_table
from qhn_core.errors import DataError

FEW = st.integers(0, 30).map(str)
MANY = st.floats(-1e6, 1e6, allow_nan=False).map("{:.3f}".format)
HOLES = st.sampled_from(["", "NA", "n/a", "NaN", "nAn", "?", "-", ".", "null"])
ODD = st.sampled_from(["True", "false", "inf", "-nan", "1_000", "1,5", "2,", " 7 ", "9\n", "1\n2", "é", "1e400", "0x1"])
WORDS = st.integers(0, 200).map("w{}".format)
MIXES = ((FEW,), (MANY,), (MANY, HOLES), (FEW, HOLES), (MANY, FEW, WORDS), (FEW, HOLES, ODD), (MANY, HOLES, ODD))


def one_by_one(cells: list[str], *, comma: bool) -> tuple[list[float], list[int], dict[str, list[int]]]:
    """(numbers, codes, places of cells of each kind), a cell at a time."""
    cells = [cell.strip() for cell in cells]
    order = list(dict.fromkeys(cells))
    crowded = len(order) > MAX_VALUES
    numbers, places = [], {"missing": [], "text": [], "infinite": [], "booleans": []}
    for at, cell in enumerate(cells):
        value = BOOLEANS.get(cell.lower(), read_number(cell, comma=comma))
        kind = "missing" if is_missing(cell) else "booleans" if cell.lower() in BOOLEANS else ""
        kind = kind or ("text" if value is None else "" if np.isfinite(value) else "infinite")
        if kind:
            places[kind].append(at)
        numbers.append(value if kind in ("", "booleans") else np.nan)
    mixed = 0 < len(places["booleans"]) < len(cells) - len(places["missing"])
    if places["text"] or mixed:
        numbers = [np.nan] * len(cells)
    return numbers, [-1 if crowded else order.index(cell) for cell in cells], places


@settings(max_examples=300, deadline=None)
@given(data=st.data(), comma=st.booleans(), block=st.integers(1, 150), piece=st.integers(1, 40))
def test_blocks_read_what_single_cells_say(data, comma, block, piece):
    cells = data.draw(st.lists(st.one_of(*data.draw(st.sampled_from(MIXES))), min_size=1, max_size=200))
    if comma and data.draw(st.booleans()):
        cells = [cell.replace(".", ",") for cell in cells]
    column = Column("x")
    reader = ColumnReader(column, comma=comma)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(columns, "_PIECE", piece)
        for start in range(0, len(cells), block):
            part = cells[start : start + block]
            reader.add(part, range(start + 2, start + 2 + len(part)))
        numbers, codes = reader.finish(len(cells))
    expected, coded, places = one_by_one(cells, comma=comma)
    np.testing.assert_array_equal(numbers, expected)
    assert codes.tolist() == coded
    if not (places["text"] or column.text.times):  # of a column of words no more is told than that, and the first
        for kind in ("missing", "infinite", "booleans"):
            mark = getattr(column, kind)
            assert (mark.times, mark.row) == (len(places[kind]), places[kind][0] + 2 if places[kind] else NONE.row)
    elif places["text"]:
        assert column.text.row == places["text"][0] + 2


def test_the_first_fault_of_a_table_is_the_one_that_is_told():
    body = "1,2\n" * 50
    with pytest.raises(DataError, match="row 52: expected 2 cells"):
        read_table(f'a,b\n{body}1,2,3\n1,"2"x\n'.encode())
    with pytest.raises(DataError, match="row 52: expected cells with matching quotes"):
        read_table(f'a,b\n{body}1,"2"x\n1,2,3\n'.encode())


def test_the_files_of_the_benchmark_are_what_they_are_said_to_be():
    table = inspect_csv(files.table_file(900))
    assert not table.problems
    assert (table.n_rows, table.target) == (900, "class")
    found = {column.name: column for column in table.columns}
    assert found["id"].row_number
    assert found["name"].problem.startswith("text")
    assert all(200 < found[name].missing < 400 for name in "abc")
    costs = read_costs(files.costs_file(6), ".csv")
    np.testing.assert_allclose(costs, np.random.default_rng(0).normal(size=64), atol=1e-6)
