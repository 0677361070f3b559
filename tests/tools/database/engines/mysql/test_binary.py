"""The binary protocol: what is damaged is an error of one kind."""

from __future__ import annotations

import datetime as dt
import struct

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gloveport.tools.database.engines.mysql.binary import Field, Malformed, described, parameters, row
from gloveport.tools.tool import UNKNOWN

CODES = (0, 1, 2, 3, 4, 5, 7, 8, 9, 10, 11, 12, 13, 15, 16, 245, 246, 252, 253, 254)


def column(code: int, charset: int = 45, flags: int = 0) -> Field:
    return Field("c", "d", "t", "c", code, charset, flags)


def test_numbers_texts_and_nulls() -> None:
    fields = [column(3), column(8, flags=32), column(253), column(253, charset=63), column(5), column(3)]
    body = struct.pack("<i", -7) + struct.pack("<Q", 2**64 - 1) + b"\x03\xc3\xa9x\x01\xff" + struct.pack("<d", 0.5)
    assert row(b"\x00" + bytes([0b10000000]) + body, fields) == (-7, 2**64 - 1, "éx", b"\xff", 0.5, None)


def test_days_and_times() -> None:
    fields = [column(10), column(10), column(12), column(11)]
    body = b"\x04" + struct.pack("<HBB", 2024, 2, 29) + b"\x00" + b"\x07" + struct.pack("<HBBBBB", 2024, 2, 29, 1, 2, 3)
    body += b"\x08" + struct.pack("<BIBBB", 1, 1, 6, 0, 0)
    expected = (dt.date(2024, 2, 29), "0000-00-00", dt.datetime(2024, 2, 29, 1, 2, 3), -dt.timedelta(hours=30))
    assert row(b"\x00\x00" + body, fields) == expected


def test_unknown_tokens_and_nothing_are_null() -> None:
    assert parameters([None, UNKNOWN, 1]) == b"\x03\x01\x06\x00\x06\x00\x08\x00" + struct.pack("<q", 1)
    assert parameters([]) == b""


@given(st.text(max_size=400))
def test_texts_come_back(text: str) -> None:
    sent = parameters([text.encode("utf-8", "replace").decode()])
    body = sent[4:]
    assert row(b"\x00\x00" + body, [column(253)]) == (text.encode("utf-8", "replace").decode(),)


@given(st.binary(max_size=60), st.lists(st.sampled_from(CODES), min_size=1, max_size=4))
@example(b"\x00\x00", [0])  # an empty decimal
@example(b"\x00\x01\x80", [0])
@example(b"\x00\x08\x00\xff\xff\xff\xff\x00\x00\x00", [11])  # more days than Python counts
def test_any_bytes_are_a_row_or_malformed(data: bytes, codes: list[int]) -> None:
    try:
        made = row(b"\x00" + data, [column(code) for code in codes])
    except Malformed:
        return
    assert len(made) == len(codes)


@given(st.binary(max_size=60))
def test_any_bytes_are_a_column_or_malformed(data: bytes) -> None:
    try:
        described(data)
    except Malformed:
        return


def test_a_row_too_long_is_malformed() -> None:
    with pytest.raises(Malformed):
        row(b"\x00\x00\x01ax", [column(253)])
