"""One question to the policy, in the policy's own words: who wants to do what with which thing, in which circumstances.

Everything here is names, numbers and booleans; a value never reaches a policy. A request is complete: a rule can read
nothing that does not stand here, which is what makes a decision repeatable later from its record.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Final, Literal, TypeAlias, cast

from pydantic import JsonValue, TypeAdapter, ValidationError

Effect: TypeAlias = Literal["allow", "deny", "pending"]

ACTIONS: Final = (
    "db.schema",
    "db.select",
    "db.insert",
    "db.update",
    "db.delete",
    "file.list",
    "file.read",
    "file.search",
    "file.write",
    "session.status",
    "tool.call",
    "token.restore",
)
QUERIES: Final = frozenset({"db.select", "db.insert", "db.update", "db.delete"})  # those with `Query` facts
KINDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "database": "Database",
        "table": "Table",
        "file_root": "FileRoot",
        "file": "File",
        "tool": "Tool",
        "session": "Session",
    }
)
CLASSES: Final = tuple(
    "person email phone address ssn national_id birth_date card iban account ip mac url device health money secret "
    "special embedding binary free_text unclassified".split()
)


@dataclass(frozen=True, slots=True)
class Claims:
    """What a caller says of itself and nobody vouches for. Rules may only ever use it to forbid."""

    agent: str = ""
    model: str = ""
    purpose: str = ""


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks. ``agent``, ``model`` and ``purpose`` are what a credential or the configuration vouches for; else
    empty.

    ``basis`` says why the human is believed: credential, config, os-user or anonymous.
    """

    human: str
    agent: str = ""
    model: str = ""
    purpose: str = ""
    roles: frozenset[str] = frozenset()
    teams: frozenset[str] = frozenset()
    transport: str = ""
    basis: str = "none"
    claims: Claims = Claims()


@dataclass(frozen=True, slots=True)
class Access:
    """One thing touched.

    ``name`` is the full name ("clinic.patients", "reports/2026/q1.csv"), ``parent`` the database or file root it is in.
    ``classes`` are those of the columns whose values reach the result, ``touched`` those of every column read or
    written. ``columns`` are column names.
    """

    action: str
    kind: str
    name: str
    parent: str | None = None
    open: bool = False  # the configuration opens it
    writable: bool = False  # the configuration lets it be written
    classes: frozenset[str] = frozenset()
    touched: frozenset[str] = frozenset()
    columns: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class History:
    """What was done so far, the call in question included.

    ``calls`` counts this session's; ``calls_last_minute`` and ``classes_seen`` are of all open sessions of the
    principal, because a caller may begin a new session with every call.
    """

    calls: int = 0
    calls_last_minute: int = 0
    classes_seen: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Query:
    """What the SQL guard found out. The defaults are the most careful answer, for a tool that does not say."""

    inference: str = "relaxed"  # the laxest mode that the statement was analysed in
    bounded: bool = False  # the statement itself limits its rows


@dataclass(frozen=True, slots=True)
class ToolFacts:
    """A tool, and what its author says that it touches."""

    name: str = ""
    reads: frozenset[str] = frozenset()
    writes: frozenset[str] = frozenset()
    sends: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class DecisionRequest:
    """All accesses of one call: every one must be allowed, and the obligations of all are owed.

    ``argument`` is the argument of a tool that real values would go into (token.restore only). ``now`` (with its time
    zone) is the present where it is None.
    """

    principal: Principal
    accesses: tuple[Access, ...]
    session: History = History()
    effects: frozenset[str] = frozenset()  # read, write, send
    sql: Query = Query()
    tool: ToolFacts = ToolFacts()
    argument: str = ""
    now: dt.datetime | None = None

    def as_json(self) -> dict[str, JsonValue]:
        """The complete question for the record: sets sorted, so that equal questions give equal bytes.

        Parts that repeat from call to call are made once and shared: not to be changed.
        """
        return {
            "principal": _part(self.principal),
            "accesses": [_part(access) for access in self.accesses],
            "session": {
                "calls": self.session.calls,
                "calls_last_minute": self.session.calls_last_minute,
                "classes_seen": [*sorted(self.session.classes_seen)],
            },
            "effects": [*sorted(self.effects)],
            "sql": _part(self.sql),
            "tool": _part(self.tool),
            "argument": self.argument,
            "now": None if self.now is None else self.now.isoformat(),
        }

    @classmethod
    def from_json(cls, data: object) -> DecisionRequest:
        """A recorded question. Raises `ValueError` when it is not one."""
        try:
            return _REQUEST.validate_python(data)
        except ValidationError:
            raise ValueError("not a recorded question to a policy") from None


@dataclass(frozen=True, slots=True)
class Matched:
    """Indexes of the rules that match, in their order, and the engine's errors (their number alone is told)."""

    rules: tuple[int, ...]
    errors: int


def as_json(value: object) -> JsonValue:
    """A dataclass of names and numbers as JSON."""
    match value:
        case dt.datetime():
            return value.isoformat()
        case set() | frozenset():
            return [*sorted(str(item) for item in cast("frozenset[object]", value))]
        case tuple() | list():
            return [as_json(item) for item in cast("list[object]", value)]
        case Mapping():
            return {str(k): as_json(v) for k, v in cast("Mapping[object, object]", value).items()}
        case _ if is_dataclass(value) and not isinstance(value, type):
            return {f.name: as_json(getattr(value, f.name)) for f in fields(value)}
        case _:
            return cast("JsonValue", value)


@lru_cache(2048)
def _part(value: Principal | Access | Query | ToolFacts) -> JsonValue:
    return as_json(value)


@dataclass(frozen=True, slots=True)
class SiteVocabulary:
    """The names that exist here, as the configuration has them; rules may name no others.

    ``tables`` are full names (``clinic.patients``) of databases whose configuration lists them; other databases are
    not checked table by table. ``approvers`` are the roles in which somebody approves; None: not known.
    """

    databases: frozenset[str] = frozenset()
    roots: frozenset[str] = frozenset()
    tools: frozenset[str] = frozenset()
    classes: frozenset[str] = frozenset()  # the site's own, besides `CLASSES`
    tables: frozenset[str] = frozenset()
    approvers: frozenset[str] | None = None


_REQUEST: TypeAdapter[DecisionRequest] = TypeAdapter(DecisionRequest)
