"""Cedar, behind the few functions the rest of this package needs. The only module that imports cedarpy.

Rules are evaluated as a *match set*: each is rewritten to a permit with an id of its own, so that one call of the
engine returns every rule that matches, conditional ones and shadows too; `decide` combines them. Cedar skips a rule
that errors, which would open a forbid: any error here is reported, and denies.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence

from cedarpy import (
    Decision,
    Entities,
    PolicySet,
    Schema,
    is_authorized,  # pyright: ignore[reportUnknownVariableType] - its dict parameters are bare
    validate_policies,  # pyright: ignore[reportUnknownVariableType]
)

from .request import KINDS, QUERIES, Access, DecisionRequest, Matched


class EngineError(ValueError):
    """Cedar text the engine does not take; the message is its own, in one line."""


def one_line(error: object) -> str:
    return " ".join(str(error).split())[:300]


def parsed_schema(text: str) -> Schema:
    try:
        return Schema.from_str(text)
    except ValueError as error:
        raise EngineError(one_line(error)) from None


def complaints(statement: str, schema: Schema) -> list[str]:
    """What is wrong with one statement, by parser and validator; empty when nothing is."""
    try:
        policies = PolicySet.from_str(statement)
        policies.to_pst()  # refuses what is nested over 100 levels deep
    except ValueError as error:
        return [f"not valid Cedar: {one_line(error)}"]
    if not len(policies):
        return ["a template (?principal, ?resource) is never linked here; name whom the rule is for"]
    return [
        re.sub(r"^for policy `policy0`[,:] ", "", one_line(error.error))
        for error in validate_policies(statement, schema).errors
    ]


class MatchSet:
    """Rules ready to be matched. Immutable."""

    def __init__(self, bodies: Sequence[str], schema: Schema) -> None:
        self._schema = schema
        self._policies = PolicySet.from_str("\n".join(f"permit {body}" for body in bodies))
        self._count = len(bodies)

    def matching(self, request: DecisionRequest, access: Access, hour: int) -> Matched:
        """Every rule that matches this access of the request; never raises."""
        if not self._count:
            return Matched((), 0)
        try:
            known = Entities.from_json_str(  # pyright: ignore[reportUnknownMemberType]
                json.dumps(entities(request, access)), self._schema
            )
            answer = is_authorized(question(request, access, hour), self._policies, known, self._schema)
        except Exception:  # noqa: BLE001 - whatever it is, and whatever it says: an error denies
            return Matched((), 1)
        errors = len(answer.diagnostics.errors) + (answer.decision is Decision.NoDecision)
        rules = sorted(int(name.removeprefix("policy")) for name in answer.diagnostics.reasons)
        return Matched(tuple(rules), errors)

    def sibling(self, bodies: Sequence[str]) -> MatchSet:
        """Other rules under the same schema."""
        return MatchSet(bodies, self._schema)

    def __len__(self) -> int:
        return self._count


def _uid(kind: str, name: str) -> dict[str, str]:
    return {"type": kind, "id": name}


def _resource(access: Access) -> dict[str, str]:
    return _uid(KINDS[access.kind], access.name)


def entities(request: DecisionRequest, access: Access) -> list[Mapping[str, object]]:
    """The slice of the world one question needs: the principal with its groups, the resource with its parent."""
    who = request.principal
    groups = [_uid("Role", r) for r in sorted(who.roles)] + [_uid("Team", t) for t in sorted(who.teams)]
    attributes = {
        "human": who.human,
        "basis": who.basis,
        "agent": who.agent,
        "model": who.model,
        "purpose": who.purpose,
        "transport": who.transport,
    }
    found: list[Mapping[str, object]] = [
        {"uid": _uid("Principal", _name(request)), "attrs": attributes, "parents": groups}
    ]
    found += [{"uid": group, "attrs": {}, "parents": []} for group in groups]
    state = {"open": access.open, "writable": access.writable}
    attrs = {"name": access.name, **state} if access.kind in ("database", "table", "file_root", "file") else {}
    parents: list[dict[str, str]] = []
    if access.parent is not None and access.kind in ("table", "file"):
        parent = _uid("Database" if access.kind == "table" else "FileRoot", access.parent)
        parents.append(parent)
        found.append({"uid": parent, "attrs": {"name": access.parent, **state}, "parents": []})
    found.append({"uid": _resource(access), "attrs": attrs, "parents": parents})
    return found


def _name(request: DecisionRequest) -> str:
    who = request.principal
    return f"{who.human}/{who.agent}" if who.agent else who.human


def question(request: DecisionRequest, access: Access, hour: int) -> dict[str, object]:
    """One access of a request as Cedar asks it; the context has what the schema says for its action, no more."""

    def classes(names: frozenset[str]) -> list[object]:
        return [{"__entity": _uid("DataClass", name)} for name in sorted(names)]

    claims = request.principal.claims
    context: dict[str, object] = {
        "data": {
            "classes": classes(access.classes),
            "touched": classes(access.touched),
            "columns": sorted(access.columns),
        },
        "session": {
            "calls": request.session.calls,
            "calls_last_minute": request.session.calls_last_minute,
            "classes_seen": classes(request.session.classes_seen),
        },
        "claims": {"agent": claims.agent, "model": claims.model, "purpose": claims.purpose},
        "effects": sorted(request.effects),
        "hour": hour,
    }
    if access.action in QUERIES:
        context["sql"] = {"inference": request.sql.inference, "bounded": request.sql.bounded}
    if access.action == "tool.call":
        tool = request.tool
        touched = {"reads": sorted(tool.reads), "writes": sorted(tool.writes), "sends": sorted(tool.sends)}
        context["tool"] = {"name": tool.name, **touched}
    if access.action == "token.restore":
        context["argument"] = request.argument
    return {
        "principal": _uid("Principal", _name(request)),
        "action": _uid("Action", access.action),
        "resource": _resource(access),
        "context": context,
    }
