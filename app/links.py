"""Links for a class: an address that carries a teacher's prompt, as text and QR code; the prompt on its page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from urllib.parse import urlencode, urlsplit

import streamlit as st

from app import qr, state
from app.describe import TITLES
from app.presenter import LONGEST

#: Parts of the form that a link may hide.
_HIDEABLE = (*TITLES, "run", "method")


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


def offer(query: Mapping[str, str], *, menu: str, prompted: str, hidden: Sequence[str] = ()) -> None:
    """The address of this page, to be copied and to be photographed.

    Args:
        query: what the page shows.
        menu: key of the menu in which it is offered.
        prompted: the prompt that goes with it.
        hidden: names of the controls that it leaves out.
    """
    more = {state.HIDE: ",".join(sorted(hidden))} if hidden else {}
    more |= {state.PROMPT: prompted} if prompted else {}
    link = address({**query, **more})
    if len(link) <= qr.MOST:
        qr.entrance(link, said=prompted, menu=menu, key=f"{menu}.qr")
    else:
        st.caption("Too many settings for a QR code that phones can read from the screen: send the link itself.")
    st.code(link, language=None, wrap_lines=True)
    if urlsplit(link).hostname in ("127.0.0.1", "localhost"):
        st.caption("This address works on this computer only. Open the page by the server's own name to share it.")


def address(query: Mapping[str, str]) -> str:
    """This page with other parameters."""
    parts = urlsplit(st.context.url or "http://127.0.0.1:8501")
    return f"{parts.scheme}://{parts.netloc}{parts.path}?{urlencode(query)}"


def hide_parts() -> list[str]:
    """The choice of the form's parts that are hidden, here and in the link; returns them.

    Who was given a link with hidden parts passes it on as it is: what they are is not theirs to choose.
    """
    hidden = state.hidden()
    if not state.may_hide():
        return sorted(hidden)
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
