"""Hardware: shots, devices and noise, at the angles of a trained run."""

from __future__ import annotations

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from app import state
from app.sending import let_it_be_sent
from app.views.hardware import deploy, noise, shots, train
from app.views.hardware import device as hardware_device
from app.views.hardware import source as hardware_source
from app.views.hardware.device import Device
from app.views.hardware.source import Chosen, Source

#: Seconds between refreshes while something happens.
REFRESH = 0.5
SHOW = {
    "shots": shots.show,
    "deploy": deploy.show,
    "train": train.show,
    "noise": noise.show,
}
VIEWS = {"shots": "Shots", "deploy": "Deploy", "train": "Train here", "noise": "Noise study"}


def page() -> None:
    """The page."""
    with st.sidebar:
        chosen = hardware_source.choose()
        hardware_source.pick_start(chosen)
        device = hardware_device.choose(chosen.n_qubits)
        _loading()
    if problem := hardware_source.lost(chosen):
        st.error(problem, icon=":material/error:")
    polling = bool(state.recall("hardware.polling", True))
    st.fragment(_live_device, run_every=REFRESH if polling else None)(chosen, device, polling)


def _loading() -> None:
    """Say what is being imported, without waiting for it."""
    job = hardware_device.loading()
    if not job.ready:
        st.caption(":material/hourglass_top: Loading PennyLane and Qiskit …")
    elif job.message:
        st.error(job.message)


def _live_device(chosen: Chosen, device: Device, polling: bool) -> None:
    """Everything below the sidebar, drawn anew while something happens."""
    libraries = hardware_device.loading()
    source = hardware_source.open_source(chosen)
    left, right = st.columns([1.35, 1], gap="small", vertical_alignment="center")
    with left:
        if isinstance(source, str):
            st.info(source, icon=":material/info:")
        elif source is None:
            st.progress(0.0, text="Preparing the circuit …")
        else:
            st.markdown(hardware_source.title(source))
    with right:
        view = _view()
    busy = source is None
    with st.container():
        if device.problem:
            st.warning(device.problem, icon=":material/info:")
    place = _places(view)
    if isinstance(source, Source):
        with place:
            why_not = hardware_source.not_exact(source, view)
            if why_not:
                st.info(why_not, icon=":material/info:")
            else:
                busy = SHOW[view](source, device)
    busy |= not libraries.ready
    state.remember("hardware.polling", busy)
    # A device that was chosen before its library was there is made by the sidebar, in the next run of the whole page.
    let_it_be_sent()
    if busy != polling or (device.waiting and libraries.result is not None):
        st.rerun()


def _places(view: str) -> DeltaGenerator:
    """A place for each view, of which only the chosen one's is filled.

    In a common one the charts of the view before would stay until new ones stand in their place, or until all is drawn.
    """
    return {name: st.container() if name == view else st.empty() for name in VIEWS}[view]


def _view() -> str:
    names = list(VIEWS)
    picked = st.segmented_control(
        "View",
        names,
        default=state.choice("view", names, "shots"),
        format_func=VIEWS.__getitem__,
        key="hardware.view",
        required=True,
        wrap=True,
        label_visibility="collapsed",
        help="What to look at.",
    )
    state.keep_choice("view", picked)
    return str(picked)


if __name__ == "__main__":
    page()
