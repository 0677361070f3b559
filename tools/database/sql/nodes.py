"""Which kinds of syntax may appear at all, by the names of sqlglot's node types. What is not listed is refused."""

from __future__ import annotations

from typing import Final


def names(text: str) -> frozenset[str]:
    return frozenset(text.split())


STRUCTURE: Final = names(
    "Select From Where Join Group Having Order Ordered Limit Offset Fetch LimitOptions Distinct Subquery CTE With "
    "Union Except Intersect Values Tuple Table TableAlias Alias Column Identifier Star Paren Window WindowSpec Filter "
    "WithinGroup Var Anonymous"
)
VALUES: Final = names(
    "Literal Null Boolean HexString Cast DataType DataTypeParam Interval IntervalSpan CurrentDate CurrentTime "
    "CurrentTimestamp"
)
LOGIC: Final = names("And Or Not EQ NEQ GT GTE LT LTE Is In Between Exists Like Escape Case If NullSafeEQ NullSafeNEQ")
ARITHMETIC: Final = names(
    "Add Sub Mul Div Mod Neg DPipe BitwiseAnd BitwiseOr BitwiseNot BitwiseLeftShift BitwiseRightShift Collate"
)
COMMON: Final = STRUCTURE | VALUES | LOGIC | ARITHMETIC
WRITES: Final = names("Insert Update Delete Returning Schema OnConflict")

# Operators that cannot fail on any engine, whatever their operands hold (patterns and sizes are looked at apart).
TOTAL: Final = LOGIC | names("DPipe Collate Paren Tuple CurrentDate CurrentTime CurrentTimestamp HexString")

# Which arguments a structural node may carry. Anything else that is set is refused: no clause passes unread.
ARGUMENTS: Final = {
    "Select": names("with_ expressions from_ joins where group having order limit offset distinct windows"),
    "Subquery": names("this alias joins"),
    "Union": names("with_ this expression distinct order limit offset"),
    "Except": names("with_ this expression distinct order limit offset"),
    "Intersect": names("with_ this expression distinct order limit offset"),
    "With": names("expressions recursive"),
    "CTE": names("this alias materialized"),
    "Table": names("this db catalog alias joins only ordinality rows_from indexed"),
    "TableAlias": names("this columns"),
    "Join": names("this side kind method on using"),
    "From": names("this"),
    "Where": names("this"),
    "Having": names("this"),
    "Group": names("expressions"),
    "Order": names("this expressions"),
    "Ordered": names("this desc nulls_first"),
    "Limit": names("expression"),
    "Offset": names("expression"),
    "Fetch": names("direction count limit_options"),
    "LimitOptions": names("rows with_ties"),
    "Distinct": names("expressions on"),
    "Values": names("expressions alias"),
    "Column": names("this table db"),
    "Identifier": names("this quoted"),
    "Star": names(""),
    "Alias": names("this alias"),
    "Window": names("this partition_by order spec alias over"),
    "WindowSpec": names("kind start start_side end end_side exclude"),
    "Filter": names("this expression"),
    "WithinGroup": names("this expression"),
    "Lateral": names("this alias ordinality"),
    "Unnest": names("expressions alias offset"),
    "Anonymous": names("this expressions"),
    "Cast": names("this to"),
    "TryCast": names("this to requires_string safe"),
    "In": names("this expressions query"),
    "Interval": names("this unit"),
    "Insert": names("this expression conflict returning with_ default"),
    "Update": names("this expressions from_ where returning with_"),
    "Delete": names("this using where returning with_"),
    "Returning": names("expressions"),
    "Schema": names("this expressions"),
    "OnConflict": names("expressions action conflict_keys where"),
}
