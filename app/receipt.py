"""A run to take home: one HTML file that needs no network, and a notebook that trains it again."""

from __future__ import annotations

from collections.abc import Mapping

from app import take_home
from app.carried import NONE, Files
from app.figures import Figure
from qhn_core.config import RunConfig
from qhn_core.store import Rows, RunRecord
from qhn_core.store.exports import csv_parts, table_of

#: Metrics in the table of the receipt: name -> what it is called.
_TABLE = {
    "loss": "loss, nats per example",
    "predictive_nll_test": "predictive test NLL, nats per example",
    "accuracy_test": "test accuracy",
    "kl_posterior": "KL to the posterior, nats",
    "entropy_bits": "entropy of q, bits",
}
#: Values up to which the history itself is in the file: about 40 MB of text.
_MOST_VALUES = 2_000_000
_PLOT = """\
import numpy as np
import plotly.graph_objects as go

figure = go.Figure()
for name in ("predictive_nll_train", "predictive_nll_test"):
    figure.add_scatter(x=result.steps, y=np.median(result.history[name], axis=1), name=name)
figure.update_layout(xaxis_title="step", yaxis_title="nats per example, median over starts")
figure
"""


def script(config: RunConfig, files: Files = NONE) -> str:
    """A short program that trains the same run: the same history on the same machine.

    Args:
        config: the run.
        files: uploaded files that it names.
    """
    return (
        f"{files.imports}import qhn_core as qhn\n{files.own_imports}\n"
        f"{files.paths}config = qhn.RunConfig.from_yaml({take_home.literal(config.to_yaml())})\n"
        f"{files.restored}result = qhn.train(config{files.argument})\n"
        'for name in ("loss", "predictive_nll_test", "accuracy_test"):\n'
        '    print(f"{name}: {result.history[name][-1].mean():.4f}, mean over starts at step {result.steps[-1]}")\n'
    )


def notebook(config: RunConfig, files: Files = NONE) -> bytes:
    """A Jupyter notebook that trains the run again and plots its curves."""
    intro = "# A run of QHN Lab\n\nThe first cell trains it again; the second draws its curves."
    return take_home.notebook(files.introduced(intro), {"train": script(config, files), "plot": _PLOT})


def receipt(
    record: RunRecord, rows: Rows, config: RunConfig, charts: Mapping[str, Figure], files: Files = NONE
) -> bytes:
    """The run as one HTML file: interactive charts, final numbers, script, and the history as CSV.

    Args:
        record, rows, config: the run.
        charts: name -> figure.
        files: uploaded files that it names.
    """
    starts = next(iter(rows.history.values())).shape[1]
    total = int(rows.steps[-1])
    values = [(label, f"{rows.history[name][-1].mean():.4g}") for name, label in _TABLE.items() if name in rows.history]
    return take_home.document(
        record.name,
        [
            take_home.paragraph(
                f"Run {record.id}, {record.state.value} at step {total} of {record.steps}, "
                f"begun {record.created:%Y-%m-%d %H:%M} UTC. Made with QHN Lab.{_branched(record)}"
            ),
            take_home.table(("at the last logged step", f"mean of {starts} starts" if starts > 1 else "value"), values),
            take_home.charts(charts),
            take_home.heading("Configuration, and the same run with Python"),
            take_home.script(script(config, files), f"run-{record.id}.py", said=files.said),
            _history(record, rows),
        ],
    )


def _history(record: RunRecord, rows: Rows) -> str:
    """The history as CSV within the file; of a long one, how to get it."""
    if sum(column.size for column in rows.history.values()) > _MOST_VALUES:
        return take_home.paragraph("The history is too long for this file: export it as CSV in QHN Lab.")
    text = b"".join(csv_parts(record, table_of(rows))).decode()
    return take_home.download("History as CSV", f"run-{record.id}.csv", text)


def _branched(record: RunRecord) -> str:
    """What a branch's receipt has to say of its script."""
    if not record.parent:
        return ""
    return (
        f" A branch: it leaves run {record.parent} at step {record.forked}. The script below trains its settings from "
        "step 0, which gives other numbers."
    )
