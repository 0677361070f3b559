"""The one exit: canaries in every kind of result, and nothing of them in what leaves or is recorded."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict

import pytest

from gloveport.guardrails.masking.classes import default_rule
from gloveport.guardrails.masking.content import ContentMasker
from gloveport.guardrails.masking.detect import Detector
from gloveport.guardrails.masking.duties import Duties
from gloveport.guardrails.masking.keys import Scope
from gloveport.guardrails.masking.masker import Masked, Masker
from gloveport.guardrails.masking.restore import Restored
from gloveport.guardrails.masking.tokens.service import Tokens
from gloveport.tests.canaries import CANARIES, leaks
from gloveport.tools.tool import (
    Access,
    Action,
    ColumnRef,
    ColumnRule,
    Effect,
    Entries,
    IndirectUse,
    JsonObject,
    Mask,
    OutputColumn,
    Plan,
    Result,
    Search,
    Table,
    Text,
    Value,
    Window,
)

FOUND = {c: CANARIES[c] for c in ("email", "phone", "ssn", "card", "iban", "ip", "mac", "secret")}  # by their form
TEXT = "\n".join(f"{name}: {value}" for name, value in FOUND.items()) + "\nnothing here\n"


class Rules:
    version = "1"

    def get(self, column: ColumnRef) -> ColumnRule | None:
        return default_rule(column.column, "config") if column.column in CANARIES else None


@pytest.fixture(scope="module")
def detector() -> Detector:
    return Detector()


@pytest.fixture
def masker(tokens: Tokens, detector: Detector) -> Masker:
    async def rules(database: str) -> Rules:
        return Rules()

    return Masker(ContentMasker(detector, tokens), rules, "test")


def plan(kind: str = "table", name: str = "clinic.patients") -> Plan:
    use = IndirectUse(ColumnRef("clinic", "patients", "ssn"), "where")
    return Plan((Access(Action.DB_SELECT, kind, name, "clinic"),), frozenset({Effect.READ}), indirect=(use,))


RESULTS: dict[str, Result] = {
    "table": Table(
        tuple(OutputColumn(c, "TEXT", frozenset({ColumnRef("clinic", "patients", c)})) for c in (*CANARIES, "open")),
        [[*CANARIES.values(), TEXT]],
        extra={"note": FOUND["email"]},
    ),
    "text": Text(TEXT, f"reports/{FOUND['ssn']}.txt", extra={"modified_by": FOUND["email"]}),
    "csv": Text("name,value\n" + "".join(f"{n},{v}\n" for n, v in FOUND.items()), "reports/a.csv", "text/csv"),
    "json": Text(json.dumps([{n: v} for n, v in FOUND.items()]), "reports/a.json", "application/json"),
    "search": Search([Text(TEXT, f"reports/{FOUND['email']}.txt")], ":", 50),
    "entries": Entries([{"name": f"{FOUND['ssn']}.txt", "path": f"to {FOUND['email']}", "size": 3}]),
    "value": Value(
        {"deep": [{"n": FOUND, "text": TEXT}], FOUND["email"]: True, "who": CANARIES["person"]}, {"who": "person"}
    ),
}  # fmt: skip


async def run(masker: Masker, result: Result, scope: Scope, duties: Duties = Duties()) -> Masked:
    return await masker.mask(result, plan(), duties, scope, Restored())


@pytest.mark.parametrize("kind", RESULTS)
@pytest.mark.parametrize(
    "duties", [Duties(), Duties({"*": Mask.REDACT}), Duties({"*": Mask.DROP})], ids=["usual", "redact", "drop"]
)
async def test_no_canary_leaves_or_is_recorded(masker: Masker, scope: Scope, kind: str, duties: Duties) -> None:
    masked = await run(masker, RESULTS[kind], scope, duties)
    wanted = CANARIES if kind == "table" else FOUND
    assert not leaks(masked.content, wanted)
    assert not leaks(repr(masked.event()), wanted)
    assert json.loads(json.dumps(masked.content)) == masked.content


@pytest.mark.parametrize("kind", [k for k in RESULTS if k not in ("table", "entries")])
async def test_what_was_found_is_counted(masker: Masker, scope: Scope, kind: str) -> None:
    masked = await run(masker, RESULTS[kind], scope)
    summary = masked.content["masked"]
    assert isinstance(summary, list)
    counted = {str(one["class"]): one["count"] for one in summary if isinstance(one, dict)}
    assert counted.keys() >= {"email", "ssn", "card", "iban", "ip", "mac", "secret"}
    assert masked.classes == counted.keys()


async def test_the_record_names_columns_sources_and_masks(masker: Masker, scope: Scope) -> None:
    event = (await run(masker, RESULTS["table"], scope)).event()
    columns = {column.name: column for column in event.columns}
    assert set(columns) == {*CANARIES, "open"}
    assert columns["email"].act == "token"
    assert columns["health"].act == "redact"
    assert list(columns["ssn"].sources or ()) == ["clinic.patients.ssn"]
    assert asdict(event)


async def test_a_text_is_masked_whole_and_cut_afterwards(masker: Masker, tokens: Tokens, scope: Scope) -> None:
    """A window that begins inside a value would else show its second half."""
    key = "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj\n" * 1
    key += "MzEfYyjiWA4R4/M2bS1GB4t7NXp98C3SC6dVMvDuictGeurT8jNbvJZHtCSuYEvu\n-----END PRIVATE KEY-----\n"
    text = Text(f"a\n{key}b\n", "reports/key.pem", window=Window(2, 1))
    content = (await run(masker, text, scope)).content
    assert not leaks(content, ["MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj"])
    assert not leaks(content, ["MzEfYyjiWA4R4/M2bS1GB4t7NXp98C3SC6dVMvDuictGeurT8jNbvJZHtCSuYEvu"])


@pytest.mark.parametrize(
    ("window", "lines", "truncated"),
    [
        (Window(), ["a\n", "b\n", "c"], False),
        (Window(1), ["b\n", "c"], False),
        (Window(1, 1), ["b\n"], True),
        (Window(9), [], False),
    ],
)
async def test_windows(masker: Masker, scope: Scope, window: Window, lines: Sequence[str], truncated: bool) -> None:
    content = (await run(masker, Text("a\nb\nc", "reports/a", window=window), scope)).content
    assert content["text"] == "".join(lines)
    assert (content["lines"], content["total_lines"], content["truncated"]) == (len(lines), 3, truncated)


async def test_a_search_meets_masked_text_only(masker: Masker, tokens: Tokens, scope: Scope) -> None:
    texts = [Text(TEXT, "reports/a")]

    async def hits(needle: str, limit: int = 50) -> JsonObject:
        return (await run(masker, Search(texts, needle, limit), scope)).content

    for value in FOUND.values():
        assert (await hits(value))["entries"] == [], "whether a guess is in a text does not show"
    token = str(tokens.tokenise("email", [FOUND["email"]], scope)[0])
    for needle in (token, token.upper()):
        assert (await hits(needle))["entries"] == [{"path": "reports/a", "line": 1, "text": f"email: {token}"}]
    assert (await hits(":", 2))["truncated"] is True
    assert (await hits("nothing"))["truncated"] is False


async def test_messages_are_freed_of_values(masker: Masker) -> None:
    for value in FOUND.values():
        assert not leaks(masker.scrub(f"the value ({value}) exists"), [value])
    told = masker.scrub_json({"message": f"no {FOUND['email']}", "code": "failed", "n": 5})
    assert told == {"message": "no [masked:email]", "code": "failed", "n": 5}


async def test_what_cannot_be_masked_raises(masker: Masker, scope: Scope) -> None:
    broken = Table(
        (OutputColumn("email", "TEXT", frozenset({ColumnRef("clinic", "patients", "email")})),), [["a", "b"]]
    )
    with pytest.raises(ValueError, match="wide"):
        await run(masker, broken, scope)
    with pytest.raises(Exception):  # noqa: B017, PT011 - anything: the chain releases nothing then
        await masker.mask("a string is no result", plan(), Duties(), scope, Restored())  # type: ignore[arg-type]


async def test_every_token_that_leaves_can_be_on_disk_before(masker: Masker, tokens: Tokens, scope: Scope) -> None:
    await run(masker, RESULTS["table"], scope)
    assert tokens._vault.dirty  # pyright: ignore[reportPrivateUsage]
    await tokens.flush()
    assert not tokens._vault.dirty  # pyright: ignore[reportPrivateUsage]
