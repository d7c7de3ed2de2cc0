"""Cost files with columns, headers and decimal commas: each cost at its string, or a refusal."""

from __future__ import annotations

import numpy as np
import pytest

from qhn_core.datasets import DATASETS, store_upload
from qhn_core.datasets.cost_file import parse_costs
from qhn_core.datasets.cost_table import read_costs
from qhn_core.errors import DataError

FOUR = [3, 2, 0, 1]
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
    "a column beside the cost": ("bits,cost,std\n00,3,.1\n01,2,.2\n10,0,.3\n11,1,.4\n", FOUR),
    "energy and probability": ("bitstring,Energy,probability\n00,3,.1\n01,2,.2\n10,0,.3\n11,1,.4\n", FOUR),
    "count before the cost": ("count;E (eV);bits\n9;3;00\n8;2;01\n7;0;10\n6;1;11\n", FOUR),
    "one column that is not named otherwise": ("bits,H,std\n00,3,.1\n01,2,.2\n10,0,.3\n11,1,.4\n", FOUR),
    "mean and error in line order": ("mean,error\n3,.1\n2,.2\n0,.3\n1,.4\n", FOUR),
    "a unit in each line": ("00 3 eV\n01 2 eV\n10 0 eV\n11 1 eV\n", FOUR),
    "cost and index": ("cost,index\n3,0\n1,3\n2,1\n0,2\n", FOUR),
    "cost and index, names in a comment": ("# cost index\n3 0\n1 3\n2 1\n0 2\n", FOUR),
    "cost and index, quoted names": ('"cost"\t"index"\n3\t0\n1\t3\n2\t1\n0\t2\n', FOUR),
    "cost and index in order": ("3.5 0\n2.5 1\n0.5 2\n1.5 3\n", [3.5, 2.5, 0.5, 1.5]),
    "cost and bits": ("cost,b0,b1\n1,0,0\n0,0,1\n0,1,0\n1,1,1\n", [1, 0, 0, 1]),
    "wires from the last to the first": ("q1,q0,cost\n0,0,3\n0,1,0\n1,0,2\n1,1,1\n", FOUR),
    "wires numbered from 1": ("x[2],cost,x[1]\n0,3,0\n0,0,1\n1,2,0\n1,1,1\n", FOUR),
    "wires without numbers": ("x,y,cost\n0,0,3\n0,1,2\n1,0,0\n1,1,1\n", FOUR),
    "a nameless series of pandas": (",0\n0,3.5\n1,2.5\n2,0.5\n3,1.5\n", [3.5, 2.5, 0.5, 1.5]),
    "row names of R": ('"bits" "energy"\n"1" "00" 3\n"2" "11" 1\n"3" "01" 2\n"4" "10" 0\n', FOUR),
    "a drawn table": ("| bits | cost |\n|------|------|\n| 00 | 3 |\n| 01 | 2 |\n| 10 | 0 |\n| 11 | 1 |", FOUR),
    "separators at the end": ("bits;cost;\n00;3,5;\n01;2;\n10;0;\n11;1;\n", [3.5, 2, 0, 1]),
    "a column without cells": ("bits,,cost\n00,,3\n01,,2\n10,,0\n11,,1\n", FOUR),
    "a title": ("Costs of my run\n3\n2\n0\n1\n", FOUR),
    "points for thousands": ("00;1.250,5\n01;2.500,5\n10;950,1\n11;4.100,2\n", [1250.5, 2500.5, 950.1, 4100.2]),
    "points for millions": ("1.250.000\n950\n", [1250000, 950]),
    "commas for thousands": ("cost\n1,250\n2,500\n950\n4,100\n", [1250, 2500, 950, 4100]),
    "commas for thousands in quotes": ('00,"1,250"\n01,"2,500"\n10,"950"\n11,"4,100"', [1250, 2500, 950, 4100]),
    "commas for thousands, decimal points": ("cost\n1,250.5\n2,500\n950\n4,100\n", [1250.5, 2500, 950, 4100]),
    "apostrophes for thousands": ("1'250.5\n2'500\n950\n4'100\n", [1250.5, 2500, 950, 4100]),
    "decimals told by a column beside": ("bits;cost;std\n0;1,250;0,5\n1;2,500;0,5\n", [1.25, 2.5]),
    "decimals below one": ("cost\n1,250\n0,125\n", [1.25, 0.125]),
    "cost and bitstring, without names": ("3,00\n2,01\n0,10\n1,11\n", FOUR),
    "whole numbers with decimals": ("3,00\n2,00\n0,00\n7,00\n", [3, 2, 0, 7]),
    "two costs in a line": ("2,5", [2, 5]),
    "binary literals": ("0b00 3\n0b01 2\n0b10 0\n0b11 1", FOUR),
    "binary literals without zeros in front": ("0b0,3\n0b1,2\n0b11,1\n0b10,0", FOUR),
    "hexadecimal indices": ("0x0 3\n0x1 2\n0x3 1\n0x2 0", FOUR),
    "true minus signs": ("\u22123\n2\n", [-3, 2]),
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
        ("00,1,.1\n01,2,.2\n10,3,.3\n11,4,.4\n", "got 2 that may be: column 2, column 3.*name it 'cost'"),
        ("bits,H,J\n00,1,.1\n01,2,.2\n10,3,.3\n11,4,.4\n", "got 2 that may be: 'H', 'J'"),
        ("bits,cost,energy\n0,1,2\n1,2,3\n", "got 2 that may be: 'cost', 'energy'"),
        ("3 0\n1 3\n2 1\n0 2\n", "got 2: column 1 or column 2.*Name the columns"),
        ("cost,bits\n00,3\n01,2\n10,0\n11,1\n", "costs in 'cost', as its name says, got bitstrings such as 00"),
        ("index,cost\n0,3\n1,2\n3,0\n5,1\n", "indices from 0 or 1 in 'index', each once, got cells such as 0, 1, 3, 5"),
        ("q1,q4,cost\n0,0,3\n0,1,2\n1,0,0\n1,1,1\n", "numbered from 0 or from 1, got 'q1', 'q4'"),
        ("index,cost\n0,3,5\n1,2,5\n2,0,5\n3,1,5\n", "first line: expected 3 names.*got 2: index,cost"),
        ("bits,cost\n00,3\n", "names of the columns, got one line"),
        ("q0,q1\n0,0\n0,1\n1,0\n1,1\n", "4 lines of 2 numbers"),
        ("bits,cost,std\n00,,.1\n01,2,.2\n10,0,.3\n11,1,.4\n", "line 2: expected numbers, got an empty cell"),
        ("cost\n1,000\n2,500\n3,000\n4,100\n", "got 1,000, which may be either. Write decimals with a point"),
        ("1,250\n2,500\n3,950\n4,100\n", "lines such as 1,250, which may be either"),
        ("00;1,250\n01;2,500\n10;3,125\n11;4,750\n", "got 1,250, which may be either"),
        ("00;1.250\n01;2.500\n10;950\n11;4.100\n", "got 1.250, which may be either. Write as many decimals"),
        ("cost\n1250\n2,500\n", "got 2,500, which may be either"),
        ("cost\n1,25\n2.5\n", "got 1,25, which may be either"),
        ("5,0\n6,1\n", "lines such as 5,0, which may be either"),
        ("00 1.2±.1\n01 1.3±.1\n10 1±.1\n11 3±.1\n", "line 1: expected numbers, got 1.2±.1"),
        ("1.5\n1.2.3\n", "line 2: expected numbers, got 1.2.3"),
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


@pytest.mark.parametrize("text", ['{"00":1,"00":9,"01":2,"10":3,"11":4}', '{"0":1,"1":[{"a":1,"a":2}]}'])
def test_a_key_that_a_json_object_repeats_is_refused(text):
    with pytest.raises(DataError, match=r"'(00|a)' more than once"):
        read_costs(text.encode(), ".json")


def _written(costs: np.ndarray, rng: np.random.Generator) -> list[str]:
    """Costs as somebody writes them."""
    style = rng.choice(["shortest", "fixed", "decimal comma", "commas for thousands", "points for thousands"])
    if style == "shortest":
        return [f"{cost:.10g}" for cost in costs]
    fixed = [f"{cost:,.2f}" for cost in costs]
    if style == "commas for thousands":
        return fixed
    if style == "points for thousands":
        return [cell.translate(str.maketrans(",.", ".,")) for cell in fixed]
    plain = [cell.replace(",", "") for cell in fixed]
    return [cell.replace(".", ",") for cell in plain] if style == "decimal comma" else plain


def _strings(n_bits: int, rng: np.random.Generator, *, named: bool) -> tuple[list[str], list[list[str]]]:
    """(names, columns) that say the strings in order; wires stand in any order where names tell which they are."""
    size = range(2**n_bits)
    bits = [f"{i:0{n_bits}b}" for i in size]
    ways = {
        "bitstring": [bits],
        "bits": [[f"{i:b}" for i in size]],
        "state": [[f"|{word}>" for word in bits]],
        "binary": [[f"0b{word}" for word in bits]],
        "index": [[str(i) for i in size]],
        "i": [[str(i + 1) for i in size]],
        "idx": [[hex(i) for i in size]],
    }
    way = rng.choice([*ways, "q"])
    if way in ways:
        return [way], ways[way]
    wires = rng.permutation(n_bits) if named else range(n_bits)
    return [f"q{wire}" for wire in wires], [[word[wire] for word in bits] for wire in wires]


def _table(rng: np.random.Generator, *, named: bool) -> tuple[str, np.ndarray]:
    """A cost file in some layout, and its costs."""
    n_bits = int(rng.integers(1, 5))
    size = 2**n_bits
    costs = rng.choice([rng.integers(0, 3, size), rng.permutation(size), rng.integers(-(10**6), 10**6, size) / 100])
    cells = _written(costs, rng)
    names, columns = _strings(n_bits, rng, named=named)
    front = named or bool((costs % 1).any())  # whole numbers in front are indices where no name says otherwise
    at = 0 if front and rng.random() < 0.5 else len(columns)
    names.insert(at, str(rng.choice(["cost", "Energy", "E", "loss [eV]", "objective value"])))
    columns.insert(at, cells)
    for name, column in (("std", rng.random(size).round(3)), ("count", rng.integers(1, 9, size))):
        if rng.random() < 0.3:
            place = int(rng.integers(len(columns) + 1)) if named else len(columns)
            names.insert(place, name)
            columns.insert(place, list(map(str, column)))
    mark = str(rng.choice([",", ";", "\t", ", ", " | "]))
    rows = rng.permutation(size) if rng.random() < 0.5 else np.arange(size)
    quote = '"{}"' if rng.random() < 0.3 else "{}"
    lines = [mark.join(map(quote.format, names))] if named else []
    for row in rows:
        line = [column[row] for column in columns]
        lines.append(mark.join(f'"{cell}"' if "," in cell and "," in mark else cell for cell in line))
    return "\n".join(lines), costs


@pytest.mark.parametrize("seed", range(20))
def test_tables_with_names_are_read_in_any_layout(seed):
    rng = np.random.default_rng(seed)
    for _ in range(20):
        text, costs = _table(rng, named=True)
        assert read_costs(text.encode(), ".csv") == pytest.approx(costs), text


@pytest.mark.parametrize("seed", range(20))
def test_tables_without_names_are_read_right_or_refused(seed):
    rng = np.random.default_rng(seed)
    read = 0
    for _ in range(20):
        text, costs = _table(rng, named=False)
        try:
            found = read_costs(text.encode(), ".csv")
        except DataError:
            continue
        assert found == pytest.approx(costs), text
        read += 1
    assert read > 4


def test_what_was_decided_by_names_is_told():
    how = parse_costs(b"bits,cost,std,count\n00,1,.1,5\n01,2,.2,5\n10,3,.3,5\n11,4,.4,5\n", ".csv").how
    assert how == "a bitstring, wire 0 first, and its cost a line, the cost in 'cost', without 'std', 'count'"
    how = parse_costs(b"q1,q0,cost\n0,0,1\n0,1,2\n1,0,3\n1,1,4\n", ".csv").how
    assert how == "the bits, by their numbers wire 0 first: 'q0', 'q1', and their cost a line, the cost in 'cost'"
    assert parse_costs(b"cost\n1,250\n950\n", ".csv").how == "one cost a line, thousands with a comma"
    how = parse_costs(b"00;1.250,5\n01;2.500,5\n10;950,1\n11;4.100,2\n", ".csv").how
    assert how.endswith("and its cost a line, decimals with a comma, thousands with a point")


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
