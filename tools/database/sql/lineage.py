"""Column lineage for the record, in the words of OpenLineage's column lineage facet (1.2): plain JSON, no I/O."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Final

from pydantic import JsonValue

from ...tool import ColumnRef, ColumnRules, IndirectUse, JsonObject, OutputColumn, OutputForm

_DIRECT: Final[Mapping[OutputForm, str]] = MappingProxyType(
    {
        OutputForm.IDENTITY: "IDENTITY",
        OutputForm.EXPRESSION: "TRANSFORMATION",
        OutputForm.AGGREGATE: "AGGREGATION",
        OutputForm.COUNT: "AGGREGATION",
        OutputForm.TOTAL: "AGGREGATION",
    }
)
_UNMASKED: Final = frozenset({OutputForm.COUNT, OutputForm.TOTAL, OutputForm.CONSTANT})

# Where a column decides -> the subtype. Places that only tell what a value is computed with are no lineage of rows.
_INDIRECT: Final[Mapping[str, str]] = MappingProxyType(
    {
        "where": "FILTER",
        "having": "FILTER",
        "filter": "FILTER",
        "limit": "FILTER",
        "rows": "FILTER",
        "conflict": "FILTER",
        "join": "JOIN",
        "group": "GROUP_BY",
        "distinct": "GROUP_BY",
        "order": "SORT",
        "choice": "SORT",
        "window": "WINDOW",
        "condition": "CONDITIONAL",
    }
)


def column_lineage(
    outputs: Sequence[OutputColumn], indirect: Iterable[IndirectUse], rules: ColumnRules, *, exact: bool = False
) -> JsonObject:
    """The lineage of a result: ``fields`` by output name with the columns its values come from, ``dataset`` with the
    columns that decide which rows, groups or order come back.

    Output names need not be unique; a later one of the same name is called ``name#2``. ``exact`` says that the engine's
    own reading confirmed it; else it may name more columns than the truth, never fewer. ``masking`` is true where a
    mask was applied. A namespace is the name of a database in the configuration.
    """
    fields: dict[str, JsonValue] = {}
    for output in outputs:
        subtype = _DIRECT.get(output.form)
        sources = sorted(output.sources) if subtype is not None else []
        fields[_unique(output.name, fields)] = {
            "inputFields": [
                _input(ref, "DIRECT", subtype or "", masking=output.form not in _UNMASKED and _masked(ref, rules))
                for ref in sources
            ]
        }
    found = sorted({(use.column, _INDIRECT[use.place]) for use in indirect if use.place in _INDIRECT})
    dataset: list[JsonValue] = [_input(ref, "INDIRECT", subtype, masking=False) for ref, subtype in found]
    return {"fields": fields, "dataset": dataset, "exact": exact}


def _unique(name: str, taken: Mapping[str, object]) -> str:
    made, number = name, 1
    while made in taken:
        number += 1
        made = f"{name}#{number}"
    return made


def _input(ref: ColumnRef, kind: str, subtype: str, *, masking: bool) -> JsonObject:
    transformation: JsonObject = {"type": kind, "subtype": subtype, "masking": masking}
    return {"namespace": ref.database, "name": ref.table, "field": ref.column, "transformations": [transformation]}


def _masked(ref: ColumnRef, rules: ColumnRules) -> bool:
    rule = rules.get(ref)
    return rule is not None and rule.masked
