"""The report: one self-contained HTML file, beside it tidy CSV and JSON."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Sequence
from html import escape
from typing import Any

from qhn_core.analysis.statistics import mean_interval
from qhn_core.studies.claims import svg
from qhn_core.studies.claims.conclusions import JUDGED, METRIC_NAMES, NAMES
from qhn_core.studies.claims.depth import DepthPoint

_STYLE = """
body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1b1b1b;background:#fff}
h1{font-size:1.7rem}h2{font-size:1.3rem;margin-top:2.2rem}svg{width:100%;height:auto;font:13px system-ui,sans-serif}
svg .title{font-weight:600;font-size:15px}svg .grid{stroke:#ddd}svg .zero{stroke:#333;stroke-width:1.4}
table{border-collapse:collapse;width:100%;font-size:.86rem}th,td{padding:.25rem .5rem;border-bottom:1px solid #ddd}
td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}.note{color:#555}
"""


def csv_text(rows: Sequence[dict[str, Any]]) -> str:
    """Tidy rows as CSV."""
    out = io.StringIO()
    writer = csv.DictWriter(out, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def json_text(result: dict[str, Any]) -> str:
    """The result as JSON; what is not finite becomes null."""
    return json.dumps(_finite(result), indent=1, ensure_ascii=False, allow_nan=False)


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _finite(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(v) for v in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def html_text(result: dict[str, Any], depth: Sequence[DepthPoint]) -> str:
    """The whole report."""
    about, parts = result["about"], []
    parts.append(f"<h1>Do the ELBO and the SELBO beat MLE? A {escape(about['grid'])} grid, measured</h1>")
    parts.append(_intro(about))
    parts.append("<h2>Conclusions</h2><ul>")
    parts += [f"<li>{escape(sentence)}</li>" for sentence in result["conclusions"]]
    parts.append("</ul><h2>Every method against MLE</h2>" + _overall_table(result))
    for metric in JUDGED:
        parts.append(f"<h2>Against MLE: {escape(METRIC_NAMES[metric])}</h2>")
        parts.append(_overall_plot(result, metric))
        parts += [_scenario_plot(result, metric, method) for method in ("elbo", "selbo")]
    if depth:
        parts.append("<h2>Success against depth</h2>" + depth_section(depth))
    parts.append("<h2>All methods</h2>" + _methods_table(result))
    parts.append("<h2>All comparisons with MLE</h2>" + _comparison_table(result))
    body = "\n".join(parts)
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>QHN Lab: the claim, measured</title>'
        f'<meta name="viewport" content="width=device-width,initial-scale=1"><style>{_STYLE}</style></head>'
        f"<body>{body}</body></html>\n"
    )


def depth_section(points: Sequence[DepthPoint]) -> str:
    """Success against depth as a plot and a note."""
    series = []
    for method in dict.fromkeys(p.method for p in points):
        own = [p for p in points if p.method == method]
        means = [mean_interval(p.success) for p in own]
        series.append(
            svg.Line(
                NAMES[method],
                [p.layers for p in own],
                [m.mean for m in means],
                [m.low for m in means],
                [m.high for m in means],
                svg.COLOURS[method],
            )
        )
    starts = len(points[0].success)
    return svg.lines(
        series,
        title=f"brickwork on two digits at 4×4 pixels, 17 qubits, L-BFGS, {starts} starts a depth",
        x_label="layers",
        y_label="success: mass on strings within 0.02 nats per example of the best",
    ) + (
        '<p class="note">The digits are scikit-learn\'s, pooled to 4×4: a stand-in for scaled-down MNIST. Bars: 95 % '
        "interval over starts. ELBO and SELBO spread mass over the posterior on purpose, so success is MLE's own goal, "
        "not theirs.</p>"
    )


def _intro(about: dict[str, Any]) -> str:
    versions = ", ".join(f"{k} {v}" for k, v in about["versions"].items())
    return (
        f"<p>{about['scenarios']} scenarios, {about['seeds']} seeds each; every seed has its own draw of the data and "
        f"its own starting angles, the same for all losses. Every method chose its setting among its candidates by "
        f"the lowest predictive NLL on one half of the held-out examples (validation), and was judged on the other "
        f"half (test); MLE, ELBO and SELBO had {about['candidates']} candidates each. {about['steps']} Adam steps. "
        f"Intervals are 95 %; verdicts per scenario are corrected over the whole grid (Holm). Averages weigh scenarios "
        f"alike; scenarios that share a data source are not independent, so the intervals of averages are "
        f"optimistic.</p>"
        f'<p class="note">Measured {escape(about["date"])} in {about["seconds"]:.0f} s '
        f"({about['processor_seconds']:.0f} s of processor time) on {about['cores']} cores; "
        f"{escape(versions)}. The settings behind published numbers were not available: nothing here reproduces "
        f"them.</p>"
    )


def _overall_plot(result: dict[str, Any], metric: str) -> str:
    rows = [r for r in result["overall"] if r["metric"] == metric]
    side = "negative" if JUDGED[metric] == "lower" else "positive"
    return svg.forest(
        [_interval(NAMES[r["method"]], r, r["method"]) for r in rows],
        title="Mean difference to MLE over all scenarios",
        unit=f"difference in {METRIC_NAMES[metric]}; {side} is better",
    )


def _overall_table(result: dict[str, Any]) -> str:
    head = ("method", "metric", "mean difference", "95 % interval", "better in", "worse in", "no difference")
    lines = ["<table><tr>" + "".join(f"<th>{h}</th>" for h in head) + "</tr>"]
    for r in sorted(result["overall"], key=lambda r: (r["metric"], list(NAMES).index(r["method"]))):
        cells = (
            NAMES[r["method"]],
            escape(METRIC_NAMES[r["metric"]]),
            f"{r['difference']:+.3f}",
            f"{r['low']:+.3f} to {r['high']:+.3f}",
            *(str(r[key]) for key in ("better", "worse", "no_difference")),
        )
        lines.append("<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>")
    return "\n".join([*lines, "</table>"])


def _scenario_plot(result: dict[str, Any], metric: str, method: str) -> str:
    rows = [c for c in result["comparisons"] if c["metric"] == metric and c["contender"] == method]
    return svg.forest(
        [_interval(r["scenario"], r, method) for r in rows],
        title=f"{NAMES[method]} minus MLE, scenario by scenario",
        unit=METRIC_NAMES[metric],
    )


def _interval(label: str, row: dict[str, Any], method: str) -> svg.Interval:
    colour = svg.COLOURS.get(method, svg.RIVAL_COLOUR)
    return svg.Interval(label, row["difference"], row["low"], row["high"], colour)


def _methods_table(result: dict[str, Any]) -> str:
    shown = ("predictive_nll", "accuracy", "mode_gap", "success", "entropy_bits", "kl_posterior")
    table: dict[tuple[str, str], dict[str, Any]] = {}
    for row in result["summaries"]:
        table.setdefault((row["scenario"], row["method"]), {"setting": row["setting"]})[row["metric"]] = row
    head = "".join(f'<th class="n">{escape(m.replace("_", " "))}</th>' for m in shown)
    lines = [f"<table><tr><th>scenario</th><th>method</th>{head}<th>setting chosen</th></tr>"]
    for (scenario, method), cells in table.items():
        numbers = "".join(f'<td class="n">{_number(cells.get(m))}</td>' for m in shown)
        setting = escape(json.dumps(cells["setting"], ensure_ascii=False))
        lines.append(
            f"<tr><td>{escape(scenario)}</td><td>{NAMES[method]}</td>{numbers}<td><code>{setting}</code></td></tr>"
        )
    return "\n".join([*lines, "</table>"])


def _number(row: dict[str, Any] | None) -> str:
    if row is None:
        return "–"
    half = row["high"] - row["mean"]
    return f"{row['mean']:.3f}" + (f" ± {half:.3f}" if math.isfinite(half) else "")


def _comparison_table(result: dict[str, Any]) -> str:
    head = ("scenario", "method", "metric", "difference", "95 % interval", "effect size", "corrected p", "verdict")
    lines = ["<table><tr>" + "".join(f"<th>{h}</th>" for h in head) + "</tr>"]
    for c in result["comparisons"]:
        cells = (
            escape(c["scenario"]),
            NAMES[c["contender"]],
            escape(c["metric"].replace("_", " ")),
            f"{c['difference']:+.3f}",
            f"{c['low']:+.3f} to {c['high']:+.3f}",
            f"{c['effect_size']:+.2f}",
            f"{c['p_adjusted']:.2g}",
            c["verdict"],
        )
        lines.append("<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>")
    return "\n".join([*lines, "</table>"])
