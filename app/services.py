"""What all sessions of the server share: the supervisor, the store, previews, and a warm start."""

from __future__ import annotations

import importlib
import logging
import os
import threading
import time
from collections.abc import Callable, Hashable
from pathlib import Path
from typing import Any, TypeVar

import streamlit as st

from app import classroom
from app.figure_cache import FigureCache
from app.previews import Previews
from app.step_times import StepTimes
from qhn_core.planning import memory_limit
from qhn_core.runner import Supervisor
from qhn_core.runner.cluster import Cluster
from qhn_core.runner.helpers import Helpers
from qhn_core.runner.live import LiveRun
from qhn_core.runner.slots import Limits
from qhn_core.store import RunStore
from qhn_core.studies.race.live import Races

_LOG = logging.getLogger(__name__)
Shared = TypeVar("Shared", RunStore, Supervisor, Races)
#: Bytes of the memory for training that are left to pages, their figures and histories.
_FOR_PAGES = 512 * 2**20
#: Bytes of that memory for each process that helps.
_FOR_HELPER = 2**30
#: Seconds after which somebody in a class who is not seen has left, and after which a run that no page asks for is
#: nobody's where there is no class.
_LEFT, _LEFT_ALONE = 60.0, 300.0
#: Seconds after which a page that was asked for has been drawn.
_PAGE_DRAWN = 5.0


@st.cache_resource(show_spinner=False)
def shared_store() -> RunStore:
    """The runs on disk, everybody's; raises StoreError, with a message for people, if they cannot be used."""
    return RunStore()


@st.cache_resource(show_spinner=False)
def shared_supervisor() -> Supervisor:
    """The one supervisor of this server. Runs of a process that died are marked as interrupted first."""
    limits = Limits() if classroom.is_asked() else None
    address = os.environ.get("QHN_SCHEDULER", "")
    cluster = Cluster(address, uploads=shared_store().uploads) if address else None
    memory = max(memory_limit() - _FOR_PAGES, _FOR_PAGES)
    helpers = None
    if cluster is None:
        # One more than there are cores, as each waits at times until this process has taken what it made.
        count = max(1, min((os.cpu_count() or 1) + 1, memory // _FOR_HELPER))
        helpers = Helpers(count, uploads=shared_store().uploads)
    if helpers is not None and classroom.is_asked():
        helpers.start()  # a class will need them
    return Supervisor(shared_store(), limits=limits, cluster=cluster, memory=memory, left=_left, helpers=helpers)


def _left(run: LiveRun[Any]) -> bool:
    """Whether nobody waits any more for a run that has not begun: no page asks, and who started it is not here."""
    quiet = time.monotonic() - run.asked
    room = classroom.classroom()
    if room is None or not run.owner:
        return quiet > _LEFT_ALONE
    return min(quiet, room.away(run.owner)) > _LEFT


@st.cache_resource(show_spinner=False)
def shared_races() -> Races:
    """The races of this server, which take turns with its runs; those that finish become runs of the store."""
    return Races(shared_store(), shared_supervisor().crew.slots, cluster=shared_supervisor().cluster, left=_left)


def store() -> RunStore:
    """The runs on disk, as who looks at this page may see them."""
    return _seen_by(shared_store())


def supervisor() -> Supervisor:
    """What trains, as who looks at this page may see it."""
    return _seen_by(shared_supervisor())


def races() -> Races:
    """The races, as who looks at this page may see them."""
    return _seen_by(shared_races())


def _seen_by(shared: Shared) -> Shared:
    """Everything where there is no class, and for its teacher; a student's own runs and races for a student."""
    viewer = classroom.person()
    return shared if viewer is None or viewer.teacher else shared.of(viewer.id)


@st.cache_resource(show_spinner=False)
def previews() -> Previews:
    """Setups and first steps by configuration."""
    return Previews(shared_store().uploads)


@st.cache_resource(show_spinner=False)
def _figures() -> FigureCache:
    return FigureCache()


@st.cache_resource(show_spinner=False)
def step_times() -> StepTimes:
    """How long a step takes here, by configuration."""
    return StepTimes(shared_store().uploads)


def uploads() -> Path:
    """The folder of uploaded files, named by content."""
    return store().uploads


def cached_figure(key: tuple[Hashable, ...], version: Hashable, build: Callable[[], bytes], *, every: float) -> bytes:
    """An encoded figure, built anew when its version changes, but at most once in ``every`` seconds."""
    return _figures().get(key, version, build, every=every)


def let_go() -> None:
    """Empty what is kept for pages that are drawn again."""
    _figures().clear()
    shared_store().forget_histories()


@st.cache_resource(show_spinner=False)
def warm_up() -> bool:
    """Load in the background what the first run needs (compiled kernels above all). Returns at once."""
    threading.Thread(target=_warm, name="qhn-warm-up", daemon=True).start()
    return True


def _warm() -> None:
    try:
        warm_up_now()
    except Exception:
        _LOG.exception("warm-up failed")


def warm_up_now() -> None:
    """As :func:`warm_up`, and return when all is there; raises StoreError if the data folder cannot be used."""
    from qhn_core.config import RunConfig

    previews().wait(RunConfig())


@st.cache_resource(show_spinner=False)
def warm_up_rivals() -> bool:
    """Import in the background what scoring a race's rivals needs, once its page has been drawn. Returns at once."""
    threading.Thread(target=_warm_rivals, args=(shared_races(),), name="qhn-warm-up-rivals", daemon=True).start()
    return True


def _warm_rivals(shared: Races) -> None:
    # Importing it takes a second or more of the interpreter, which would otherwise hold up the end of the first race.
    time.sleep(_PAGE_DRAWN)
    try:
        while shared.racing():
            time.sleep(0.2)
        importlib.import_module("sklearn.linear_model")
    except Exception:
        _LOG.exception("warm-up of the rivals failed")
