"""Which columns a recorded call read, how, and what became of them: edges in the words of OpenLineage.

Types and subtypes are those of the facet ``columnLineage`` (openlineage.io, spec/facets/1-2-0):
DIRECT for values that reach an output column, INDIRECT for those that only decide which rows, groups or order come.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

from pydantic import JsonValue

from .calls import RecordedCall, objects, texts
from .events import Kind
from .values import JsonObject

_DIRECT: Final = {"identity": "IDENTITY", "aggregate": "AGGREGATION", "count": "AGGREGATION", "total": "AGGREGATION"}
_INDIRECT: Final = {
    "join": "JOIN",
    "group": "GROUP_BY",
    "distinct": "GROUP_BY",
    "order": "SORT",
    "window": "WINDOW",
    "condition": "CONDITIONAL",
}


@dataclass(frozen=True, slots=True)
class Edge:
    """One base column and one column of the result; ``output`` None: every column of it, since it decides the rows.

    ``released`` is False when the call ended before anything left. ``act`` is what the masker did to the output
    (pass, token, redact ...), None where nothing was masked yet.
    """

    source: str  # "clinic.patients.email"
    output: str | None
    type: Literal["DIRECT", "INDIRECT"]
    subtype: str
    released: bool
    act: str | None = None
    class_name: str | None = None

    @property
    def masking(self) -> bool:
        """OpenLineage's ``masking`` flag."""
        return self.act is not None and self.act != "pass"


def edges(call: RecordedCall) -> Iterator[Edge]:
    """The edges of a call, allowed or refused; none for a call that touches no columns."""
    lineage = call.body(Kind.POLICY_DECIDED).get("lineage") or call.body(Kind.CALL_DENIED).get("lineage")
    if not isinstance(lineage, dict):
        return
    released = call.outcome == "returned"
    masks = list(objects(call.body(Kind.MASK_APPLIED).get("columns")))
    outputs = list(objects(lineage.get("outputs")))
    for number, output in enumerate(outputs):
        mask: JsonObject = masks[number] if len(masks) == len(outputs) else {}
        subtype = _DIRECT.get(str(output.get("form")), "TRANSFORMATION")
        for source in texts(output.get("sources")):
            act, class_name = _text(mask.get("act")), _text(mask.get("class_name"))
            yield Edge(source, _text(output.get("name")), "DIRECT", subtype, released, act, class_name)
    for use in objects(lineage.get("indirect")):
        subtype = _INDIRECT.get(str(use.get("place")), "FILTER")
        yield Edge(str(use.get("source")), None, "INDIRECT", subtype, released)


def _text(value: JsonValue) -> str | None:
    return value if isinstance(value, str) else None
