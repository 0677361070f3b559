from __future__ import annotations

import pytest

from gloveport.tools.database.rate import LiteralRate
from gloveport.tools.tool import ToolRefused


def test_so_many_and_no_more_within_a_time():
    now = 100.0
    rate = LiteralRate(limit=2, seconds=10, clock=lambda: now)
    rate.take("ann", "clinic")
    rate.take("ann", "clinic")
    rate.take("bob", "clinic")
    rate.take("ann", "shop")
    with pytest.raises(ToolRefused) as caught:
        rate.take("ann", "clinic")
    assert caught.value.code == "literal-rate"
    now = 110.1
    rate.take("ann", "clinic")
