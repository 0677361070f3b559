"""Refusals of the SQL guard: code, place, rule, and what would be allowed. Made only of the agent's own words and of
names it may know; unknown and closed objects read the same."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final

from ...tool import IndirectUse, OutputColumn, ToolRefused
from .names import did_you_mean


class UseRefused(ToolRefused):
    """A statement that was understood in full and is refused for what it does with masked columns. It still has a
    lineage, for the record: the columns it would have shown and those that would have decided."""

    def __init__(self, refused: ToolRefused, outputs: Sequence[OutputColumn], indirect: Sequence[IndirectUse]) -> None:
        super().__init__(refused.code, refused.message, refused.hint, place=refused.place, rule=refused.rule)
        self.outputs, self.indirect = tuple(outputs), tuple(indirect)


_SCHEMA_HINT: Final = "Call database_schema to see what is open."
_MEANING_HINT: Final = "Where columns are open to it, database_search finds rows by meaning."
_OF_VECTORS: Final = re.compile(
    r"(?<![a-z])vec(?:tor)?_|_to_(?:half|sparse)?vec|subvector|cosine|inner_product|l2_norm|quantize"
    r"|(?:l[12]|hamming|jaccard|array)_distance|vec_distance"
)


def syntax(detail: str, hint: str = "") -> ToolRefused:
    return ToolRefused("sql_syntax", detail, hint, rule="parse")


def text(detail: str, hint: str = "") -> ToolRefused:
    return ToolRefused("sql_text", detail, hint, rule="text")


def statement(detail: str, hint: str = "") -> ToolRefused:
    return ToolRefused("sql_statement", detail, hint, rule="statement")


def construct(detail: str, hint: str = "", place: str = "") -> ToolRefused:
    return ToolRefused("sql_construct", detail, hint, place=place, rule="construct")


def limit(detail: str, hint: str = "") -> ToolRefused:
    return ToolRefused("sql_limit", detail, hint, rule="limit")


def distance(operator: str) -> ToolRefused:
    message = f"The distance {operator} is not computed in a query: it would tell the vector it is measured from."
    return construct(message, _MEANING_HINT, operator)


def function(name: str, known: Iterable[str]) -> ToolRefused:
    instead = _MEANING_HINT if _OF_VECTORS.search(name) else did_you_mean(name, known)
    return ToolRefused(
        "sql_function",
        f"The function {shown(name)} is not allowed.",
        instead or "Use a standard function, or ask for it to be listed under functions.",
        place=shown(name),
        rule="functions",
    )


def of_an_extension(name: str) -> ToolRefused:
    """A name that is the database's own for other types. An aggregate is always called by the name it has."""
    message = f"For values of this type {shown(name)} is a function of an extension, and not allowed."
    return ToolRefused("sql_function", message, "Use it on a plain column.", place=shown(name), rule="judge")


def unknown_relation(name: str, known: Iterable[str]) -> ToolRefused:
    """Unknown and closed relations get this one text."""
    return ToolRefused(
        "unknown_relation",
        f"There is no table or view {shown(name)}.",
        did_you_mean(name, known) or _SCHEMA_HINT,
        place=shown(name),
        rule="tables",
    )


def unknown_column(name: str, known: Iterable[str]) -> ToolRefused:
    return ToolRefused(
        "unknown_column",
        f"There is no column {shown(name)} here.",
        did_you_mean(name.rpartition(".")[2], known) or _SCHEMA_HINT,
        place=shown(name),
        rule="columns",
    )


def masked_use(column: str, place: str, rule: str, message: str, hint: str) -> ToolRefused:
    return ToolRefused("masked_column", message.format(column=column), hint, place=place, rule=rule)


def token(detail: str, hint: str, place: str = "") -> ToolRefused:
    return ToolRefused("token_place", detail, hint, place=place, rule="tokens")


def write(detail: str, hint: str = "", place: str = "") -> ToolRefused:
    return ToolRefused("sql_write", detail, hint, place=place, rule="writes")


def untraced(detail: str, hint: str = "") -> ToolRefused:
    return ToolRefused("sql_untraced", detail, hint, rule="lineage")


def engine(detail: str, place: str) -> ToolRefused:
    hint = "Write the query more simply: plain tables and columns."
    return ToolRefused("sql_disagreement", detail, hint, place=place, rule="judge")


def shown(name: str) -> str:
    """A name of the agent's for a message: printable and short."""
    printable = "".join(c if c.isprintable() else "?" for c in name)
    return printable if len(printable) <= 80 else printable[:77] + "..."
