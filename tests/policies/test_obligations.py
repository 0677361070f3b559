# ruff: noqa: E501 - texts of other files, one a line
from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from gloveport.guardrails.masking.duties import LADDER
from gloveport.policies.obligations import INFERENCE, MASKS, Obligation, Owed, merged, obligation_of

DUTIES = st.one_of(
    st.builds(
        lambda c, m: {"require": "mask", "class": c, "with": m}, st.sampled_from(["email", "*"]), st.sampled_from(MASKS[:-1])
    ),
    st.builds(
        lambda r, s: {"require": "limit", "rows": str(r), "seconds": str(s)}, st.integers(1, 50), st.integers(1, 9)
    ),
    st.builds(lambda n: {"require": "limit", "bytes": str(n)}, st.integers(1, 50)),
    st.builds(lambda r, t: {"require": "approval", "by": r, "ttl": str(t)}, st.sampled_from(["", "a"]), st.integers(1, 9)),
    st.builds(lambda c, p: {"require": "rate", "calls": str(c), "per": str(p)}, st.integers(1, 9), st.integers(1, 90)),
    st.builds(lambda n: {"require": "reason", "min_length": str(n)}, st.integers(1, 9)),
    st.builds(lambda m: {"require": "inference", "level": m}, st.sampled_from(INFERENCE[:-1])),
)  # fmt: skip


def duty(annotations: dict[str, str]) -> Obligation:
    found = obligation_of(annotations)
    assert found is not None
    return found


def no_weaker(more: Owed, less: Owed) -> bool:
    """Whether everything that ``less`` asks for is asked for by ``more``, at least as strictly."""

    def least(a: float | None, b: float | None) -> bool:
        return b is None or (a is not None and a <= b)

    return (
        all(name in more.masks and MASKS.index(more.masks[name]) <= MASKS.index(m) for name, m in less.masks.items())
        and least(more.rows, less.rows)
        and least(more.seconds, less.seconds)
        and least(more.bytes, less.bytes)
        and set(less.approvals) <= set(more.approvals)
        and set(less.rates) <= set(more.rates)
        and more.reason >= less.reason
        and (less.inference is None or INFERENCE.index(more.inference or "relaxed") <= INFERENCE.index(less.inference))
    )


@settings(max_examples=150)
@given(st.lists(DUTIES, max_size=6))
def test_more_duties_are_never_less(annotations: list[dict[str, str]]) -> None:
    duties = [(f"r{i}", duty(one)) for i, one in enumerate(annotations)]
    whole = merged(duties)
    assert merged(reversed(duties)) == whole, "their order does not matter"
    assert merged([*duties, *duties]) == whole, "twice is once"
    for one in duties:
        rest = merged(other for other in duties if other is not one)
        assert no_weaker(whole, rest)
        assert no_weaker(whole, merged([one]))
    assert bool(whole) is bool(duties)


def test_the_ladder_is_that_of_the_masker() -> None:
    assert tuple(map(str, LADDER)) == MASKS


def test_each_pair_of_masks_gives_the_stronger() -> None:
    for a, b in itertools.combinations(MASKS[:-1], 2):
        pair = [("x", duty({"require": "mask", "class": "ssn", "with": m})) for m in (b, a)]
        assert merged(pair).masks == {"ssn": a}


@pytest.mark.parametrize(
    "annotations",
    [
        {"require": "mask", "class": "email"},
        {"require": "mask", "class": "email", "with": "pass"},
        {"require": "limit", "rows": "many"},
        {"require": "rate", "calls": "1", "per": "7200"},
        {"require": "inference", "level": "relaxed"},
        {"require": "notify"},
        {"require": "reason", "rows": "3"},
    ],
)
def test_what_cannot_be_kept_is_no_duty(annotations: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        obligation_of(annotations)


def test_annotations_that_are_no_duty_are_left_alone() -> None:
    assert obligation_of({"id": "a", "why": "b"}) is None
    assert obligation_of({"id": "a", "controls": "c", "require": "reason"}) == duty({"require": "reason"})
