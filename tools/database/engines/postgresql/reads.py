"""From object ids to names: what the server says a statement reads, in the words of the catalog; and which of the
functions it would call are allowed."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final

from ....tool import ColumnRef
from ...errors import schema_changed
from ...sql import refusals
from ...sql.analysis import EngineReads
from ...sql.dialects.postgresql import FUNCTIONS
from ...sql.functions import FunctionKind
from .querytree import Call, Cell, Reading
from .schema import FIRST_USER_OID, Function, Schema, Stored

_SYSTEM_COLUMNS: Final = {-1: "ctid", -2: "xmin", -3: "cmin", -4: "xmax", -5: "cmax", -6: "tableoid"}

# Casts to these look names up in the system catalogs, and say whether there is such a thing.
_NAMING_TYPES: Final = frozenset(
    (
        "regclass regproc regprocedure regoper regoperator regtype regrole regnamespace regconfig regdictionary "
        "regcollation"
    ).split()
)
_SAMPLERS: Final = frozenset({"bernoulli", "system"})

# Extensions that bring value types: what their operators, casts and sort orders call is pure. Their functions by name
# are allowed where a view's owner wrote them; under a name that the server's own functions have (avg), they are not.
_VALUE_EXTENSIONS: Final = frozenset(
    (
        "btree_gin btree_gist citext cube hstore intarray isn ltree pg_trgm postgis postgis_raster prefix semver vector"
    ).split()
)
_BY_NAME: Final = frozenset({0, 3})  # CoercionForm: 0 call, 1 cast, 2 implied, 3 syntax


def engine_reads(reading: Reading, schema: Schema) -> EngineReads:
    """Raises `ToolRefused` for relations of the system, `ToolFailed` when the schema is another by now."""
    relations = frozenset(_stored(oid, schema).name for oid in reading.relations)
    return EngineReads(
        columns=_columns(reading.columns, schema),
        relations=relations,
        functions=frozenset(_named(reading.calls, schema)),
        sources=tuple(_columns(output, schema) for output in reading.outputs),
        width=len(reading.outputs),
    )


def _stored(oid: int, schema: Schema) -> Stored:
    found = schema.stored.get(oid)
    if found is None:
        if oid < FIRST_USER_OID:
            raise refusals.engine(
                "The database understands this statement differently: it reads another table.", "relations"
            )
        raise schema_changed()
    return found


def _columns(cells: Collection[Cell], schema: Schema) -> frozenset[ColumnRef]:
    database = schema.catalog.database
    found: set[ColumnRef] = set()
    for oid, number in cells:
        stored = _stored(oid, schema)
        if number == 0:
            found.update(ColumnRef(database, stored.name, column) for column in stored.columns.values())
            continue
        name = _SYSTEM_COLUMNS.get(number) or stored.columns.get(number)
        if name is None:
            raise schema_changed()
        found.add(ColumnRef(database, stored.name, name))
    return frozenset(found)


def _named(calls: Collection[Call], schema: Schema) -> set[str]:
    """Functions the statement names: written as calls, or by the syntax that stands for one."""
    found: set[str] = set()
    for call in calls:
        if call.what == "aggregate" or (call.what == "function" and call.form in _BY_NAME):
            function = schema.functions.get(call.oid)
            if function is not None:
                found.add(function.name)
    return found


def check_calls(reading: Reading, schema: Schema, allowed: Collection[str]) -> None:
    """Refuse what would run code that nobody allowed. ``allowed`` are the functions the guard let through by name.

    What operators, casts and sort orders call was never named by the agent: it must be the server's own and not
    volatile, or belong to an extension of value types. Raises `ToolRefused`, `ToolFailed`.
    """
    for call in reading.calls:
        if not _may_call(call, reading, schema, allowed):
            function = schema.functions.get(call.oid)
            if call.what == "aggregate" and function is not None and function.extension is not None:
                raise refusals.of_an_extension(function.name)
            raise refusals.engine(
                "The database understands this statement differently: it calls another function.", "functions"
            )


def _may_call(call: Call, reading: Reading, schema: Schema, allowed: Collection[str]) -> bool:
    if call.what == "type":
        return schema.types.get(call.oid, "") not in _NAMING_TYPES | {""}
    if call.what == "constant":  # a column's default may name its sequence
        return reading.command in ("insert", "update")
    oid = schema.operators.get(call.oid, 0) if call.what == "operator" else call.oid
    function = schema.functions.get(oid)
    if function is None:
        return False
    if call.what == "sampler":
        return function.system and function.name in _SAMPLERS
    if function.name in _NAMING_TYPES or (function.name.startswith("pg_") and call.form in _BY_NAME):
        return False
    named = call.what == "aggregate" or (call.what == "function" and call.form in _BY_NAME)
    if reading.command in ("insert", "update") and _is_default(oid, function, schema):
        return True
    if not function.system:
        if _is_sum(function.name):
            return False
        if function.name in schema.catalog.user_functions:
            return True
        pure = function.extension in _VALUE_EXTENSIONS and not function.volatile
        return pure and (not named or (function.name in allowed and function.name not in FUNCTIONS))
    return not function.volatile or function.name in allowed


def _is_sum(name: str) -> bool:
    """The guard takes these for numbers, and shows them over enough rows; a mean of vectors is one more vector."""
    facts = FUNCTIONS.get(name)
    return facts is not None and facts.kind is FunctionKind.SUM


def _is_default(oid: int, function: Function, schema: Schema) -> bool:
    """Columns that are not given a value get their default, which the owner of the table wrote."""
    return oid in schema.defaults or (
        function.system and function.name in ("nextval", "gen_random_uuid", "clock_timestamp")
    )


def keeps_state(reading: Reading, schema: Schema) -> bool:
    """Whether a session could keep something of a statement that was rolled back (a lock, a setting): the server's own
    functions that are not volatile leave nothing, those of users might."""
    if reading.command != "select":
        return True
    for call in reading.calls:
        function = schema.functions.get(call.oid)
        if call.what in ("function", "aggregate") and (function is None or not function.system or function.volatile):
            return True
    return False


def check_origins(origins: Sequence[Cell], reading: Reading, schema: Schema) -> None:
    """The server tells the origin of columns that are shown as they are. One that the tree lacks is an alarm.

    Raises `ToolRefused`.
    """
    for (oid, number), sources in zip(origins, reading.outputs, strict=True):
        if not oid:
            continue
        stored = schema.stored.get(oid)
        if stored is not None and stored.kind == "v":
            accounted = oid in reading.relations
        else:
            accounted = (oid, number) in sources or (oid, 0) in sources
        if not accounted:
            raise refusals.engine(
                "The database understands this statement differently: it makes an output of another column.", "outputs"
            )
