"""A link as a QR code over the whole screen, for the last row of a classroom: a button, and the dialog that it opens.

The session remembers which link is shown, and its page draws the dialog at every run: it stays when training ends.
"""

from __future__ import annotations

from functools import lru_cache
from html import escape
from urllib.parse import urlsplit

import streamlit as st

from app import state

#: Most characters of an address as a QR code: phones read no smaller squares from a projector.
MOST = 800
#: Most characters of an address that are written under its code.
_SHORT = 60
_SHOWN = "qr.shown"


def entrance(link: str, *, said: str = "", menu: str = "", key: str) -> None:
    """The button that opens the dialog.

    Args:
        link: what the code says, of at most :data:`MOST` characters.
        said: what is written under it, beside the link.
        menu: key of the menu in which the button stands, which makes room for the dialog; empty for none.
        key: of the button.
    """
    st.button(
        "QR code",
        icon=":material/qr_code_2:",
        key=key,
        on_click=_open,
        args=(link, said, state.page(), menu),
        help="As large as the screen, for a class to photograph",
    )


def _open(link: str, said: str, page: str, menu: str) -> None:
    if menu:
        state.close_menu(menu)
    state.remember(_SHOWN, (link, said, page))


def _close() -> None:
    state.remember(_SHOWN, None)


def show() -> None:
    """The dialog, where one is open; none that was left behind on another page."""
    shown = state.recall(_SHOWN)
    if shown is None:
        return
    link, said, page = shown
    if page == state.page():
        _dialog(link, said)
    else:
        _close()


@st.dialog("QR code", width="large", on_dismiss=_close)
def _dialog(link: str, said: str) -> None:
    lines = [f"<p>{escape(said)}</p>"] if said else []
    lines.append(f"<p class='qhn-qr-link'>{escape(_short(link))}</p>")
    picture = f"<img src='{code(link)}' alt='QR code of {escape(link, quote=True)}'>"
    st.html(f"<div class='qhn-qr'>{picture}{''.join(lines)}</div>")


def _short(link: str) -> str:
    """The address without its scheme, and without what nobody would type."""
    parts = urlsplit(link)
    text = link.removeprefix(f"{parts.scheme}://")
    return text if len(text) <= _SHORT else f"{text[: _SHORT - 1]}…"


@lru_cache(maxsize=32)
def code(link: str) -> str:
    """The link as a picture, SVG in a data URI, black on white in both themes with the quiet zone that readers need."""
    import segno

    error = "m" if len(link) <= MOST // 2 else "l"  # less to spare, so that squares stay large
    found = segno.make(link, error=error, micro=False)
    return str(found.svg_data_uri(border=4, dark="#000", light="#fff", omitsize=True))
