"""Charts that fetch their own newest figure while a run goes on, beside Streamlit's refreshes.

A refresh by Streamlit makes the browser go through the whole page, however little of it changed; on a small machine
that takes processor time away from training. A feed is an address of this server that answers with one chart's newest
figure: the chart asks, and nothing else on the page moves. Addresses are random, so nobody can ask for what no page has
shown; what they answer is what that page shows.
"""

from __future__ import annotations

import hashlib
import logging
import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from qhn_core.errors import QHNError

_LOG = logging.getLogger(__name__)
#: Where feeds are found, below the server's base path.
PATH = "/qhn/feed"
#: Feeds kept; a page has half a dozen.
_KEPT = 512


class Feeds:
    """Newest figures by a random name; safe for threads. Nothing is handed out before :meth:`open`."""

    def __init__(self) -> None:
        self._names: OrderedDict[Hashable, str] = OrderedDict()
        self._builds: dict[str, Callable[[], bytes]] = {}
        self._guard = threading.Lock()
        self.is_open = False

    def open(self) -> None:
        """Say that the server answers at :data:`PATH`."""
        self.is_open = True

    def name(self, key: Hashable, build: Callable[[], bytes]) -> str:
        """The name under which ``build`` answers from now on, the same for the same ``key``; empty if none is open."""
        if not self.is_open:
            return ""
        with self._guard:
            name = self._names.setdefault(key, secrets.token_urlsafe(12))
            self._names.move_to_end(key)
            self._builds[name] = build
            while len(self._names) > _KEPT:
                del self._builds[self._names.popitem(last=False)[1]]
        return name

    def find(self, name: str) -> Callable[[], bytes] | None:
        """What answers under ``name``; None if nothing does."""
        with self._guard:
            return self._builds.get(name)


FEEDS = Feeds()


async def answer(request: Request) -> Response:
    """The figure, 204 if the one that the browser has (``If-None-Match``) is still the newest, 404 for no such feed."""
    build = FEEDS.find(str(request.path_params["name"]))
    if build is None:
        return Response(status_code=404)
    try:
        figure = await run_in_threadpool(build)
    except QHNError:  # the page itself says what is wrong, at its next refresh
        return Response(status_code=404)
    except Exception:
        _LOG.exception("a feed failed")
        return Response(status_code=500)
    tag = hashlib.blake2b(figure, digest_size=12).hexdigest()
    headers = {"Cache-Control": "no-store", "ETag": tag, "X-Content-Type-Options": "nosniff"}
    if request.headers.get("If-None-Match") == tag:
        return Response(status_code=204, headers=headers)
    return Response(figure, media_type="application/json", headers=headers)
