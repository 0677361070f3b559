from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gloveport.guardrails.masking.tokens import crockford


@given(st.integers(1, 40), st.data())
def test_symbols_come_back(count: int, data: st.DataObject) -> None:
    value = data.draw(st.integers(0, 32**count - 1))
    text = crockford.symbols(value, count)
    assert re.fullmatch(f"{crockford.SYMBOL}{{{count}}}", text)
    assert crockford.number(text) == value
    assert crockford.fold(text.upper().replace("0", "O").replace("1", "I")) == text


@given(st.lists(st.tuples(st.integers(0, 2**30 - 1), st.integers(0, 2**35 - 1)), min_size=1, max_size=5))
def test_rows_are_the_symbols_of_their_parts(rows: list[tuple[int, int]]) -> None:
    a, b = (np.array([row[n] for row in rows], np.uint64) for n in (0, 1))
    wanted = [crockford.symbols(x, 6) + crockford.symbols(y, 7) for x, y in rows]
    assert crockford.symbol_rows(((a, 6), (b, 7))) == wanted


@pytest.mark.parametrize("text", ["", "abcu", "ABC", "a-b", "ä"])
def test_anything_else_is_no_number(text: str) -> None:
    with pytest.raises(ValueError, match="base 32"):
        crockford.number(text)
