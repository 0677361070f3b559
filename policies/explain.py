"""Why a call is allowed or not, and what is missing: each rule in its parts, asked of the engine that decides.

The engine says which rules match. To say why another one does not, its body is cut into its three scope constraints and
its conditions (see `clauses`), and one more question tells which of these hold.
"""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import JsonValue

from .clauses import parts
from .decide import Decider, Decision
from .loader import Bundle, Rule
from .request import Access, DecisionRequest, as_json

PERMIT, FORBID, DUTY, SHADOW = "permit", "forbid", "duty", "shadow"


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a rule, as written: ``principal in Team::"x"``, ``when { … }``."""

    rule: int
    text: str
    body: str


@dataclass(frozen=True, slots=True)
class Reason:
    """A rule and how it bears on one access. ``missing`` are its parts that do not hold; none: it matches."""

    rule: str
    place: str
    kind: str  # permit | forbid | duty | shadow
    why: str
    duty: dict[str, JsonValue] | None
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AccessReasons:
    """One access of a call: the rules that match it, and those for this action that do not, the nearest first."""

    action: str
    name: str
    matching: tuple[Reason, ...]
    near: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class Explanation:
    decision: Decision
    accesses: tuple[AccessReasons, ...]

    def as_json(self) -> JsonValue:
        return as_json(self)


class Explainer:
    """Explains decisions by one bundle."""

    def __init__(self, bundle: Bundle) -> None:
        self._bundle = bundle
        self._decider = Decider(bundle)
        self._parts = [part for index, rule in enumerate(bundle.rules) for part in _parts(index, rule)]
        self._matches = bundle.matches.sibling([part.body for part in self._parts])

    def explain(self, request: DecisionRequest) -> Explanation:
        accesses = tuple(self._reasons(request, access) for access in request.accesses)
        return Explanation(self._decider.decide(request), accesses)

    def _reasons(self, request: DecisionRequest, access: Access) -> AccessReasons:
        hour = self._decider.moment(request).hour
        rules = self._bundle.rules
        matched = self._bundle.matches.matching(request, access, hour).rules
        holding = set(self._matches.matching(request, access, hour).rules)
        missing: dict[int, list[str]] = {}
        other_action: set[int] = set()
        for index, part in enumerate(self._parts):
            if index not in holding and part.rule not in matched:
                missing.setdefault(part.rule, []).append(part.text)
                if part.text.startswith("action "):
                    other_action.add(part.rule)
        near = sorted(set(missing) - other_action, key=lambda rule: (len(missing[rule]), rules[rule].id))
        return AccessReasons(
            access.action,
            access.name,
            matching=tuple(_reason(rules[index]) for index in matched),
            near=tuple(_reason(rules[index], tuple(missing[index])) for index in near),
        )


def _parts(index: int, rule: Rule) -> list[Part]:
    found = parts(rule.body)
    free = ("principal", "action", "resource")
    scopes = [
        Part(index, text, f"({', '.join((*free[:i], text, *free[i + 1 :]))});")
        for i, text in enumerate(found.constraints)
    ]
    conditions = [Part(index, c.clause, f"(principal, action, resource) {c.clause};") for c in found.conditions]
    return [*scopes, *conditions]


def _reason(rule: Rule, missing: tuple[str, ...] = ()) -> Reason:
    duty = rule.obligation
    kind = SHADOW if rule.shadow else DUTY if duty is not None else rule.effect
    shown = None if duty is None else duty.model_dump(by_alias=True, exclude_none=True)
    return Reason(rule.id, rule.place, kind, rule.why, shown, missing)
