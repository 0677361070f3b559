"""Columns of one kind, told at a glance: the same as the detector finds in each cell, whatever the column is called."""

from __future__ import annotations

import re
import string

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gloveport.guardrails.masking.detect import Detector, uniform
from gloveport.guardrails.masking.detect.uniform import uniform as kind_of

NAMES = st.sampled_from(
    "email contact_email phone mobile ssn social_security tax_id patient_id nhs card order_ref version id note mrn "
    "iban passport account driver_licence dob serial invoice_no request_id password api_key build".split()
)
# Cells of the glance's own forms, and what may hide in those: beginnings of keys, account numbers, check digits.
EMAILS = st.from_regex(re.compile(uniform._EMAIL), fullmatch=True) | st.builds(  # pyright: ignore[reportPrivateUsage]
    "{}{}@{}".format,
    st.sampled_from(["de", "no", "akia", "sk.live.", "ghp_", "xoxb-", "bc1q", "bearer.", "version.", "mrn", "dl", ""]),
    st.text(string.digits, max_size=8),
    st.sampled_from(["mail.org", "x.example", "a.png", "acme-clinic.co.uk", "localhost", "b.com"]),
)
PHONES = st.from_regex(re.compile(uniform._PHONE), fullmatch=True) | st.builds(  # pyright: ignore[reportPrivateUsage]
    "+{} {}-{}-{}".format,
    st.sampled_from(["1", "44", "49", "91", "7", "998", "999"]),
    st.integers(10, 999),
    st.integers(100, 9999),
    st.integers(100, 9999),
)
SSNS = st.from_regex(re.compile(uniform._SSN), fullmatch=True)  # pyright: ignore[reportPrivateUsage]
COLUMNS = st.one_of(*(st.lists(cells, min_size=8, max_size=9) for cells in (EMAILS, PHONES, SSNS)))


@given(COLUMNS, NAMES)
@settings(max_examples=200, deadline=None)
@example([f"a.{i}@mail.org" for i in range(9)], "password")
@example([f"+1 212 555 {1000 + i}" for i in range(9)], "patient_phone")
@example([f"+49 30 4561 {1000 + i}" for i in range(9)], "id")
def test_as_the_detector_sees_each_cell(detector: Detector, cells: list[str], name: str) -> None:
    kind = kind_of(cells)
    if kind is None:
        return
    found = detector.scan_many(cells, [name] * len(cells), structured_only=True)
    said = [[(span.start, span.end, span.class_name) for span in spans] for spans in found]
    assert said == [[(0, len(cell), kind)] for cell in cells]


@pytest.mark.parametrize(
    ("cell", "kind"),
    [
        ("ann.{}@mail.org", "email"),
        ("j.doe{}@acme-clinic.co.uk", "email"),
        ("+1 212-555-10{}", "phone"),
        ("+49 170 555 10{}", "phone"),
        ("219-10-00{}", "ssn"),
    ],
)
def test_usual_columns_are_told(cell: str, kind: str) -> None:
    cells = [cell.format(i) for i in range(10, 30)]
    assert kind_of(cells) == kind
    assert kind_of(cells[:3]) is None, "too few to gain anything"
    assert kind_of([*cells, ""]) is None
    assert kind_of([*cells, f"see {cells[0]}"]) is None


@pytest.mark.parametrize(
    "cells",
    [
        ["8zt1h6wd3fqk@k3v9q2m4.example"] * 8,
        ["ann@x.example"] * 8,
        ["+9991 917-551-5254"] * 8,
        ["000-10-0001"] * 8,
        ["logo@site.png"] * 8,
        ["a@b.com\nc@d.com"] * 8,
    ],
)
def test_what_is_left_to_the_detector(cells: list[str]) -> None:
    assert kind_of(cells) is None
