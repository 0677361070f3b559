from __future__ import annotations

import math
import statistics
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gloveport.guardrails.masking.keys import Scope
from gloveport.guardrails.masking.tokens.codecs.money import noisy, noisy_column
from gloveport.guardrails.masking.tokens.service import Tokens

KEY = b"k" * 32


@given(st.decimals(-(10**9), 10**9, places=2), st.integers())
def test_an_amount_keeps_type_scale_and_sign_and_its_noise_does_not_move(amount: Decimal, row: int) -> None:
    noise = noisy(KEY, amount, row)
    assert isinstance(noise, Decimal)
    assert noise.as_tuple().exponent == amount.as_tuple().exponent
    assert noise * amount >= 0
    assert noisy(KEY, amount, row) == noise, "asking again averages nothing out"
    assert noisy(KEY, str(amount), row) == f"{noise:f}"
    whole = noisy(KEY, int(amount), row)
    assert type(whole) is int


@given(st.floats(-1e12, 1e12), st.integers())
def test_fractions_stay_fractions(amount: float, row: int) -> None:
    assert isinstance(noisy(KEY, amount, row), float)


@pytest.mark.parametrize(
    "value", [None, True, "", "12 EUR", "NaN", "Infinity", math.nan, math.inf, Decimal("NaN"), b"1", [1]]
)
def test_what_is_no_amount_has_no_noise(value: object) -> None:
    assert noisy(KEY, value, 1) is None


@pytest.mark.parametrize(
    "value", [10**30, Decimal("1E+20"), Decimal("1e-12"), "1e3", " 5.50 ", 1e-300, 1e300, 0, Decimal("0.00")]
)
def test_amounts_of_any_size(value: object) -> None:
    assert type(noisy(KEY, value, 1)) is type(value)


def test_means_and_ranks_stay_about_right_and_single_amounts_do_not() -> None:
    amounts = [float(100 + n) for n in range(5000)]
    noise = [n for n in noisy_column(KEY, amounts, range(5000)) if isinstance(n, float)]
    assert statistics.fmean(noise) == pytest.approx(statistics.fmean(amounts), rel=0.01)
    assert statistics.correlation(noise, amounts) > 0.9
    ratios = [math.log(n / a) for n, a in zip(noise, amounts, strict=True)]
    assert 0.09 < statistics.stdev(ratios) < 0.11
    assert len({round(r, 6) for r in ratios}) > 4000


def test_the_service_keeps_nothing_and_redacts_the_rest(tokens: Tokens, scope: Scope) -> None:
    values = [100, None, "", "unknown", Decimal("5.00")]
    masked = tokens.noise("money", values, range(5), scope)
    assert masked[1:4] == [None, "", "[masked:money]"]
    assert isinstance(masked[0], int)
    assert tokens.tokenise("money", values, scope)[1:4] == [None, "", "[masked:money]"]
    assert tokens.tokenise("money", values, scope) == tokens.tokenise("money", values, scope)
