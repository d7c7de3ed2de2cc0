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
from qhn_core.runner.slots import Limits, Slots
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

    def __init__(self, run_id: str, owner: str = "", memory: int = 0) -> None:
        self.run_id, self.owner, self.memory, self.granted = run_id, owner, memory, False

    def set_granted(self, granted: bool) -> None:
        self.granted = granted


def asked(slots: Slots, names: str) -> dict[str, Asker]:
    """Runs ``a1 a2 b1`` of owners a, a and b, after they asked in this order."""
    runs = {name: Asker(name, name[0]) for name in names.split()}
    for run in runs.values():
        slots.request(run)
    return runs


def granted(runs: dict[str, Asker]) -> set[str]:
    return {name for name, run in runs.items() if run.granted}


def turns(slots: Slots, runs: dict[str, Asker], count: int) -> list[str]:
    """Who holds the one slot, turn by turn."""
    found = []
    for _ in range(count):
        (name,) = granted(runs)
        found.append(name)
        slots.pass_on(runs[name])
    return found


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


def test_turns_go_round_over_people_first_then_over_their_runs():
    slots = Slots(1)
    runs = asked(slots, "a1 a2 a3 b1 c1 c2")
    assert turns(slots, runs, 9) == ["a1", "b1", "c1", "a2", "b1", "c2", "a3", "b1", "c1"]


def test_who_comes_later_has_the_next_turn_and_not_more_than_the_others():
    slots = Slots(1)
    runs = asked(slots, "a1 b1")
    turns(slots, runs, 20)
    runs |= {"c1": Asker("c1", "c")}
    slots.request(runs["c1"])
    found = turns(slots, runs, 10)
    assert "c1" in found[:2]
    assert all(3 <= found.count(name) <= 4 for name in runs)


def test_no_person_holds_a_second_slot_while_another_has_none():
    slots = Slots(2)
    runs = asked(slots, "a1 a2 a3")
    assert granted(runs) == {"a1", "a2"}
    runs |= asked(slots, "b1")
    slots.pass_on(runs["a1"])
    assert "b1" in granted(runs)


@given(owners=st.lists(st.integers(0, 4), min_size=1, max_size=14), count=st.integers(1, 3))
def test_everybody_gets_the_same_number_of_turns_but_for_those_under_way(owners, count):
    slots = Slots(count)
    runs = [Asker(str(i), str(owner)) for i, owner in enumerate(owners)]
    for run in runs:
        slots.request(run)
    served = dict.fromkeys(map(str, owners), 0)
    holding = [run for run in runs if run.granted]
    for _ in range(120):  # turns last equally long: the one that began first ends first
        run = holding.pop(0)
        served[run.owner] += 1
        slots.pass_on(run)
        holding += [run for run in runs if run.granted and run not in holding]
    if len(served) > count:
        assert max(served.values()) - min(served.values()) <= count


def test_a_turn_ends_only_when_somebody_waits_and_brings_at_least_one_step(monkeypatch):
    now = [10.0]
    monkeypatch.setattr("qhn_core.runner.slots.time.monotonic", lambda: now[0])
    slots, (a, b) = Slots(1), (Asker("a"), Asker("b"))
    slots.request(a)
    assert not slots.over(a)
    now[0] += 100.0
    assert not slots.over(a), "alone"
    slots.request(b)
    assert slots.over(a)
    slots.pass_on(a)
    assert (a.granted, b.granted) == (False, True)
    now[0] += 100.0
    assert not slots.over(b), "its thread woke late"
    now[0] += 0.5
    assert slots.over(b)
    slots.release(a)
    assert not slots.over(b)


def test_the_more_wait_the_shorter_a_turn():
    slots = Slots(2)
    lengths = []
    for i in range(60):
        slots.request(Asker(str(i)))
        lengths.append(slots.seconds_a_turn())
    assert lengths == sorted(lengths, reverse=True)
    assert lengths[0] == pytest.approx(0.4)
    assert lengths[6] * 7 / 2 == pytest.approx(1.0, rel=0.01), "a round takes a second"
    assert lengths[-1] == pytest.approx(0.25)


def test_turns_made_beside_this_process_give_further_slots():
    further = [1]
    slots = Slots(2, beside=lambda: further[0])
    runs = asked(slots, "a b c d")
    assert granted(runs) == {"a", "b", "c"}
    slots.release(runs.pop("d"))
    assert slots.crowded() is not None, "the third is there for turns made elsewhere"
    slots.request(runs.setdefault("d", Asker("d")))
    further[0] = 0  # it was lost: whose turn it is keeps it
    slots.pass_on(runs["a"])
    assert granted(runs) == {"b", "c"}
    slots.pass_on(runs["b"])
    assert granted(runs) == {"c", "d"}


def test_one_person_may_have_only_so_many_at_work():
    slots = Slots(4, limits=Limits(running=2, waiting=4))
    runs = asked(slots, "a1 a2 a3 b1")
    assert granted(runs) == {"a1", "a2", "b1"}
    assert [slots.position(run) for run in runs.values()] == [None, None, 1, None]
    assert slots.waits_for_own(runs["a3"])
    slots.pass_on(runs["a1"])
    assert granted(runs) == {"a1", "a2", "b1"}, "whose turn is over is still at work"
    slots.release(runs["a2"])
    assert granted(runs) == {"a1", "a3", "b1"}


def test_runs_without_an_owner_have_no_limit():
    slots = Slots(5, limits=Limits(running=2))
    runs = [Asker(str(i)) for i in range(5)]
    for run in runs:
        slots.request(run)
    assert all(run.granted for run in runs)


@given(
    st.lists(st.tuples(st.sampled_from(["request", "release", "pass_on"]), st.integers(0, 5)), max_size=60),
    st.integers(1, 3),
)
def test_slots_are_never_idle_while_somebody_waits(actions, count):
    slots, runs = Slots(count), [Asker(str(i), str(i % 3)) for i in range(6)]
    for action, i in actions:
        getattr(slots, action)(runs[i])
        waiting = [run for run in runs if slots.position(run)]
        held = [run for run in runs if run.granted]
        assert len(held) <= count
        assert not waiting or len(held) == count
        assert not set(waiting) & set(held)
    for run in runs:
        slots.release(run)
    assert slots.idle


def test_events_are_numbered_and_bounded():
    log = EventLog()
    for step in range(6000):
        log.add("ab"[step % 2], RunState.RUNNING, step, "")
    assert [e.number for e in log.since(5998)] == [5999, 6000]
    assert {e.run_id for e in log.since(run_id="a")} == {"a"}
    assert len(log.since()) == 4096


def test_memory_is_one_budget_for_all_who_have_begun():
    """Who does not fit waits, even for one that rests; small ones overtake; one alone may take more than there is."""
    slots = Slots(4, memory=100)
    huge, small, middle, last = (Asker(n, memory=m) for n, m in (("h", 150), ("s", 10), ("m", 60), ("l", 50)))
    slots.request(huge)
    assert huge.granted, "it would never fit, and it is alone"
    slots.request(small)
    assert not small.granted
    assert slots.waits_for_memory(small) == (150, 1)
    slots.ended(huge)
    assert small.granted
    slots.request(middle)
    slots.request(last)
    assert [r.granted for r in (middle, last)] == [True, False]
    slots.release(middle)  # paused: what it holds stays its own
    assert slots.waits_for_memory(last) == (70, 2)
    slots.request(middle)
    assert middle.granted
    slots.ended(middle)
    assert last.granted
    assert slots.waits_for_memory(last) is None


def test_small_ones_do_not_overtake_a_large_one_for_ever(monkeypatch):
    monkeypatch.setattr("qhn_core.runner.slots._OVERTAKEN", 0.0)
    slots = Slots(4, memory=100)
    first, large, small = Asker("f", memory=60), Asker("l", memory=70), Asker("s", memory=10)
    for run in (first, large, small):
        slots.request(run)
    assert [r.granted for r in (first, large, small)] == [True, False, False]
    slots.ended(first)
    assert [r.granted for r in (large, small)] == [True, True]


def test_slots_tell_how_many_compute():
    told = []
    slots, runs = Slots(2, held=told.append), [Asker(n) for n in "abc"]
    for run in runs:
        slots.request(run)
    assert told[-1] == 2
    slots.ended(runs[0])
    slots.ended(runs[1])
    assert told[-1] == 1
    slots.ended(runs[2])
    assert told[-1] == 0
