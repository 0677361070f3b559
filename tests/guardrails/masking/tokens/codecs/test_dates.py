from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gloveport.guardrails.masking.keys import Scope
from gloveport.guardrails.masking.tokens.codecs.dates import shifted
from gloveport.guardrails.masking.tokens.service import Tokens

KEY = b"k" * 32
DAYS = st.dates(dt.date(1900, 1, 1), dt.date(2100, 1, 1))
SUBJECTS = st.integers() | st.text(max_size=10)


@given(DAYS, DAYS, SUBJECTS)
def test_a_subject_keeps_its_distances_and_weekdays(one: dt.date, other: dt.date, subject: object) -> None:
    moved, moved_other = shifted(KEY, one, subject), shifted(KEY, other, subject)
    assert isinstance(moved, dt.date)
    assert isinstance(moved_other, dt.date)
    assert moved_other - moved == other - one
    assert moved.weekday() == one.weekday()
    weeks, rest = divmod(abs(moved - one).days, 7)
    assert rest == 0
    assert 1 <= weeks <= 25, "never not at all"


@given(st.datetimes(dt.datetime(1900, 1, 1), dt.datetime(2100, 1, 1)), SUBJECTS)
def test_texts_and_timestamps_move_alike_and_keep_their_type(when: dt.datetime, subject: object) -> None:
    moved = shifted(KEY, when, subject)
    assert isinstance(moved, dt.datetime)
    assert moved.time() == when.time()
    for gap in ("T", " "):
        assert shifted(KEY, when.isoformat(gap), subject) == moved.isoformat(gap)
    assert shifted(KEY, when.date().isoformat(), subject) == moved.date().isoformat()
    zoned = when.replace(tzinfo=dt.timezone(dt.timedelta(hours=2)))
    assert shifted(KEY, zoned, subject) == moved.replace(tzinfo=zoned.tzinfo)


@pytest.mark.parametrize("value", ["", "yesterday", "1980-13-01", "3.2.1980", 5, 1.5, True, b"1980-01-01", dt.time(1)])
def test_what_is_no_date_is_not_moved(value: object) -> None:
    assert shifted(KEY, value, "ann") is None


def test_a_date_at_the_end_of_time_is_not_moved_over_it() -> None:
    edges = [shifted(KEY, day, subject) for day in (dt.date.min, dt.date.max) for subject in range(50)]
    assert None in edges


def test_subjects_differ_by_value_and_by_type() -> None:
    day = dt.date(2000, 1, 1)
    assert len({shifted(KEY, day, n) for n in range(500)}) == 50, "every shift occurs"
    assert any(shifted(KEY, day, n) != shifted(KEY, day, str(n)) for n in range(20))


def test_the_service_redacts_what_belongs_to_nobody(tokens: Tokens, scope: Scope) -> None:
    values = [dt.date(1980, 2, 3), None, "", dt.date(1980, 2, 3), "soon"]
    shifts = tokens.shift_dates("birth_date", values, ["p1", "p1", "p1", None, "p1"], scope)
    assert isinstance(shifts[0], dt.date)
    assert shifts[1:] == [None, "", "[masked:birth_date]", "[masked:birth_date]"]
    assert tokens.shift_dates("visit", values[:1], ["p1"], scope) == shifts[:1], (
        "all dates of one subject, whatever class"
    )
