"""PostgreSQL: the second judge is the server's own rewritten query tree."""

from __future__ import annotations

from ..functions import function_table
from ..nodes import COMMON, TOTAL, WRITES, names
from ..profiles import Fold, Placeholder, Profile

FUNCTIONS = function_table(
    total="""
        ascii btrim char_length character_length concat concat_ws initcap length lower upper ltrim rtrim trim md5
        reverse octet_length bit_length starts_with strpos translate to_hex quote_ident quote_literal quote_nullable
        sha224 sha256 sha384 sha512 array_to_string array_length array_ndims array_lower array_upper cardinality
        array_position array_positions array_remove array_append array_prepend num_nulls num_nonnulls
        to_json to_jsonb row_to_json array_to_json json_build_array jsonb_build_array json_typeof jsonb_typeof
        jsonb_pretty json_strip_nulls jsonb_strip_nulls json_extract_path json_extract_path_text jsonb_extract_path
        jsonb_extract_path_text ceil ceiling floor sign trunc degrees radians pi random row array
        now current_date current_time current_timestamp localtime localtimestamp clock_timestamp statement_timestamp
        transaction_timestamp timeofday gen_random_uuid isfinite grouping
        to_tsvector plainto_tsquery phraseto_tsquery websearch_to_tsquery ts_rank ts_rank_cd numnode querytree
    """,
    conditional="coalesce nullif greatest least",
    subject="left right substr substring split_part encode string_to_array replace overlay position",
    fails="""
        abs acos asin atan atan2 cbrt cos cot exp factorial gcd lcm ln log log10 mod power pow round sin sqrt tan div
        scale min_scale trim_scale width_bucket chr format decode convert_from convert_to to_char to_date to_number
        to_timestamp age date_part date_trunc date_bin extract make_date make_interval make_time make_timestamp
        make_timestamptz justify_days justify_hours justify_interval timezone
        regexp_match regexp_replace regexp_count regexp_instr regexp_like regexp_substr regexp_split_to_array
        json_build_object jsonb_build_object json_object jsonb_object json_array_length jsonb_array_length jsonb_set
        jsonb_insert jsonb_path_exists jsonb_path_match jsonb_path_query_array jsonb_path_query_first jsonb_concat
        array_cat array_replace array_fill trim_array to_tsquery ts_headline
        lower_inc upper_inc isempty
    """,
    sized={"repeat": 1, "lpad": 1, "rpad": 1},
    sums="""
        sum avg stddev stddev_pop stddev_samp variance var_pop var_samp corr covar_pop covar_samp regr_avgx regr_avgy
        regr_count regr_intercept regr_r2 regr_slope regr_sxx regr_sxy regr_syy bool_and bool_or every bit_and bit_or
        bit_xor
    """,
    concatenates="string_agg array_agg json_agg jsonb_agg json_object_agg jsonb_object_agg any_value",
    ranked="percentile_cont percentile_disc mode",
    rows={
        "generate_series": "",
        "generate_subscripts": "",
        "unnest": "",
        "regexp_split_to_table": "",
        "regexp_matches": "",
        "string_to_table": "",
        "json_each": "key value",
        "jsonb_each": "key value",
        "json_each_text": "key value",
        "jsonb_each_text": "key value",
        "json_array_elements": "value",
        "jsonb_array_elements": "value",
        "json_array_elements_text": "value",
        "jsonb_array_elements_text": "value",
        "json_object_keys": "",
        "jsonb_object_keys": "",
        "json_to_record": "",
        "jsonb_to_record": "",
        "json_to_recordset": "",
        "jsonb_to_recordset": "",
        "jsonb_path_query": "",
    },
)

PROFILE = Profile(
    name="postgresql",
    parser="postgres",
    fold=Fold.QUOTED_EXACT,
    placeholder=Placeholder.NUMBERED,
    functions=FUNCTIONS,
    nodes=COMMON
    | WRITES
    | names(
        "ILike SimilarTo RegexpLike RegexpILike Overlaps Pow Sqrt Cbrt BitwiseXor IntDiv StartsWith Xor "
        "JSONExtract JSONExtractScalar JSONBExtract JSONBExtractScalar JSONBContains JSONBContainsTopKey "
        "JSONBContainsAnyTopKeys JSONBContainsAllTopKeys JSONBDeleteAtPath "
        "Array Bracket Slice ArrayContainsAll ArrayContainedBy ArrayOverlaps Any All MatchAgainst AtTimeZone "
        "Extract Trim Substring StrPosition Overlay Localtime Localtimestamp BitString Cube Rollup GroupingSets "
        "Lateral Unnest ColumnDef Dot Kwarg"
    ),
    total_nodes=TOTAL
    | names(
        "ILike JSONExtract JSONExtractScalar JSONBExtract JSONBExtractScalar JSONBContains JSONBContainsTopKey "
        "JSONBContainsAnyTopKeys JSONBContainsAllTopKeys Array Bracket Slice ArrayContainsAll ArrayContainedBy "
        "ArrayOverlaps Any All MatchAgainst Trim StrPosition StartsWith Localtime Localtimestamp BitString Dot "
        "Extract Overlaps"
    ),
    types=names(
        "TEXT VARCHAR CHAR BPCHAR NAME INT BIGINT SMALLINT DECIMAL NUMERIC FLOAT DOUBLE REAL BOOLEAN DATE TIME TIMETZ "
        "TIMESTAMP TIMESTAMPTZ INTERVAL UUID JSON JSONB VARBINARY BINARY INET CIDR MACADDR BIT TSVECTOR TSQUERY MONEY "
        "ARRAY"
    ),
    total_types=names("TEXT VARCHAR CHAR BPCHAR NAME"),
    default_schema="public",
    whole_rows=True,
    row_stars=True,
    typed_nulls=True,
    longest_name=63,
    implied_functions=names("like_escape similar_to_escape overlaps timezone substring position overlay extract"),
    explain_options={"": ("QUERY PLAN",)},
)
