from __future__ import annotations

import pytest

from gloveport.guardrails.masking.tokens.permutation import Permutation

KEY = bytes(range(16))


@pytest.mark.parametrize("size", [1, 2, 10, 1000, 36_525, 1_000_000])
def test_a_table_is_a_permutation(size: int) -> None:
    table = Permutation(KEY, size)
    assert sorted(table.table[:2000].tolist()) == sorted(set(table.table[:2000].tolist()))
    assert all(table.backward(table.forward(x)) == x for x in {0, size // 2, size - 1})
    assert int(table.table.sum()) == size * (size - 1) // 2


def test_another_key_gives_another_order() -> None:
    one, other = Permutation(KEY, 1000), Permutation(KEY[::-1], 1000)
    assert sum(one.forward(x) == other.forward(x) for x in range(1000)) < 10
    assert [one.forward(x) for x in range(50)] != sorted(one.forward(x) for x in range(50))


def test_what_is_outside_is_refused() -> None:
    for size in (0, -1, 1_000_001):
        with pytest.raises(ValueError, match=r"10\^6"):
            Permutation(KEY, size)
    with pytest.raises(ValueError, match="AES key"):
        Permutation(b"short", 10)
    table = Permutation(KEY, 10)
    for value in (-1, 10):
        with pytest.raises(IndexError):
            table.forward(value)
        with pytest.raises(IndexError):
            table.backward(value)
