"""Links for a class: an address that carries a teacher's prompt, as text and QR code; the prompt on its page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from io import BytesIO
from urllib.parse import urlencode, urlsplit

import streamlit as st

from app import state
from app.describe import TITLES
from app.presenter import LONGEST

#: Parts of the form that a link may hide.
_HIDEABLE = (*TITLES, "run", "method")
#: Most characters of an address as a QR code: phones read no smaller squares from a projector.
_MOST = 800


def prompt() -> str:
    """What the teacher asks beside the page, from its link: plain text, bounded."""
    return state.prompt(LONGEST)


def say(text: str) -> None:
    """The teacher's prompt, as text: what looks like markup in it is shown as it is."""
    if text:
        with st.container(border=True, key="teacher.prompt"):
            st.caption(":material/campaign: Your teacher asks")
            st.text(text)


def prompt_field(key: str) -> str:
    """Where the prompt of a link is written; returns it, bounded, empty for none."""
    written = st.text_input(
        "Your prompt to the class (optional)",
        prompt(),
        max_chars=LONGEST,
        placeholder="What do you expect, and why?",
        key=key,
        help="A sentence that stands above the page for whoever opens the link.",
    )
    return (written or "").strip()[:LONGEST]


def offer(query: Mapping[str, str], *, prompted: str, hidden: Sequence[str] = ()) -> None:
    """The address of this page, to be copied and to be photographed.

    Args:
        query: what the page shows.
        prompted: the prompt that goes with it.
        hidden: names of the controls that it leaves out.
    """
    more = {state.HIDE: ",".join(sorted(hidden))} if hidden else {}
    more |= {state.PROMPT: prompted} if prompted else {}
    link = address({**query, **more})
    st.code(link, language=None, wrap_lines=True)
    if len(link) <= _MOST:
        st.image(qr_code(link), width=300, caption="For the classroom's screen")
    else:
        st.caption("Too many settings for a QR code that phones can read from the screen: send the link itself.")
    if urlsplit(link).hostname in ("127.0.0.1", "localhost"):
        st.caption("This address works on this computer only. Open the page by the server's own name to share it.")


def address(query: Mapping[str, str]) -> str:
    """This page with other parameters."""
    parts = urlsplit(st.context.url or "http://127.0.0.1:8501")
    return f"{parts.scheme}://{parts.netloc}{parts.path}?{urlencode(query)}"


def hide_parts() -> list[str]:
    """The choice of the form's parts that are hidden, here and in the link; returns them."""
    hidden = state.hidden()
    st.pills(
        "Hide these controls, here and in the link",
        _HIDEABLE,
        selection_mode="multi",
        default=[name for name in _HIDEABLE if name in hidden],
        format_func=lambda name: TITLES.get(name, name.capitalize()),
        key="hide.sections",
        on_change=_hide,
        help="Settings that whoever opens the link is not to see; they vanish here, too.",
    )
    return sorted(hidden)


def _hide() -> None:
    state.hide(list(state.widget("hide.sections", [])))


@lru_cache(maxsize=32)
def qr_code(text: str) -> bytes:
    """``text`` as a QR code, PNG, dark on light in both themes with the quiet zone that readers need."""
    import segno

    out = BytesIO()
    error = "m" if len(text) <= _MOST // 2 else "l"  # less to spare, so that squares stay large
    segno.make(text, error=error, micro=False).save(out, kind="png", scale=6, border=4)
    return out.getvalue()
