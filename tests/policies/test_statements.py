from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gloveport.policies.statements import Malformed, Statement, statements


def one(text: str) -> Statement:
    (found,) = statements(text, "a.cedar")
    return found


def test_a_file_is_cut_at_semicolons_outside_of_texts_and_comments() -> None:
    text = """// first; not a statement
@id("a;b") // ; here neither
@why("it's \\"so\\"; really")
permit (principal, action, resource)
when { context.purpose like "x;*" }; forbid (principal, action, resource);
"""
    first, second = statements(text, "rules/a.cedar")
    assert (first.file, first.line, first.id) == ("rules/a.cedar", 4, "a;b")
    assert first.annotations == {"id": "a;b", "why": 'it\'s "so"; really'}
    assert first.lines == {"id": 2, "why": 3}
    assert first.body.strip().startswith("(principal")
    assert first.body.endswith(";")
    assert (second.effect, second.line, second.annotations) == ("forbid", 5, {})


def test_places_in_a_body_have_lines() -> None:
    found = one('@id("a")\npermit (principal, action, resource)\nwhen {\n  context.hour > 1 };')
    assert found.line_at(found.body.index("hour")) == 4


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("\npermit (principal, action, resource)", 2, "a ; is missing"),
        ('\n\n@id("a)\npermit (principal, action, resource);', 3, "a text is not closed"),
        ('@id("a")\n@id("b")\npermit (principal, action, resource);', 2, "@id stands twice"),
        ("allow (principal, action, resource);", 1, "begins with annotations"),
        ('@id("a")', 1, "begins with annotations"),
        ("@ permit (principal, action, resource);", 1, "@permit takes one text"),
        ("@id(a) permit (principal, action, resource);", 1, "takes one text"),
        ('@id("a", "b") permit (principal, action, resource);', 1, "takes one text"),
        ("@", 1, "has a name"),
    ],
)
def test_what_cannot_be_read_has_a_line(text: str, line: int, words: str) -> None:
    with pytest.raises(Malformed, match=words) as caught:
        list(statements(text, "a.cedar"))
    assert caught.value.line == line


@settings(max_examples=200)
@given(st.text(alphabet='@id()"\\;{}permitforbid/ \n,a', max_size=60))
def test_any_text_is_cut_or_refused(text: str) -> None:
    try:
        found = list(statements(text, "a.cedar"))
    except Malformed as error:
        assert 1 <= error.line <= text.count("\n") + 1
        return
    assert all(statement.text.endswith(";") and statement.effect in ("permit", "forbid") for statement in found)
