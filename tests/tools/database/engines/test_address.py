"""URLs are read as SQLAlchemy reads them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.engine import make_url

from gloveport.tools.database.engines.address import address_of
from gloveport.tools.database.engines.engine import DatabaseError, Settings

PART = st.text(st.characters(codec="ascii", categories=("L", "N")), min_size=1, max_size=8)
CODED = st.text(st.sampled_from("ab1%20%40%2F%C3%A9+.-_~"), max_size=12)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://scott:tiger@localhost/test",
        "postgresql+psycopg://scott:t%40g%2Fer@db.example.org:6543/test?sslmode=require&application_name=x",
        "postgresql:///test",
        "postgresql:///test?host=/var/run/postgresql",
        "postgresql://@/test",
        "postgresql://user@[::1]:5432/test",
        "mysql://root@127.0.0.1:3306/shop",
        "mysql+pymysql://root:@h/shop?charset=utf8mb4",
        "postgresql://u:p:q@h/d",
        "postgresql://h",
    ],
)
def test_the_same_as_sqlalchemy(url: str) -> None:
    same(url)


@given(PART, CODED, PART, st.integers(1, 65535), PART)
def test_the_same_as_sqlalchemy_for_any_parts(user: str, password: str, host: str, port: int, database: str) -> None:
    same(f"postgresql://{user}:{password}@{host}:{port}/{database}")


def same(url: str) -> None:
    ours, theirs = address_of(Settings("d", url)), make_url(url)
    assert (ours.user or None) == (theirs.username or None)
    assert (ours.password or None) == (str(theirs.password) if theirs.password else None)
    assert (ours.host or None) == (theirs.host or None)
    assert (ours.port, ours.database or None) == (theirs.port, theirs.database or None)
    assert dict(ours.options) == {k: v for k, v in theirs.query.items() if isinstance(v, str)}


def test_the_password_is_never_shown() -> None:
    address = address_of(Settings("d", "postgresql://u:hush@h/d"))
    assert "hush" not in repr(address)
    with pytest.raises(DatabaseError) as error:
        address_of(Settings("d", "postgresql://u:hush@h:99999/d"))
    assert "hush" not in str(error.value)
