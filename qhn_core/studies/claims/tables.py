"""The report's tables as plain rows, written as HTML or Markdown: what README shows is what the report shows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

from qhn_core.analysis.clusters import share_interval, trend_p_value
from qhn_core.studies.claims.conclusions import (
    HEADLINES,
    JUDGED,
    METRIC_NAMES,
    PLANTED,
    Overall,
    Scenarios,
    label,
    powers,
    signed,
)
from qhn_core.studies.claims.depth import Depth
from qhn_core.studies.claims.grid import Grid
from qhn_core.studies.claims.methods import BY_NAME, CLAIMANTS
from qhn_core.studies.claims.tuned import Tuned, edges_left


@dataclass(frozen=True)
class Table:
    """A head and rows of text; all columns but the first hold numbers unless told otherwise."""

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""

    def html(self) -> str:
        """As HTML, with its title and note."""
        head = "".join(f"<th>{escape(cell)}</th>" for cell in self.head)
        body = "\n".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in self.rows)
        note = f'<p class="note">{escape(self.note)}</p>' if self.note else ""
        return f"<h3>{escape(self.title)}</h3><table><tr>{head}</tr>\n{body}</table>{note}"

    def markdown(self) -> str:
        """As Markdown, without title and note."""
        lines = [self.head, tuple("---" for _ in self.head), *self.rows]
        return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def against(
    rows: Sequence[Overall], *, title: str, budget: Callable[[str], str] | None = None, note: str = ""
) -> Table:
    """Mean differences to the reference, by both intervals; with what each method may look at, where given."""
    by = {(row.method, row.metric): row for row in rows}
    methods = list(dict.fromkeys(row.method for row in rows))
    reference = label(rows[0].reference)
    head = [f"against {reference}"]
    for metric in JUDGED:
        short = METRIC_NAMES[metric].split(",")[0]
        head += [f"{short}, these scenarios", f"{short}, by source"]
    lines = []
    for method in methods:
        cells = [label(method)]
        for metric in JUDGED:
            row = by[method, metric]
            better = f"; {row.sources_better} of {row.sources.units} better"
            cells += [signed(row.fixed), signed(row.sources) + better]
        lines.append((*cells, budget(method)) if budget else tuple(cells))
    return Table(title, (*head, "looks at") if budget else tuple(head), tuple(lines), note)


def headlines(rows: Sequence[Overall]) -> Table:
    """The claim's intervals, corrected as a family."""
    lines = []
    for row in rows:
        if row.family is None:
            continue
        cells = (f"{label(row.method)}, {METRIC_NAMES[row.metric].split(',')[0]}", signed(row.sources))
        lines.append((*cells, signed(row.family)))
    return Table(
        f"The {HEADLINES} headline intervals",
        (f"against {label(rows[0].reference)}", "95 % by source", f"95 % for all {HEADLINES} together"),
        tuple(lines),
        "Together: each interval has confidence 1 − .05/4 (Bonferroni), so that the chance of any miss is 5 %.",
    )


def power_table(scenarios: Scenarios) -> Table:
    """What single scenarios could have shown."""
    found = powers(scenarios)
    return Table(
        "What could have been seen in a single scenario",
        ("planted gain in NLL, nats per example", *(label(method) for method in CLAIMANTS)),
        tuple(
            (f"{gain:.2f}", *(f"{found[method][gain]:.0%} of scenarios" for method in CLAIMANTS)) for gain in PLANTED
        ),
        "Share of scenarios in which an effect of this size would have passed the correction, from the scenarios' own "
        "noise.",
    )


def edges(found: Tuned) -> Table:
    """Where the best settings lie."""
    lines = [
        (
            label(method),
            axis,
            ", ".join(f"{v:g}" for v in next(a for a in found.methods[method].axes if a.name == axis).values),
            f"{low:.0%}",
            f"{high:.0%}",
        )
        for method, axis, low, high in edges_left(found)
    ]
    return Table(
        "Settings tried, and how often an end was best",
        ("method", "setting", "values", "lowest best", "highest best"),
        tuple(lines),
        "An axis was made longer where an end was best in more than a fifth of the scenarios, as often as the grid "
        "allows; what is left above a fifth is said here.",
    )


def depth_table(points: Sequence[Depth]) -> Table:
    """Starts that arrived, by study, loss and depth, with a test for trend."""
    layers = sorted({p.layers for p in points})
    lines = []
    for study, method in dict.fromkeys((p.study, p.method) for p in points):
        own = {p.layers: p for p in points if (p.study, p.method) == (study, method)}
        cells = [_arrived(own[depth]) if depth in own else "–" for depth in layers]
        p_value = trend_p_value({depth: one.success > 0.5 for depth, one in own.items()})
        lines.append((study, label(method), *cells, f"{p_value:.2f}"))
    return Table(
        "Starts that end with more than half of their mass near the best string",
        ("study", "loss", *(f"{depth} layer{'s' if depth > 1 else ''}" for depth in layers), "p of a trend"),
        tuple(lines),
        "Exact 95 % intervals (Clopper–Pearson). The trend's p is a permutation test over starts, not corrected for "
        "the number of rows. ELBO and SELBO spread mass over the posterior on purpose: arriving is MLE's goal, not "
        "theirs.",
    )


def _arrived(point: Depth) -> str:
    low, high = share_interval(point.arrived, point.success.size)
    return f"{point.arrived} of {point.success.size} ({low:.0%} to {high:.0%})"


def budgets(grid: Grid) -> Callable[[str], str]:
    """Method -> what it may look at in this grid."""

    def budget(name: str) -> str:
        method = BY_NAME[name]
        if grid.drawn and method.kind != "rival":
            return f"{grid.drawn} drawn strings, {grid.steps} times"
        return method.budget.format(steps=grid.steps, evaluations=grid.rival_steps)

    return budget
