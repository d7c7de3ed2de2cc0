"""Explore: a small sweep around the run's configuration, and the command line for a large one."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import streamlit as st

from app import services
from app.describe import value_text
from app.fields import specs
from app.figures.sweep_map import sweep_figure
from app.jobs import Job, Watch, jobs
from app.live_chart import live_chart
from app.views.explore.focus import Focus, View
from qhn_core.config import SECTIONS, RunConfig
from qhn_core.errors import Cancelled, QHNError
from qhn_core.metrics import LOGGED, METRICS
from qhn_core.studies.sweep import SweepConfig, SweepFolder, run_cell, table

#: Most cells of a sweep on the page; larger ones belong on the command line.
MOST_CELLS = 64
NONE = "none"
#: Values offered at first.
_VALUES = {
    "objective.beta": "0.1, 0.3, 1",
    "objective.lam": "0.1, 0.3, 1, 3",
    "objective.gamma": "0.3, 0.7, 1.5",
    "ansatz.layers": "1, 2, 3, 4",
    "optimiser.lr": "0.02, 0.05, 0.1",
    "dataset.n_train": "10, 20, 40",
    "dataset.label_noise": "0, 0.1, 0.2",
    "dataset.noise": "0.2, 0.45, 0.7",
    "network.output_scale": "0.5, 1, 2",
    "steps": "100, 250",
}


def fields_of(config: RunConfig) -> list[str]:
    """Dotted names of the fields with numbers that a sweep may vary."""
    found = ["steps"]
    for section in ("objective", "ansatz", "optimiser", "dataset", "network", "prior"):
        part = getattr(config, section)
        if part is None:
            continue
        for spec in specs(SECTIONS[section][part.name]):
            name = f"{section}.{spec.name}"
            if name in _VALUES or (spec.kind in ("int", "float") and not spec.advanced):
                found.append(name)
    known = [name for name in _VALUES if name in found]
    return known + [name for name in dict.fromkeys(found) if name not in known]


def numbers(text: str) -> list[float | int]:
    """Numbers in a text, parted by commas or spaces; ValueError names what is none."""
    found: list[float | int] = []
    for part in text.replace(";", ",").replace(",", " ").split():
        try:
            value = float(part)
        except ValueError:
            raise ValueError(f"'{part}' is not a number") from None
        found.append(int(value) if value.is_integer() else value)
    if not found:
        raise ValueError("no values given")
    return list(dict.fromkeys(found))


def work(sweep: SweepConfig, folder: Path, uploads: str, watch: Watch) -> int:
    """Train the cells that are missing, one after the other; returns how many there are."""
    cells, store = sweep.cells(), SweepFolder(folder)
    for k, cell in enumerate(cells):
        if watch.cancelled():
            raise Cancelled("The sweep was stopped.")
        if not store.has(cell.key):
            store.put(cell.key, run_cell(cell.config.to_json(), uploads))
        watch.progress((k + 1) / len(cells))
    return len(cells)


def show(view: View, focus: Focus) -> None:
    """The form, the map, and the command line."""
    left, right = st.columns([1, 1.7], gap="medium")
    with left:
        sweep = _form(focus)
        job = _buttons(sweep) if sweep is not None else None
    with right:
        if job is not None:
            view.waiting |= not job.ready
        if sweep is not None:
            _map(sweep, job)
        _command(focus, sweep)


def _form(focus: Focus) -> SweepConfig | None:
    fields = fields_of(focus.config)
    axes: dict[str, Any] = {}
    for k, (label, options) in enumerate((("Rows", fields), ("Columns", [*fields, NONE]))):
        left, right = st.columns([1.2, 1], gap="small", vertical_alignment="bottom")
        name = left.selectbox(
            label,
            options,
            index=min(k, len(options) - 1),
            key=f"explore.axis{k}",
            help="The setting that changes along this side of the map.",
        )
        if name == NONE or name in axes:
            continue
        start = _VALUES.get(name, _around(focus.config, name))
        text = right.text_input(
            "Values",
            start,
            key=f"explore.values{k}.{name}",
            help="The values that the setting takes, with commas between them.",
        )
        try:
            axes[name] = numbers(text)
        except ValueError as error:
            st.error(f"{name}: {error}")
            return None
    left, right = st.columns([1.2, 1], gap="small", vertical_alignment="bottom")
    metric = left.selectbox(
        "Show",
        LOGGED,
        index=LOGGED.index("predictive_nll_test"),
        format_func=lambda name: METRICS[name].label,
        key="explore.metric",
        help="The quantity that colours the map.",
    )
    starts = right.number_input(
        "Starts a cell",
        1,
        64,
        min(focus.config.replicas, 8),
        key="explore.cellstarts",
        help="How often each cell is trained from other initial angles; the map shows their mean.",
    )
    base = focus.config.to_dict() | {"replicas": int(starts), "data_draws": min(focus.config.data_draws, int(starts))}
    base["log_every"] = base["steps"]
    try:
        sweep = SweepConfig.parse({"base": base, "axes": axes, "metric": metric})
        count = len(sweep.cells())
    except QHNError as error:
        st.error(str(error), icon=":material/block:")
        return None
    if count > MOST_CELLS:
        st.error(f"{count} cells: at most {MOST_CELLS} here, any number on the command line.")
        return None
    return sweep


def _around(config: RunConfig, name: str) -> str:
    value: Any = config.to_dict()
    for part in name.split("."):
        value = value[part] if isinstance(value, dict) else None
    return value_text(value) if isinstance(value, (int, float)) else ""


def _folder() -> Path:
    return services.store().path.parent / "sweeps"


def _key(sweep: SweepConfig) -> tuple[str, str]:
    plain = sweep.model_dump(mode="json") | {"metric": ""}
    return "sweep", hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()


def _buttons(sweep: SweepConfig) -> Job | None:
    key, cells = _key(sweep), sweep.cells()
    if any(cell.config.engine.remote for cell in cells):
        st.info("Sweeps on a real device start on the command line (below), which shows their cost and asks first.")
        return None
    job = jobs().known(key)
    running = job is not None and not job.ready
    with st.container(horizontal=True):
        begin = st.button(
            f"Run {len(cells)} cells",
            type="primary",
            icon=":material/grid_on:",
            key="explore.sweep",
            disabled=running,
            help="Train every cell that is not there yet",
        )
        if st.button(
            "Stop",
            icon=":material/stop:",
            key="explore.sweepstop",
            disabled=not running,
            help="End the sweep; finished cells are kept",
        ):
            jobs().drop(key)
            return None
    if begin and not running:
        uploads, folder = str(services.uploads()), _folder()
        jobs().drop(key)
        job = jobs().get(key, lambda watch: work(sweep, folder, uploads, watch), lasting=True)
    if job is not None and job.message:
        st.error(job.message, icon=":material/error:")
    elif job is not None and not job.ready:
        st.progress(job.fraction, text=f"{round(job.fraction * len(cells))} of {len(cells)} cells")
    else:
        st.caption("Finished cells are kept in the data folder: a sweep that was broken off goes on.")
    return job


def _map(sweep: SweepConfig, job: Job | None) -> None:
    try:
        rows = table(sweep, SweepFolder(_folder()))
    except QHNError as error:
        st.error(str(error))
        return
    axes = {axis: sweep.values(axis) for axis in sweep.axes}
    metric = METRICS[sweep.metric]
    figure = sweep_figure(rows, axes, metric=metric.label, unit=metric.unit)
    extreme, word = (max, "highest") if metric.better == "higher" else (min, "lowest")
    told = f"{word} {extreme(row['mean'] for row in rows):.3g}" if rows else "none finished yet"
    live_chart(
        figure,
        name="sweep",
        key=f"sweep{len(axes)}",
        alt=f"{metric.label} for {len(rows)} of {len(sweep.cells())} combinations; {told}.",
        height=360,
    )


def _command(focus: Focus, sweep: SweepConfig | None) -> None:
    with st.expander("Larger sweeps, on the command line or a Dask cluster", key="explore.command"):
        st.code("python -m qhn_core sweep SWEEP.yaml --out DIR [--scheduler tcp://HOST:8786]", language="bash")
        if sweep is not None:
            import yaml

            text = yaml.safe_dump(sweep.model_dump(mode="json"), sort_keys=False)
            st.download_button(
                "SWEEP.yaml of this sweep",
                text,
                "sweep.yaml",
                "text/yaml",
                key="explore.sweepfile",
                help="A file from which the command line runs this sweep, on one machine or many",
            )
