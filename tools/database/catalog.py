"""What the SQL guard knows of a database: relations, columns, view bodies, functions. Pure data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType


class RelationKind(StrEnum):
    TABLE = "table"
    VIEW = "view"
    MATERIALISED = "materialised"
    VIRTUAL = "virtual"  # SQLite virtual tables (FTS and the like)


@dataclass(frozen=True, slots=True)
class Column:
    """A column as the database declares it. ``generated`` is the expression of a generated column."""

    name: str
    type: str
    nullable: bool = True
    primary_key: bool = False
    generated: str | None = None


@dataclass(frozen=True, slots=True)
class Relation:
    """A table or view. ``schema`` is None for the default schema of the connection.

    ``definition`` is the SELECT of a view or materialised view (None when the engine cannot tell: such a relation is
    opaque).
    ``copies_from`` names relations whose cells this one holds copies of (partitions and their parent, FTS content
    tables).
    ``indexes`` are the column names of each index, in index order (expressions as None).
    """

    name: str
    schema: str | None
    kind: RelationKind
    columns: tuple[Column, ...]
    definition: str | None = None
    copies_from: tuple[str, ...] = ()
    indexes: tuple[tuple[str | None, ...], ...] = ()
    comment: str | None = None

    @property
    def qualified(self) -> str:
        """The name used in `ColumnRef.table`, in configuration and towards the agent: ``hr.staff`` or ``patients``."""
        return self.name if self.schema is None else f"{self.schema}.{self.name}"

    def column(self, name: str) -> Column | None:
        return next((c for c in self.columns if c.name == name), None)


@dataclass(frozen=True, slots=True)
class ForeignKey:
    table: str
    columns: tuple[str, ...]
    referred_table: str
    referred_columns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Catalog:
    """One consistent reading of a database's schema. ``version`` changes with any DDL.

    It holds *all* relations, also those not open to the agent: views over closed tables must still be traced. What is
    open is
    ``open_relations`` (qualified names). Unknown and closed relations read the same to the agent.
    """

    database: str
    dialect: str  # sqlite | postgresql | mysql | duckdb
    version: str
    relations: Mapping[str, Relation]  # by qualified name
    open_relations: frozenset[str]
    foreign_keys: tuple[ForeignKey, ...] = ()
    user_functions: frozenset[str] = frozenset()  # user-defined functions that the configuration allows
    macros: frozenset[str] = frozenset()  # all of the database's own that hide built-in ones of their names (DuckDB)
    default_schema: str | None = None  # its real name ("public", "main"), for texts that qualify it
    server_version: str = ""
    extra: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    def is_open(self, qualified: str) -> bool:
        return qualified in self.open_relations
