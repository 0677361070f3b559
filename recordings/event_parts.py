"""The objects that stand in the bodies of events: who, what was masked, where a value came from.

See `gloveport.recordings.events`, which has them all under its own name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from pydantic import JsonValue

from .values import BLOB_MARK, WITHHELD_MARK, Part

Json: TypeAlias = "str | int | float | bool | Mapping[str, Json] | Sequence[Json] | JsonValue | Part | None"


@dataclass(frozen=True, slots=True)
class Withheld(Part):
    """Stands for an argument that is data: its JSON type and size, and the tokens in it, which are safe to keep.

    ``size`` is the number of code points of a string, of members of an array or object; None for other types.
    """

    type: str
    size: int | None = None
    tokens: Sequence[str] = ()

    def as_json(self) -> dict[str, object]:
        inner: dict[str, object] = {"type": self.type}
        if self.size is not None:
            inner["size"] = self.size
        if self.tokens:
            inner["tokens"] = list(self.tokens)
        return {WITHHELD_MARK: inner}


@dataclass(frozen=True, slots=True)
class BlobRef(Part):
    """Stands for a value kept in ``blobs/``: the digest of its exact JSON text, and its size in bytes."""

    digest: str
    size: int

    def as_json(self) -> dict[str, object]:
        return {BLOB_MARK: {"digest": self.digest, "size": self.size}}


@dataclass(frozen=True, slots=True)
class Principal(Part):
    """The human or service a call is made for. ``sub`` and ``iss`` say who; ``basis`` says why that is believed."""

    sub: str
    iss: str | None = None
    basis: str | None = None  # os_user, config, bearer, oidc ...
    groups: Sequence[str] | None = None
    act_for: Sequence[str] | None = None
    tok_mac: str | None = None  # keyed MAC of the credential's id


@dataclass(frozen=True, slots=True)
class Agent(Part):
    """The program that calls. ``basis`` tells a bound credential from a client's own claim."""

    name: str
    version: str | None = None
    basis: str | None = None
    charter_digest: str | None = None


@dataclass(frozen=True, slots=True)
class Model(Part):
    """The language model. Over MCP its name is a client's claim, not a fact: ``asserted_by`` says whose."""

    name: str
    asserted_by: str
    provider: str | None = None


@dataclass(frozen=True, slots=True)
class Purpose(Part):
    """Why the call is made, in the words of the caller or of the configuration."""

    text: str
    basis: str | None = None


@dataclass(frozen=True, slots=True)
class Client(Part):
    """The client software as it reports itself."""

    name: str
    version: str | None = None


@dataclass(frozen=True, slots=True)
class Server(Part):
    """The recording server. The recorder puts this into `SessionOpened` and `LogOpened` by itself."""

    name: str = "gloveport"
    version: str | None = None
    door: str | None = None  # stdio, http, langchain, cli
    config_digest: str | None = None
    policy_digest: str | None = None
    masking_digest: str | None = None


@dataclass(frozen=True, slots=True)
class Engine(Part):
    """A policy engine and its version."""

    name: str
    version: str | None = None


@dataclass(frozen=True, slots=True)
class Column(Part):
    """One column of a released result: where it comes from and what became of it.

    ``sources`` are the base columns whose values reach it; those that only decide which rows come, and how it was
    made, stand in `PolicyDecided.lineage`, for refused calls too.
    ``act`` is the transform (token, redact, generalise, shift, last4, drop, pass); ``count`` the cells it changed;
    ``confidence`` a detector's, in permille.
    """

    name: str
    act: str
    class_name: str | None = None
    reason: str | None = None
    sources: Sequence[str] | None = None
    count: int | None = None
    detector: str | None = None
    confidence: int | None = None


@dataclass(frozen=True, slots=True)
class Output(Part):
    """One column a call would return: its name, its base columns, and how it is made of them.

    ``form`` is identity, expression, aggregate, count, constant or total.
    """

    name: str
    form: str
    sources: Sequence[str]  # "clinic.patients.email"


@dataclass(frozen=True, slots=True)
class Indirect(Part):
    """A base column that decides which rows, groups or order come back; ``place`` says where (where, join ...)."""

    source: str
    place: str


@dataclass(frozen=True, slots=True)
class Lineage(Part):
    """Where the values of a call come from, as far as it was analysed: never fewer sources than the truth."""

    outputs: Sequence[Output] = ()
    indirect: Sequence[Indirect] = ()


@dataclass(frozen=True, slots=True)
class Found(Part):
    """Values of one class found by content, in text or cells."""

    class_name: str
    count: int
    act: str | None = None
    detector: str | None = None


@dataclass(frozen=True, slots=True)
class RestoredToken(Part):
    """Tokens of one class given their value back at one place. No token and no value stands here, only how many."""

    class_name: str
    target: str  # "clinic.patients.email", "reports"
    count: int
    place: str | None = None  # equality, value, content, name
    unknown: int | None = None  # of these, how many named nothing
