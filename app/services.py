"""What all sessions of the server share: the supervisor, the store, previews, and a warm start."""

from __future__ import annotations

import importlib
import logging
import threading
import time
from collections.abc import Callable, Hashable
from pathlib import Path

import streamlit as st

from app.figure_cache import FigureCache
from app.previews import Previews
from qhn_core.runner import Supervisor
from qhn_core.store import RunStore
from qhn_core.studies.race.live import Races

_LOG = logging.getLogger(__name__)
#: Seconds after which a page that was asked for has been drawn.
_PAGE_DRAWN = 5.0


@st.cache_resource(show_spinner=False)
def store() -> RunStore:
    """The runs on disk; raises StoreError, with a message for people, if the data folder cannot be used."""
    return RunStore()


@st.cache_resource(show_spinner=False)
def supervisor() -> Supervisor:
    """The one supervisor of this server. Runs of a process that died are marked as interrupted first."""
    runs = store()
    runs.mark_interrupted()
    return Supervisor(runs)


@st.cache_resource(show_spinner=False)
def races() -> Races:
    """The races of this server, which take turns with its runs; those that finish become runs of the store."""
    return Races(store(), supervisor().crew.slots)


@st.cache_resource(show_spinner=False)
def previews() -> Previews:
    """Setups and first steps by configuration."""
    return Previews(store().uploads)


@st.cache_resource(show_spinner=False)
def _figures() -> FigureCache:
    return FigureCache()


def uploads() -> Path:
    """The folder of uploaded files, named by content."""
    return store().uploads


def cached_figure(key: tuple[Hashable, ...], version: Hashable, build: Callable[[], bytes], *, every: float) -> bytes:
    """An encoded figure, built anew when its version changes, but at most once in ``every`` seconds."""
    return _figures().get(key, version, build, every=every)


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
    threading.Thread(target=_warm_rivals, args=(races(),), name="qhn-warm-up-rivals", daemon=True).start()
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
