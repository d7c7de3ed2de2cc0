"""The plotting library for browsers, from where its package is installed: a server writes nothing among its programs,
so that it can be installed where nobody may write.
"""

from __future__ import annotations

from starlette.responses import FileResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from app.live_chart import plotly_file

#: The address names the version: what a browser has of it stays right.
_KEPT = {"Cache-Control": "public, max-age=31536000, immutable"}


class Library:
    """ASGI middleware: answers for the plotting library itself.

    Args:
        app: who answers for everything else.
        path: where the library is found on this server.
    """

    def __init__(self, app: ASGIApp, *, path: str) -> None:
        self._app, self._path = app, path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer for the library, or hand the request on."""
        if scope["type"] != "http" or scope["path"] != self._path:
            await self._app(scope, receive, send)
            return
        file = plotly_file()
        if scope["method"] not in ("GET", "HEAD"):
            response = Response(status_code=405, headers={"Allow": "GET, HEAD"})
        elif file is None:
            response = Response(status_code=404)
        else:
            response = FileResponse(file, media_type="text/javascript", headers=_KEPT)
        await response(scope, receive, send)
