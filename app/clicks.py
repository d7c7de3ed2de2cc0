"""A click counts once.

A button's click waits in the browser until the end of its turn, and whatever that browser sends meanwhile carries it,
too. On a page that refreshes itself the refresh may come first: then the server hears of the click twice, and makes two
steps of one. A refresh says nothing new of itself, and the click's own message always follows; so it is taken there
alone. (Streamlit 1.67: ``setTriggerValue`` flushes by a timer, as does ``run_every``.)
"""

from __future__ import annotations

from google.protobuf.message import DecodeError
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from streamlit.proto.BackMsg_pb2 import BackMsg

#: Values of widgets that last for one message: clicks, and events of charts.
MOMENTARY = frozenset({"trigger_value", "string_trigger_value", "chat_input_value", "json_trigger_value"})


def without_clicks(data: bytes) -> bytes:
    """A browser's message to Streamlit as it is, or, if a refresh sent it by itself, without the clicks it carries."""
    message = BackMsg()
    try:
        message.ParseFromString(data)
    except DecodeError:
        return data  # for Streamlit to refuse
    if not message.rerun_script.is_auto_rerun:
        return data
    widgets = message.rerun_script.widget_states.widgets
    lasting = [widget for widget in widgets if widget.WhichOneof("value") not in MOMENTARY]
    if len(lasting) == len(widgets):
        return data
    kept = BackMsg()
    kept.CopyFrom(message)
    del kept.rerun_script.widget_states.widgets[:]
    kept.rerun_script.widget_states.widgets.extend(lasting)
    return kept.SerializeToString()


class ClicksOnce:
    """ASGI middleware: a refresh that a page asks for by itself carries no click (:func:`without_clicks`)."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer as the application does to what the browser's page meant."""
        if scope["type"] != "websocket":
            await self._app(scope, receive, send)
            return

        async def meant() -> Message:
            message = await receive()
            if message["type"] == "websocket.receive" and message.get("bytes"):
                return {**message, "bytes": without_clicks(message["bytes"])}
            return message

        await self._app(scope, meant, send)
