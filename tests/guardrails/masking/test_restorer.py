"""No token oracle: what an agent writes itself never meets the data key."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from gloveport.guardrails.masking.classes import default_rule
from gloveport.guardrails.masking.content import ContentMasker
from gloveport.guardrails.masking.detect import Detector
from gloveport.guardrails.masking.duties import Duties
from gloveport.guardrails.masking.keys import Scope
from gloveport.guardrails.masking.masker import Masker
from gloveport.guardrails.masking.restore import Clearance
from gloveport.guardrails.masking.restorer import Restorer
from gloveport.guardrails.masking.tokens.service import Tokens
from gloveport.tools.tool import (
    Access,
    Action,
    ColumnRef,
    ColumnRule,
    Effect,
    Entries,
    Flow,
    JsonObject,
    JsonValue,
    OutputColumn,
    OutputForm,
    Place,
    Plan,
    Result,
    Search,
    Slot,
    Table,
    Text,
    Value,
)

BOB = Scope("default", "bob", "support", "S2")
GUESS = "victim@acme.com"
EMAIL, PHONE, NOTES, NICK = (ColumnRef("clinic", "patients", n) for n in ("email", "phone", "notes", "nick"))


class Rules:
    version = "1"

    def get(self, column: ColumnRef) -> ColumnRule | None:
        known = {"email": "email", "phone": "phone", "notes": "free_text"}
        return default_rule(known[column.column], "config") if column.column in known else None


class House:
    """The restorer and the masker of one server, as the chain uses them."""

    def __init__(self, tokens: Tokens, detector: Detector) -> None:
        self.tokens = tokens
        self.restorer = Restorer(tokens, detector, self._rules)
        self.masker = Masker(ContentMasker(detector, tokens), self._rules, "test")

    async def _rules(self, database: str) -> Rules:
        return Rules()

    async def call(self, plan: Plan, result: Result, scope: Scope, granted: Sequence[Clearance] = ()) -> JsonObject:
        restored = self.restorer.restore(plan, granted, scope)
        return (await self.masker.mask(result, plan, Duties(), scope, restored)).content


@pytest.fixture(scope="module")
def detector() -> Detector:
    return Detector()


@pytest.fixture
def house(tokens: Tokens, detector: Detector) -> House:
    return House(tokens, detector)


def wrote_file(name: str, text: str) -> Plan:
    access = Access(Action.FILE_WRITE, "file", name, "reports")
    return Plan((access,), frozenset({Effect.WRITE}), written=text)


def read_file(name: str) -> Plan:
    return Plan((Access(Action.FILE_READ, "file", name, "reports"),), frozenset({Effect.READ}))


def inserted(*literals: str, columns: Sequence[ColumnRef]) -> Plan:
    written = frozenset(columns)
    access = Access(Action.DB_INSERT, "table", "clinic.patients", "clinic", written, written=written)
    return Plan((access,), frozenset({Effect.WRITE}), written="\n".join(literals))


SELECT = Plan((Access(Action.DB_SELECT, "table", "clinic.patients", "clinic"),), frozenset({Effect.READ}))
NOTHING = Entries([])


def column(ref: ColumnRef, *cells: object) -> Table:
    return Table((OutputColumn(ref.column, "TEXT", frozenset({ref})),), [[cell] for cell in cells])


def cells(content: JsonObject) -> list[JsonValue]:
    rows = content["rows"]
    assert isinstance(rows, list)
    return [row[0] for row in rows if isinstance(row, list)]


def token(tokens: Tokens, class_name: str, value: str, scope: Scope) -> str:
    return str(tokens.tokenise(class_name, [value], scope)[0])


async def test_select_of_a_literal_shows_the_literal(house: House, scope: Scope) -> None:
    table = Table((OutputColumn("x", "TEXT", frozenset(), OutputForm.CONSTANT),), [[GUESS]])
    assert cells(await house.call(SELECT, table, scope)) == [GUESS]


async def test_a_literal_united_with_a_column_hides_both(house: House, scope: Scope) -> None:
    table = Table((OutputColumn("email", "TEXT", frozenset({EMAIL}), OutputForm.EXPRESSION),), [[GUESS], ["x@y.com"]])
    assert cells(await house.call(SELECT, table, scope)) == ["[masked:email]"] * 2


async def test_a_value_composed_in_a_query_is_redacted(house: House, scope: Scope) -> None:
    table = Table((OutputColumn("x", "TEXT", frozenset({NICK}), OutputForm.EXPRESSION),), [[f"Al {GUESS}"]])
    assert cells(await house.call(SELECT, table, scope)) == ["Al [masked:email]"]


@pytest.mark.parametrize(
    ("media", "text"),
    [
        ("text/plain", "Mail {} about it.\nThen wait."),
        ("text/csv", "name,mail\nAl,{}\n"),
        ("application/json", '{{"mail": "{}", "n": 1}}'),
        ("application/json", '{{"inner": "{{\\"mail\\": \\"{}\\"}}"}}'),
        ("application/x-ndjson", '{{"mail": "{}"}}\n{{"a": 2}}\n'),
    ],
)
async def test_a_file_that_was_written_and_read_again(house: House, scope: Scope, media: str, text: str) -> None:
    written = text.format(GUESS)
    await house.call(wrote_file("reports/a", written), NOTHING, scope)
    for reader in (scope, BOB):
        content = await house.call(read_file("reports/a"), Text(written, "reports/a", media), reader)
        assert content["text"] == text.format("[masked:email]")
    found = await house.call(read_file("reports/a"), Search([Text(written, "reports/a", media)], "mail", 9), scope)
    assert token(house.tokens, "email", GUESS, scope) not in str(found)


@pytest.mark.parametrize("spelling", [GUESS.upper(), f" {GUESS}", f"<{GUESS}>", f"mailto:{GUESS}?subject=x"])
async def test_another_spelling_does_not_help(house: House, scope: Scope, spelling: str) -> None:
    await house.call(wrote_file("reports/a", f"Mail {spelling} !"), NOTHING, scope)
    content = await house.call(read_file("reports/a"), Text(f"Mail {GUESS}!", "reports/a"), scope)
    assert token(house.tokens, "email", GUESS, scope) not in str(content["text"])


async def test_other_places_do_not_tell_whether_the_guess_is_right(house: House, scope: Scope) -> None:
    await house.call(wrote_file("reports/a", f"Mail {GUESS}"), NOTHING, scope)
    real = token(house.tokens, "email", GUESS, scope)
    content = await house.call(read_file("reports/b"), Text(f"From {GUESS}", "reports/b"), scope)
    assert content["text"] == f"From {real}"
    assert cells(await house.call(SELECT, column(EMAIL, GUESS, "x@y.com"), scope))[0] == real
    assert cells(await house.call(SELECT, column(NOTES, f"wrote from {GUESS}"), scope)) == [f"wrote from {real}"]


async def test_a_row_that_was_inserted_and_selected(house: House, scope: Scope) -> None:
    await house.call(inserted("Al", GUESS, "+1 212 555 0187", columns=[NICK, EMAIL, PHONE]), NOTHING, scope)
    for reader in (scope, BOB):
        mine, other = cells(await house.call(SELECT, column(EMAIL, GUESS, "x@y.com"), reader))
        assert mine == "[masked:email]"
        assert other == token(house.tokens, "email", "x@y.com", reader)
        assert cells(await house.call(SELECT, column(PHONE, "+12125550187", None), reader)) == ["[masked:phone]", None]


async def test_free_text_that_was_inserted_and_selected(house: House, scope: Scope) -> None:
    await house.call(inserted(f"Call {GUESS} back", columns=[NOTES]), NOTHING, scope)
    assert cells(await house.call(SELECT, column(NOTES, f"Call {GUESS} back"), scope)) == ["Call [masked:email] back"]
    assert cells(await house.call(SELECT, column(EMAIL, GUESS), scope)) == [token(house.tokens, "email", GUESS, scope)]


async def test_what_was_copied_from_column_to_column(house: House, scope: Scope) -> None:
    await house.call(inserted(f"Al {GUESS}", columns=[NICK]), NOTHING, scope)
    both = frozenset({NICK, NOTES})
    copy = Access(Action.DB_UPDATE, "table", "clinic.patients", "clinic", both, written=frozenset({NOTES}))
    await house.call(Plan((copy,), frozenset({Effect.WRITE}), flows=(Flow(NOTES, NICK),)), NOTHING, scope)
    assert cells(await house.call(SELECT, column(NOTES, f"Al {GUESS}"), scope)) == ["Al [masked:email]"]


async def test_what_the_database_put_together(house: House, scope: Scope) -> None:
    """No part says what the whole is: everything found there may be a guess, there and wherever it is copied to."""
    both = frozenset({NICK, NOTES})
    write = Access(Action.DB_UPDATE, "table", "clinic.patients", "clinic", both, written=frozenset({NICK}))
    await house.call(
        Plan((write,), frozenset({Effect.WRITE}), written="ann\n@x.com", flows=(Flow(NICK),)), NOTHING, scope
    )
    assert cells(await house.call(SELECT, column(NICK, f"Al {GUESS}"), scope)) == ["Al [masked:email]"]
    real = token(house.tokens, "email", GUESS, scope)
    assert cells(await house.call(SELECT, column(NOTES, f"Al {GUESS}"), scope)) == [f"Al {real}"]
    copy = Access(Action.DB_UPDATE, "table", "clinic.patients", "clinic", both, written=frozenset({NOTES}))
    await house.call(Plan((copy,), frozenset({Effect.WRITE}), flows=(Flow(NOTES, NICK),)), NOTHING, scope)
    assert cells(await house.call(SELECT, column(NOTES, f"Al {GUESS}"), scope)) == ["Al [masked:email]"]


async def test_a_column_that_only_decides_is_not_written(house: House, scope: Scope) -> None:
    """Else UPDATE ... SET nick = 'a guess' WHERE email = 'a token' would tell whose e-mail the guess is."""
    both = frozenset({NICK, EMAIL})
    access = Access(Action.DB_UPDATE, "table", "clinic.patients", "clinic", both, written=frozenset({NICK}))
    await house.call(Plan((access,), frozenset({Effect.WRITE}), written=GUESS), NOTHING, scope)
    assert cells(await house.call(SELECT, column(EMAIL, GUESS), scope)) == [token(house.tokens, "email", GUESS, scope)]


async def test_tokens_that_were_written_come_back_as_themselves(house: House, scope: Scope) -> None:
    real = token(house.tokens, "email", GUESS, scope)
    text = f"Mail {real} and x@y.com"
    plan = wrote_file("reports/a", text)
    slots = (Slot(real, Place.CONTENT, "reports"),)
    plan = Plan(plan.accesses, plan.effects, written=plan.written, slots=slots)
    cleared = Clearance(frozenset({Place.CONTENT}), frozenset({"reports"}))
    await house.call(plan, NOTHING, scope, [cleared])
    content = await house.call(read_file("reports/a"), Text(f"Mail {GUESS} and x@y.com", "reports/a"), scope)
    assert content["text"] == f"Mail {real} and [masked:email]"
    content = await house.call(read_file("reports/a"), Text(text, "reports/a"), scope)
    assert content["text"] == f"Mail {real} and [masked:email]", "an uncleared file keeps its tokens"


async def test_a_name_of_a_file(house: House, scope: Scope) -> None:
    await house.call(wrote_file(f"reports/{GUESS}.txt", "hello"), NOTHING, scope)
    listing = Plan((Access(Action.FILE_LIST, "file", "reports", "reports"),), frozenset({Effect.READ}))
    content = await house.call(listing, Entries([{"name": f"{GUESS}.txt"}, {"name": "x@y.com.txt"}]), scope)
    real = token(house.tokens, "email", GUESS, scope)
    assert real not in str(content)
    assert "@" not in str(content).replace(token(house.tokens, "email", "x@y.com", scope), "")


@pytest.mark.parametrize("effect", [Effect.READ, Effect.SEND])
async def test_a_tool_that_answers_with_what_it_was_asked(house: House, scope: Scope, effect: Effect) -> None:
    plan = Plan((Access(Action.TOOL_CALL, "tool", "wiki__search"),), frozenset({effect}), written=f"find {GUESS}")
    answer = Value({"query": GUESS, "hits": ["x@y.com", f"no page of {GUESS}"]})
    content = await house.call(plan, answer, scope)
    other = token(house.tokens, "email", "x@y.com", scope)
    assert content["value"] == {"query": "[masked:email]", "hits": [other, "no page of [masked:email]"]}
    later = Plan((Access(Action.TOOL_CALL, "tool", "wiki__read"),), frozenset({Effect.READ}))
    content = await house.call(later, Value({"page": GUESS}), scope)
    kept = "[masked:email]" if effect is Effect.SEND else token(house.tokens, "email", GUESS, scope)
    assert content["value"] == {"page": kept}, "what was sent to a server may be read from it again"


async def test_nothing_is_noted_for_a_call_that_only_reads(house: House, scope: Scope) -> None:
    plan = Plan(read_file("reports/a").accesses, frozenset({Effect.READ}), written=GUESS)
    await house.call(plan, NOTHING, scope)
    assert house.tokens.agent_places(["reports/a"], scope) == []


async def test_a_guess_is_never_even_tokenised(house: House, scope: Scope, monkeypatch: pytest.MonkeyPatch) -> None:
    await house.call(wrote_file("reports/a", GUESS), NOTHING, scope)
    seen: list[object] = []
    real = house.tokens.tokenise

    def watched(class_name: str, values: Sequence[object], scope: Scope) -> list[object]:
        seen.extend(values)
        return real(class_name, values, scope)

    monkeypatch.setattr(house.tokens, "tokenise", watched)
    await house.call(read_file("reports/a"), Text(f"{GUESS} x@y.com", "reports/a"), scope)
    assert seen == ["x@y.com"]
    near = house.tokens.near("victim@acme.com", scope)
    assert near == []
