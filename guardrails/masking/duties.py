"""Which mask a value gets: the rule of its column, made stricter (never weaker) by what the policy asks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from ...tools.tool import ColumnRef, ColumnRule, ColumnRules, Mask, OutputColumn, OutputForm
from .classes import FREE_TEXT

# From strongest to weakest. A token beats generalise and last4: it shows no part of the value. A shifted date tells the
# weekday, and half a year either way.
LADDER: Final = (Mask.DROP, Mask.REDACT, Mask.TOKEN, Mask.GENERALISE, Mask.SHIFT, Mask.LAST4, Mask.PASS)
_RANK: Final = {mask: rank for rank, mask in enumerate(LADDER)}

# When values of several classes meet in one output, it is named after the first of these it holds.
_GRAVEST: Final = ("secret", "ssn", "card", "national_id", "health", "iban", "account", "birth_date", "money")


def strictest(masks: Iterable[Mask]) -> Mask:
    return min(masks, key=_RANK.__getitem__, default=Mask.PASS)


@dataclass(frozen=True, slots=True)
class Duties:
    """What the policy adds to the rules of columns: the least strict mask per class it accepts ("*": every class)."""

    masks: Mapping[str, Mask] = field(default_factory=dict[str, Mask])

    def mask(self, class_name: str, usual: Mask) -> Mask:
        if not self.masks:
            return usual
        asked = (self.masks[name] for name in (class_name, "*") if name in self.masks)
        return strictest((usual, *asked))


@dataclass(frozen=True, slots=True)
class ColumnMask:
    """What becomes of one output column. Without a class it is open; with ``scan`` its text is still looked through.
    ``people``: of `Mask.SHIFT`, whose dates these are: persons of one kind in one database."""

    class_name: str | None
    mask: Mask
    reason: str
    scan: bool = False
    nulls_secret: bool = False  # whether a value is there at all does not show either
    people: str = ""


_OPEN: Final = ColumnMask(None, Mask.PASS, "open", scan=True)
_SHOWN: Final = ColumnMask(None, Mask.PASS, "shown by configuration")


def column_mask(column: OutputColumn, rules: Mapping[str, ColumnRules], duties: Duties) -> ColumnMask:
    """Decide by lineage: the rules of everything a column's values come from."""
    if len(column.sources) == 1 and column.form is OutputForm.IDENTITY:
        (source,) = column.sources
        return _as_its_source(column, source, rules, duties)
    if column.form is OutputForm.COUNT:
        return ColumnMask(None, Mask.PASS, "a count of rows")
    if column.form is OutputForm.TOTAL:
        return ColumnMask(None, Mask.PASS, "a total over enough rows")
    if column.form is OutputForm.SCORE:
        return ColumnMask(None, Mask.PASS, "how close the masked text is")
    if column.form is OutputForm.CONSTANT:
        return ColumnMask(None, Mask.PASS, "written by the caller")
    known = {source: rules[source.database].get(source) for source in sorted(column.sources)}
    ruled = {s: (r, duties.mask(r.class_name, r.mask)) for s, r in known.items() if r is not None}
    masked = {s: (r, mask) for s, (r, mask) in ruled.items() if mask is not Mask.PASS}
    if not masked:
        return _SHOWN if ruled else _OPEN
    names = {rule.class_name for rule, _ in masked.values()}
    class_name, mask = _gravest(names), strictest(mask for _, mask in masked.values())
    sources = ", ".join(sorted(map(str, masked))[:3])
    if column.form is not OutputForm.IDENTITY:
        return ColumnMask(class_name, strictest((mask, Mask.REDACT)), f"computed from {sources}")
    if len(names) > 1 or len(masked) < len(known):
        return ColumnMask(class_name, strictest((mask, Mask.REDACT)), f"united with other columns: {sources}")
    nulls_secret = any(rule.nulls_secret for rule, _ in masked.values())
    if mask is Mask.SHIFT:  # whose each of them is, nothing says
        mask = Mask.REDACT
    return _shown_as(class_name, mask, sources, next(iter(masked.values()))[0].basis, nulls_secret)


def _as_its_source(
    column: OutputColumn, source: ColumnRef, rules: Mapping[str, ColumnRules], duties: Duties
) -> ColumnMask:
    """The usual case, straight: the values of one column as they are."""
    rule = rules[source.database].get(source)
    if rule is None:
        return _OPEN
    mask = duties.mask(rule.class_name, rule.mask)
    if mask is Mask.PASS:
        return _SHOWN
    if mask is Mask.SHIFT:
        return _shifted(column, source, rule)
    return _shown_as(rule.class_name, mask, str(source), rule.basis, rule.nulls_secret)


def _shifted(column: OutputColumn, source: ColumnRef, rule: ColumnRule) -> ColumnMask:
    """Dates move with the person of their own row; where the result does not say who that is, they are redacted."""
    what = f"{source} is {rule.class_name} ({rule.basis})"
    if rule.subject is None:
        return ColumnMask(rule.class_name, Mask.REDACT, f"{what}; nothing says whose", nulls_secret=rule.nulls_secret)
    whose = f"{source.table}.{rule.subject.column}"
    if column.subject is None:
        why = f"{what}; add {whose} to see shifted dates"
        return ColumnMask(rule.class_name, Mask.REDACT, why, nulls_secret=rule.nulls_secret)
    why = f"{what}; shifted by {whose}"
    people = f"{source.database}:{rule.subject.of}"
    return ColumnMask(rule.class_name, Mask.SHIFT, why, nulls_secret=rule.nulls_secret, people=people)


def _shown_as(class_name: str, mask: Mask, sources: str, basis: str, nulls_secret: bool) -> ColumnMask:
    if class_name == FREE_TEXT and mask is Mask.TOKEN:
        return ColumnMask(class_name, mask, f"{sources} is free text ({basis})", scan=True)
    return ColumnMask(class_name, mask, f"{sources} is {class_name} ({basis})", nulls_secret=nulls_secret)


def _gravest(names: Iterable[str]) -> str:
    present = sorted(set(names))
    return next((name for name in _GRAVEST if name in present), present[0])
