"""Cost files with columns, headers and decimal commas: each cost at its string, or a refusal."""

from __future__ import annotations

import numpy as np
import pytest

from qhn_core.datasets import DATASETS, store_upload
from qhn_core.datasets.cost_file import parse_costs
from qhn_core.datasets.cost_table import read_costs
from qhn_core.errors import DataError

READ = {
    "bitstring and cost": (
        "000 2\n001 2.5\n010 0.5\n011 2.5\n100 2\n101 0\n110 2.5\n111 2.0\n",
        [2, 2.5, 0.5, 2.5, 2, 0, 2.5, 2],
    ),
    "bitstrings in any order": ("01,5\n00,3\n11,2\n10,1", [3, 5, 1, 2]),
    "bitstrings without zeros in front": ("0,2.5\n1,3\n10,4\n11,5", [2.5, 3, 4, 5]),
    "bitstrings without zeros in front, whole costs": ("0,2\n1,3\n10,4\n11,5", [2, 3, 4, 5]),
    "kets": ("|00>,1\n|01>,2\n|10>,3\n|11>,4", [1, 2, 3, 4]),
    "kets and colons": ("|00>: 1\n|01>: 2\n|11>: 4\n|10>: 3\n", [1, 2, 3, 4]),
    "quoted bitstrings, decimal commas": ('bits;cost\n"00";2,5\n"01";1,5\n"10";1\n"11";0', [2.5, 1.5, 1, 0]),
    "cost and bitstring": ("cost,bits\n3,00\n4,01\n1,10\n9,11", [3, 4, 1, 9]),
    "bits in columns": ("0 0 2\n0 1 3\n1 0 4\n1 1 5", [2, 3, 4, 5]),
    "index, bitstring and cost": ("0,00,2.5\n1,01,3\n2,10,4\n3,11,5", [2.5, 3, 4, 5]),
    "index and cost": ("0,2\n1,5\n2,0\n3,7", [2, 5, 0, 7]),
    "index and cost, named": ("index,cost\n0,2\n1,5", [2, 5]),
    "index from 1": ("1\t2.5\n2\t3\n3\t4\n4\t9", [2.5, 3, 4, 9]),
    "indices in any order": ("3,2.5\n1,1\n0,9\n2,8", [9, 1, 8, 2.5]),
    "decimal commas": ("2,0\n2,5\n0,5\n2,5\n", [2, 2.5, 0.5, 2.5]),
    "decimal commas in a line": ("2,0 2,5 0,5 2,5", [2, 2.5, 0.5, 2.5]),
    "decimal commas and semicolons": ("2,0;2,5;0,5;2,5", [2, 2.5, 0.5, 2.5]),
    "decimal commas, named": ("cost\n0,5\n1,5\n", [0.5, 1.5]),
    "some decimal commas": ("2\n2,5\n0\n1", [2, 2.5, 0, 1]),
    "commas and blanks": ("1, 2, 0.5, 3", [1, 2, 0.5, 3]),
    "remarks and blank lines": ("# energies\n\n1\n2\r\n% end\n", [1, 2]),
    "sep line": ("sep=;\n0;1\n1;2", [1, 2]),
    "exponents": ("1e-3\n2E0\n-3\n+4\n", [0.001, 2, -3, 4]),
}


@pytest.mark.parametrize("kind", READ)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_each_cost_is_read_at_its_string(kind, encoding):
    text, costs = READ[kind]
    assert read_costs(text.encode(encoding), ".txt").tolist() == costs


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1 2\n0.5 3\n", "2 lines of 2 numbers. A matrix is no cost table"),
        ("1 2 3 4\n" * 4, "4 lines of 4 numbers"),
        ("3 1\n4 1\n7 2\n8 3\n", "4 lines of 2 numbers"),
        ("00,1\n01,2\n10,3", "each of the 4 strings of 2 bits once, got 3, without 11"),
        ("00,1\n01,2\n10,3\n10,4", "'10' more than once"),
        ("0,5\n1,5", "may be either.*first line 'cost' or 'index,cost'"),
        ("2,5\n0,5\n3,5\n1,5", "may be either"),
        ("1,000.5\n2,000\n", "line 1: expected a cost, got 000.5. Write thousands without"),
        ("1\n2 3\n", "line 2: expected 1 cells, as before, got 2"),
        ("cost\n", "no line with numbers"),
        ("1 " * 65 + "\n" + "1 " * 65, "lines of 65 numbers"),
        ("1" * 500, "one of 500 letters"),
    ],
)
def test_what_may_mean_two_things_is_refused(text, message):
    with pytest.raises(DataError, match=message):
        read_costs(text.encode(), ".csv")


def test_unordered_indices_are_judged_by_all_lines():
    order = np.random.default_rng(4).permutation(2048)
    costs = read_costs("\n".join(f"{i},{i % 7}" for i in order).encode(), ".csv")
    np.testing.assert_array_equal(costs, np.arange(2048) % 7)


def test_json_objects_of_bitstrings():
    assert read_costs(b'{"00": 1, "11": 2, "01": 3, "10": 4}', ".json").tolist() == [1, 3, 4, 2]


def test_how_a_file_was_read_is_told(tmp_path):
    sha256 = store_upload(tmp_path, b"01,5\n00,3\n11,2\n10,1", ".csv")
    source = DATASETS.make("cost_table", sha256=sha256).load(tmp_path).source
    assert "a bitstring, wire 0 first, and its cost a line" in source
    assert parse_costs(b"2,0\n2,5\n", ".txt").how == "one cost a line, decimals with a comma"


@pytest.mark.parametrize(
    ("data", "suffix"),
    [(b"\n1" * 5_000_000, ".txt"), (b"," * 5_000_000, ".txt"), (b"[" + b"1," * 3_000_000 + b"1]", ".json")],
    ids=["lines", "commas", "list"],
)
def test_more_costs_than_strings_are_refused_before_they_are_parsed(data, suffix):
    with pytest.raises(DataError, match=r"at most 2\^20 costs"):
        read_costs(data, suffix)
