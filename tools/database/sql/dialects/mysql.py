"""MySQL and MariaDB: no second judge worth the name, so what cannot be traced exactly is refused."""

from __future__ import annotations

from ..functions import function_table
from ..nodes import COMMON, TOTAL, WRITES, names
from ..profiles import Fold, Placeholder, Profile

FUNCTIONS = function_table(
    total="""
        ascii bit_length char_length character_length concat concat_ws hex length lower lcase upper ucase ltrim rtrim
        trim octet_length ord quote reverse soundex strcmp instr locate field find_in_set md5 sha1 sha crc32 isnull
        now current_date current_time current_timestamp curdate curtime sysdate utc_date utc_time utc_timestamp
        localtime localtimestamp date year quarter month week weekday weekofyear yearweek day dayname dayofmonth
        dayofweek dayofyear hour minute second microsecond monthname last_day to_days to_seconds time_to_sec datediff
        timediff timestampdiff unix_timestamp date_format time_format ceil ceiling floor sign pi rand degrees radians
        json_array json_valid json_quote uuid grouping
    """,
    conditional="coalesce ifnull nullif if greatest least",
    subject="left right substr substring substring_index mid replace elt make_set to_base64",
    fails="""
        abs acos asin atan atan2 cos cot exp ln log log10 log2 mod pow power round sin sqrt tan truncate conv bin oct
        char format from_base64 unhex insert date_add date_sub adddate subdate addtime subtime maketime makedate
        str_to_date from_unixtime from_days timestamp timestampadd period_add period_diff sec_to_time time
        regexp_like regexp_replace regexp_instr regexp_substr
        json_extract json_value json_unquote json_object json_length json_keys json_type json_contains
        json_contains_path json_search json_set json_insert json_replace json_remove json_merge_patch
        json_merge_preserve json_pretty json_depth sha2 inet_aton inet_ntoa
    """,
    sized={"repeat": 1, "space": 0, "lpad": 1, "rpad": 1},
    sums="sum avg std stddev stddev_pop stddev_samp variance var_pop var_samp bit_and bit_or bit_xor",
    concatenates="group_concat json_arrayagg json_objectagg any_value",
)

PROFILE = Profile(
    name="mysql",
    parser="mysql",
    fold=Fold.INSENSITIVE,
    placeholder=Placeholder.QUESTION,
    functions=FUNCTIONS,
    nodes=COMMON
    | WRITES
    | names(
        "Xor BitwiseXor IntDiv JSONExtract JSONExtractScalar Extract Trim Substring StrPosition GroupConcat "
        "Lateral Rollup Convert Mod"
    ),
    total_nodes=TOTAL | names("Xor Trim StrPosition Extract"),
    types=names(
        "TEXT VARCHAR CHAR INT BIGINT SMALLINT TINYINT UBIGINT UINT SIGNED UNSIGNED DECIMAL FLOAT DOUBLE BOOLEAN DATE "
        "TIME DATETIME TIMESTAMP JSON BINARY VARBINARY YEAR"
    ),
    total_types=names("TEXT VARCHAR CHAR BINARY VARBINARY"),
    default_schema="",
    aliases_everywhere=True,
    bare_columns=True,
    numbers_match_texts=True,
    backslash_escapes=True,
    double_quoted_strings=True,
    kept_functions=frozenset({"CAST", "CONVERT", "EXTRACT", "POSITION", "SUBSTRING", "TRIM", "GROUP_CONCAT"}),
    explain_options={
        "": ("id", "select_type", "table", "type", "possible_keys", "key", "key_len", "ref", "rows", "Extra")
    },
)
