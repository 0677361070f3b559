"""SQLite: the second judge is its authorizer; arithmetic and casts never fail here."""

from __future__ import annotations

from ..functions import function_table
from ..nodes import ARITHMETIC, COMMON, TOTAL, WRITES, names
from ..profiles import Fold, Placeholder, Profile

_JSON_COLUMNS = "key value type atom id parent fullkey path"

FUNCTIONS = function_table(
    total="""
        lower upper trim ltrim rtrim substr substring instr length octet_length hex unicode char typeof quote round sign
        concat concat_ws soundex likely unlikely likelihood random
        date time datetime julianday strftime unixepoch timediff current_date current_time current_timestamp
        json_array json_quote json_valid
        acos acosh asin asinh atan atan2 atanh ceil ceiling cos cosh degrees exp floor ln log log10 log2 mod pi pow
        power radians sin sinh sqrt tan tanh trunc
    """,
    conditional="coalesce ifnull nullif iif",
    subject="replace",
    fails="""
        abs format printf glob like unhex
        json json_array_length json_error_position json_extract json_insert json_object json_patch json_pretty
        json_remove json_replace json_set json_type
    """,
    sized={"zeroblob": 0, "randomblob": 0},
    sums="sum avg total",
    concatenates="group_concat string_agg json_group_array json_group_object",
    rows={"json_each": _JSON_COLUMNS, "json_tree": _JSON_COLUMNS, "generate_series": "value"},
)

PROFILE = Profile(
    name="sqlite",
    parser="sqlite",
    fold=Fold.INSENSITIVE,
    placeholder=Placeholder.QUESTION,
    functions=FUNCTIONS,
    nodes=COMMON | WRITES | names("Glob JSONExtract JSONExtractScalar"),
    total_nodes=TOTAL | ARITHMETIC | names("Cast"),
    types=names(
        "TEXT VARCHAR CHAR INT INTEGER BIGINT SMALLINT TINYINT REAL FLOAT DOUBLE DECIMAL NUMERIC BLOB VARBINARY "
        "BOOLEAN DATE DATETIME TIMESTAMP"
    ),
    total_types=names("TEXT VARCHAR CHAR INT INTEGER BIGINT SMALLINT TINYINT REAL FLOAT DOUBLE DECIMAL NUMERIC BLOB"),
    default_schema="main",
    aliases_everywhere=True,
    aliases_lose=True,
    bare_columns=True,
    orders_in_aggregates=False,  # since 3.44 only
    merged_columns_first=False,
    first_row_wins=True,
    row_identifiers=("rowid", "_rowid_", "oid"),
    kept_functions=frozenset({"CAST"}),
    implied_functions=names("like glob -> ->> cast"),
    explain_options={"query plan": ("id", "parent", "notused", "detail")},
)
