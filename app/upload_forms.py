"""Uploads in forms: a file is kept under its content hash, and a configuration names it by that hash alone."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import streamlit as st

from app import state
from app.describe import counted
from app.fields import Spec
from qhn_core.datasets import DATASETS
from qhn_core.datasets.csv import ColumnSummary, CsvSummary, inspect_csv
from qhn_core.errors import QHNError
from qhn_core.uploads import MAX_BYTES, SUFFIXES, TABLE_SUFFIXES, find_upload, read_upload, store_upload

#: Fields of a table that the uploader offers as choices among its columns.
COLUMN_FIELDS = frozenset({"target", "features", "header", "missing", "unlabelled"})
#: Largest file. The browser refuses larger ones by itself: it marks them red, and the server never hears of them.
MEGABYTES = MAX_BYTES // 1_000_000
#: A new table keeps the number of training rows that was asked for up to this fraction of its rows; else it gets TRAIN.
_MOST, _TRAIN = 0.8, 0.7
_FILE_HELP = {
    True: "A table with a row for each example: columns of numbers, and one with the class. It is kept on this server "
    "under a name made of its content.",
    False: "The costs of all 2^N strings, a line each, alone or beside its bitstring or index; also .json, .npy.",
}
_REFUSED = (
    f" A file marked red is refused: it has more than {MEGABYTES} MB, or is of another kind. The one in use stays."
)


def is_upload(spec: Spec) -> bool:
    """Whether a field holds the content hash of an uploaded file."""
    return spec.name == "sha256"


def upload_widget(spec: Spec, values: Mapping[str, Any], *, uploads: Path, key: str) -> dict[str, Any]:
    """The uploader of a variant, and the choice of columns where it is a table; returns the fields that it sets."""
    table = values.keys() >= COLUMN_FIELDS
    suffixes = TABLE_SUFFIXES if table else SUFFIXES
    file = st.file_uploader(
        f"{'CSV file' if table else 'Cost table file'}, up to {MEGABYTES} MB",
        type=[suffix.lstrip(".") for suffix in suffixes],
        key=f"{key}.file",
        help=_FILE_HELP[table] + _REFUSED,
        max_upload_size=MEGABYTES,
    )
    sha256 = str(values.get("sha256", ""))
    if file is not None:
        try:
            sha256 = store_upload(uploads, file.getvalue(), Path(file.name).suffix.lower())
            state.remember_file(sha256, file.name)
        except (QHNError, OSError) as error:
            st.error(f"{file.name}: {error}")
    if not sha256:
        return {"sha256": ""}
    new = sha256 != values.get("sha256")
    st.caption(_which(sha256, uploads, suffixes))
    if not table:
        _say_costs(str(uploads), sha256)
        return {"sha256": sha256}
    return {"sha256": sha256} | _columns(sha256, values, uploads=uploads, key=f"{key}.{sha256[:8]}", new=new)


def _which(sha256: str, uploads: Path, suffixes: tuple[str, ...]) -> str:
    """The file that is in use, which a refused one does not replace."""
    try:
        size = find_upload(uploads, sha256, suffixes=suffixes).stat().st_size
    except QHNError as error:
        return f":red[{error}]"
    name = state.file_names()(sha256).replace("`", "") or "a file"
    return f"In use: `{name}`, {size:,} bytes, content hash {sha256[:12]}…"


def _say_costs(folder: str, sha256: str) -> None:
    """How the file of costs is read; what is wrong with it is said with the other problems."""
    with contextlib.suppress(QHNError):
        st.caption(_costs_read(folder, sha256))


@st.cache_data(max_entries=8, show_spinner=False)
def _costs_read(folder: str, sha256: str) -> str:
    return DATASETS.make("cost_table", sha256=sha256).load(Path(folder)).source


@st.cache_data(max_entries=8, show_spinner=False)
def _inspected(folder: str, sha256: str, header: bool | None) -> CsvSummary:
    return inspect_csv(read_upload(Path(folder), sha256, suffixes=TABLE_SUFFIXES, what="CSV"), header=header)


def _columns(sha256: str, values: Mapping[str, Any], *, uploads: Path, key: str, new: bool) -> dict[str, Any]:
    """Target and features among the columns of the table; what was decided or stands in the way is said."""
    held = None if new else values["header"]
    try:
        found = _inspected(str(uploads), sha256, held)
        header = st.toggle(
            "Row 1 holds the names",
            found.header,
            key=f"{key}.header",
            help="Whether the first line names the columns, or is an example like the others.",
        )
        if header != found.header:
            found = _inspected(str(uploads), sha256, header)
    except QHNError:
        return {"header": held}
    for problem in found.problems:
        st.error(problem)
    if found.notes:
        st.caption("  \n".join(f"{note[0].upper()}{note[1:]}." for note in found.notes))
    targets = [column.name for column in found.columns if column.classes]
    if not targets:
        return {"header": header, "target": "", "features": ()}
    asked = values["target"] if values["target"] in targets else found.target
    target = str(
        st.selectbox(
            "Class column",
            targets,
            targets.index(asked),
            key=f"{key}.{header}.target",
            help="The column that is to be predicted.",
        )
    )
    chosen = {"header": header, "target": target} | _unlabelled(found, target, values, f"{key}.{header}.{target}")
    chosen |= _features(found, target, values, f"{key}.{header}.{target}")
    return chosen | (_split(values, _rows_left(found, chosen)) if new else {})


def _unlabelled(found: CsvSummary, target: str, values: Mapping[str, Any], key: str) -> dict[str, str]:
    """What becomes of rows whose class is empty, or a word such as NA: asked where there are some."""
    column = next(column for column in found.columns if column.name == target)
    if not (column.words or column.unlabelled):
        return {"unlabelled": "auto"}
    ways = {"rows": "Leave their rows out"} | ({"class": "A class of its own"} if column.words else {})
    usual = "rows" if column.way == "rows" else "class"
    at = list(ways).index(values["unlabelled"] if values["unlabelled"] in ways else usual)
    written = ", ".join(f"'{word}'" for word in column.words) or "empty"
    label = f"Class {written}" + (f": {counted(column.unlabelled, 'row')}" if usual == "rows" else "")
    return {
        "unlabelled": str(
            st.selectbox(
                label,
                list(ways),
                at,
                format_func=ways.__getitem__,
                key=f"{key}.no_class",
                help="Leave these rows out, or take the word as a class of its own.",
            )
        )
    }


def _features(found: CsvSummary, target: str, values: Mapping[str, Any], key: str) -> dict[str, Any]:
    """The chosen columns of numbers, and what becomes of their missing cells.

    No column is named where the choice is what that means: all beside the target but row numbers.
    """
    others = [column for column in found.columns if column.name != target]
    numeric = [column.name for column in others if column.numeric]
    usual = [c.name for c in others if c.numeric and not c.row_number and 2 * c.missing <= found.n_rows] or numeric
    chosen = [name for name in values["features"] if name in numeric] or usual
    features = st.multiselect(
        f"Features, of {counted(len(numeric), 'column')} of numbers",
        numeric,
        chosen,
        key=f"{key}.features",
        placeholder="None chosen: all but row numbers",
        help="Columns from which the class is to be told; each is one input of the network.",
    )
    skipped = [column for column in others if column.problem]
    if skipped:
        more = f"; and {len(skipped) - 5} more" if len(skipped) > 5 else ""
        st.caption("Not usable: " + "; ".join(f"{c.name} ({c.problem})" for c in skipped[:5]) + more)
    used = list(features or usual)
    unnamed = [c.name for c in others if not c.row_number]
    named = () if used == (unnamed or numeric) else tuple(used)
    return {"features": named} | _missing([c for c in others if c.name in used and c.missing], values, key)


def _missing(holes: list[ColumnSummary], values: Mapping[str, Any], key: str) -> dict[str, str]:
    """What becomes of missing cells of features: asked where there are some."""
    if not holes:
        return {"missing": "refuse"}
    ways = {"rows": "Leave their rows out", "median": "Median of the training rows"}
    at = list(ways).index(values["missing"] if values["missing"] in ways else "rows")
    named = ", ".join(f"{c.missing} in {c.name}" for c in holes[:3]) + (", …" if len(holes) > 3 else "")
    label = f"Missing cells: {named}"
    return {
        "missing": str(
            st.selectbox(
                label,
                list(ways),
                at,
                format_func=ways.__getitem__,
                key=f"{key}.missing",
                help="Leave these rows out, or fill the gaps with the median of the training rows.",
            )
        )
    }


def _rows_left(found: CsvSummary, chosen: Mapping[str, Any]) -> int:
    """At least so many rows are left when those without a class, or with a missing cell, are left out as chosen."""
    gone = 0
    for column in found.columns:
        if column.name == chosen["target"]:
            gone += column.unlabelled if chosen["unlabelled"] != "auto" else 0
        elif chosen["missing"] == "rows" and column.name in (chosen["features"] or found.features):
            gone += column.missing
    return max(2, found.n_rows - gone)


def _split(values: Mapping[str, Any], rows: int) -> dict[str, int]:
    """Numbers of training and test rows for a new table of ``rows`` rows: as asked for, where it has as many."""
    n_train = int(values["n_train"])
    if n_train > _MOST * rows:
        n_train = max(2, round(_TRAIN * rows))
    return {"n_train": n_train, "n_test": max(0, min(int(values["n_test"]), rows - n_train))}
