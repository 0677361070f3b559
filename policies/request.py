"""One question to the policy, in the policy's own words: who wants to do what with which thing, in which circumstances.

Everything here is names, numbers and booleans; a value never reaches a policy. A request is complete: a rule can read
nothing that does not stand here, which is what makes a decision repeatable later from its record.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, Literal, TypeAlias

Fact: TypeAlias = bool | int | str
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
    "free_text unclassified".split()
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
    bounded: bool = False  # the number of rows is limited by the query itself


@dataclass(frozen=True, slots=True)
class SessionFacts:
    """What the session did so far, the call in question included."""

    calls: int = 0
    calls_last_minute: int = 0
    classes_seen: frozenset[str] = frozenset()


def _no_facts() -> Mapping[str, Fact]:
    return MappingProxyType({})


@dataclass(frozen=True, slots=True)
class DecisionRequest:
    """All accesses of one call: every one must be allowed, and the obligations of all are owed.

    ``facts`` are what the tool's plan says besides; a rule can read those that ``guard.yaml`` declares. ``now`` (with
    its time zone) is the store's own clock where it is None. ``approved`` are ids of rules whose approval was given
    for exactly this call.
    """

    principal: Principal
    accesses: tuple[Access, ...]
    session: SessionFacts = SessionFacts()
    effects: frozenset[str] = frozenset()  # read, write, send
    facts: Mapping[str, Fact] = field(default_factory=_no_facts)
    tool: str = ""
    now: dt.datetime | None = None
    approved: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class SiteVocabulary:
    """The names that exist here, as the configuration has them; rules may name no others.

    ``tables`` are full names (``clinic.patients``) of databases whose configuration lists them; other databases are
    not checked table by table. ``roles`` and ``teams`` are None where they cannot be known in advance.
    """

    databases: frozenset[str] = frozenset()
    roots: frozenset[str] = frozenset()
    tools: frozenset[str] = frozenset()
    classes: frozenset[str] = frozenset()  # the site's own, besides `CLASSES`
    tables: frozenset[str] = frozenset()
    writable_roots: frozenset[str] = frozenset()
    roles: frozenset[str] | None = None
    teams: frozenset[str] | None = None
    approvers: frozenset[str] | None = None
