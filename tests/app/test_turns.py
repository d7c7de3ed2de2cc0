"""Whole pages are drawn a few at a time; none waits for ever, and none keeps its place."""

from __future__ import annotations

import threading

import pytest

from app import turns


@pytest.fixture(autouse=True)
def places(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "_PLACES", threading.Semaphore(turns.AT_ONCE))


def drawing(leave: threading.Event, inside: list[int], number: int) -> threading.Thread:
    def draw() -> None:
        with turns.turn():
            inside.append(number)
            leave.wait(60)

    thread = threading.Thread(target=draw, daemon=True)
    thread.start()
    return thread


def test_so_many_are_drawn_at_once_and_the_next_one_when_one_has_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "PATIENCE", 60.0)
    inside: list[int] = []
    leave = [threading.Event() for _ in range(turns.AT_ONCE + 1)]
    threads = [drawing(event, inside, k) for k, event in enumerate(leave[:-1])]
    while len(inside) < turns.AT_ONCE:
        threading.Event().wait(0.01)
    late = drawing(leave[-1], inside, turns.AT_ONCE)
    late.join(0.2)
    assert turns.AT_ONCE not in inside
    leave[0].set()
    while turns.AT_ONCE not in inside:
        threading.Event().wait(0.01)
    for event in leave:
        event.set()
    for thread in (*threads, late):
        thread.join(60)
        assert not thread.is_alive()


def test_a_page_is_drawn_without_a_place_after_a_while_and_gives_none_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "PATIENCE", 0.05)
    for _ in range(turns.AT_ONCE):
        turns._PLACES.acquire()
    with turns.turn():
        pass
    assert not turns._PLACES.acquire(blocking=False)


def test_a_page_that_ends_early_gives_its_place_back() -> None:
    for _ in range(turns.AT_ONCE + 1):
        with pytest.raises(KeyError), turns.turn():
            raise KeyError
    assert all(turns._PLACES.acquire(blocking=False) for _ in range(turns.AT_ONCE))
