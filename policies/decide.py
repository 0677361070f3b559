"""Combines matching rules into one decision.

Order of strength: an error of the engine, then a plain ``forbid``, then a missing ``permit`` (deny by default),
then the obligations of conditional forbids. No priorities, no order of rules. Every access of a call must be
allowed; the obligations of all are owed. A shadow rule is noted and changes nothing.
"""

from __future__ import annotations

import datetime as dt
import time
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

from .loader import Bundle, Rule, reads
from .obligations import NOTHING, Obligation, Owed, merged
from .request import Access, DecisionRequest, Effect, Matched

_CACHED = 2048


@dataclass(frozen=True, slots=True)
class Decision:
    """Allow, deny, or pending a human's yes; with everything that made it."""

    effect: Effect
    code: str  # allowed | policy-denied | policy-error | approval-needed
    hint: str  # safe for the agent: the rule's @why, or what would be allowed
    rules: tuple[str, ...]  # ids of the rules that decided
    places: tuple[str, ...]  # their file:line
    owed: Owed
    shadows: tuple[str, ...]  # ids of shadow rules that matched
    denied: tuple[str, ...]  # names of the accesses that were not allowed
    digest: str
    microseconds: int = 0


class Decider:
    """Decides by one bundle. Never raises: whatever goes wrong denies."""

    def __init__(self, bundle: Bundle) -> None:
        self.bundle = bundle
        self._reads_session = any(reads(rule.body, {"session"}) for rule in bundle.rules)
        self._reads_hour = any(reads(rule.body, {"hour"}) for rule in bundle.rules)
        self._cache: OrderedDict[object, Matched] = OrderedDict()

    def decide(self, request: DecisionRequest) -> Decision:
        began = time.perf_counter_ns()
        return self._combined(request, self.moment(request), began)

    def possible(self, request: DecisionRequest) -> bool:
        """Whether some call like this could be allowed: rules that depend on what a call touches are given the benefit
        of the doubt, in both directions."""
        now = self.moment(request)
        for access in request.accesses:
            matched = self.bundle.tools.matching(request, access, now.hour)
            rules = self._active([self.bundle.rules[i] for i in matched.rules], now)
            barred = any(rule.effect == "forbid" and rule.obligation is None and not rule.varies for rule in rules)
            if matched.errors or barred or not any(rule.effect == "permit" for rule in rules):
                return False
        return True

    def moment(self, request: DecisionRequest) -> dt.datetime:
        """When the request is made, in the bundle's time zone."""
        return (request.now or dt.datetime.now(dt.UTC)).astimezone(self.bundle.timezone)

    @staticmethod
    def _active(rules: Sequence[Rule], now: dt.datetime) -> list[Rule]:
        today = now.date()
        return [rule for rule in rules if not rule.shadow and (rule.expires is None or today <= rule.expires)]

    def _combined(self, request: DecisionRequest, now: dt.datetime, began: int) -> Decision:
        decided: dict[str, Rule] = {}
        owed: list[tuple[str, Obligation]] = []
        shadows: set[str] = set()
        denied: list[Access] = []
        refusals: list[Rule] = []
        errors = 0
        for access in request.accesses:
            matched = self._matching(request, access, now.hour)
            errors += matched.errors
            rules = [self.bundle.rules[i] for i in matched.rules]
            shadows |= {rule.id for rule in rules if rule.shadow}
            active = self._active(rules, now)
            plain = [rule for rule in active if rule.effect == "forbid" and rule.obligation is None]
            permits = [rule for rule in active if rule.effect == "permit"]
            if plain or not permits or matched.errors:
                denied.append(access)
                refusals += plain
                continue
            conditional = [rule for rule in active if rule.obligation is not None]
            decided.update((rule.id, rule) for rule in (*permits, *conditional))
            owed += [(rule.id, rule.obligation) for rule in conditional if rule.obligation is not None]
        if errors or not request.accesses:
            return self._decision(
                "deny", "policy-error", "The policy could not be evaluated.", [], NOTHING, shadows, denied, began
            )
        if denied:
            first = denied[0]
            unpermitted = f"No rule permits {first.action} on {first.name}."
            why = next((rule.why for rule in refusals if rule.why), "" if refusals else unpermitted)
            return self._decision("deny", "policy-denied", why, refusals, NOTHING, shadows, denied, began)
        duties = merged(owed)
        effect, code = ("pending", "approval-needed") if duties.approvals else ("allow", "allowed")
        return self._decision(effect, code, "", list(decided.values()), duties, shadows, [], began)

    def _decision(
        self,
        effect: Effect,
        code: str,
        hint: str,
        rules: list[Rule],
        owed: Owed,
        shadows: set[str],
        denied: list[Access],
        began: int,
    ) -> Decision:
        ordered = sorted({rule.id: rule for rule in rules}.values(), key=lambda rule: rule.id)
        return Decision(
            effect=effect,
            code=code,
            hint=hint,
            rules=tuple(rule.id for rule in ordered),
            places=tuple(rule.place for rule in ordered),
            owed=owed,
            shadows=tuple(sorted(shadows)),
            denied=tuple(access.name for access in denied),
            digest=self.bundle.digest,
            microseconds=(time.perf_counter_ns() - began) // 1000,
        )

    def _matching(self, request: DecisionRequest, access: Access, hour: int) -> Matched:
        key = self._key(request, access, hour)
        try:
            known = self._cache.get(key)
        except TypeError:  # a fact that is no plain value
            return Matched((), 1)
        if known is not None:
            return known
        matched = self.bundle.matches.matching(request, access, hour)
        if not matched.errors:
            self._cache[key] = matched
            while len(self._cache) > _CACHED:
                self._cache.popitem(last=False)
        return matched

    def _key(self, request: DecisionRequest, access: Access, hour: int) -> object:
        """Everything a rule of this bundle can read."""
        return (
            request.principal,
            access,
            request.effects,
            request.sql,
            request.tool,
            request.argument,
            request.session if self._reads_session else None,
            hour if self._reads_hour else None,
        )
