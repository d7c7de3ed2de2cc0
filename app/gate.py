"""The door of a class: without a place in it nothing of the server answers but the form that asks for the code."""

from __future__ import annotations

import html
from collections.abc import Mapping
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from app.classroom import COOKIE, LASTS, Classroom
from qhn_core.errors import QHNError

#: Where the code is given, below the server's base path; and the largest form that is read, bytes.
PATH, _LARGEST = "/class/enter", 4096
#: What answers without a place: whether the server lives, which says nothing of the class.
_OPEN = ("/_stcore/health",)
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>QHN Lab: enter the class</title>
<style>
:root {{ color-scheme: light dark; }}
body {{ font: 18px system-ui, sans-serif; max-width: 22rem; margin: 12vh auto; padding: 0 1rem; }}
h1 {{ font-size: 1.5rem; }}
label {{ display: block; margin-top: 1rem; }}
input {{ font: inherit; width: 100%; box-sizing: border-box; padding: .5rem; margin-top: .25rem; }}
#code {{ letter-spacing: .2em; text-transform: uppercase; }}
button {{ font: inherit; margin-top: 1.25rem; padding: .6rem 1.5rem; }}
[role=alert] {{ border-left: 4px solid #D55E00; padding-left: .75rem; }}
</style></head><body>
<h1>QHN Lab</h1>
<p>Enter the class with the code that your teacher shows.</p>
{problem}
<form method="post" action="{action}">
<label for="code">Class code</label>
<input id="code" name="code" autocomplete="off" autocapitalize="characters" spellcheck="false" maxlength="24"
 required autofocus>
<label for="name">What should you be called?</label>
<input id="name" name="name" autocomplete="nickname" maxlength="40">
<button type="submit">Enter</button>
</form></body></html>
"""


class Gate:
    """ASGI middleware: lets in who has a place in the class, and asks others for the code.

    Args:
        app: who answers for those let in.
        room: the class.
        base: the server's base path, empty or beginning with a slash.
    """

    def __init__(self, app: ASGIApp, *, room: Classroom, base: str = "") -> None:
        self._app, self._room, self._base = app, room, base

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer as the application does to those who have a place."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        path, headers = scope["path"], Headers(scope=scope)
        inside = self._room.who(secret_of(headers)) is not None
        if inside and path == self._base + PATH and scope["type"] == "http":
            await RedirectResponse(f"{self._base}/", status_code=303)(scope, receive, send)
        elif inside or path in [self._base + open_ for open_ in _OPEN]:
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        else:
            response = await self._outside(scope, receive, headers)
            await response(scope, receive, send)

    async def _outside(self, scope: Scope, receive: Receive, headers: Headers) -> Response:
        if scope["path"] == "/favicon.ico":
            return Response(status_code=204)
        if scope["path"] != self._base + PATH:
            if headers.get("sec-fetch-mode", "navigate") == "navigate" and scope["method"] == "GET":
                return RedirectResponse(self._base + PATH, status_code=303)
            return PlainTextResponse("Enter the class first.", status_code=401)
        if scope["method"] == "GET":
            return self._form()
        if scope["method"] != "POST":
            return PlainTextResponse("", status_code=405, headers={"Allow": "GET, POST"})
        client = scope.get("client")
        address = str(client[0]) if client else ""
        wait = self._room.tries.wait(address)
        if wait > 0:
            return self._form(
                f"Too many wrong codes from this address. Try again in {wait:.0f} seconds.",
                status=429,
                headers={"Retry-After": f"{wait:.0f}"},
            )
        fields = await _fields(receive)
        if fields is None:
            return self._form("The form is too long.", status=413)
        return await self._try(address, fields, secure=scope.get("scheme") == "https")

    async def _try(self, address: str, fields: Mapping[str, str], *, secure: bool) -> Response:
        try:
            found = await run_in_threadpool(self._room.enter, address, fields.get("code", ""), fields.get("name", ""))
        except QHNError as error:
            return self._form(str(error), status=403)
        if found is None:
            return self._form("That is not the code of this class. Codes have six letters and digits.", status=403)
        answer = RedirectResponse(f"{self._base}/", status_code=303)
        answer.set_cookie(
            COOKIE, found[1], max_age=int(LASTS), path="/", httponly=True, samesite="strict", secure=secure
        )
        return answer

    def _form(self, problem: str = "", *, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
        text = f'<p role="alert">{html.escape(problem)}</p>' if problem else ""
        return HTMLResponse(
            _PAGE.format(problem=text, action=html.escape(self._base + PATH)),
            status_code=status,
            headers={
                "Content-Security-Policy": _POLICY,
                "Referrer-Policy": "same-origin",  # with none, browsers do not say from where the form comes
                "Cache-Control": "no-store",
                **(headers or {}),
            },
        )


def secret_of(headers: Headers) -> str:
    """The secret in a request's cookies; empty for none."""
    try:
        found = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
    except CookieError:
        return ""
    return found.value if found is not None else ""


async def _fields(receive: Receive) -> dict[str, str] | None:
    """The fields of a form; None where it is too long."""
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if len(body) > _LARGEST:
            return None
        if not message.get("more_body"):
            break
    try:
        found = parse_qs(body.decode("utf-8", "replace"), max_num_fields=8)
    except ValueError:
        return {}
    return {name: values[0] for name, values in found.items()}
