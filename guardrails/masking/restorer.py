"""The chain's side of restoring: what a tool may look for while it plans, and the values it gets to run."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import replace
from functools import cache

from ...tools.tool import ColumnRules, Plan, Planning, TokenSpan
from .detect import Detector
from .origins import dates_in, lasts, names_of, own_values, places_of
from .restore import USUAL_CLEARANCES, Clearance, Restored, RestoreRate, restore
from .shifting import person
from .spelling import folded
from .tokens.service import Scope, Tokens


class Restorer:
    """Binds tokens to a caller's scope. ``rules`` gives a database's column rules by its name."""

    def __init__(
        self,
        tokens: Tokens,
        detector: Detector,
        rules: Callable[[str], Awaitable[ColumnRules]],
        rate: RestoreRate | None = None,
    ) -> None:
        self._tokens = tokens
        self._detector = detector
        self._rules = rules
        self._rate = rate or RestoreRate()

    def planning(self, scope: Scope) -> Planning:
        """What a tool may ask while it plans for this caller. No value is restored for that."""

        def token_class(value: str | int) -> str | None:
            return self._tokens.token_class(value, scope)

        def find_tokens(text: str) -> Sequence[TokenSpan]:
            return self._tokens.find(text, scope)

        def unknown_tokens(text: str) -> Sequence[TokenSpan]:
            return self._tokens.unknown(text, scope)

        return Planning(scope.principal, token_class, find_tokens, self._rules, unknown_tokens)

    def restore(self, plan: Plan, granted: Iterable[Clearance], scope: Scope) -> Restored:
        """The values of the plan's slots; tokens go back where the plan bound them and where policy cleared a sink.

        What the caller spelt out itself is never run through the data key when it is found again. Where it may be read
        again by a later call it is noted now; for this call alone it is looked for when a token is about to be made.
        Raises `ToolRefused`.
        """

        @cache
        def own() -> set[str]:
            return own_values(plan, self._detector, lambda texts: self._tokens.find_many(texts, scope))

        def spelt() -> frozenset[str]:
            return frozenset(map(folded, own()))

        if lasts(plan):
            places = [*places_of(plan.accesses, written=True), *names_of(plan.accesses)]
            self._tokens.note_agent_origin(own(), scope, places)
            for flow in plan.flows:
                target = str(flow.target)
                if flow.source is None:
                    self._tokens.note_agent_composed(target, scope)
                else:
                    self._tokens.carry_agent_origin(str(flow.source), target, scope)
            for column in plan.redated:
                self._tokens.note_agent_composed(dates_in(str(column)), scope)
        if not plan.slots:
            return Restored(spelt=spelt)
        restored = restore(self._tokens, plan.slots, scope, (*USUAL_CLEARANCES, *granted), rate=self._rate)
        for slot, value in zip(plan.slots, restored.values, strict=True):
            if slot.whose:  # no value of the agent's own, but that the row is this person's is
                self._tokens.note_agent_origin([person(value)], scope, [dates_in(slot.target)])
        return replace(restored, spelt=spelt)
