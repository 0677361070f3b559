"""Amounts: keyed noise. Every amount is multiplied by a factor drawn from a mean-one lognormal distribution by a keyed
digest of its row: the same row always gives the same answer, so that asking again and again averages nothing out.

Sums, means and correlations of many rows stay about right; single amounts do not, and none comes back. A noisy
amount is no token: nothing but its column tells that it is noisy.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from typing import Final

SIGMA: Final = 0.1  # standard deviation of the factor's logarithm: about a tenth
_WORD: Final = 1 << 64


def noisy(key: bytes, value: object, row: object, sigma: float = SIGMA) -> object | None:
    """An amount with its row's noise, in its own type and with its own number of decimals. None: not a finite
    amount."""
    if isinstance(value, bool):
        return None
    factor = _factor(key, row, sigma)
    match value:
        case int():
            return round(Decimal(value) * Decimal(factor))
        case float():
            return round(value * factor, _decimals(repr(value))) if math.isfinite(value) else None
        case Decimal():
            return _scaled(value, factor)
        case str():
            try:
                amount = _scaled(Decimal(value.strip()), factor)
            except InvalidOperation:
                return None
            return None if amount is None else f"{amount:f}"
        case _:
            return None


def noisy_column(key: bytes, values: Sequence[object], rows: Sequence[object]) -> list[object | None]:
    """`noisy` for a column; ``rows`` are the primary keys (never row numbers, which change with the query)."""
    return [noisy(key, value, row) for value, row in zip(values, rows, strict=True)]


def _scaled(amount: Decimal, factor: float) -> Decimal | None:
    if not amount.is_finite():
        return None
    exponent = amount.as_tuple().exponent
    assert isinstance(exponent, int)
    try:
        return (amount * Decimal(factor)).quantize(Decimal(1).scaleb(min(exponent, 0)))
    except InvalidOperation:  # more digits than the context holds
        return None


def _decimals(text: str) -> int | None:
    mantissa, _, exponent = text.partition("e")
    if exponent:
        return max(0, len(mantissa.partition(".")[2]) - int(exponent)) if int(exponent) < 0 else 0
    return len(text.partition(".")[2])


def _factor(key: bytes, row: object, sigma: float) -> float:
    """exp(sigma z - sigma^2 / 2) with z standard normal, by Box and Muller from a keyed digest."""
    text = f"{type(row).__name__}:{row}".encode("utf-8", "surrogatepass")
    digest = hashlib.blake2b(text, key=key, digest_size=16).digest()
    u = (int.from_bytes(digest[:8], "big") + 1) / (_WORD + 1)
    v = int.from_bytes(digest[8:], "big") / _WORD
    z = math.sqrt(-2 * math.log(u)) * math.cos(2 * math.pi * v)
    return math.exp(sigma * z - sigma * sigma / 2)
