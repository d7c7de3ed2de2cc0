"""The only file that touches the session's state and the URL.

The URL carries the whole configuration (``config``, compact and versioned), the run that is shown (``run``), the
controls that a teacher has hidden (``hide``), what a teacher asks (``prompt``), and whether it is for a projector
(``present``). The session keeps the same texts (of a configuration that is too long for a link, its JSON), and what the
widgets hold; never histories or other objects. What comes from a URL is input from a stranger: it is validated, and
refused with a message.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from typing import Any, Final

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from qhn_core.config import ConfigError, RunConfig

CONFIG, RUN, HIDE, PRESENT, PROMPT = "config", "run", "hide", "present", "prompt"
_PREFIX: Final = "qhn."
#: Seconds in which a browser hears that its address has changed.
_LATE: Final = 2.0
_RUN_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


def _get(name: str, default: Any = None) -> Any:
    return st.session_state.get(_PREFIX + name, default)


def _set(name: str, value: Any) -> None:
    st.session_state[_PREFIX + name] = value


# --- the configuration -----------------------------------------------------------------------------------------------


def read_config() -> RunConfig:
    """The configuration to show.

    A URL that differs from what this session wrote last (opened, edited, back button) is taken over; then the form's
    widgets are set anew. One that cannot be used leaves the default, and a message (:func:`link_problem`).
    """
    text = st.query_params.get(CONFIG)
    if text is not None and text != _get("written") and not is_late(text):
        try:
            config = RunConfig.from_url(text)
        except ConfigError as error:
            adopt(RunConfig(), write=False)
            _set("written", text)
            _set("link_problem", str(error))
        else:
            adopt(config, write=False)
            _set("written", text)
            _set("link_problem", "")
    known = _get(CONFIG)
    if known is None:
        config = RunConfig()
        _set(CONFIG, _text(config))
        return config
    return RunConfig.from_json(known) if known.startswith("{") else RunConfig.from_url(known)


def is_late(text: str) -> bool:
    """Whether a browser that says this has not yet heard what this session wrote since: two changes came at once.

    One that went back to an earlier address means it.
    """
    context = get_script_run_ctx(suppress_warning=True)
    if context is not None and context.is_history_navigation:
        return False
    return time.monotonic() - _get("replaced", {}).get(text, -_LATE) < _LATE


def replaced(text: str | None) -> None:
    """This part of the address gives way to another; the browser hears of it later (:func:`is_late`)."""
    now = time.monotonic()
    _set("replaced", {old: at for old, at in _get("replaced", {}).items() if now - at < _LATE} | {text: now})


def take_address() -> None:
    """The address that comes next is meant, whatever this session wrote before."""
    _set("replaced", {})


def link_text(config: RunConfig) -> str | None:
    """The configuration as it stands in a link; None where it is too long for one (a cost table written out)."""
    try:
        return config.to_url()
    except ConfigError:
        return None


def _text(config: RunConfig) -> str:
    """The configuration as the session keeps it."""
    return link_text(config) or config.to_json()


def link_problem() -> str:
    """Why the URL's configuration could not be used; empty if it could, or since something was changed."""
    return str(_get("link_problem", ""))


def adopt(config: RunConfig, *, write: bool = True) -> None:
    """Make ``config`` the one that the form shows, whatever its widgets hold."""
    if _get(CONFIG) is not None:
        renew()
    if write:
        write_config(config, force=True)
    else:
        _set(CONFIG, _text(config))


def write_config(config: RunConfig, *, force: bool = False) -> None:
    """Remember the form's configuration, and put it in the URL where it changed and is not too long for it.

    A link that could not be read stays in the URL, with its message, until something is changed.
    """
    link = link_text(config)
    text = link or config.to_json()
    said = st.query_params.get(CONFIG)
    if force or text != _get(CONFIG) or (said is None) != (link is None) or (said and said != _get("written")):
        replaced(_get("written"))
        _set(CONFIG, text)
        _set("written", link)
        _set("link_problem", "")
        keep_choice(CONFIG, link)


def form_key(prefix: str, part: str = "") -> str:
    """Prefix of the widgets' keys. It changes when the form has to show other values than its widgets hold.

    New keys make new widgets, which start from the values given to them. (Values set through the session's state reach
    the browser only with the run of the script that set them, which it may never draw.)
    """
    count = _get(f"renewed.{part}", 0)
    return f"{prefix}.{part}{count}" if count else prefix


def renew(part: str = "") -> None:
    """Make the widgets of the form, or of one part of it, anew."""
    _set(f"renewed.{part}", _get(f"renewed.{part}", 0) + 1)


# --- the run ---------------------------------------------------------------------------------------------------------


def run_id() -> str | None:
    """The run that the page shows, from the URL or, after a visit to another page, from the session.

    None for a preview. What cannot be an id counts as none.
    """
    text: str | None = st.query_params.get(RUN)
    if not text or is_late(text):
        text = _get(RUN)
    return text if text and _RUN_ID.fullmatch(text) else None


def show_run(run: str | None) -> None:
    """Attach the page to a run, or to none."""
    if run != _get(RUN):
        replaced(_get(RUN))
    _set(RUN, run)
    if run is None:
        if RUN in st.query_params:
            del st.query_params[RUN]
    elif st.query_params.get(RUN) != run:
        st.query_params[RUN] = run


def open_run(run: str, config: RunConfig) -> None:
    """Show a run and its configuration on the Train page (call before switching to it)."""
    adopt(config)
    show_run(run)


def open_settings(config: RunConfig) -> None:
    """Show a configuration, not yet trained, on the Train page (call before switching to it)."""
    adopt(config)
    show_run(None)


# --- what a teacher hides --------------------------------------------------------------------------------------------


def hidden() -> frozenset[str]:
    """Names of the form's sections that are not shown, from the URL."""
    return frozenset(part for part in (parameter(HIDE) or "").split(",") if part.isidentifier())


def hidden_controls() -> frozenset[str]:
    """Settings (``objective.beta``) that a lesson does not show, from the URL."""
    text = (parameter(HIDE) or "")[:1000]
    return frozenset(part for part in text.split(",") if re.fullmatch(r"[a-z_]+(\.[a-z_]+)+", part))


def hide(sections: list[str]) -> None:
    """Put the hidden sections in the URL."""
    text = ",".join(sorted(sections))
    _set("hid", text)
    keep_choice(HIDE, text or None)


def may_hide() -> bool:
    """Whether one may choose here what is hidden: nothing is, or this session hid it, not the link that it opened."""
    said = parameter(HIDE)
    return not said or said == _get("hid")


# --- what is shown on a projector -------------------------------------------------------------------------------------


def presenting() -> bool:
    """Whether the page is shown as on a projector, by its link or since somebody chose it in this session."""
    return parameter(PRESENT) == "1" or bool(_get(PRESENT, False))


def present(on: bool) -> None:
    """Enter or leave that, and say so in the link."""
    _set(PRESENT, on)
    keep_choice(PRESENT, "1" if on else None)


def prompt(longest: int) -> str:
    """What a teacher asks beside the page, from the link: plain text, bounded."""
    return (parameter(PROMPT) or "")[:longest]


# --- widgets and small memories --------------------------------------------------------------------------------------


def widget(key: str, default: Any = None) -> Any:
    """What a widget holds."""
    return st.session_state.get(key, default)


def close_menu(key: str) -> None:
    """Close an open popover that reports its state (from a callback, before the popover is drawn anew)."""
    st.session_state[key] = False


def recall(name: str, default: Any = None) -> Any:
    """A small value of this session, such as the chosen speed."""
    return _get(name, default)


def remember(name: str, value: Any) -> None:
    """Keep a small value (text, number, id) for this session."""
    _set(name, value)


def remember_file(sha256: str, name: str) -> None:
    """Keep the name of an uploaded file, which is otherwise known by its content alone."""
    remember(f"upload.{sha256}", name)


def file_names() -> Callable[[str], str]:
    """Content hash -> the name that the file had in this session, or nothing; for use outside of the page, too."""
    found = {key: str(name) for key, name in st.session_state.items() if str(key).startswith(f"{_PREFIX}upload.")}
    return lambda sha256: found.get(f"{_PREFIX}upload.{sha256}", "")


# --- choices that a page keeps in its URL ----------------------------------------------------------------------------


def choice(name: str, allowed: Sequence[str], default: str) -> str:
    """One of ``allowed``, from the URL; ``default`` where it is absent or none of them."""
    text = parameter(name)
    return default if text is None or text not in allowed else text


def number(name: str, default: int | None = None) -> int | None:
    """A whole number from the URL; ``default`` where it is absent or not one."""
    text = parameter(name) or ""
    return int(text) if re.fullmatch(r"\d{1,9}", text) else default


def keep_choice(name: str, value: object | None) -> None:
    """Put a choice in the URL, or remove it for None."""
    text, said = None if value is None else str(value), st.query_params.get(name)
    if text == said:
        return
    replaced(f"{_part(name)}={said}")
    _set(_part(name), text)
    _write(name, text)


def parameter(name: str) -> str | None:
    """A parameter of the URL as text; what it may be is for the caller to check.

    Where the browser has not yet heard of a choice, that choice, with which the URL is set right.
    """
    text: str | None = st.query_params.get(name)
    if not is_late(f"{_part(name)}={text}"):
        return text
    kept: str | None = _get(_part(name))
    _write(name, kept)
    return kept


def page() -> str:
    """Which page this is: a name that only the session uses."""
    context = get_script_run_ctx(suppress_warning=True)
    return "" if context is None else context.page_script_hash


def _part(name: str) -> str:
    """A parameter of this page, among what the session remembers."""
    return f"{page()}.{name}"


def _write(name: str, text: str | None) -> None:
    if text is not None:
        st.query_params[name] = text
    elif name in st.query_params:
        del st.query_params[name]
