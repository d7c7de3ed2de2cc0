"""A run to take home: one HTML file that needs no network, and a notebook that trains it again."""

from __future__ import annotations

import base64
import html
import io
import json
from importlib.resources import files
from typing import Any

from app.figures import gap_curves, loss_curves, plain, resolve
from qhn_core.config import RunConfig
from qhn_core.store import Rows, RunRecord
from qhn_core.store.exports import write_csv

#: Metrics in the table of the receipt: name -> what it is called.
_TABLE = {
    "loss": "loss, nats per example",
    "predictive_nll_test": "predictive test NLL, nats per example",
    "accuracy_test": "test accuracy",
    "kl_posterior": "KL to the posterior, nats",
    "entropy_bits": "entropy of q, bits",
}
_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #1b1f27;
  background: #ffffff; }
pre { background: #f2f4f9; padding: 1rem; overflow-x: auto; border-radius: 6px; }
table { border-collapse: collapse; } th, td { text-align: left; padding: .3rem 1rem .3rem 0; }
th { border-bottom: 1px solid #c5cad6; } .chart { height: 340px; margin: 1rem 0; }
"""


def script(config: RunConfig) -> str:
    """A short program that trains the same run: the same history on the same machine."""
    return (
        "import qhn_core as qhn\n\n"
        f'config = qhn.RunConfig.from_yaml("""\\\n{config.to_yaml()}""")\n'
        "result = qhn.train(config)\n"
        'for name in ("loss", "predictive_nll_test", "accuracy_test"):\n'
        '    print(f"{name}: {result.history[name][-1].mean():.4f}, mean over starts at step {result.steps[-1]}")\n'
    )


def notebook(config: RunConfig) -> bytes:
    """A Jupyter notebook (format 4.5) that trains the run again and plots its curves."""
    plot = (
        "import numpy as np\n"
        "import plotly.graph_objects as go\n\n"
        "figure = go.Figure()\n"
        'for name in ("predictive_nll_train", "predictive_nll_test"):\n'
        "    figure.add_scatter(x=result.steps, y=np.median(result.history[name], axis=1), name=name)\n"
        'figure.update_layout(xaxis_title="step", yaxis_title="nats per example, median over starts")\n'
        "figure"
    )
    cells = [
        _cell(
            "markdown", "intro", "# A run of QHN Lab\n\nThe first cell trains it again; the second draws its curves."
        ),
        _cell("code", "train", script(config)),
        _cell("code", "plot", plot),
    ]
    document = {
        "cells": cells,
        "metadata": {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    return json.dumps(document, indent=1, ensure_ascii=False).encode()


def receipt(record: RunRecord, rows: Rows, config: RunConfig) -> bytes:
    """The run as one HTML file: interactive charts, final numbers, configuration, script, and the history as CSV."""
    table = "".join(
        f"<tr><td>{html.escape(label)}</td><td>{rows.history[name][-1].mean():.4g}</td></tr>"
        for name, label in _TABLE.items()
        if name in rows.history
    )
    history = io.StringIO()
    write_csv(record, rows, history)
    data = base64.b64encode(history.getvalue().encode()).decode()
    title = html.escape(record.name)
    starts = next(iter(rows.history.values())).shape[1]
    body = f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title><style>{_STYLE}</style>
<script>{_plotly()}</script></head><body>
<h1>{title}</h1>
<p>Run {html.escape(record.id)}, {html.escape(record.state.value)} at step {int(rows.steps[-1])} of {record.steps},
begun {record.created:%Y-%m-%d %H:%M} UTC. Made with QHN Lab.</p>
<table><tr><th>at the last logged step</th><th>mean over {starts} starts</th></tr>{table}</table>
{_charts(rows, config)}
<h2>Configuration</h2><pre>{html.escape(config.to_yaml())}</pre>
<h2>The same run with Python</h2><pre>{html.escape(script(config))}</pre>
<p><a download="run-{html.escape(record.id)}.csv" href="data:text/csv;base64,{data}">History as CSV</a></p>
</body></html>"""
    return body.encode()


def _charts(rows: Rows, config: RunConfig) -> str:
    objective = config.objective.name
    total = int(rows.steps[-1])
    made: dict[str, Any] = {
        "loss": loss_curves(rows.steps, rows.history, objective=objective, total=total),
        "gap": gap_curves(rows.steps, rows.history, objective=objective, total=total),
    }
    parts = []
    for name, figure in made.items():
        text = json.dumps(plain(resolve(figure)), allow_nan=False).replace("</", "<\\/")
        parts.append(
            f'<div class="chart" id="{name}" data-chart="{name}"></div>'
            f"<script>{{const f = {text}; Plotly.newPlot('{name}', f.data, f.layout, {{responsive: true}});}}</script>"
        )
    return "\n".join(parts)


def _plotly() -> str:
    """The plotting library itself, so that the file needs no other."""
    text = files("plotly").joinpath("package_data", "plotly.min.js").read_text(encoding="utf-8")
    return text.replace("</script", "<\\/script")


def _cell(kind: str, name: str, text: str) -> dict[str, Any]:
    cell: dict[str, Any] = {"cell_type": kind, "id": name, "metadata": {}, "source": text.splitlines(keepends=True)}
    return cell | ({"execution_count": None, "outputs": []} if kind == "code" else {})
