"""Tables as people download them: what is decided about header, separator, row numbers, classes, missing cells."""

from __future__ import annotations

import re
import tracemalloc

import numpy as np
import pytest

from qhn_core.datasets import DATASETS, inspect_csv, store_upload
from qhn_core.datasets.table.missing import filled
from qhn_core.errors import DataError, InvalidArgument

#: text -> (rows, target, features, classes of the target)
KINDS: dict[str, tuple[str, int, str, tuple[str, ...], tuple[str, ...]]] = {
    "no header, words last": (
        "5.1,3.5,oak\n4.9,3.0,oak\n6.3,3.3,elm\n5.8,2.7,elm\n",
        4,
        "column 3",
        ("column 1", "column 2"),
        ("elm", "oak"),
    ),
    "no header, words first": (
        "oak,5.1,3.5\noak,4.9,3.0\nelm,6.3,3.3\nelm,5.8,2.7\n",
        4,
        "column 1",
        ("column 2", "column 3"),
        ("elm", "oak"),
    ),
    "no header, numbered class first": (
        "1,14.23,1.71,1065\n1,13.2,1.78,1050\n2,12.3,1.1,520\n2,12.1,1.2,680\n",
        4,
        "column 1",
        ("column 2", "column 3", "column 4"),
        ("1", "2"),
    ),
    "no header, words that recur": (
        "vhigh,low,2,no\nvhigh,high,3,yes\nlow,low,2,no\nlow,high,3,yes",
        4,
        "column 4",
        ("column 3",),
        ("no", "yes"),
    ),
    "no header, a missing cell in row 1": (
        "1.5,?,+\n2,3,-\n7,4,+\n",
        3,
        "column 3",
        ("column 1", "column 2"),
        ("+", "-"),
    ),
    "no header, numbered rows": (
        "0,5.1,3.5,oak\n1,4.9,3.0,oak\n2,6.3,3.3,elm\n3,5.8,2.7,elm\n",
        4,
        "column 4",
        ("column 2", "column 3"),
        ("elm", "oak"),
    ),
    "coordinates x and y": (
        "x;y;klasse\n1,5;2,5;ja\n2,5;3,5;nein\n1,1;2,1;ja\n",
        3,
        "klasse",
        ("x", "y"),
        ("ja", "nein"),
    ),
    "a column called as one of its classes": ("a,b,y\n1,2,y\n2.5,3,n\n", 2, "y", ("a", "b"), ("n", "y")),
    "columns numbered by pandas": (
        ",0,1,2,y\n0,1.5,2,1,x\n1,2,3,2,z\n2,4,1,1,x\n",
        3,
        "y",
        ("0", "1", "2"),
        ("x", "z"),
    ),
    "years as names": ("name,2019,2020,y\nbob,1,2,x\nann,3,4,z\n", 2, "y", ("2019", "2020"), ("x", "z")),
    "header that repeats": ("a,b,y\n1,2,x\n2.5,3,z\na,b,y\n3,3,x\n", 3, "y", ("a", "b"), ("x", "z")),
    "named index": ("Id,a,y\n1,1.5,x\n2,2.5,z\n3,3.5,x\n", 3, "y", ("a",), ("x", "z")),
    "index of shuffled rows": (",a,y\n17,1.5,x\n4,2.5,z\n9,3.5,x\n", 3, "y", ("a",), ("x", "z")),
    "index after R": ('"a","b","y"\n"1",1.5,2,"x"\n"2",3,4,"z"\n', 2, "y", ("a", "b"), ("x", "z")),
    "consecutive under any name": (
        "visit,a,y\n" + "".join(f"{7 + i},{i * i % 11},{i % 2}\n" for i in range(12)),
        12,
        "y",
        ("a",),
        ("0", "1"),
    ),
    "counted down": (
        "left,a,y\n" + "".join(f"{30 - i},{i * i % 11},{i % 2}\n" for i in range(12)),
        12,
        "y",
        ("a",),
        ("0", "1"),
    ),
    "small whole numbers are no row numbers": ("a,b,y\n1,2,+\n2,3,-\n3,4,+\n4,5,-\n", 4, "y", ("a", "b"), ("+", "-")),
    "None is a class": ("a,b,y\n1.5,7,None\n2,3,Drug\n3,4,None\n1,1,Drug", 4, "y", ("a", "b"), ("Drug", "None")),
    "nan is a class": ("a,b,y\n1.5,7,nan\n2,3,x\n3,4,nan\n1,1,x", 4, "y", ("a", "b"), ("nan", "x")),
    "NA is a continent": (
        "land,part,n\nA,NA,3\nB,EU,5\nC,NA,4\nD,EU,9\nE,AF,9\nF,AF,9",
        6,
        "part",
        ("n",),
        ("AF", "EU", "NA"),
    ),
    "few minuses beside pluses": (
        "a,y\n" + "".join(f"{i / 7},{'-' if i == 9 else '+'}\n" for i in range(40)),
        40,
        "y",
        ("a",),
        ("+", "-"),
    ),
    "true and false as a feature": ("a,f,y\n1.5,True,0\n2,FALSE,1\n3.5,true,0\n", 3, "y", ("a", "f"), ("0", "1")),
    "true and false as classes": ("a,f,y\n1.5,1,True\n2,2,False\n3.5,2,True\n", 3, "y", ("a", "f"), ("False", "True")),
    "numbers with a fraction as classes": ("a,y\n1.5,1.0\n2,2.0\n3.5,1\n", 3, "y", ("a",), ("1", "2")),
    "decimal commas in classes": ("a;b;y\n1,5;2;1,0\n2;3;2,0\n3,25;3;1\n", 3, "y", ("a", "b"), ("1", "2")),
    "decimal commas in quotes": (
        '"1,5","2,25","x"\n"2,5","3,5","z"\n',
        2,
        "column 3",
        ("column 1", "column 2"),
        ("x", "z"),
    ),
    "sep line": ("sep=;\na;b;y\n1;2;x\n2;3;z\n", 2, "y", ("a", "b"), ("x", "z")),
    "sep line with a mark before it": ("\ufeffsep=;\r\na;b;y\r\n1;2;x\r\n2;3;z\r\n", 2, "y", ("a", "b"), ("x", "z")),
    "sep line with a tab": ('"sep=\t"\na\tb\ty\n1\t2\tx\n2\t2\tz\n', 2, "y", ("a", "b"), ("x", "z")),
    "remarks above": ("# made by a program\n# on, a day\na,b,y\n1,2,x\n4,3,z\n", 2, "y", ("a", "b"), ("x", "z")),
    "remarks as wide as the rows": ("# one, two, three\na,b,y\n1,2,x\n4,3,z\n", 2, "y", ("a", "b"), ("x", "z")),
    "remarks within": ("a,b,y\n1,2,x\n# half time\n2.5,3,z\n% end\n", 2, "y", ("a", "b"), ("x", "z")),
    "names in a remark": ("# a,b,y\n1,2,x\n4,3,z\n", 2, "y", ("a", "b"), ("x", "z")),
    "names in a remark with blanks": ("# a b y\n1 2 x\n4 3 z\n", 2, "y", ("a", "b"), ("x", "z")),
    "a column called #": ("#,Name,HP,Type\n1,Ann,45,x\n2,Ivy,60,x\n3,Cha,39,z\n", 3, "Type", ("HP",), ("x", "z")),
    "runs of blanks": (
        "15.2 14.8  1\n14.8 14.5  1\n12.1 13.3  2\n",
        3,
        "column 3",
        ("column 1", "column 2"),
        ("1", "2"),
    ),
    "runs of tabs": (
        "15.2\t14.8\t\t1\n14.8\t14.5\t1\n12.1\t13.3\t2\n12.5\t13.3\t2\n",
        4,
        "column 3",
        ("column 1", "column 2"),
        ("1", "2"),
    ),
    "blanks, tabs and a quoted name": (
        '18.0  8  3504. 1\t"a big car"\n15.0  8   3693. 1\t"another"\n18.0  4  3436. 2\t"a third"\n',
        3,
        "column 4",
        ("column 1", "column 2", "column 3"),
        ("1", "2"),
    ),
    "blanks and decimal commas": (
        "1,5 2,5 1\n2,5 3,5 2\n0,5 1,0 1\n",
        3,
        "column 3",
        ("column 1", "column 2"),
        ("1", "2"),
    ),
    "an empty cell between tabs": ("a\tb\ty\n1\t\tx\n2\t3\tz\n3\t3\tx\n", 3, "y", ("a", "b"), ("x", "z")),
    "separator at the end of rows only": ("a,b,y\n1,2,x,\n2.5,3,z,\n", 2, "y", ("a", "b"), ("x", "z")),
    "separator at the end of the header only": ("a,b,y,\n1,2,x\n2.5,3,z\n", 2, "y", ("a", "b"), ("x", "z")),
    "blanks around cells": (" a , b , y \n 1 , 2 , x \n 2.5 , 3 , z \n", 2, "y", ("a", "b"), ("x", "z")),
    "a remark with blanks, as wide as the names": (
        "# a remark\nx y\n6.7 1\n4.5 2\n3.5 1\n",
        3,
        "y",
        ("x",),
        ("1", "2"),
    ),
    "several remarks as wide as the rows": (
        "# a, b, c\n% d, e, f\na,b,y\n1,2,x\n4,3,z\n",
        2,
        "y",
        ("a", "b"),
        ("x", "z"),
    ),
    "names in the last of several remarks": ("# a, b, c\n# a,b,y\n1,2,x\n4,3,z\n", 2, "y", ("a", "b"), ("x", "z")),
    "remarks within, as wide as the rows": (
        "a,b,y\n1,2,0\n# half, time, now\n2.5,3,1\n% 7,8,0\n3,1,0\n4,4,1\n",
        4,
        "y",
        ("a", "b"),
        ("0", "1"),
    ),
    "remarks within, with blanks": (
        "a b y\n1 2 0\n# half time now\n2.5 3 1\n# 7 8 0\n",
        2,
        "y",
        ("a", "b"),
        ("0", "1"),
    ),
    "indented remarks": ("a,b,y\n  # half time\n1,2,0\n2.5,3,1\n", 2, "y", ("a", "b"), ("0", "1")),
    "colours": ("hue,a,y\n#ff0000,1.5,x\n#00ff00,2,z\n#0000ff,3,x\n", 3, "y", ("a",), ("x", "z")),
    "colours without names": (
        "#ff0000,1.5,x\n#00ff00,2,z\n#0000ff,3,x\n",
        3,
        "column 3",
        ("column 2",),
        ("x", "z"),
    ),
    "an empty name beside one of that kind": (
        "a,,column 2,y\n1.5,x,2,0\n2,z,4,1\n",
        2,
        "y",
        ("a", "column 2"),
        ("0", "1"),
    ),
    "labels of more digits than floats have": (
        "a,concept\n1.5,900000000000207008\n2,900000000000207009\n3,900000000000207008\n",
        3,
        "concept",
        ("a",),
        ("900000000000207008", "900000000000207009"),
    ),
    "long decimals as labels": (
        "a,y\n1.5,0.10000000000000001\n2,0.1\n3,0.100\n",
        3,
        "y",
        ("a",),
        ("0.1", "0.10000000000000001"),
    ),
    "true and false however they are spelt": (
        "a,y\n1.5,True\n2,true\n3,FALSE\n4,False\n5,True\n6,False\n",
        6,
        "y",
        ("a",),
        ("False", "True"),
    ),
    "class by name, not last": (
        "Survived,Pclass,Age\n0,1,22.5\n1,2,30\n1,3,26\n0,3,25\n",
        4,
        "Survived",
        ("Pclass", "Age"),
        ("0", "1"),
    ),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_tables_from_elsewhere_are_read_as_a_person_would(kind, encoding, tmp_path):
    text, n_rows, target, features, classes = KINDS[kind]
    data = text.encode(encoding)
    found = inspect_csv(data)
    assert (found.n_rows, found.target, found.features, found.problems) == (n_rows, target, features, ())
    assert {c.name: c.classes for c in found.columns}[target] == classes
    config = DATASETS.make(
        "csv", sha256=store_upload(tmp_path, data, ".data"), n_train=2, n_test=0, features=features, missing="median"
    )
    assert config.rows(tmp_path) == n_rows, "a configuration decides as the page does"
    assert config.shape(tmp_path) == (len(features), len(classes))


@pytest.mark.parametrize(
    ("text", "header", "said"),
    [
        ("5.1,3.5,oak\n4.9,3.0,oak\n", None, "row 1 is read as data"),
        ("5.1,3.5,oak\n4.9,3.0,elm\n6,7,elm", True, "row 1 looks like data"),
        ("a,b,y\n1,2,x\n2,3,z\n", False, "row 1 looks like names"),
        ("0,1,2,y\n1.5,2,1,x\n2,3,2,z\n4,1,1,x\n", None, "read as names, though some are numbers"),
        ("Id,a,y\n1,1.5,x\n2,2.5,z\n", None, "'Id' only numbers the rows: left out"),
        ("Id,y\n1,x\n2,z\n", None, "'Id' only numbers the rows: the only feature there is"),
        ("a,b,y\n1,2,x\n2.5,3,z\na,b,y\n3,3,x\n", None, "row 1 stands 1 more time below"),
        ("a,y\n1.5,None\n2,Drug\n3,None\n", None, "'None' counts as a class of 'y'"),
        ("a,y\n1.5,x\n?,z\n3,x\n", None, "missing cells: 1 in 'a'"),
        ("a,f,y\n1.5,True,0\n2,False,1\n", None, "true and false are read as 1 and 0 in 'f'"),
        ("1 2\n2 3\n", None, "cells separated by blanks"),
        ("a,y\n1.5,True\n2,true\n3,False\n", None, "'True', 'true' are one class of 'y'"),
        ("a,y\n1.5,Yes\n2,yes\n3,No\n", None, "'Yes', 'yes' are different classes of 'y'"),
        ("a,y\n1.5,0\n# b,1\n2,1\n4,1\n", None, "1 row that begins as a remark"),
        (
            "left,a,when\n0,1.5,may\n1,2,july\n0,3.5,june\n" + "".join(f"1,4,m{i}\n" for i in range(60)),
            None,
            "'left' is taken for the class",
        ),
        (
            "sex,a,target\n" + "".join(f"{i % 2},1,{i / 7}\n" for i in range(40)),
            None,
            "the last column is not the target",
        ),
        ("class,a,outcome\n0,1.5,1\n1,2,0\n0,3,0\n", None, "the last column could be the class as well"),
    ],
)
def test_what_was_decided_is_said(text, header, said):
    notes = inspect_csv(text.encode(), header=header).notes
    assert any(said in note for note in notes), notes


def test_row_numbers_are_left_out_where_no_column_is_named_and_said_so(tmp_path):
    rng = np.random.default_rng(3)
    text = "Id,a,b,kind\n" + "".join(
        f"{i},{x:.3f},{y:.3f},{'ABC'[i // 30]}\n" for i, (x, y) in enumerate(rng.normal(size=(90, 2)))
    )
    sha256 = store_upload(tmp_path, text.encode(), ".csv")
    d = DATASETS.make("csv", sha256=sha256, n_train=60).load(tmp_path)
    assert d.feature_names == ("a", "b")
    assert "Left out as row numbers: 'Id'" in d.source
    asked = DATASETS.make("csv", sha256=sha256, n_train=60, features=("Id", "a")).load(tmp_path)
    assert asked.feature_names == ("Id", "a"), "who names them gets them"


HOLES = "a,b,y\n" + "".join(
    f"{'?' if i % 10 == 3 else i * i % 23},{i % 7},{'x' if i % 2 else 'z'}\n" for i in range(60)
)


def test_missing_cells_are_refused_left_out_or_filled_and_said(tmp_path):
    sha256 = store_upload(tmp_path, HOLES.encode(), ".csv")
    with pytest.raises(DataError, match=r"column 'a'.*'\?' in row 5.*6 such rows.*'missing: rows'.*'missing: median'"):
        DATASETS.make("csv", sha256=sha256).load(tmp_path)
    rows = DATASETS.make("csv", sha256=sha256, missing="rows", n_train=20, standardise=False)
    assert rows.rows(tmp_path) == 54
    d = rows.load(tmp_path)
    assert len(d.y_train) + len(d.y_test) == 54
    assert "6 rows with a missing cell left out" in d.source
    with pytest.raises(InvalidArgument, match="at most 54"):
        DATASETS.make("csv", sha256=sha256, missing="rows", n_train=55).load(tmp_path)


def test_the_median_is_that_of_the_training_rows(tmp_path):
    sha256 = store_upload(tmp_path, HOLES.encode(), ".csv")
    seen = set()
    for seed in range(8):
        d = DATASETS.make("csv", sha256=sha256, missing="median", n_train=10, seed=seed, standardise=False).load(
            tmp_path
        )
        assert len(d.y_train) + len(d.y_test) == 60
        plain = DATASETS.make("csv", sha256=sha256, features=("b",), n_train=10, seed=seed, standardise=False).load(
            tmp_path
        )
        np.testing.assert_array_equal(d.x_train[:, 1], plain.x_train[:, 0])
        said = float(d.source.split("'a' (")[1].split(")")[0])
        values = [i * i % 23 for i in range(60) if i % 10 != 3]
        holes = [x for x in np.concatenate([d.x_train, d.x_test])[:, 0] if x not in values]
        told = d.x_train[:, 0] if not holes else d.x_train[d.x_train[:, 0] != said, 0]
        assert np.median(told) == pytest.approx(said)
        assert "Missing cells filled with the training rows' median: 6 of 'a'" in d.source
        seen.add(said)
    assert len(seen) > 1, "other training rows, another median"


@pytest.mark.parametrize(("unlabelled", "classes", "rows"), [("rows", ("x", "z"), 38), ("class", ("?", "x", "z"), 40)])
def test_rows_without_a_class(unlabelled, classes, rows, tmp_path):
    text = "a,y\n" + "".join(f"{i / 3},{'?' if i in (5, 9) else 'x' if i % 2 else 'z'}\n" for i in range(40))
    sha256 = store_upload(tmp_path, text.encode(), ".csv")
    with pytest.raises(DataError, match=r"a class in every row.*'\?' in row 7.*2 such rows.*unlabelled: rows"):
        DATASETS.make("csv", sha256=sha256, target="y").load(tmp_path)
    config = DATASETS.make("csv", sha256=sha256, target="y", unlabelled=unlabelled, n_train=5)
    d = config.load(tmp_path)
    assert d.class_names == classes
    assert config.rows(tmp_path) == rows
    assert ("2 rows without a class left out" in d.source) is (unlabelled == "rows")


def table(head: str, *columns) -> str:
    return head + "\n" + "".join(",".join(map(str, row)) + "\n" for row in zip(*columns, strict=True))


NOISE = [round(x, 3) for x in np.random.default_rng(0).normal(size=60).tolist()]
FEW = np.random.default_rng(1).integers(1, 4, size=60).tolist()


@pytest.mark.parametrize("hole", [0, 7, 59])
@pytest.mark.parametrize(
    ("text", "target", "features", "way"),
    [
        ("survived,pclass,age|{y},{few},{x}", "survived", ("pclass", "age"), "rows"),
        ("length,legs,class|{x},{few},{word}", "class", ("length", "legs"), "rows"),
        ("legs,length,sort|{few},{x},{word}", "sort", ("legs", "length"), "rows"),
        ("a,legs,sign|{x},{few},{sign}", "sign", ("a", "legs"), "rows"),
        ("a,legs,given|{x},{few},{drug}", "given", ("a", "legs"), "class"),
    ],
)
def test_an_empty_class_makes_no_other_column_the_target(text, target, features, way, hole, tmp_path):
    head, row = text.split("|")
    lines = [
        row.format(x=NOISE[i], few=FEW[i], **dict.fromkeys(("y", "word", "sign", "drug"), ""))
        if i == hole
        else row.format(
            x=NOISE[i], few=FEW[i], y=i % 2, word=("ant", "bee")[i % 2], sign="+-"[i % 2], drug=("None", "Drug")[i % 2]
        )
        for i in range(60)
    ]
    data = "\n".join([head, *lines]).encode()
    found = inspect_csv(data)
    assert (found.target, found.features, found.problems) == (target, features, ())
    assert f"1 row has no class in '{target}': left out ('unlabelled: {way}')" in " ".join(found.notes)
    assert {c.name: (c.unlabelled, c.way) for c in found.columns}[target] == (1, way)
    sha256 = store_upload(tmp_path, data, ".csv")
    with pytest.raises(DataError, match=rf"'{target}'.*a missing cell in row {hole + 2}.*'unlabelled: {way}'"):
        DATASETS.make("csv", sha256=sha256).load(tmp_path)
    d = DATASETS.make("csv", sha256=sha256, unlabelled=way).load(tmp_path)
    assert (d.feature_names, d.n_classes, len(d.y_train) + len(d.y_test)) == (features, 2, 59)
    assert "1 row without a class left out" in d.source


def test_a_word_is_a_class_where_the_user_says_so_and_else_another_column_is_taken_with_a_note(tmp_path):
    text = table("a,legs,y", NOISE, FEW, ["?" if i == 5 else "x" for i in range(60)])
    found = inspect_csv(text.encode())
    assert found.target == "legs"
    assert {"'legs' is taken for the class: choose another column if it is not"} <= set(found.notes)
    assert any("the last column is not the target" in note for note in found.notes)
    sha256 = store_upload(tmp_path, text.encode(), ".csv")
    assert DATASETS.make("csv", sha256=sha256, unlabelled="class").load(tmp_path).class_names == ("?", "x")


COUNT = list(range(1, 61))


@pytest.mark.parametrize(
    ("name", "numbers", "said"),
    [
        ("Id", COUNT, "'Id' only numbers the rows: "),
        ("Id", [1, *COUNT[:-1]], "but for 1 that has no number of its own"),
        ("Id", ["", *COUNT[1:]], "but for 1"),
        ("Id", [*COUNT[:30], "NA", *COUNT[31:]], "but for 1"),
        ("Id", [(7 * i) % 61 or 5 for i in COUNT[:-1]] + [7], "but for 1"),
        ("patient id", [i // 2 for i in COUNT], "but for 29 that have no number of their own"),
        ("patient id", [900000000000207000 + i for i in COUNT], "'patient id' only numbers the rows: "),
        ("", [*COUNT[:30], 30, *COUNT[31:]], "but for 1"),
        ("visit", [*COUNT[:30], *range(35, 65)], "but for 1"),
        ("visit", [*COUNT[:30], 30, *COUNT[31:]], "but for 1"),
        ("visit", [*COUNT[:30], "", *COUNT[31:]], "but for 1"),
        ("visit", [*COUNT[:30], "", *COUNT[30:-1]], "but for 1"),
        ("visit", [100 - i - (i > 9) for i in COUNT], "but for 1"),
        ("Id", FEW, ""),
        ("store id", [i // 20 for i in COUNT], ""),
        ("visit", [2 * i for i in COUNT], ""),
        ("time", [i / 2 for i in COUNT], ""),
        ("visit", [i % 30 for i in COUNT], ""),
    ],
)
def test_what_nearly_numbers_the_rows_is_no_feature(name, numbers, said, tmp_path):
    text = table(f"{name},a,kind", numbers, NOISE, sorted("xyz" * 20))
    found = inspect_csv(text.encode())
    assert found.target == "kind"
    assert len(found.features) == (1 if said else 2)
    assert any(said in note and note.endswith("left out of the features") for note in found.notes) is bool(said)
    if said:
        sha256 = store_upload(tmp_path, text.encode(), ".csv")
        assert DATASETS.make("csv", sha256=sha256).load(tmp_path).feature_names == ("a",)


@pytest.mark.parametrize("times", [10, 30, 100])
@pytest.mark.parametrize("value", ["0.1", "-1e-7", "123456.7", "1e300", "5e-324", "0"])
def test_a_constant_column_becomes_zero(times, value, tmp_path):
    text = table("a,b,kind", [value] * times, range(0, 3 * times, 3), ["xz"[i % 2] for i in range(times)])
    sha256 = store_upload(tmp_path, text.encode(), ".csv")
    d = DATASETS.make("csv", sha256=sha256, n_train=8, features=("a", "b")).load(tmp_path)
    x = np.concatenate([d.x_train, d.x_test])
    assert not x[:, 0].any()
    assert x[:, 1].std() == pytest.approx(1)


@pytest.mark.parametrize("options", [{}, {"components": 2}, {"components": 2, "standardise": False}])
@pytest.mark.parametrize("power", ["e-320", "e-200", "e200", "e305"])
def test_features_of_any_size_are_scaled(options, power, tmp_path):
    def load(power):
        text = table("a,b,kind", [f"{x:.3f}{power}" for x in NOISE], [f"{x}{power}" for x in FEW], ["x", "z"] * 30)
        d = DATASETS.make("csv", sha256=store_upload(tmp_path, text.encode(), ".csv"), **options).load(tmp_path)
        return np.concatenate([d.x_train, d.x_test])

    np.testing.assert_allclose(load(power), load(""), atol=2e-3 if power == "e-320" else 1e-8)


@pytest.mark.parametrize("options", [{}, {"components": 1}, {"components": 1, "standardise": False}])
def test_the_largest_number_beside_others_is_far_from_them(options, tmp_path):
    text = table("a,kind", ["1.7976931348623157e308", *NOISE[1:]], ["x", "z"] * 30)
    d = DATASETS.make("csv", sha256=store_upload(tmp_path, text.encode(), ".csv"), n_train=58, **options).load(tmp_path)
    assert np.concatenate([d.x_train, d.x_test]).max() == pytest.approx(59**0.5)


def test_the_median_of_large_numbers_is_between_them():
    x, said = filled(np.array([[1.7e308], [1.5e308], [np.nan]]), np.arange(3), ("a",))
    assert x[2, 0] == 1.6e308
    assert "1 of 'a' (1.6e+308)" in said


def test_what_is_not_scaled_is_refused_where_it_is_too_large(tmp_path):
    text = table("a,b,kind", NOISE, [*NOISE[:5], "-1e101", *NOISE[6:]], ["x", "z"] * 30)
    sha256 = store_upload(tmp_path, text.encode(), ".csv")
    with pytest.raises(DataError, match=r"column 'b'.*got -1e\+101 in row 7\. Standardise"):
        DATASETS.make("csv", sha256=sha256, standardise=False).load(tmp_path)
    DATASETS.make("csv", sha256=sha256, standardise=False, features=("a",)).load(tmp_path)


@pytest.mark.parametrize(
    ("data", "what"),
    [
        *[("a,y\n1,0\n2,1\n".encode(codec), "text in UTF-32") for codec in ("utf-32", "utf-32-le", "utf-32-be")],
        (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", "a picture"),
        (b"\xff\xd8\xff\xe0\x00\x10JFIF", "a picture"),
        (b"PAR1\x15\x04\x15", "arrays or a database"),
        (b"\n<!DOCTYPE html>\n<html>a,y</html>", "a web page"),
        (b"\xef\xbb\xbf<?xml version='1.0'?>\n<table/>", "a web page"),
        ("<HTML><body>1,2</body>".encode("utf-16"), "a web page"),
    ],
)
def test_files_of_other_kinds_are_told_as_what_they_are(data, what):
    (problem,) = inspect_csv(data).problems
    assert f"got {what}" in problem


def test_what_a_spreadsheet_writes_where_a_formula_fails_is_no_remark():
    found = inspect_csv(b"a,b,y\n1,2,0\n#DIV/0!,3,1\n3,4,0\n#N/A,5,1\n")
    assert found.n_rows == 4
    assert {c.name: c.problem for c in found.columns}["a"] == "text '#DIV/0!' in row 3"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"," * 4_000_000, "at most 1,000,000 characters"),
        (b"a,b\n" + b"\n" * 2_000_000, "at most 500,000 lines"),
        (b'a,b\n"' + b"x,\n" * 500_000, "row 2: expected"),
        (b'"x\n",' * 400_000, "different column names|at most 1,000"),
        (b"#\n" * 2_000_000, "at most 500,000 lines"),
        (b"1,2\n" * 200_001, "at most 200,000 rows"),
    ],
    ids=["one row", "blank lines", "open quote", "row of many lines", "remarks", "rows"],
)
def test_hostile_tables_are_refused_within_bounds(data, message):
    tracemalloc.start()
    problems = inspect_csv(data).problems
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert re.search(message, problems[0])
    assert peak < 60e6 + 6 * len(data), "never as many objects as cells"
