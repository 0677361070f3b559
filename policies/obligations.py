"""What an allowed call still owes. Written as annotations on a ``forbid``; merged so that more is never less."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Annotated, Final, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

# Strongest first; merging takes the stronger. Generalise, shift and last4 show parts of a value.
MASKS: Final = ("drop", "redact", "token", "generalise", "shift", "last4", "pass")
INFERENCE: Final = ("strict", "balanced", "relaxed")  # the same, for modes of the SQL guard
MaskName = Literal["drop", "redact", "token", "generalise", "shift", "last4"]
PLAIN: Final = frozenset({"id", "why", "controls", "mode", "expires", "require"})


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class MaskDuty(_Strict):
    """``@require("mask") @class("email") @with("redact")``: values of the class leave at least this masked."""

    require: Literal["mask"]
    class_name: str = Field(alias="class")
    with_mask: MaskName = Field(alias="with")


class LimitDuty(_Strict):
    """``@require("limit") @rows("100") @seconds("5") @bytes("100000")``."""

    require: Literal["limit"]
    rows: int | None = Field(default=None, ge=1)
    seconds: float | None = Field(default=None, gt=0)
    bytes: int | None = Field(default=None, ge=1)


class ApprovalDuty(_Strict):
    """``@require("approval") @by("data-steward") @ttl("900")``: another human, of this role, within so many seconds."""

    require: Literal["approval"]
    by: str = ""
    ttl: float = Field(default=900.0, gt=0)


class RateDuty(_Strict):
    """``@require("rate") @calls("60") @per("60")``: at most so many calls within so many seconds (up to an hour)."""

    require: Literal["rate"]
    calls: int = Field(ge=1)
    per: float = Field(default=60.0, gt=0, le=3600)


class ReasonDuty(_Strict):
    """``@require("reason") @min_length("10")``: the caller must have stated a purpose."""

    require: Literal["reason"]
    min_length: int = Field(default=1, ge=1)


class InferenceDuty(_Strict):
    """``@require("inference") @level("strict")``: the statement must hold in this mode of the SQL guard at least."""

    require: Literal["inference"]
    level: Literal["strict", "balanced"]


Obligation: TypeAlias = MaskDuty | LimitDuty | ApprovalDuty | RateDuty | ReasonDuty | InferenceDuty
_ANY: TypeAdapter[Obligation] = TypeAdapter(Annotated[Obligation, Field(discriminator="require")])


def obligation_of(annotations: Mapping[str, str]) -> Obligation | None:
    """The obligation a rule's annotations spell, if any. Raises pydantic's ValidationError on anything unknown."""
    if "require" not in annotations:
        return None
    return _ANY.validate_python({k: v for k, v in annotations.items() if k == "require" or k not in PLAIN})


@dataclass(frozen=True, slots=True)
class Approval:
    """Who must say yes, by which rule, within how many seconds."""

    rule: str
    role: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Owed:
    """Every obligation of a decision, merged."""

    masks: Mapping[str, str] = field(default_factory=lambda: MappingProxyType(dict[str, str]()))  # class: mask
    rows: int | None = None
    seconds: float | None = None
    bytes: int | None = None
    approvals: tuple[Approval, ...] = ()
    rates: tuple[tuple[int, float], ...] = ()  # calls, within seconds
    reason: int = 0  # least length of the stated purpose
    inference: str | None = None  # laxest mode of the SQL guard that may answer

    def __bool__(self) -> bool:
        return self != NOTHING


NOTHING: Final = Owed()


def merged(duties: Iterable[tuple[str, Obligation]]) -> Owed:
    """Obligations by rule id, united: the strictest mask per class, the least limits, every approval and rate."""
    duties = list(duties)
    if not duties:
        return NOTHING
    masks: dict[str, str] = {}
    rows: list[int] = []
    seconds: list[float] = []
    sizes: list[int] = []
    approvals: dict[str, Approval] = {}
    rates: set[tuple[int, float]] = set()
    reason = 0
    inference: list[str] = []
    for rule, duty in duties:
        match duty:
            case MaskDuty():
                known = masks.get(duty.class_name, duty.with_mask)
                masks[duty.class_name] = min(known, duty.with_mask, key=MASKS.index)
            case LimitDuty():
                rows += [duty.rows] if duty.rows is not None else []
                seconds += [duty.seconds] if duty.seconds is not None else []
                sizes += [duty.bytes] if duty.bytes is not None else []
            case ApprovalDuty():
                approvals[rule] = Approval(rule, duty.by, duty.ttl)
            case RateDuty():
                rates.add((duty.calls, duty.per))
            case ReasonDuty():
                reason = max(reason, duty.min_length)
            case InferenceDuty():
                inference.append(duty.level)
    return Owed(
        masks=dict(sorted(masks.items())),
        rows=min(rows, default=None),
        seconds=min(seconds, default=None),
        bytes=min(sizes, default=None),
        approvals=tuple(sorted(approvals.values(), key=lambda a: a.rule)),
        rates=tuple(sorted(rates)),
        reason=reason,
        inference=min(inference, key=INFERENCE.index, default=None),
    )
