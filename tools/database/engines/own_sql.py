"""Statements of the server's own on a relation: its first rows, its pages, how many rows it has.

They run on the trusted side only. Names come from the catalog and arrive quoted, as the engine quotes them; values are
bound.
"""

from __future__ import annotations

from collections.abc import Sequence


def quoted(name: str) -> str:
    """A name as standard SQL writes it."""
    return '"' + name.replace('"', '""') + '"'


def first_sql(table: str, columns: Sequence[str], n: int) -> str:
    return f"SELECT {', '.join(columns)} FROM {table} LIMIT {n:d}"  # noqa: S608


def page_sql(
    table: str,
    columns: Sequence[str],
    n: int,
    *,
    order: Sequence[str],
    behind: Sequence[str],
    skip: int,
    unordered: str = "",
) -> str:
    """See `Paged.page`. ``behind`` are the placeholders of the key that the rows come after, none on the first page;
    ``unordered`` is the order in which the engine keeps the rows of a relation without a key, where it can be named.
    """
    keys = ", ".join(order)
    sql = f"SELECT {', '.join(columns)} FROM {table}"  # noqa: S608
    if behind:
        sql += f" WHERE ({keys}) > ({', '.join(behind)})"
    if by := keys or unordered:
        sql += f" ORDER BY {by}"
    return f"{sql} LIMIT {n:d} OFFSET {skip:d}"


def count_sql(table: str) -> str:
    return f"SELECT count(*) FROM {table}"  # noqa: S608
