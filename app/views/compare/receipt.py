"""A race to take home: one HTML file that needs no network, its history as CSV, and a notebook that races again."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable

import numpy as np

from app import services, take_home
from app.carried import NONE, Files, carried
from app.figures import Figure
from app.figures.race import View
from app.figures.race_curves import race_curves
from app.views.compare.charts import GENERALISATION, TRAINABILITY, WITH_RIVALS, levels, short_label, sides
from app.views.compare.data import Seen, look
from app.views.compare.judging import THRESHOLDS, Judged, judge
from app.views.compare.sentences import headlines, p_text, sentence
from app.views.compare.verdict import cell_of, steps_to
from qhn_core.errors import Unsupported
from qhn_core.metrics import METRICS
from qhn_core.studies.race.config import RaceConfig

#: Charts of the receipt: name -> metric.
_DRAWN = {**GENERALISATION, **TRAINABILITY}
_PLOT = """\
import numpy as np
import plotly.graph_objects as go

figure = go.Figure()
for title, result in results.items():
    figure.add_scatter(x=result.steps, y=np.median(result.history["predictive_nll_test"], axis=1), name=title)
figure.update_layout(xaxis_title="step", yaxis_title="predictive test NLL, nats per example, median over starts")
figure
"""


def script(config: RaceConfig, files: Files = NONE) -> str:
    """A short program that trains every contender again: the same histories on the same machine.

    Args:
        config: the race.
        files: uploaded files that it names.
    """
    return (
        f"{files.imports}import qhn_core as qhn\nfrom qhn_core.studies.race.config import RaceConfig\n"
        f"{files.own_imports}\n"
        f"{files.paths}race = RaceConfig.from_yaml({take_home.literal(config.to_yaml())})\n"
        f"{files.restored}sides = zip(race.contenders, race.configs(), strict=True)\n"
        f"results = {{side.title: qhn.train(run{files.argument}) for side, run in sides}}\n"
        "for title, result in results.items():\n"
        "    at = list(result.steps).index(race.judged_at) if race.judged_at in result.steps else -1\n"
        '    for name in ("loss", "predictive_nll_test", "accuracy_test"):\n'
        '        print(f"{title} {name}: {result.history[name][at].mean():.4f} at step {result.steps[at]}")\n'
    )


def notebook(config: RaceConfig, files: Files = NONE) -> bytes:
    """A Jupyter notebook that trains every contender again and plots its curve."""
    intro = "# A race of QHN Lab\n\nThe first cell trains every contender again; the second draws their curves."
    return take_home.notebook(files.introduced(intro), {"train": script(config, files), "plot": _PLOT})


def history_csv(seen: Seen) -> str:
    """All histories as a tidy table: a line a contender, step and seed; NaN is an empty cell."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    names = list(dict.fromkeys(name for lane in seen.lanes for name in lane.rows.history))
    writer.writerow(["contender", "step", "seed", *names])
    for lane in seen.lanes:
        for t, step in enumerate(lane.rows.steps.tolist()):
            known = {name: values[t] for name, values in lane.rows.history.items()}
            for seed in range(seen.config.base.replicas):
                cells = (float(known[name][seed]) if name in known else math.nan for name in names)
                writer.writerow([lane.title, step, seed, *("" if math.isnan(x) else repr(x) for x in cells)])
    return out.getvalue()


def table(race_id: str) -> bytes:
    """The histories of the race as a CSV file."""
    return history_csv(look(race_id, None)).encode()


def receipt(race_id: str, name_of: Callable[[str], str] = lambda sha256: "") -> bytes:
    """The race as one HTML file: verdict with its intervals, charts, script, and the history as CSV.

    Args:
        race_id: the race.
        name_of: content hash of an uploaded file -> the name that it had, or nothing.
    """
    seen = look(race_id, None)
    if not seen.logged:
        raise Unsupported("The race has logged no step yet: there is nothing to take home.")
    at = min(seen.config.judged_at, seen.last_step)
    threshold = next(iter(THRESHOLDS.items()))
    files = carried(seen.config.uploaded(), services.uploads(), name_of)
    found = judge(race_id, at, *threshold, len(seen.rivals))
    return take_home.document(
        f"Race: {', '.join(lane.title for lane in seen.lanes)}",
        [
            take_home.paragraph(_standing(seen, at)),
            take_home.heading("Verdict"),
            *_verdict(found),
            take_home.heading(f"Means at step {at}"),
            _means(seen, found, threshold),
            take_home.charts(_charts(seen)),
            take_home.heading("Configuration, and the same race with Python"),
            take_home.script(script(seen.config, files), f"race-{race_id}.py", said=files.said),
            take_home.download("Histories as CSV", f"race-{race_id}.csv", history_csv(seen)),
        ],
    )


def _standing(seen: Seen, at: int) -> str:
    base = seen.config.base
    draws = f"{base.data_draws} draws of the data" if base.data_draws > 1 else "one data set"
    early = "" if at == seen.config.judged_at else f" It was to be judged at step {seen.config.judged_at}: exploratory."
    return (
        f"Race {seen.race_id}, {seen.status.run.state.value}: {base.replicas} seeds on {draws}, judged at step {at}."
        f"{early} Made with QHN Lab."
    )


def _verdict(found: Judged) -> list[str]:
    if not found.comparisons:
        return [take_home.paragraph("One contender alone: there is nothing to compare.")]
    heads = ("metric", "contender", "difference", "95 % interval", "effect size", "corrected p", "verdict")
    rows = [
        (
            METRICS[c.metric].title,
            f"{c.contender} − {c.reference}",
            METRICS[c.metric].text(c.difference, sign=True),
            f"{METRICS[c.metric].text(c.low, sign=True)} … {METRICS[c.metric].text(c.high, sign=True)}",
            c.effect_text,
            p_text(c.p_adjusted),
            c.verdict.value,
        )
        for c in found.comparisons
    ]
    said = [sentence(c).replace("**", "") for c in found.comparisons]
    return [
        *map(take_home.paragraph, headlines(found.comparisons)),
        take_home.table(heads, rows),
        take_home.points(said),
        take_home.paragraph(
            f"Paired by seed over {found.units} independent units: sign-flip test, corrected for all "
            f"{len(found.comparisons)} comparisons (Holm, 5 %). Intervals are not corrected."
        ),
    ]


def _means(seen: Seen, found: Judged, threshold: tuple[str, float]) -> str:
    """The table of the page's verdict."""
    names = list(found.means)
    heads = ["", *(METRICS[name].title for name in names[:-1]), steps_to(*threshold)]
    titles = [*(lane.title for lane in seen.lanes), *(short_label(score.name) for score in seen.rivals)]
    return take_home.table(heads, ([title, *(cell_of(found, name, title) for name in names)] for title in titles))


def _charts(seen: Seen) -> dict[str, Figure]:
    view = View(total=seen.config.base.steps)
    found = {}
    for chart, name in _DRAWN.items():
        metric = METRICS[name]
        drawn = sides(seen, name, view)
        if any(not np.isnan(side.values).all() for side in drawn):
            found[chart] = race_curves(
                drawn,
                title="Loss, each its own" if name == "loss" else metric.label,
                unit=metric.unit,
                view=view,
                levels=levels(seen, name) if name in WITH_RIVALS else None,
                zero=name == "gap",
            )
    return found
