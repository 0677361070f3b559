"""What an agent can do: a tool *plans* (says what a call would touch), then *runs* (does exactly that).

This module is the vocabulary that every tool, the chain and the doors share. It knows no door, no policy and no
transcript.
One call, seen from here:

1. ``await tool.plan(arguments, planning)`` returns a `Plan`: which resources, which columns, which effects, and where
   tokens
   stand. No side effects; it may read a catalog. It raises `ToolRefused` when the tool's own rules forbid the call.
2. The chain asks the policy about the plan. Only if that allows, the chain restores the values of `Plan.slots` and
   calls
3. ``await tool.run(plan, running)``, which returns a raw `Result` with its provenance, or raises `ToolFailed`.

A `Result` is raw. It leaves the chain only through the masker.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Final, Protocol, TypeAlias, runtime_checkable

from pydantic import JsonValue

JsonObject: TypeAlias = dict[str, JsonValue]


def _empty() -> Mapping[str, JsonValue]:
    return MappingProxyType({})


class Effect(StrEnum):
    """What a call does to the world outside the chain."""

    READ = "read"
    WRITE = "write"
    SEND = "send"


class Action(StrEnum):
    """The verbs a policy speaks of; the same words stand in the Cedar schema."""

    DB_SCHEMA = "db.schema"
    DB_SELECT = "db.select"
    DB_INSERT = "db.insert"
    DB_UPDATE = "db.update"
    DB_DELETE = "db.delete"
    FILE_LIST = "file.list"
    FILE_READ = "file.read"
    FILE_SEARCH = "file.search"
    FILE_WRITE = "file.write"
    SESSION_STATUS = "session.status"
    TOOL_CALL = "tool.call"


class Mask(StrEnum):
    """How the values of a class leave: the ``mask`` key of the configuration."""

    TOKEN = "token"  # noqa: S105 - the name of a transform
    REDACT = "redact"
    GENERALISE = "generalise"
    SHIFT = "shift"
    LAST4 = "last4"
    DROP = "drop"
    PASS = "pass"  # noqa: S105 - the name of a transform


@dataclass(frozen=True, slots=True, order=True)
class ColumnRef:
    """A base column. ``table`` is written as the catalog does, with its schema unless that is the default one."""

    database: str
    table: str
    column: str

    def __str__(self) -> str:
        return f"{self.database}.{self.table}.{self.column}"


@dataclass(frozen=True, slots=True)
class Subject:
    """Whose a table's rows are: the column that says so, and of which kind of people it names one (the same number may
    be a patient and a nurse)."""

    column: str
    of: str = ""


@dataclass(frozen=True, slots=True)
class ColumnRule:
    """What is known of a sensitive column, and on what grounds. A column without a rule is open."""

    class_name: str
    mask: Mask
    basis: str  # "config", "name", "values", "unclassified", "inherited from patients.email" ...
    match_literal: bool = False  # `column = 'literal'` may be asked: only for classes nobody can enumerate
    nulls_secret: bool = False  # whether a value is there at all is itself protected
    subject: Subject | None = None  # of `Mask.SHIFT`: whose dates the column holds

    @property
    def masked(self) -> bool:
        return self.mask is not Mask.PASS


class ColumnRules(Protocol):
    """The classes of one database's columns, as the masker will apply them."""

    @property
    def version(self) -> str:
        """Changes whenever any rule changes; part of cache keys and of the record."""
        ...

    def get(self, column: ColumnRef) -> ColumnRule | None:
        """The rule of a column, or None when it is open."""
        ...


class OutputForm(StrEnum):
    """How an output value was made from its sources."""

    IDENTITY = "identity"  # the column itself, perhaps united with other such columns
    EXPRESSION = "expression"  # computed from its sources, or united with a constant of the agent
    AGGREGATE = "aggregate"  # computed over many rows
    COUNT = "count"  # how many rows; says nothing of the values
    CONSTANT = "constant"  # written by the agent, no source
    SCORE = "score"  # how close a masked text is to a question; says nothing that the masked text does not
    TOTAL = "total"  # a sum or mean over enough rows (the inference mode's group size holds): released as it is


@dataclass(frozen=True, slots=True)
class OutputColumn:
    """One column of a result and the base columns its values come from (never fewer than the truth).

    ``subject`` is the position of the output that says whose date this one is: of the same row of the same table, not
    of another one beside it.
    """

    name: str
    type: str
    sources: frozenset[ColumnRef] = frozenset()
    form: OutputForm = OutputForm.IDENTITY
    subject: int | None = None


@dataclass(frozen=True, slots=True, order=True)
class IndirectUse:
    """A base column that decides which rows, groups or order come back, and where it does."""

    column: ColumnRef
    place: str  # where, join, having, group, order, window, limit, distinct, condition ...


class Place(StrEnum):
    """Where a token stands in the arguments; only these places are ever restored."""

    EQUALITY = "equality"  # column = token, column IN (tokens)
    VALUE = "value"  # INSERT ... VALUES, UPDATE ... SET
    CONTENT = "content"  # text written to a file or sent to a tool that policy clears
    NAME = "name"  # part of a file name that was masked in a listing


@dataclass(frozen=True, slots=True)
class Slot:
    """A token in the arguments whose real value the tool needs at run time."""

    token: str
    place: Place
    target: str  # what the policy and the record see: "clinic.patients.email", "reports", "send_mail.to"
    class_name: str | None = None  # the class this place demands; None: any
    whose: bool = False  # its value is to say whose dates a row holds


@dataclass(frozen=True, slots=True)
class Access:
    """One thing a call would touch: one request to the policy."""

    action: Action
    kind: str  # database | table | file_root | file | tool | session
    name: str  # "clinic.patients", "reports", "reports/2026/q1.csv", "send_mail"
    parent: str | None = None  # the database or file root it belongs to
    columns: frozenset[ColumnRef] = frozenset()  # every column read or written here, directly or indirectly
    projected: frozenset[ColumnRef] = frozenset()  # those whose values (masked or not) reach the result
    written: frozenset[ColumnRef] = frozenset()  # those whose values the call sets


@dataclass(frozen=True, slots=True)
class Flow:
    """A write stores values in a column that it does not spell out: those of ``source`` as they are, or, where that is
    None, what the database puts together from parts."""

    target: ColumnRef
    source: ColumnRef | None = None


@dataclass(frozen=True, slots=True)
class Limits:
    """Caps of one call. A missing cap is None; the chain and the policy may lower them, never raise them."""

    rows: int | None = None
    seconds: float | None = None
    bytes: int | None = None

    def lowered(self, other: Limits) -> Limits:
        """The stricter of both, cap by cap."""

        def least(a: float | None, b: float | None) -> float | None:
            return b if a is None else a if b is None else min(a, b)

        rows, size = least(self.rows, other.rows), least(self.bytes, other.bytes)
        return Limits(
            None if rows is None else int(rows),
            least(self.seconds, other.seconds),
            None if size is None else int(size),
        )


@dataclass(frozen=True, slots=True)
class Plan:
    """What a call would touch. The plan the policy saw is the plan that runs."""

    accesses: tuple[Access, ...]
    effects: frozenset[Effect]
    statement: str | None = None  # canonical text for the record: literals taken out, tokens kept
    outputs: tuple[OutputColumn, ...] = ()
    indirect: tuple[IndirectUse, ...] = ()
    slots: tuple[Slot, ...] = ()
    written: str | None = None  # text of the agent's own that may be read back: from a store, or in the answer
    flows: tuple[Flow, ...] = ()  # how what is stored gets from column to column, in this order
    redated: frozenset[ColumnRef] = frozenset()  # shifted dates that are others, or somebody else's, after this
    limits: Limits = Limits()
    facts: Mapping[str, JsonValue] = field(
        default_factory=_empty
    )  # further facts for the policy and the record: names, numbers, booleans
    work: object = None  # the tool's own prepared work; opaque to everyone else


@dataclass(frozen=True, slots=True)
class TokenSpan:
    """A token found in a text: code point offsets, end exclusive."""

    start: int
    end: int
    class_name: str


@dataclass(frozen=True, slots=True)
class Planning:
    """What a tool may ask for while it plans."""

    principal: str
    token_class: Callable[[str | int], str | None]  # the class of a value that is a token as a whole, else None
    find_tokens: Callable[[str], Sequence[TokenSpan]]
    column_rules: Callable[[str], Awaitable[ColumnRules]]  # by database name
    unknown_tokens: Callable[[str], Sequence[TokenSpan]] = lambda _: ()  # what has the form of a token, and is none


class Unknown:
    """The value of a slot whose token names nothing: it must behave as a value that no row has."""

    def __repr__(self) -> str:
        return "UNKNOWN"


UNKNOWN: Final = Unknown()


@dataclass(frozen=True, slots=True)
class Running:
    """What a tool gets to run its plan: the restored values of its slots, in their order, and the limits that hold."""

    values: Sequence[object] = ()
    limits: Limits = Limits()
    progress: Callable[[float, float | None, str], Awaitable[None]] | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """Rows with lineage. ``columns`` are the plan's outputs with the types the engine reported."""

    columns: tuple[OutputColumn, ...]
    rows: Sequence[Sequence[object]]
    truncated: bool = False
    sort_rows: bool = False  # the query gives no order: the masker sorts the masked rows, so that none leaks
    extra: Mapping[str, JsonValue] = field(default_factory=_empty)


@dataclass(frozen=True, slots=True)
class Window:
    """Lines to show of a text after it was masked as a whole: 0-based first line, at most ``limit`` lines."""

    offset: int = 0
    limit: int | None = None


@dataclass(frozen=True, slots=True)
class Text:
    """A whole text. It is masked first and cut to its window afterwards, so that no window can cut a value in two."""

    text: str
    name: str  # where it is from, as the agent names it: "reports/visits.csv"
    media: str = "text/plain"  # text/plain | text/csv | application/json | application/x-ndjson
    window: Window = Window()
    truncated: bool = False  # the source was longer than the byte cap
    extra: Mapping[str, JsonValue] = field(default_factory=_empty)


@dataclass(frozen=True, slots=True)
class Search:
    """Texts to be masked, then searched: the needle meets only what the agent may see."""

    texts: Sequence[Text]
    needle: str
    limit: int
    truncated: bool = False
    extra: Mapping[str, JsonValue] = field(default_factory=_empty)


@dataclass(frozen=True, slots=True)
class Entries:
    """A listing. The values of ``names`` keys are scanned by content; all others pass as they are."""

    entries: Sequence[JsonObject]
    scanned: frozenset[str] = frozenset({"name", "path"})
    truncated: bool = False
    extra: Mapping[str, JsonValue] = field(default_factory=_empty)


@dataclass(frozen=True, slots=True)
class Value:
    """A JSON value of a custom tool. ``classes`` maps key paths ("customer.email", "rows[].name") to classes."""

    value: JsonValue
    classes: Mapping[str, str] = field(default_factory=dict[str, str])
    extra: Mapping[str, JsonValue] = field(default_factory=_empty)


Result: TypeAlias = Table | Text | Search | Entries | Value


class ToolRefused(Exception):
    """The tool's own rules forbid this call. Every text in it is made of the agent's words and of names it may know.

    ``outputs`` and ``indirect`` are the lineage of what was understood before it was refused, for the record.
    """

    outputs: tuple[OutputColumn, ...] = ()
    indirect: tuple[IndirectUse, ...] = ()

    def __init__(self, code: str, message: str, hint: str = "", *, place: str = "", rule: str = "") -> None:
        super().__init__(code)
        self.code, self.message, self.hint, self.place, self.rule = code, message, hint, place, rule


class ToolFailed(Exception):
    """Execution failed. ``message`` is a fixed sentence: never a driver's text, never a value."""

    def __init__(self, code: str, message: str, hint: str = "", *, retryable: bool = False) -> None:
        super().__init__(code)
        self.code, self.message, self.hint, self.retryable = code, message, hint, retryable


@dataclass(frozen=True, slots=True)
class ToolSpec:
    """How a tool presents itself to an agent.

    ``recorded`` names the arguments that are names, not data (a database, a path): only they are kept as they are in
    the
    transcript. All others are recorded by type and size, with their tokens.
    """

    name: str
    description: str
    input_schema: JsonObject
    output_schema: JsonObject | None = None
    title: str = ""
    effects: frozenset[Effect] = frozenset({Effect.READ})
    actions: frozenset[Action] = frozenset({Action.TOOL_CALL})
    recorded: frozenset[str] = frozenset()


@runtime_checkable
class Tool(Protocol):
    """Two doors and a sign; see the module's docstring for the order of events."""

    @property
    def spec(self) -> ToolSpec: ...

    async def plan(self, arguments: JsonObject, planning: Planning) -> Plan:
        """What the call would touch. Raises `ToolRefused`."""
        ...

    async def run(self, plan: Plan, running: Running) -> Result:
        """Do what was planned, nothing else. Raises `ToolFailed` or `ToolRefused`."""
        ...
