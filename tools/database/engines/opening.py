"""Which relations a configuration opens, for engines with schemas: the keys ``tables`` and ``deny``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from loguru import logger

from ..catalog import Relation
from .engine import DatabaseError, Settings


def open_relations(
    relations: Mapping[str, Relation],
    settings: Settings,
    default_schema: str | None,
    readable: Callable[[str], bool] = lambda _: True,
    fold: Callable[[str], str] = str,
) -> frozenset[str]:
    """What is listed (or everything), less what is denied, of what the role may read at all. The default schema may be
    written or left out."""
    denied = _folded(settings.deny, default_schema, fold)
    listed = None if settings.tables is None else _folded(settings.tables, default_schema, fold)
    return frozenset(
        name
        for name in relations
        if fold(name) not in denied and (listed is None or fold(name) in listed) and readable(name)
    )


def check_names(
    relations: Mapping[str, Relation],
    settings: Settings,
    default_schema: str | None,
    fold: Callable[[str], str] = str,
) -> None:
    """Complain of names the database does not have. Raises `DatabaseError` where a misspelt one would leave a table
    open."""
    where = f"databases.{settings.name}"
    unknown = _missing(relations, settings.deny, default_schema, fold)
    if unknown and settings.tables is None:
        raise DatabaseError(f"{where}.deny: {unknown[0]}: no such table or view; correct it or remove it")
    for name in (*_missing(relations, settings.tables or (), default_schema, fold), *unknown):
        logger.warning("{}: {}: no such table or view", where, name)


def _missing(
    relations: Mapping[str, Relation], names: Sequence[str], default_schema: str | None, fold: Callable[[str], str]
) -> list[str]:
    present = {fold(name) for name in relations}
    return [name for name in names if not _folded([name], default_schema, fold) & present]


def _folded(names: Iterable[str], default_schema: str | None, fold: Callable[[str], str]) -> frozenset[str]:
    prefix = f"{default_schema}." if default_schema else ""
    return frozenset(fold(name.removeprefix(prefix) if prefix else name) for name in names)
