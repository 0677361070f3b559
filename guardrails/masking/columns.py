"""The classes of a database's columns: what the configuration says, then what a classification found.

The first start classifies every open table by names, types and sampled values, and keeps the result in the state
folder. From then on a column that is in neither the configuration nor that file is *unclassified* and redacted,
until somebody runs ``gloveport classify DATABASE --accept`` or names it in the configuration: a new column never
opens itself.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

import anyio
from loguru import logger
from pydantic import TypeAdapter, ValidationError

from ...tools.database.catalog import Catalog, Relation, RelationKind
from ...tools.tool import ColumnRef, ColumnRule, Mask, Subject
from .classes import UNCLASSIFIED, default_rule

if TYPE_CHECKING:
    from .classify import ColumnFinding

SAMPLE_ROWS = 200
_TOLD: Final = 0.65  # how sure a column is open for a reason


class ClassificationError(Exception):
    """The kept classification cannot be used; one line for the operator."""


class Source(Protocol):
    """What the classification needs of a database, on the trusted side."""

    @property
    def name(self) -> str: ...

    async def catalog(self) -> Catalog: ...

    async def sample(self, relation: Relation, columns: Sequence[str], n: int) -> Sequence[Sequence[object]]: ...


@dataclass(frozen=True, slots=True)
class Declared:
    """What the configuration says of a database's columns, by ``table.column``, and whose a table's rows are.
    ``unsure_closed``: a column is not opened only because no class fits."""

    classes: Mapping[str, tuple[str, Mask | None]]
    open: frozenset[str] = frozenset()
    subjects: Mapping[str, Subject] = field(default_factory=dict[str, Subject])
    unsure_closed: bool = False


@dataclass(frozen=True, slots=True)
class Kept:
    """One column of the kept classification; ``class_name`` None means: looked at, open. ``sure`` is 0 to 1, and
    ``quasi`` says that, open, it may tell together with others who somebody is."""

    class_name: str | None
    mask: Mask | None
    evidence: str
    sure: float = 1.0
    quasi: bool = False

    @property
    def guessed(self) -> bool:
        """Whether the column is open only for want of a reason to close it."""
        return self.class_name is None and not self.quasi and self.sure < _TOLD


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules of one database; implements `ColumnRules`."""

    version: str
    database: str
    known: Mapping[tuple[str, str], ColumnRule | None]

    def get(self, column: ColumnRef) -> ColumnRule | None:
        """The rule of a column. A column nobody has seen yet is unclassified, never open."""
        try:
            return self.known[column.table, column.column]
        except KeyError:
            return default_rule(UNCLASSIFIED, "not classified yet")


class ColumnClasses:
    """Column rules by database name, made anew when a schema changes."""

    def __init__(self, sources: Mapping[str, Source], declared: Mapping[str, Declared], state: Path) -> None:
        self._sources = sources
        self._declared = declared
        self._paths = {name: state / "columns" / f"{name}.json" for name in sources}
        self._rules: dict[str, tuple[tuple[str, int], Rules]] = {}
        self._locks = {name: anyio.Lock() for name in sources}

    async def rules(self, database: str) -> Rules:
        """The rules for the database's schema as it is now. Raises `ClassificationError`.

        What ``gloveport classify --accept`` wrote meanwhile counts from the next call on.
        """
        source = self._sources[database]
        catalog = await source.catalog()
        state = (catalog.version, self._changed(database))
        cached = self._rules.get(database)
        if cached is not None and cached[0] == state:
            return cached[1]
        async with self._locks[database]:
            cached = self._rules.get(database)
            if cached is not None and cached[0] == state:
                return cached[1]
            kept = await anyio.to_thread.run_sync(self._read, database)
            if kept is None:
                kept = {f.name: f.kept for f in await findings(source, catalog)}
                await anyio.to_thread.run_sync(self._write, database, kept)
                logger.info("database {}: classified {} columns", database, len(kept))
                state = (catalog.version, self._changed(database))
            rules = build_rules(catalog, self._declared[database], kept)
            self._rules[database] = (state, rules)
            return rules

    async def kept(self, database: str) -> Mapping[str, Kept] | None:
        """The kept classification by ``table.column``; None before the first. Raises `ClassificationError`."""
        return await anyio.to_thread.run_sync(self._read, database)

    async def accept(self, database: str, found: Iterable[Found] | None = None) -> None:
        """Keep what was found, or classify anew and keep that: every column of today's schema counts as looked at.

        Raises `ClassificationError`.
        """
        if found is None:
            source = self._sources[database]
            found = await findings(source, await source.catalog())
        await anyio.to_thread.run_sync(self._write, database, {f.name: f.kept for f in found})
        self._rules.pop(database, None)

    def _changed(self, database: str) -> int:
        """When the kept file was last written, 0 without one; one look into the inode on every call."""
        try:
            return os.stat(self._paths[database]).st_mtime_ns
        except OSError:
            return 0

    def _read(self, database: str) -> dict[str, Kept] | None:
        path = self._paths[database]
        try:
            return _FILE.validate_json(path.read_bytes())
        except FileNotFoundError:
            return None
        except (OSError, ValidationError):
            raise ClassificationError(f"{path}: cannot be used; mend it, or move it away to classify anew") from None

    def _write(self, database: str, kept: Mapping[str, Kept]) -> None:
        path = self._paths[database]
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            fresh = path.with_suffix(".new")
            with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600), "wb") as file:
                file.write(_FILE.dump_json(dict(kept), indent=1))
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(path)
        except OSError as error:
            raise ClassificationError(f"{path}: cannot be written: {error.strerror}") from None


_FILE = TypeAdapter(dict[str, Kept])


@dataclass(frozen=True, slots=True)
class Found:
    """What the classification says of one column, named ``table.column``."""

    name: str
    finding: ColumnFinding

    @property
    def kept(self) -> Kept:
        found = self.finding
        return Kept(found.class_name, found.mask, "; ".join(found.evidence), round(found.sure, 2), found.quasi)


async def findings(
    source: Source, catalog: Catalog, progress: Callable[[str], Awaitable[None]] | None = None
) -> list[Found]:
    """Classify every column of the tables that hold data: views show the columns of their tables."""
    from .classify import classify_table

    found: list[Found] = []
    for relation in _holding(catalog):
        if progress is not None:
            await progress(relation.qualified)
        names = [column.name for column in relation.columns]
        rows = await source.sample(relation, names, SAMPLE_ROWS)
        declared = [(column.name, column.type) for column in relation.columns]
        results = await anyio.to_thread.run_sync(classify_table, relation.qualified, declared, rows)
        found += [Found(f"{relation.qualified}.{result.column}", result) for result in results]
    return found


def _holding(catalog: Catalog) -> Iterable[Relation]:
    kinds = (RelationKind.TABLE, RelationKind.MATERIALISED, RelationKind.VIRTUAL)
    return [r for _, r in sorted(catalog.relations.items()) if r.kind in kinds or r.definition is None]


def build_rules(catalog: Catalog, declared: Declared, kept: Mapping[str, Kept]) -> Rules:
    """Configuration first, then the kept classification; what neither knows is unclassified."""
    known: dict[tuple[str, str], ColumnRule | None] = {}
    for table, relation in catalog.relations.items():
        for column in relation.columns:
            name = f"{table}.{column.name}"
            if (configured := declared.classes.get(name)) is not None:
                subject = declared.subjects.get(table)
                known[table, column.name] = default_rule(configured[0], "config", configured[1], subject)
            elif name in declared.open:
                known[table, column.name] = None
            elif column.generated is not None:
                known[table, column.name] = None  # the guard goes through its expression to the columns it is made of
            elif (seen := kept.get(name)) is not None:
                known[table, column.name] = _rule(seen, declared)
            elif relation.kind is RelationKind.VIEW and relation.definition is not None:
                known[table, column.name] = None  # the guard goes through a view to the columns beneath
    digest = hashlib.sha256(repr((catalog.version, sorted(known.items(), key=str))).encode()).hexdigest()[:16]
    return Rules(digest, catalog.database, known)


def _rule(seen: Kept, declared: Declared) -> ColumnRule | None:
    if seen.guessed and declared.unsure_closed:
        return default_rule(UNCLASSIFIED, "no class fits")
    return None if seen.class_name is None else default_rule(seen.class_name, _grounds(seen), seen.mask)


def _grounds(seen: Kept) -> str:
    """What an agent may know of the evidence: how often what was found in protected cells is none of its business."""
    return "classified by its name" if seen.evidence.startswith("the name") else "classified by its values"


def unknown_columns(catalog: Catalog, declared: Declared) -> list[str]:
    """Names in the configuration that the database does not have: probably a misspelling, so nobody is protected."""
    present = {f"{table}.{column.name}" for table, r in catalog.relations.items() for column in r.columns}
    return sorted(name for name in (*declared.classes, *declared.open) if name not in present)


def unusable_subjects(catalog: Catalog, declared: Declared) -> list[str]:
    """What is wrong with the columns that say whose dates are shifted, one line each."""
    found: list[str] = []
    for table, subject in declared.subjects.items():
        relation = catalog.relations.get(table)
        if relation is None or relation.column(subject.column) is None:
            found.append(f"{table}.{subject.column}: no such column; name the one that says whose row it is")
        elif relation.kind is not RelationKind.TABLE:
            found.append(f"{table}: is a {relation.kind}; name the tables beneath it, it shows their dates")
    return found
