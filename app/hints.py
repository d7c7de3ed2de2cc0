"""What pages tell the browser beside their content: what to fetch early, and what never to fetch.

The plotting library is the largest of all files. Without a hint it is asked for when the first chart is mounted, at the
end of all that a first page has to load. Pictures come from this server alone: messages quote what came by a link or a
file, and Markdown in it could name a picture elsewhere, whose server would then learn who opened the page.
"""

from __future__ import annotations

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.live_chart import below_base, script_url

PICTURES = "img-src 'self' data: blob:; media-src 'self' data: blob:"


class PageHeaders:
    """ASGI middleware: pages come with :data:`PICTURES`, and the first with a preload of the plotting library."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer as the application does, with the headers beside it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def telling(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                if headers.get("content-type", "").startswith("text/html"):
                    headers["Content-Security-Policy"] = PICTURES
                    if scope["path"].rstrip("/") == below_base(""):
                        headers.append("Link", f"<{script_url()}>; rel=preload; as=script")
            await send(message)

        await self._app(scope, receive, telling)
