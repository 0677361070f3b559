from __future__ import annotations

import gc
from dataclasses import dataclass, field

from gloveport.guardrails.history import LONGEST_SECONDS, MOST_CALLS, Histories


@dataclass(eq=False)
class Session:
    calls: int = 0
    classes: set[str] = field(default_factory=set[str])
    transport: str = "memory"


def test_calls_are_counted_over_all_sessions_of_a_principal() -> None:
    now = [1000.0]
    histories = Histories(lambda: now[0])
    for n in range(5):
        now[0] += 10
        history = histories.begun("ann", Session(calls=n))
    histories.begun("bob", Session())
    assert (history.calls(60), history.calls(25), history.calls(0)) == (5, 3, 1)
    now[0] += 3601
    assert histories.begun("ann", Session()).calls(3600) == 1


def test_the_longest_window_and_the_most_calls() -> None:
    now = [0.0]
    histories = Histories(lambda: now[0])
    session = Session()
    for n in range(2 * MOST_CALLS + 10):
        now[0] = n / 100
        history = histories.begun("ann", session)
    assert history.calls(LONGEST_SECONDS) == MOST_CALLS
    assert history.calls(1.005) == 101
    now[0] += 2 * LONGEST_SECONDS
    assert history.calls(4 * LONGEST_SECONDS) == 0


def test_what_was_seen_is_not_shed_with_a_new_session() -> None:
    histories = Histories()
    first, second = Session(), Session()
    histories.begun("ann", first)
    first.classes.add("health")
    assert histories.begun("ann", second).classes() == {"health"}
    assert histories.begun("bob", second).classes() == frozenset()


def test_closed_sessions_are_forgotten() -> None:
    histories = Histories()
    gone = Session(classes={"health"})
    history = histories.begun("ann", gone)
    del gone
    gc.collect()
    assert history.classes() == frozenset()
