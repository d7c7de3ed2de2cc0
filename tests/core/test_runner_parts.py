"""The supervisor's parts, without threads that train: recorder, pace, slots, events."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qhn_core.runner.events import EventLog
from qhn_core.runner.pace import Pace
from qhn_core.runner.recorder import Recorder
from qhn_core.runner.slots import Slots
from qhn_core.store import Rows, RunState


@given(count=st.integers(0, 300), gap=st.integers(1, 4), since=st.integers(0, 1300))
def test_recorder_gives_back_the_rows_from_a_step_on(count, gap, since):
    recorder = Recorder()
    for t in range(count):
        recorder.append(t * gap, {"loss": np.full(2, t + 0.5), "elbo": np.full(2, -1.0 * t)})
    found = recorder.rows(since)
    wanted = [t for t in range(count) if t * gap >= since]
    assert found.steps.tolist() == [t * gap for t in wanted]
    if wanted:
        assert found.history["loss"].tolist() == [[t + 0.5] * 2 for t in wanted]
        assert found.history["elbo"].tolist() == [[-1.0 * t] * 2 for t in wanted]
    assert len(recorder) == count


def test_recorder_hands_out_views_that_do_not_change_and_cannot_be_changed():
    recorder = Recorder()
    recorder.append(0, {"loss": np.zeros(2)})
    first = recorder.rows()
    for step in range(1, 200):
        recorder.append(step, {"loss": np.full(2, float(step))})
    assert first.history["loss"].tolist() == [[0, 0]]
    with pytest.raises(ValueError, match="read-only"):
        recorder.rows().history["loss"][0] = 1
    assert np.shares_memory(recorder.rows().history["loss"], recorder.rows(100).history["loss"]), "no copies"


def test_recorder_goes_on_after_rows_from_the_store_and_refuses_other_metrics():
    recorder = Recorder()
    recorder.extend(Rows(np.arange(3), {"loss": np.ones((3, 2)), "elbo": np.zeros((3, 2))}))
    recorder.append(3, {"elbo": np.zeros(2), "loss": np.full(2, 4.0)})
    assert recorder.rows(2).history["loss"].tolist() == [[1, 1], [4, 4]]
    with pytest.raises(ValueError, match="expected"):
        recorder.append(4, {"loss": np.zeros(2)})
    recorder.append(4, {"loss": np.ones(2), "loss_se": np.ones(2), "elbo": np.ones(2)})
    assert list(recorder.rows().history) == ["loss", "elbo"], "a run begun before there was loss_se"
    assert recorder.slice(1, 3).steps.tolist() == [1, 2]
    assert recorder.slice(4, 4).history == {}


def test_recorder_is_read_while_it_grows():
    recorder, errors, done = Recorder(), [], threading.Event()

    def read() -> None:
        while not done.is_set():
            found = recorder.rows()
            if len(found.steps) and not np.array_equal(found.steps, found.history["loss"][:, 0]):
                errors.append(found)

    reader = threading.Thread(target=read)
    reader.start()
    for step in range(20_000):
        recorder.append(step, {"loss": np.full(1, float(step))})
    done.set()
    reader.join()
    assert errors == []


def test_pace_keeps_to_the_speed_and_makes_up_for_no_long_stop():
    pace = Pace()
    pace.restart(100.0, 0)
    assert pace.delay(100.0, None) == 0
    assert pace.delay(100.0, 2.0) == 0, "the first step comes at once"
    pace.began(100.0, 2.0)
    assert pace.delay(100.1, 2.0) == pytest.approx(0.4)
    assert pace.delay(100.1, 10.0) == pytest.approx(0.0), "a raised limit acts at once"
    assert pace.delay(100.7, 2.0) == 0
    pace.began(110.0, 2.0)
    assert pace.delay(110.0, 2.0) == pytest.approx(0.4), "a long stop is not followed by a burst"


def test_pace_reaches_a_high_speed_on_average_when_each_wait_is_late():
    pace, now, steps = Pace(), 0.0, 0
    pace.restart(now, 0)
    while now < 10.0:
        now += pace.delay(now, 100.0) + 0.004  # every wait ends four milliseconds late
        pace.began(now, 100.0)
        steps += 1
    assert steps == pytest.approx(1000, rel=0.02)


def test_pace_measures_steps_per_second_over_the_last_seconds():
    pace = Pace()
    assert pace.rate(0.0) == 0
    pace.restart(0.0, 40)
    now = 0.0
    for step in range(41, 240):
        now += 0.01
        pace.tick(now - 0.01, now, step)
    assert pace.rate(now) == pytest.approx(100, rel=0.01)
    for step in range(240, 640):
        now += 0.1
        pace.tick(now - 0.1, now, step)
    assert pace.rate(now) == pytest.approx(10, rel=0.05), "what was long ago no longer counts"
    assert pace.step_seconds == pytest.approx(0.1, rel=0.01)


class Asker:
    """Stands for a run at the slots."""

    def __init__(self, run_id: str) -> None:
        self.run_id, self.granted = run_id, False

    def set_granted(self, granted: bool) -> None:
        self.granted = granted


def test_slots_serve_in_order_and_never_more_than_there_are():
    slots, (a, b, c, d) = Slots(2), (Asker(x) for x in "abcd")
    for run in (a, b, c, d, c):
        slots.request(run)
    assert [run.granted for run in (a, b, c, d)] == [True, True, False, False]
    assert [slots.position(run) for run in (a, b, c, d)] == [None, None, 1, 2]
    slots.release(c)
    assert slots.position(d) == 1
    slots.release(a)
    assert [run.granted for run in (a, b, c, d)] == [False, True, False, True]
    slots.release(a)
    slots.request(c)
    assert slots.position(c) == 1


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 5)), max_size=60), st.integers(1, 3))
def test_slots_are_never_idle_while_somebody_waits(actions, count):
    slots, runs = Slots(count), [Asker(str(i)) for i in range(6)]
    for ask, i in actions:
        (slots.request if ask else slots.release)(runs[i])
        waiting = [run for run in runs if slots.position(run)]
        granted = [run for run in runs if run.granted]
        assert len(granted) <= count
        assert not waiting or len(granted) == count
        assert not set(waiting) & set(granted)


def test_events_are_numbered_and_bounded():
    log = EventLog()
    for step in range(6000):
        log.add("ab"[step % 2], RunState.RUNNING, step, "")
    assert [e.number for e in log.since(5998)] == [5999, 6000]
    assert {e.run_id for e in log.since(run_id="a")} == {"a"}
    assert len(log.since()) == 4096
