"""What is trained at once goes to the charts ahead of the page: a change is drawn before the form is."""

from __future__ import annotations

from app import post, services, starts, state
from app.glance import glance
from app.views.train import charts, ghosts, instant
from app.views.train.data import of_instant
from qhn_core.config import RunConfig

#: Seconds that the page waits for a result, for its charts to ask for it, and for the curves to be drawn, before it is
#: drawn itself.
TRAINED, ASKED, DRAWN = 0.6, 0.05, 0.25


def send(held: RunConfig, *, metric: str, uncoupled: bool) -> None:
    """Train what the form is going to say, and have the charts on the screen draw the end.

    Only where Instant is on, no run is shown, and they ask for it: else the page brings it, and nothing is waited for.

    Args:
        held: what the form said when it was drawn last.
        metric, uncoupled: as in :func:`app.views.train.charts.curves` and ``pictures``.
    """
    box = post.box()
    if box is None or not instant.is_wanted() or state.run_id() is not None:
        return
    form = glance(held, uploads=services.uploads())
    config = form.config
    if config is None or form.plan is None or not instant.is_on(config, form.plan.n_qubits):
        return
    if instant.name_of(config) == ghosts.followed():
        return
    shown = of_instant(config, patience=TRAINED)
    if shown.took is None or not box.is_awaited(ASKED):
        return
    ghosts.follow(shown.key)
    look = charts.LARGE if state.presenting() else charts.USUAL
    choice = starts.chosen(config.replicas)
    for chart in charts.curves(shown, metric=metric, look=look)[1]:  # the first is under way while the next is built
        box.put({chart.name: charts.encoded_figure(shown, chart)})
    box.is_awaited(DRAWN)
    rows = charts.pictures(shown, choice=choice, every=charts.CURVES, look=look, uncoupled=uncoupled)
    box.put({chart.name: charts.encoded_figure(shown, chart) for _, row in rows for chart in row})
