"""What pages tell the browser beside their content: what to fetch early.

The plotting library is the largest of all files. Without a hint it is asked for when the first chart is mounted, at the
end of all that a first page has to load.
"""

from __future__ import annotations

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.live_chart import below_base, script_url


class PageHeaders:
    """ASGI middleware: the first page comes with a preload of the plotting library."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer as the application does, with the header beside it."""
        if scope["type"] != "http" or scope["path"].rstrip("/") != below_base(""):
            await self._app(scope, receive, send)
            return

        async def telling(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                if headers.get("content-type", "").startswith("text/html"):
                    headers.append("Link", f"<{script_url()}>; rel=preload; as=script")
            await send(message)

        await self._app(scope, receive, telling)
