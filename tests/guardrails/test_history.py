from __future__ import annotations

import gc
from dataclasses import dataclass, field

from gloveport.guardrails.history import Histories


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
