"""The text of query trees: names cannot become tree, damage is always an error of one kind."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gloveport.tools.database.engines.postgresql.nodetext import QueryTreeError, parse
from gloveport.tools.database.engines.postgresql.querytree import read

VAR = "{VAR :varno 1 :varattno 2 :vartype 25 :vartypmod -1 :varcollid 100 :varlevelsup 0 :location 7}"


def target(name: str) -> str:
    return f"({{TARGETENTRY :expr {VAR} :resno 1 :resname {name} :ressortgroupref 0 :resjunk false}})"


def escaped(name: str) -> str:
    """As ``outToken`` of outfuncs.c writes a name."""
    if not name:
        return '""'
    head = "\\" if name[0] in '<"' or name[0].isdigit() or name[0] in "+-" else ""
    return head + "".join("\\" + c if c in " \n\t(){}\\" else c for c in name)


def folded(text: str) -> str:
    """As ``format_node_dump`` of print.c breaks lines."""
    lines: list[str] = []
    while len(text.encode()) > 78:
        raw = text.encode()
        head, rest = raw[:78], raw[78:]
        if rest[:1] == b" ":
            rest = rest[1:]
        elif (cut := head.rfind(b" ", 1)) > 0:
            head, rest = head[:cut], head[cut + 1 :] + rest
        if head.decode(errors="ignore").encode() != head:  # a break inside a character: the server does that too
            return text.replace(" ", "\n")
        lines.append(head.decode())
        text = rest.decode()
    return "\n".join([*lines, text])


def test_a_node_is_read() -> None:
    (node,) = parse(target("name"))
    assert node.kind == "TARGETENTRY"
    assert node.text("resname") == "name"
    assert node.node("expr").number("varattno") == 2
    assert node.flag("resjunk") is False


@given(st.text(st.characters(blacklist_characters="\0", blacklist_categories=("Cs",)), min_size=1, max_size=63))
def test_no_name_becomes_tree(name: str) -> None:
    text = folded(target(escaped(name)))
    try:
        (node,) = parse(text)
    except QueryTreeError:
        assert any(len(line.encode()) >= 78 for line in text.split("\n"))
        return
    assert list(node.fields) == ["expr", "resno", "resname", "ressortgroupref", "resjunk"]
    assert node.node("expr").number("varattno") == 2


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "()x",
        "({VAR})y",
        "({VAR :varno 1 :varno 2})",
        "({VAR :nonsense 1})",
        "({NONSENSE :varno 1})",
        "({VAR :varno})",
        "({VAR :varno 1 2})",
        "({VAR varno 1})",
        "({VAR :varno 1)",
        "({VAR :varno (1})",
        "({VAR :varno 1}",
        "{VAR :varno 1}",
        "({VAR :varno 1}))",
        "({CONST :constvalue 4})",
        "({CONST :constvalue 4 [ 1 2})",
        "({CONST :constvalue 4 [ 1 x ]})",
        "({VAR :varno 1}) ({VAR :varno 1})",
        "({VAR :varno 1}\\",
        "({VAR :varno " + "x" * 78 + "\ny})",
    ],
)
def test_what_is_no_tree_is_an_error(text: str) -> None:
    with pytest.raises(QueryTreeError):
        parse(text)


def test_deep_nesting_is_read() -> None:
    depth = 20_000
    (node,) = parse("({VAR :location " + "(" * depth + ")" * depth + "})")
    assert node.kind == "VAR"


@given(st.text("(){}:\\<> \n[]VAR0123varno", max_size=200))
def test_any_text_is_read_or_an_error(text: str) -> None:
    try:
        parse(text)
    except QueryTreeError:
        return


def test_the_error_says_nothing_of_the_names() -> None:
    with pytest.raises(QueryTreeError) as error:
        parse("({VAR :varno 1 :secret 2})")
    assert "secret" not in str(error.value)
    with pytest.raises(QueryTreeError) as error:
        read("({VAR :varno 1})")
    assert str(error.value) == "VAR.commandType is not a word"
