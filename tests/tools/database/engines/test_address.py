"""URLs as SQLAlchemy reads them; errors name the key, never the URL."""

from __future__ import annotations

import pytest

from gloveport.tools.database.engines.address import Address, address_of
from gloveport.tools.database.engines.engine import DatabaseError, Settings


@pytest.mark.parametrize(
    ("url", "address"),
    [
        (
            "postgresql+psycopg://scott:t%40g%2Fer@db.example.org:6543/test?sslmode=require",
            Address("scott", "t@g/er", "db.example.org", 6543, "test", {"sslmode": "require"}),
        ),
        ("postgresql:///test?host=/var/run", Address(None, None, None, None, "test", {"host": "/var/run"})),
        ("postgresql://user@[::1]:5432/test", Address("user", None, "::1", 5432, "test", {})),
        ("mysql+pymysql://root:@h/shop", Address("root", None, "h", None, "shop", {})),
    ],
)
def test_the_parts_of_a_url(url: str, address: Address) -> None:
    assert address_of(Settings("d", url)) == address


@pytest.mark.parametrize("url", ["postgresql:/x", "://", "postgresql://h:99999/d", "postgresql://h:x/d", "a b://h/d"])
def test_what_is_no_url_is_one_line(url: str) -> None:
    with pytest.raises(DatabaseError, match=r"databases\.d\.url"):
        address_of(Settings("d", url))


def test_the_password_is_never_shown() -> None:
    address = address_of(Settings("d", "postgresql://u:hush@h/d"))
    assert "hush" not in repr(address)
    with pytest.raises(DatabaseError) as error:
        address_of(Settings("d", "postgresql://u:hush@h:99999/d"))
    assert "hush" not in str(error.value)
