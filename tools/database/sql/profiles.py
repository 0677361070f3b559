"""What differs between engines, as data: one `Profile` per engine, made in `dialects/`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from importlib import import_module
from types import MappingProxyType

from .functions import FunctionFacts


class Fold(StrEnum):
    """How an engine compares identifiers. All fold ASCII letters only; Unicode case never counts."""

    QUOTED_EXACT = "quoted_exact"  # unquoted names are folded to lower case, quoted ones kept: PostgreSQL
    INSENSITIVE = "insensitive"  # quoted or not: SQLite, DuckDB, columns of MySQL


class Placeholder(StrEnum):
    NUMBERED = "$n"
    QUESTION = "?"


@dataclass(frozen=True, slots=True)
class Profile:
    """One engine as the guard sees it. Everything that is not listed here is refused.

    ``nodes`` are further sqlglot node types that may appear; ``total_nodes`` those operators that cannot fail on this
    engine, whatever their operands hold. ``types`` are the names of the types a cast may name; ``total_types`` those a
    cast cannot fail to reach.
    """

    name: str
    parser: str  # sqlglot's name of the dialect
    fold: Fold
    placeholder: Placeholder
    functions: Mapping[str, FunctionFacts]
    nodes: frozenset[str]
    total_nodes: frozenset[str]
    types: frozenset[str]
    total_types: frozenset[str]
    default_schema: str  # when the catalog does not name it
    whole_rows: bool = False  # a source's name is also a value: the row (PostgreSQL, DuckDB)
    aliases_everywhere: bool = False  # output aliases are visible in WHERE, GROUP BY and HAVING
    aliases_lose: bool = False  # ... but a column of that name wins over them
    lateral_aliases: bool = False  # ... and in the select list itself (DuckDB)
    bare_columns: bool = False  # ungrouped columns beside aggregates are taken from some row (SQLite, MySQL)
    orders_in_aggregates: bool = True  # string_agg(x ORDER BY y) is understood
    merged_columns_first: bool = True  # SELECT * with USING gives the common columns first
    first_row_wins: bool = False  # a subquery as a value may have several rows: the first one counts (SQLite)
    row_stars: bool = False  # t.* inside an expression is the row (PostgreSQL); elsewhere it is several values
    numbers_match_texts: bool = False  # 'abc' = 0 is true: a number against a text compares a prefix (MySQL)
    longest_name: int | None = None  # in bytes; longer names are cut, and may then be equal (PostgreSQL)
    row_identifiers: tuple[str, ...] = ()  # names of the hidden row identifier
    backslash_escapes: bool = False  # inside '...'
    double_quoted_strings: bool = False  # "..." is a string, not a name
    typed_nulls: bool = False  # a bare NULL in a select list needs a type
    kept_functions: frozenset[str] = field(
        default_factory=lambda: frozenset({"CAST", "EXTRACT", "OVERLAY", "POSITION", "SUBSTRING", "TRIM"})
    )
    implied_functions: frozenset[str] = frozenset()  # what the engine calls for allowed operators and syntax
    explain_options: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: MappingProxyType({}))


@cache
def profile_for(dialect: str) -> Profile:
    """The profile of an engine: sqlite, postgresql, mysql (also mariadb) or duckdb. Raises KeyError for any other."""
    name = {"mariadb": "mysql", "postgres": "postgresql"}.get(dialect, dialect)
    if name not in ("sqlite", "postgresql", "mysql", "duckdb"):
        raise KeyError(dialect)
    made: Profile = import_module(f".dialects.{name}", __package__).PROFILE
    return made
