"""Who may talk to the server, and what its pages may do in a browser.

A page of another site, or of another program on the same machine, can send requests to this server from the browser of
whoever looks at it. It cannot choose two headers: ``Host``, what the browser believes to be talking to, and ``Origin``,
whose page asks. A name that an attacker points at this machine (DNS rebinding) gives itself away by the first, a
foreign page by the second.
"""

from __future__ import annotations

import base64
import hashlib
import ipaddress
import re
import socket
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

import streamlit as st
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

#: Paths of Streamlit's below the base path that nobody here needs: counters of the server, and control by programs.
_CLOSED = ("/_stcore/metrics", "/_stcore/agent")
#: What other sites' pages may ask for: a whole page, by a link.
_BY_LINK = "navigate"


def served_names(extra: Iterable[str] = ()) -> frozenset[str]:
    """Names, in lower case, under which this machine is known, and those given; numeric addresses always count.

    An attacker can point a name of their own at this machine, but no number.
    """
    own = socket.gethostname().lower()
    named = (name.strip().lower().rstrip(".") for name in extra)
    return frozenset({"localhost", own, f"{own.partition('.')[0]}.local", *filter(None, named)})


def host_of(netloc: str) -> str:
    """The name or address in ``name:port``, in lower case, without the brackets of IPv6; empty if it is none."""
    try:
        parts = urlsplit(f"//{netloc}")
        _ = parts.port  # raises for what is no number from 0 to 65535
    except ValueError:
        return ""
    if parts.netloc != netloc or parts.username is not None or parts.path or not parts.hostname:
        return ""
    return parts.hostname.rstrip(".")


def is_served(netloc: str, names: frozenset[str]) -> bool:
    """Whether a ``Host`` header names this machine."""
    host = host_of(netloc)
    if host in names:
        return True
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def is_own_origin(origin: str, netloc: str) -> bool:
    """Whether a page of ``origin`` came from the server that it now talks to."""
    try:
        parts = urlsplit(origin)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.netloc) and parts.netloc.lower() == netloc.lower()


@cache
def policy(embed: tuple[str, ...] = ()) -> str:
    """The Content-Security-Policy of pages: everything from this server alone, embedded nowhere but in ``embed``.

    Styles stand in the page, as Streamlit and Plotly write them there. Scripts do not, but for those of Streamlit's own
    first page, named by their hashes, and the components' scripts, which Streamlit loads from ``blob:``.
    """
    rules = {
        "default-src": "'self'",
        "script-src": " ".join(("'self'", "blob:", *_inline_scripts())),
        "style-src": "'self' 'unsafe-inline'",
        "img-src": "'self' data: blob:",
        "media-src": "'self' data: blob:",
        "font-src": "'self' data:",
        "connect-src": "'self'",
        "worker-src": "'self' blob:",
        "frame-src": "'none'",
        "object-src": "'none'",
        "base-uri": "'self'",
        "form-action": "'none'",
        "frame-ancestors": " ".join(embed) or "'none'",
    }
    return "; ".join(f"{rule} {sources}" for rule, sources in rules.items())


def _inline_scripts() -> list[str]:
    """Hashes of the scripts written into Streamlit's first page."""
    page = Path(st.__file__).parent / "static" / "index.html"
    scripts = re.findall(r"<script>(.*?)</script>", page.read_text(encoding="utf-8"), re.DOTALL)
    return [f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'" for text in scripts]


class Doors:
    """ASGI middleware: turns away who does not belong, and tells browsers what pages may do.

    Args:
        app: who answers for those let in.
        names: of this machine, beside its numeric addresses (:func:`served_names`).
        embed: origins (``https://moodle.example.edu``) whose pages may show this server's pages in a frame.
        base: the server's base path, empty or beginning with a slash.
    """

    def __init__(self, app: ASGIApp, *, names: frozenset[str], embed: tuple[str, ...] = (), base: str = "") -> None:
        self._app, self._names, self._embed, self._base = app, names, embed, base

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer as the application does, with the headers of :meth:`_headers`; 403 or 404 for who is turned away."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        refused = self._refusal(scope)
        if refused is not None and scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
            return

        async def telling(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._headers(MutableHeaders(scope=message))
            await send(message)

        if refused is not None:
            await refused(scope, receive, telling)
        else:
            await self._app(scope, receive, telling)

    def _refusal(self, scope: Scope) -> PlainTextResponse | None:
        headers = Headers(scope=scope)
        host, origin = headers.get("host", ""), headers.get("origin")
        if not is_served(host, self._names):
            return PlainTextResponse(
                f"This server is not known as {host[:100]!r}. Open it by the machine's number, such as "
                "http://127.0.0.1, or, if this name is meant to lead here, start it with --host-name NAME.",
                status_code=403,
            )
        foreign = origin is not None and not is_own_origin(origin, host)
        site = headers.get("sec-fetch-site", "same-origin")
        mode = headers.get("sec-fetch-mode", "")
        if foreign or (site in ("cross-site", "same-site") and mode != _BY_LINK):
            return PlainTextResponse("A page of another server may not use this one.", status_code=403)
        if scope["path"].startswith(tuple(self._base + path for path in _CLOSED)):
            return PlainTextResponse("There is nothing here.", status_code=404)
        return None

    def _headers(self, headers: MutableHeaders) -> None:
        headers["X-Content-Type-Options"] = "nosniff"
        headers.setdefault("Referrer-Policy", "no-referrer")
        headers["Cross-Origin-Resource-Policy"] = "same-origin"
        if headers.get("content-type", "").startswith("text/html"):
            headers.setdefault("Content-Security-Policy", policy(self._embed))
            headers["Cross-Origin-Opener-Policy"] = "same-origin"
            headers["Permissions-Policy"] = "camera=(), microphone=(), geolocation=()"
            if not self._embed:
                headers["X-Frame-Options"] = "DENY"
