"""Decides, before a row is read, what becomes of every column of an export."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from ...tools.database.catalog import Catalog, Relation, RelationKind
from ...tools.database.sql.analysis import GuardSettings
from ...tools.database.sql.guard import shapes_of
from ...tools.database.sql.names import did_you_mean
from ...tools.tool import ColumnRules, Mask, OutputColumn
from ..masking.column_types import Declared, declared_kind
from ..masking.duties import ColumnMask, Duties, column_mask
from ..masking.naming.names import Name, Subject, read, subject
from .options import Amounts, Births, Dates, ExportError, Options

_MAY_BE_QUASI: Final = frozenset({"address", "birth_date", "special"})  # classes whose coarse form tells nobody's name
_STAFF: Final = frozenset(
    """
    staff employee employees mitarbeiter personal employe employes empleado empleados dipendente dipendenti medewerker
    medewerkers doctor doctors arzt aerzte physician physicians medecin medico nurse nurses teacher teachers agent
    agents manager managers user users seller sellers driver drivers instructor instructors
    """.split()
)
_NOT_IN_CLASS: Final = re.compile(r"[^a-z0-9_]+")


class Treatment(StrEnum):
    """What becomes of a column."""

    OPEN = "open"  # itself; text is looked through
    RULE = "rule"  # the mask of its rule, with the tokens of this export
    IDENTIFIER = "identifier"  # names a person's rows: a token, the same in every table
    SHIFT = "shift"
    YEAR = "year"
    NOISE = "noise"
    QUASI = "quasi"  # coarser, and empty where fewer than k rows share it


@dataclass(frozen=True, slots=True)
class ColumnPlan:
    """One column. ``of`` is the people table an identifier belongs to."""

    name: str
    type: str
    declared: Declared
    words: Name
    output: OutputColumn
    mask: ColumnMask
    treatment: Treatment
    of: str = ""


@dataclass(frozen=True, slots=True)
class TablePlan:
    """One table. ``key``: positions of its primary key; ``subject``: position of the column that says whose row it
    is, and of which people table."""

    relation: Relation
    columns: tuple[ColumnPlan, ...]
    key: tuple[int, ...]
    subject: int | None
    subject_table: str
    quasi: tuple[int, ...]

    @property
    def name(self) -> str:
        return self.relation.qualified

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns)


@dataclass(frozen=True, slots=True)
class Join:
    """A foreign key between two exported tables, for the report."""

    table: str
    column: str
    referred_table: str
    referred_column: str


@dataclass(frozen=True, slots=True)
class ExportPlan:
    database: str
    tables: tuple[TablePlan, ...]
    joins: tuple[Join, ...]


def exported_relations(options: Options, catalog: Catalog) -> list[Relation]:
    """The tables that are named. Raises `ExportError`."""
    relations = [_relation(name, catalog) for name in options.tables]
    if len({relation.qualified for relation in relations}) < len(relations):
        raise ExportError("a table is named twice; name it once")
    return relations


def make_plan(
    options: Options,
    catalog: Catalog,
    rules: ColumnRules,
    duties: Duties,
    dates: Mapping[str, frozenset[str]] = MappingProxyType({}),
) -> ExportPlan:
    """The plan for these tables under the chain's own rules. Raises `ExportError`.

    ``dates`` names, by table, columns of texts that are dates: SQLite knows no type for them.
    """
    relations = exported_relations(options, catalog)
    people = _people(catalog)
    known = _identified(catalog, people)
    links = {relation.qualified: _links(relation, catalog, people, known) for relation in relations}
    settings = GuardSettings(catalog, rules)
    tables = tuple(
        _table(one, options, settings, duties, links[one.qualified], dates.get(one.qualified, frozenset()))
        for one in relations
    )
    _check_named("--quasi", options.quasi, tables)
    _check_named("--subject", options.subjects, tables)
    exported = {table.name for table in tables}
    joins = [
        Join(key.table, key.columns[0], key.referred_table, key.referred_columns[0])
        for key in catalog.foreign_keys
        if len(key.columns) == 1 and key.table in exported and key.referred_table in exported
    ]
    return ExportPlan(catalog.database, tables, tuple(joins))


def _relation(name: str, catalog: Catalog) -> Relation:
    if not catalog.is_open(name):
        hint = did_you_mean(name, sorted(catalog.open_relations))
        raise ExportError(f"{name}: there is no such open table in {catalog.database}. {hint}".rstrip())
    relation = catalog.relations[name]
    if relation.kind not in (RelationKind.TABLE, RelationKind.MATERIALISED):
        raise ExportError(f"{name}: is a {relation.kind}; export the tables beneath it")
    return relation


def _people(catalog: Catalog) -> Mapping[str, str]:
    """Tables of people and the one column that is their key."""
    found: dict[str, str] = {}
    for name, relation in catalog.relations.items():
        key = [column.name for column in relation.columns if column.primary_key]
        if len(key) == 1 and subject(name) is Subject.PEOPLE:
            found[name] = key[0]
    return found


def _identified(catalog: Catalog, people: Mapping[str, str]) -> Mapping[str, str]:
    """Tables whose rows lead to a person, over however many foreign keys, and their key: it would lead there too."""
    found = dict(people)
    grown = True
    while grown:
        grown = False
        for key in catalog.foreign_keys:
            own = [column.name for column in catalog.relations[key.table].columns if column.primary_key]
            if key.referred_table in found and key.table not in found and len(own) == 1:
                found[key.table] = own[0]
                grown = True
    return found


def _links(relation: Relation, catalog: Catalog, people: Mapping[str, str], known: Mapping[str, str]) -> dict[str, str]:
    """Columns that lead to a person, and the table each leads to. The first one says whose row it is."""
    links: dict[str, str] = {}
    if relation.qualified in people:
        links[people[relation.qualified]] = relation.qualified
    keys = [key for key in catalog.foreign_keys if key.table == relation.qualified and len(key.columns) == 1]
    for key in sorted(keys, key=lambda key: _works_there(key.referred_table)):
        if key.referred_table in people:
            links.setdefault(key.columns[0], key.referred_table)
    for column in relation.columns:  # schemas without foreign keys: patient_id and patients
        words = read(column.name)
        if column.name not in links and words.has("who") and words.has("number"):
            table = next((t for t in people if _akin(words, read(t.rpartition(".")[2]))), None)
            if table is not None:
                links[column.name] = table
    for key in keys:
        if key.referred_table in known:
            links.setdefault(key.columns[0], key.referred_table)
    if relation.qualified in known:
        links.setdefault(known[relation.qualified], relation.qualified)
    return links


def _works_there(table: str) -> bool:
    """Whether a table of people is of those who do the work: a visit is the patient's before it is the doctor's."""
    return not _STAFF.isdisjoint(read(table.rpartition(".")[2]).words)


def _akin(column: Name, table: Name) -> bool:
    def stems(name: Name) -> set[str]:
        return {word[:5] for word, headings in zip(name.words, name.headings, strict=True) if "who" in headings}

    return bool(stems(column) & stems(table))


def _table(
    relation: Relation,
    options: Options,
    settings: GuardSettings,
    duties: Duties,
    links: Mapping[str, str],
    dates: frozenset[str],
) -> TablePlan:
    own = [name.rpartition(".")[2] for name in options.subjects if name.rpartition(".")[0] == relation.qualified]
    if chosen := next(iter(own), None) or _configured_subject(relation, settings):
        links = {chosen: links.get(chosen, relation.qualified), **links}
    columns = tuple(_column(i, relation, options, settings, duties, links, dates) for i in range(len(relation.columns)))
    names = [column.name for column in columns]
    whose = next(iter(links), None)
    shapes = {column.name: column for column in columns}
    if whose is not None and whose not in shapes:
        raise ExportError(f"--subject {relation.qualified}.{whose}: there is no such column")
    return TablePlan(
        relation,
        columns,
        key=tuple(i for i, column in enumerate(relation.columns) if column.primary_key),
        subject=names.index(whose) if whose is not None else None,
        subject_table=links[whose] if whose is not None else "",
        quasi=tuple(i for i, column in enumerate(columns) if column.treatment is Treatment.QUASI),
    )


def _configured_subject(relation: Relation, settings: GuardSettings) -> str | None:
    """The column that the configuration shifts the table's dates by."""
    whose = shapes_of(settings).of(relation).whose
    return next((relation.columns[position].name for position in whose.values()), None)


def _column(
    position: int,
    relation: Relation,
    options: Options,
    settings: GuardSettings,
    duties: Duties,
    links: Mapping[str, str],
    dates: frozenset[str],
) -> ColumnPlan:
    column = relation.columns[position]
    shape = shapes_of(settings).of(relation).columns[position]
    subject = next((i for i, other in enumerate(relation.columns) if other.name in links), None)
    output = OutputColumn(column.name, column.type, frozenset(shape.sources), shape.form, subject)
    mask = column_mask(output, {settings.catalog.database: settings.rules}, duties)
    words = read(column.name)
    declared = Declared.WHEN if column.name in dates else declared_kind(column.type)
    return ColumnPlan(
        column.name,
        column.type,
        declared,
        words,
        output,
        mask,
        _treatment(f"{relation.qualified}.{column.name}", mask, declared, options, links),
        links.get(column.name, ""),
    )


def _treatment(
    name: str, mask: ColumnMask, declared: Declared, options: Options, links: Mapping[str, str]
) -> Treatment:
    column = name.rpartition(".")[2]
    masked = mask.class_name is not None and mask.mask is not Mask.PASS
    if column in options.quasi or name in options.quasi:
        if masked and mask.class_name not in _MAY_BE_QUASI:
            raise ExportError(
                f"--quasi {column}: {name} is {mask.class_name}; it leaves masked and tells nothing anyway"
            )
        return Treatment.QUASI
    if column in links and not options.keep_ids and (not masked or mask.mask is Mask.TOKEN):
        return Treatment.IDENTIFIER
    if not masked:
        shifts = declared is Declared.WHEN and links and options.dates is Dates.SHIFT
        return Treatment.SHIFT if shifts else Treatment.OPEN
    if mask.class_name == "birth_date" and options.births is Births.YEAR:
        return Treatment.YEAR
    if mask.mask is Mask.SHIFT or (mask.class_name == "birth_date" and options.births is Births.SHIFT and links):
        return Treatment.SHIFT
    if mask.class_name == "money" and options.amounts is Amounts.NOISE:
        return Treatment.NOISE
    return Treatment.RULE


def _check_named(option: str, names: Sequence[str], tables: Sequence[TablePlan]) -> None:
    known = {column for table in tables for column in (*table.names, *(f"{table.name}.{n}" for n in table.names))}
    for name in names:
        if name not in known:
            raise ExportError(
                f"{option} {name}: no exported table has that column. {did_you_mean(name, known)}".rstrip()
            )


def identifier_class(table: str) -> str:
    """The class under which the ids of a people table become tokens: ids of two tables never meet."""
    return ("id_" + _NOT_IN_CLASS.sub("_", table.lower()))[:40]
