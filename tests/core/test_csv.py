"""Uploaded tables: what is read, and that every bad input gets a message that names the place and the remedy."""

from __future__ import annotations

import hashlib
import io
import json

import numpy as np
import pytest

from qhn_core.datasets import DATASETS, find_upload, inspect_csv, store_upload
from qhn_core.datasets.cost_table import read_costs
from qhn_core.errors import DataError, InvalidArgument, MissingUpload, QHNError, UnknownName
from qhn_core.uploads import MAX_BYTES

GOOD = "height,width,kind\n" + "".join(f"{i * 0.5},{-i * 0.25},{'cat' if i % 3 else 'dog'}\n" for i in range(30))


def load(tmp_path, content: str | bytes, **options):
    data = content.encode() if isinstance(content, str) else content
    sha256 = store_upload(tmp_path, data, ".csv")
    return DATASETS.make("csv", **{"sha256": sha256, "n_train": 4, "n_test": 5} | options).load(tmp_path)


def test_a_good_table_is_read_and_drawn_without_overlap(tmp_path):
    d = load(tmp_path, GOOD, n_train=10, n_test=100, standardise=False)
    assert d.x_train.shape == (10, 2)
    assert d.x_test.shape == (20, 2)
    assert d.class_names == ("cat", "dog")
    assert d.feature_names == ("height", "width")
    assert "20 remained" in d.source
    rows = {tuple(row) for row in np.concatenate([d.x_train, d.x_test])}
    assert rows == {(i * 0.5, -i * 0.25) for i in range(30)}
    for x, y in ((d.x_train, d.y_train), (d.x_test, d.y_test)):
        np.testing.assert_array_equal(y, np.where(x[:, 0] * 2 % 3, 0, 1))


def test_target_features_and_projection_are_chosen_by_name(tmp_path):
    text = "y,a,b,c,note\n" + "".join(f"{i % 2},{i},{i * i},{-i % 7},hm\n" for i in range(20))
    d = load(tmp_path, text, target="y", features=("c", "a"))
    assert d.feature_names == ("c", "a")
    assert abs(np.concatenate([d.x_train, d.x_test]).mean()) < 1
    d = load(tmp_path, text, target="y", features=("a", "b", "c"), components=2, n_test=16)
    x = np.concatenate([d.x_train, d.x_test])
    np.testing.assert_allclose(np.cov(x.T, bias=True), np.eye(2), atol=1e-6)
    assert d.feature_names == ("PC1", "PC2")
    sha256 = hashlib.sha256(text.encode()).hexdigest()
    config = DATASETS.make("csv", sha256=sha256, target="y", features=("a", "b", "c"), components=2)
    assert config.shape(tmp_path) == (2, 2)


@pytest.mark.parametrize(
    ("encoding", "said"),
    [
        ("utf-8", ""),
        ("utf-8-sig", "byte order mark"),
        ("utf-16", "UTF-16"),
        ("utf-16-le", "UTF-16"),
        ("latin-1", "Latin-1"),
    ],
)
def test_encodings_are_recognised_and_said(tmp_path, encoding, said):
    data = GOOD.replace("dog", "bär").encode(encoding)
    assert load(tmp_path, data).class_names == ("bär", "cat")
    notes = inspect_csv(data).notes
    assert any(said in note for note in notes) if said else not notes


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_separators_and_line_ends(tmp_path, delimiter, newline):
    text = GOOD.replace(",", delimiter).replace("\n", newline)
    assert load(tmp_path, text).class_names == ("cat", "dog")


def test_quotes_blank_lines_header_off_and_trailing_separators(tmp_path):
    quoted = '"a, b","say ""x""",y\n' + "\n".join(f'"{i}",{i},"k{i % 2}"' for i in range(10)) + "\n\n,,\n"
    assert load(tmp_path, quoted).feature_names == ("a, b", 'say "x"')
    bare = "".join(f"{i},{i % 2}\n" for i in range(10))
    d = load(tmp_path, bare, header=False)
    assert d.feature_names == ("column 1",)
    assert len(d.y_train) + len(d.y_test) == 9
    assert len(load(tmp_path, bare, n_test=6).y_test) == 6, "all ten rows are data"
    assert any("header off" in n for n in inspect_csv(b"1,2\n3,4\n5,6\n", header=True).notes)
    trailing = "a,y,\n" + "".join(f"{i},{i % 2},\n" for i in range(10))
    assert load(tmp_path, trailing).feature_names == ("a",)


def test_numbers_spelt_differently_are_one_class(tmp_path):
    text = "a,y\n" + "".join(f"{i},{v}\n" for i, v in enumerate(["1", "1.0", "2", "02", "10", "10.0"]))
    assert load(tmp_path, text, n_train=2).class_names == ("1", "2", "10")


def bad_rows(row: str) -> str:
    return GOOD + row + "\n"


BAD = {
    "empty": ("", "empty file"),
    "blank": ("\n\n  \n", "empty file"),
    "header only": ("a,b,y\n", "header only"),
    "one class": ("a,y\n" + "1,x\n" * 9, r"column 'y'.*at least 2.*only 'x'"),
    "text": (bad_rows("tall,1,cat"), r"column 'height'.*text 'tall' in row 32.*code it as numbers"),
    "decimal comma": (GOOD.replace(",", ";") + '"1,5";2;cat\n', r"text '1,5' in row 32.*with a point"),
    "missing": (bad_rows(",1,cat"), r"column 'height'.*missing cell in row 32.*Fill"),
    "NA": (bad_rows("1,NA,cat"), r"column 'width'.*'NA' in row 32, which counts as a missing cell\. Fill"),
    "NaN": (bad_rows("nan,1,cat"), r"'nan' in row 32, which counts as a missing cell"),
    "infinity": (bad_rows("inf,1,cat"), r"'inf' in row 32"),
    "overflow": (bad_rows("1e999,1,cat"), r"'1e999' in row 32"),
    "underscore": (bad_rows("1_000,1,cat"), r"text '1_000' in row 32"),
    "missing label": (bad_rows("1,2,"), r"column 'kind'.*class in every row.*row 32"),
    "short row": (bad_rows("1,2"), r"row 32: expected 3 cells.*got 2"),
    "long row": (bad_rows("1,2,cat,4"), r"row 32: expected 3 cells.*got 4"),
    "duplicate header": ("a,a,y\n1,2,x\n", r"header.*'a' 2 times.*Rename"),
    "10,000 columns": (
        ",".join(f"c{i}" for i in range(10_000)) + "\n" + ",".join("1" * 10_000),
        "at most 1,000 columns",
    ),
    "continuous label": ("a,y\n" + "".join(f"{i},{i / 7}\n" for i in range(50)), r"at most 20 different classes"),
    "one column": ("y\n" + "a\nb\n" * 5, "a column beside the target"),
    "open quote": ('a,y\n1,x\n"2,y\n3,x\n', r"row 3.*matching quotes"),
    "spreadsheet": (b"PK\x03\x04" + b"\x00\x01" * 50, "text file.*Export the table as CSV"),
    "binary": (b"a,b\n\x00\x01\x02,1\n", "text file"),
    "broken UTF-16": (b"\xff\xfea\x00,\x00\x00\xd8", "text file"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_tables_get_a_message_with_place_and_remedy(tmp_path, case):
    content, message = BAD[case]
    with pytest.raises(DataError, match=message) as caught:
        load(tmp_path, content)
    assert len(str(caught.value)) < 600
    data = content.encode() if isinstance(content, str) else content
    inspect_csv(data)  # lists problems, and never raises


def test_several_text_columns_are_all_named(tmp_path):
    text = "name,city,a,y\n" + "".join(f"n{i},c{i},{i},{i % 2}\n" for i in range(9))
    with pytest.raises(DataError, match=r"2 such columns: name, city"):
        load(tmp_path, text)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"target": "colour"}, r"target: expected a column of the file \(height, width, kind\), got colour"),
        ({"features": ("height", "depth")}, r"features: expected a column"),
        ({"features": ("kind",)}, "other than the target"),
        ({"features": ("height", "height")}, "each column once"),
        ({"components": 3}, "at most 2"),
        ({"n_train": 31}, "n_train: expected at most 30, the rows of 'csv', got 31. Choose at most 30"),
    ],
)
def test_bad_options_get_a_message(tmp_path, options, message):
    with pytest.raises(InvalidArgument, match=message):
        load(tmp_path, GOOD, **options)


def test_too_large_is_refused_before_it_is_read(tmp_path):
    with pytest.raises(DataError, match=r"at most 50 MB, got 100 MB"):
        store_upload(tmp_path, bytes(100_000_000), ".csv")
    assert list(tmp_path.iterdir()) == []
    sha256 = "0" * 64
    with (tmp_path / f"{sha256}.csv").open("wb") as file:
        file.truncate(MAX_BYTES + 1)
    with pytest.raises(DataError, match="at most 50 MB"):
        DATASETS.make("csv", sha256=sha256).load(tmp_path)
    assert "at most 50 MB" in inspect_csv(bytes(MAX_BYTES + 1)).problems[0]


def test_too_many_rows_stop_the_reading():
    assert "at most 200,000 rows" in inspect_csv(b"a,y\n" + b"1,0\n" * 200_001).problems[0]


def test_inspection_proposes_target_and_features():
    found = inspect_csv(b"id,a,when,y\n" + b"".join(b"%d,%d,may,%d\n" % (i, i % 30, i % 3) for i in range(40)))
    assert found.n_rows == 40
    assert found.target == "y"
    assert found.features == ("a",), "what numbers the rows is no feature"
    assert {c.name: c.classes for c in found.columns}["y"] == ("0", "1", "2")
    assert {c.name: c.problem for c in found.columns}["when"] == "text 'may' in row 2"
    assert found.problems == ()


def test_why_no_column_can_be_the_target_is_told():
    one_class = inspect_csv(b"a,b\n" + b"".join(b"%d,x\n" % i for i in range(30))).problems[0]
    assert one_class.startswith("No column can be the target")
    assert "column 'b': expected at least 2 different classes, got only 'x'" in one_class
    holes = inspect_csv(b"a,b\n" + b"".join(b"%d,%s\n" % (i, b"x" if i else b"") for i in range(30))).problems[0]
    assert "column 'b': expected a class in every row, got a missing cell in row 2" in holes
    other = inspect_csv(b"a,b,y\n" + b"".join(b"%d,%d,%s\n" % (i, i % 2, b"x" if i else b"?") for i in range(30)))
    assert other.target == "b"
    assert "'?' in row 2, which counts as a missing cell" in " ".join(other.notes)


EUROPEAN = "a;b;kind\n" + "".join(f"{i},5;{-i},25;{'x' if i % 2 else 'y'}\n" for i in range(30))


@pytest.mark.parametrize(
    ("text", "names"),
    [
        (EUROPEAN, ("a", "b")),
        (EUROPEAN.replace(";", "\t"), ("a", "b")),
        (EUROPEAN.replace("0,5;0,25", "7;8"), ("a", "b")),
        ("a;b;c;d;kind\n" + "".join(f"{i},5;{i},25;1,0;0,5;{i % 2}\n" for i in range(30)), ("a", "b", "c", "d")),
    ],
)
def test_semicolons_and_decimal_commas_are_recognised(tmp_path, text, names):
    d = load(tmp_path, text, standardise=False, n_test=26)
    assert d.feature_names == names
    assert {1.5, 2.5} <= set(np.concatenate([d.x_train, d.x_test])[:, 0])
    assert "decimals read with a comma" in inspect_csv(text.encode()).notes


def test_semicolons_are_recognised_without_a_header(tmp_path):
    d = load(tmp_path, EUROPEAN.split("\n", 1)[1], header=False, standardise=False)
    assert d.feature_names == ("column 1", "column 2")


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("7.5;1;x", r"column 'a'.*text '0,5' in row 2 .*Write decimals with a point"),
        ("1.234,5;1;x", r"column 'a'.*text '1\.234,5' in row 32.*Write decimals with a point, and thousands without"),
        ("1,234,5;1;x", r"column 'a'.*text '1,234,5' in row 32.*Write decimals with a point, and thousands without"),
    ],
)
def test_decimals_that_are_not_alike_are_refused(tmp_path, row, message):
    with pytest.raises(DataError, match=message):
        load(tmp_path, EUROPEAN + row + "\n")


def test_what_may_be_thousands_is_not_read_as_decimals(tmp_path):
    with pytest.raises(DataError, match=r"text '1,234' in row 2.*Write decimals with a point"):
        load(tmp_path, "a;kind\n" + "".join(f"1,234;{i % 2}\n" for i in range(9)))


def test_commas_still_separate_where_cells_hold_other_marks(tmp_path):
    text = "note,a,kind\n" + "".join(f'"one; two",{i},{i % 2}\n' for i in range(20))
    assert [c.name for c in inspect_csv(text.encode()).columns] == ["note", "a", "kind"]


# -- the folder ---------------------------------------------------------------------------------------------------


def test_uploads_are_kept_once_under_their_hash(tmp_path):
    folder = tmp_path / "deep" / "uploads"
    sha256 = store_upload(folder, b"a,b\n", ".csv")
    assert store_upload(folder, b"a,b\n", ".csv") == sha256 == hashlib.sha256(b"a,b\n").hexdigest()
    assert [p.name for p in folder.iterdir()] == [f"{sha256}.csv"]
    assert find_upload(folder, sha256).read_bytes() == b"a,b\n"


@pytest.mark.parametrize(
    "name", ["", "../" * 22 + "ab", "/etc/passwd", "A" * 64, "0" * 63, "0" * 64 + "\n", "é" * 64, None]
)
def test_only_hashes_become_file_names(tmp_path, name):
    with pytest.raises(InvalidArgument, match="SHA-256"):
        find_upload(tmp_path, name)
    if name:
        for variant in ("csv", "cost_table"):
            with pytest.raises(InvalidArgument):
                DATASETS.make(variant, sha256=name)


def test_missing_changed_and_unchosen_uploads(tmp_path):
    config = DATASETS.make("csv", sha256="1" * 64)
    for folder in (tmp_path, None):
        with pytest.raises(MissingUpload, match="Upload the same CSV again"):
            config.load(folder)
    (tmp_path / f"{'1' * 64}.csv").write_bytes(GOOD.encode())
    with pytest.raises(DataError, match="changed file"):
        config.load(tmp_path)
    with pytest.raises(DataError, match="Choose a CSV"):
        DATASETS.make("csv").load(tmp_path)
    with pytest.raises(UnknownName, match="suffix"):
        store_upload(tmp_path, b"x", ".exe")


# -- cost tables --------------------------------------------------------------------------------------------------


def npy(array) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=True)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("data", "suffix"),
    [
        (npy(np.array([1.0, 2.0, 0.5, 3.0])), ".npy"),
        (npy(np.array([1.0, 2.0, 0.5, 3.0], dtype=np.float32)), ".npy"),
        (b"[1, 2, 0.5, 3]", ".json"),
        (b"1\n2\n0.5\n3\n", ".csv"),
        (b"cost\n1\n2\n0.5\n3\n", ".csv"),
        (b"1, 2, 0.5, 3", ".txt"),
        (b"\xef\xbb\xbf1\r\n2\r\n\r\n0.5\r\n3\r\n", ".txt"),
    ],
)
def test_cost_files_are_read(tmp_path, data, suffix):
    sha256 = store_upload(tmp_path, data, suffix)
    d = DATASETS.make("cost_table", sha256=sha256).load(tmp_path)
    assert d.costs.tolist() == [1.0, 2.0, 0.5, 3.0]
    assert "2 bits" in d.source


@pytest.mark.parametrize(
    ("data", "suffix", "message"),
    [
        (b"1 2 3", ".txt", r"2\^N costs.*got 3.*2 or 4"),
        (b"1", ".txt", "got 1"),
        (b"", ".npy", "empty file"),
        (npy(np.zeros((2, 2))), ".npy", "one vector"),
        (npy(np.array([{}, None], dtype=object)), ".npy", "NumPy array"),
        (npy(np.array(["a", "b"])), ".npy", "real numbers"),
        (b"PK\x03\x04 nonsense", ".npy", "NumPy array"),
        (b"\x93NUMPY\x01\x00v\x00{", ".npy", "NumPy array"),
        (b'{"a": 1}', ".json", "JSON list"),
        (b"[1, true]", ".json", "JSON list"),
        (b"[" * 100_000, ".json", "JSON list"),
        (b"[1, 1" + b"0" * 400 + b"]", ".json", "JSON list|finite"),
        (b"1\ntwo\n", ".txt", "line 2.*two"),
        (b"1\nnan\n", ".txt", "nan at index 1"),
        (b"1\ninf\n", ".csv", "inf at index 1"),
        (b"\xff\xfe1", ".txt", "UTF-8"),
    ],
)
def test_bad_cost_files_get_a_message(data, suffix, message):
    with pytest.raises(DataError, match=message):
        read_costs(data, suffix)


def test_inline_costs():
    assert DATASETS.make("cost_table", costs=(0.0, 1.0)).load().costs.tolist() == [0.0, 1.0]
    with pytest.raises(DataError, match="nearest are 4 or 8"):
        DATASETS.make("cost_table", costs=(0.0,) * 5).load()
    for bad in ((0.0,) * 4097, (0.0, float("nan")), ("x", 1.0)):
        with pytest.raises(QHNError, match="costs"):
            DATASETS.make("cost_table", costs=bad)
    again = DATASETS.parse(json.loads(DATASETS.make("cost_table", costs=(0.0, 1.0)).model_dump_json()))
    assert again.load().costs.tolist() == [0.0, 1.0]
