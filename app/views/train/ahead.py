"""What is trained at once goes to the curves ahead of the page: a change is drawn before the form is.

Pictures come with the page: sent ahead they are drawn no sooner, as the browser goes through the page meanwhile.
"""

from __future__ import annotations

from app import post, services, state
from app.glance import glance
from app.views.train import curves, ghosts, instant, mounting
from app.views.train.data import of_instant
from qhn_core.config import RunConfig

#: Seconds that the page waits for a result, for its charts to ask for it, and for them to be drawn, before it is drawn
#: itself: the browser cannot do both at once.
TRAINED, ASKED, DRAWN = 0.6, 0.05, 0.3


def send(held: RunConfig, *, metric: str) -> None:
    """Train what the form is going to say, and have the curves on the screen show the end.

    Only where Instant is on, no run is shown, and they ask for it: else the page brings it, and nothing is waited for.

    Args:
        held: what the form said when it was drawn last.
        metric: what the gap is between, as in :func:`app.views.train.curves.show`.
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
    look = mounting.LARGE if state.presenting() else mounting.USUAL
    both = curves.curve_charts(shown, metric=metric, look=look)
    box.put({chart.name: mounting.encoded_figure(shown, chart) for chart in both})
    box.is_awaited(DRAWN)
