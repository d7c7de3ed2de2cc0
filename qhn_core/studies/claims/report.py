"""The report: one self-contained HTML file, beside it tidy CSV and JSON."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Sequence
from dataclasses import asdict
from html import escape
from typing import Any

from qhn_core.analysis.clusters import share_interval
from qhn_core.analysis.statistics import mean_interval
from qhn_core.studies.claims import prose, svg, tables
from qhn_core.studies.claims.conclusions import JUDGED, METRIC_NAMES, Overall, label, sentences
from qhn_core.studies.claims.depth import Depth
from qhn_core.studies.claims.methods import BY_NAME, CLAIMANTS, MORE_RATES
from qhn_core.studies.claims.study import Compared, Findings

#: Of every report.
STYLE = """
body{font:16px/1.5 system-ui,sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem;color:#1b1b1b;background:#fff}
h1{font-size:1.7rem}h2{font-size:1.3rem;margin-top:2.2rem}svg{width:100%;height:auto;font:13px system-ui,sans-serif}
h3{font-size:1.05rem;margin:1.4rem 0 .3rem}
svg .title{font-weight:600;font-size:15px}svg .grid{stroke:#ddd}svg .zero{stroke:#333;stroke-width:1.4}
table{border-collapse:collapse;width:100%;font-size:.84rem}th,td{padding:.25rem .5rem;border-bottom:1px solid #ddd;
text-align:left;font-variant-numeric:tabular-nums}.note{color:#555;font-size:.9rem}.wide{overflow-x:auto}
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
        return {str(k): _finite(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(v) for v in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def plain(found: Findings, about: dict[str, Any]) -> dict[str, Any]:
    """Everything as plain data: averages, comparisons, chosen settings, where settings lie, depth."""
    parts = {**found.tables(), **({"best string": found.best} if found.best else {})}
    return {
        "about": about,
        "conclusions": conclusions(found),
        "overall": [{"table": name} | asdict(row) for name, part in parts.items() for row in part.rows],
        "comparisons": [
            {"table": name, "scenario": key[0]} | c._asdict() | {"verdict": c.verdict.value}
            for name, part in parts.items()
            for key, c in part.scenarios.found.items()
        ],
        "settings": [
            {"table": name, "scenario": t.scenario, "method": t.method, "setting": t.setting}
            for name, part in found.tables().items()
            for t in part.trials
        ],
        "depth": [asdict(p) | {"success": p.success.tolist(), "cost_gap": p.cost_gap.tolist()} for p in found.depth],
    }


def conclusions(found: Findings) -> list[str]:
    """In words, whichever way they come out."""
    said = []
    for part, words in (
        (found.main, "Tuned"),
        (found.best, "Tuned"),
        (found.stricter, "More rates for MLE"),
        (found.untuned, "Untuned"),
        (found.equal, "Equal budget"),
    ):
        if part is not None:
            rows = [row for row in part.rows if row.method in CLAIMANTS or row.method not in BY_NAME]
            said += [f"{words}: {sentence}" for sentence in sentences(rows)]
    return said


def html_text(found: Findings, about: dict[str, Any]) -> str:
    """The whole report."""
    parts = [f"<h1>Do the ELBO and the SELBO beat MLE? Measured: {escape(found.name)}</h1>", prose.measured(about)]
    parts.append("<h2>Conclusions</h2><ul>")
    parts += [f"<li>{escape(sentence)}</li>" for sentence in conclusions(found)]
    parts.append("</ul>" + prose.change_section())
    if found.main is not None:
        parts += _main(found.main)
    if found.best is not None:
        parts += _best(found.best)
    if found.stricter is not None:
        parts += _stricter(found.stricter)
    if found.untuned is not None:
        parts += _untuned(found)
    if found.equal is not None:
        parts += _equal(found.equal)
    if found.depth:
        parts += ["<h2>Success against depth</h2>", depth_plot(found.depth), tables.depth_table(found.depth).html()]
    parts += [_everything(name, part) for name, part in found.tables().items()]
    body = "\n".join([*parts, prose.sources_section()])
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>QHN Lab: the claim, measured</title>'
        f'<meta name="viewport" content="width=device-width,initial-scale=1"><style>{STYLE}</style></head>'
        f"<body>{body}</body></html>\n"
    )


def _main(part: Compared) -> list[str]:
    shown = ["<h2>Every method, tuned, against MLE</h2>", tables.headlines(part.rows).html()]
    shown.append(
        tables.against(
            part.rows,
            title="All methods",
            budget=tables.budgets(part.grid),
            note="The product circuits and the fixed random probabilities are the ablation: the circuit without "
            "entangling gates, and without training.",
        ).html()
    )
    for metric in JUDGED:
        shown.append(_forest(part.rows, metric))
        shown += [_by_scenario(part, metric, method) for method in CLAIMANTS]
    shown.append(tables.power_table(part.scenarios).html())
    if part.tuned is not None:
        shown.append(tables.edges(part.tuned).html())
    return shown


def _best(part: Compared) -> list[str]:
    note = (
        "The enumerated best string is where MLE would end if its training never missed. What MLE loses against it is "
        "optimisation; what ELBO and SELBO gain or lose against it is the objective."
    )
    return [
        "<h2>MLE's optimisation apart from MLE's objective</h2>",
        tables.against(part.rows, title="Against the best string", note=note).html(),
    ]


def _stricter(part: Compared) -> list[str]:
    rates = ", ".join(f"{rate:g}" for rate in MORE_RATES)
    return [
        "<h2>Is the gain MLE's tuning?</h2>",
        f'<p class="note">ELBO and SELBO as above; MLE may also choose the learning rates {rates}, so that it has '
        "more to choose from than either. This check is part of the design: it was written down before this edition "
        "was run.</p>",
        tables.headlines(part.rows).html(),
    ]


def _untuned(found: Findings) -> list[str]:
    note = "Learning rate .05 for all, weights as they are set without looking."
    shown = ["<h2>Untuned</h2>"]
    for part, title in (
        (found.untuned, "The grid's scenarios"),
        (found.demonstration, "The demonstration, XOR with 13 bits"),
    ):
        if part is not None:
            shown.append(tables.against(part.rows, title=title, note=note).html())
    return shown


def _equal(part: Compared) -> list[str]:
    note = (
        f"Circuits see drawn strings only: {part.grid.drawn} a step, {part.grid.steps} steps. All gradients are "
        "score functions, which a simulation gives; the ELBO needs q of a drawn string besides, which no device gives."
    )
    return [
        "<h2>The same number of likelihood evaluations for all</h2>",
        tables.against(part.rows, title="Equal budget", budget=tables.budgets(part.grid), note=note).html(),
    ]


def _forest(rows: Sequence[Overall], metric: str) -> str:
    side = "negative" if JUDGED[metric] == "lower" else "positive"
    return svg.forest(
        [
            _interval(label(r.method), r.sources.mean, r.sources.low, r.sources.high, r.method)
            for r in rows
            if r.metric == metric
        ],
        title="Mean difference to MLE, intervals by source",
        unit=f"difference in {METRIC_NAMES[metric]}; {side} is better",
    )


def _by_scenario(part: Compared, metric: str, method: str) -> str:
    return svg.forest(
        [
            _interval(scenario, c.difference, c.low, c.high, method)
            for (scenario, name, of), c in part.scenarios.found.items()
            if (name, of) == (method, metric)
        ],
        title=f"{label(method)} minus MLE, scenario by scenario (intervals over seeds, not corrected)",
        unit=METRIC_NAMES[metric],
    )


def _interval(words: str, mean: float, low: float, high: float, method: str) -> svg.Interval:
    return svg.Interval(words, mean, low, high, svg.COLOURS.get(method, svg.RIVAL_COLOUR))


def depth_plot(points: Sequence[Depth]) -> str:
    """Share of starts that arrived, a plot for each study."""
    shown = []
    for study in dict.fromkeys(p.study for p in points):
        series = []
        for method in dict.fromkeys(p.method for p in points if p.study == study):
            own = [p for p in points if (p.study, p.method) == (study, method)]
            shares = [p.arrived / p.success.size for p in own]
            low, high = zip(*(share_interval(p.arrived, p.success.size) for p in own), strict=True)
            series.append(svg.Line(label(method), [p.layers for p in own], shares, low, high, svg.COLOURS[method]))
        starts = next(p.success.size for p in points if p.study == study)
        shown.append(
            svg.lines(
                series,
                title=f"{study}: brickwork, L-BFGS, {starts} starts a depth",
                x_label="layers",
                y_label="starts with more than half of their mass within 0.02 nats per example of the best",
            )
        )
    return "\n".join(shown)


def _everything(name: str, part: Compared) -> str:
    """Every method in every scenario, at its chosen setting."""
    shown = ("predictive_nll", "accuracy", "mode_gap", "success", "entropy_bits", "kl_posterior")
    rows = tuple(
        (t.scenario, label(t.method), *(_mean(t.metrics[m]) for m in shown), json.dumps(t.setting)) for t in part.trials
    )
    head = ("scenario", "method", *(m.replace("_", " ") for m in shown), "setting")
    title = f"Every method in every scenario: {name}"
    note = "Mean over seeds ± half of its 95 % interval."
    return f'<div class="wide">{tables.Table(title, head, rows, note).html()}</div>'


def _mean(values: Any) -> str:
    found = mean_interval(values)
    if not math.isfinite(found.mean):
        return "–"
    half = found.high - found.mean
    return f"{found.mean:.3f}" + (f" ± {half:.3f}" if math.isfinite(half) else "")
