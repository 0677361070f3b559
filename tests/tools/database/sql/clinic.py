"""A hand-made clinic for the tests of the SQL guard: catalogs, rules, and short ways to ask it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from gloveport.tools.database.catalog import Catalog, Column, Relation, RelationKind
from gloveport.tools.database.sql.analysis import Analysis, GuardSettings, Inference
from gloveport.tools.database.sql.guard import analyse
from gloveport.tools.tool import ColumnRef, ColumnRule, Mask, OutputForm, TokenSpan, ToolRefused

DIALECTS = ("sqlite", "postgresql", "mysql", "duckdb")


@dataclass(frozen=True)
class Rules:
    """Column rules from a dictionary: ``{"patients.email": ColumnRule(...)}``."""

    columns: Mapping[str, ColumnRule]
    version: str = "1"

    def get(self, column: ColumnRef) -> ColumnRule | None:
        return self.columns.get(f"{column.table}.{column.column}")


def rule(class_name: str, mask: Mask = Mask.TOKEN, **more: bool) -> ColumnRule:
    return ColumnRule(class_name, mask, "config", **more)


RULES: Mapping[str, ColumnRule] = {
    "patients.name": rule("person"),
    "patients.email": rule("email", match_literal=True),
    "patients.ssn": rule("ssn", Mask.LAST4),
    "patients.born": rule("birth_date", Mask.REDACT),
    "patients.income": rule("money", Mask.REDACT),
    "patients.hiv": rule("health", Mask.REDACT, nulls_secret=True),
    "staff.email": rule("email"),
    "staff.salary": rule("money", Mask.REDACT),
    "notes.body": rule("free_text", Mask.REDACT),
    "secrets.value": rule("secret", Mask.REDACT),
}


def column(name: str, type: str = "text", **more: object) -> Column:
    return Column(name, type, **more)  # type: ignore[arg-type]


def table(name: str, *columns: Column, **more: object) -> Relation:
    return Relation(name, None, RelationKind.TABLE, columns, **more)  # type: ignore[arg-type]


def view(name: str, definition: str, *names: str, kind: RelationKind = RelationKind.VIEW) -> Relation:
    return Relation(name, None, kind, tuple(column(n) for n in names), definition=definition)


KEY = column("id", "INTEGER", primary_key=True, nullable=False)

RELATIONS: tuple[Relation, ...] = (
    table(
        "patients",
        KEY,
        column("name"),
        column("email"),
        column("ssn"),
        column("born", "date"),
        column("income", "numeric"),
        column("hiv"),
        column("city"),
        column("clinic_id", "integer"),
        column("handle", generated="lower(email)"),
        column("area", generated="upper(city)"),
    ),
    table("clinics", KEY, column("name"), column("city"), column("phone")),
    table("visits", KEY, column("patient_id", "integer"), column("day", "date"), column("cost", "numeric")),
    table("staff", KEY, column("name"), column("email"), column("salary", "numeric"), column("boss_id", "integer")),
    table("notes", KEY, column("patient_id", "integer"), column("title"), column("body")),
    table("secrets", KEY, column("value"), column("kind")),
    table("indexed", KEY, column("email"), column("kind"), indexes=(("email",), ("kind", "email"))),
    view("mails", "SELECT id, email AS address, upper(city) AS town FROM patients", "id", "address", "town"),
    view("hidden_kinds", "SELECT id, kind, value AS v FROM secrets", "id", "kind", "v"),
)


@dataclass(frozen=True)
class Clinic:
    """The guard's settings for one dialect and mode. ``tokens`` maps literals that are tokens to their classes."""

    dialect: str = "sqlite"
    inference: Inference = Inference.STRICT
    tokens: Mapping[str | int, str] = field(default_factory=dict)
    writes: bool = False
    relations: tuple[Relation, ...] = RELATIONS
    closed: frozenset[str] = frozenset({"secrets"})
    rules: Mapping[str, ColumnRule] = field(default_factory=lambda: {**RULES, "indexed.email": rule("email")})
    functions: frozenset[str] = frozenset()
    class_inference: Mapping[str, Inference] = field(default_factory=dict)
    token_joins: bool = False
    version: str = "1"

    @property
    def settings(self) -> GuardSettings:
        named = {relation.qualified: relation for relation in self.relations}
        catalog = Catalog(
            database="clinic",
            dialect=self.dialect,
            version=f"{self.version} {hash((self.relations, self.dialect))}",
            relations=named,
            open_relations=frozenset(named) - self.closed,
            user_functions=self.functions,
        )
        rules = Rules(self.rules, version=str(hash(tuple(sorted((k, str(v)) for k, v in self.rules.items())))))
        return GuardSettings(
            catalog,
            rules,
            self.inference,
            token_class=self.tokens.get,
            writes=self.writes,
            class_inference=self.class_inference,
            find_tokens=self._spans,
            unknown_tokens=lambda text: [TokenSpan(0, 4, "")] if "tok_unknown" in text else [],
            token_joins=self.token_joins,
        )

    def _spans(self, text: str) -> list[TokenSpan]:
        found = [(text.find(str(token)), str(token), name) for token, name in self.tokens.items()]
        return [TokenSpan(at, at + len(token), name) for at, token, name in found if at >= 0]

    def but(self, **changes: object) -> Clinic:
        return replace(self, **changes)  # type: ignore[arg-type]

    def analyse(self, sql: str) -> Analysis:
        return analyse(sql, self.settings)

    def refusal(self, sql: str) -> ToolRefused:
        """The refusal of a statement; fails when it is let through."""
        try:
            analysis = self.analyse(sql)
        except ToolRefused as refused:
            return refused
        raise AssertionError(f"not refused: {sql} => {analysis.sql}")

    def sources(self, sql: str) -> list[set[str]]:
        """The masked columns each output is made of; what is only counted says nothing of its values."""
        outputs = self.analyse(sql).outputs
        return [set() if o.form is OutputForm.COUNT else self.masked(o.sources) for o in outputs]

    def masked(self, refs: Iterable[ColumnRef]) -> set[str]:
        return {name for ref in refs if (name := f"{ref.table}.{ref.column}") in self.rules}
