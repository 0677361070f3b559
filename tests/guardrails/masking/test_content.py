from __future__ import annotations

import pytest

from gloveport.guardrails.masking.content import ContentMasker, Found
from gloveport.guardrails.masking.detect import Detector
from gloveport.guardrails.masking.duties import Duties
from gloveport.guardrails.masking.keys import Scope
from gloveport.guardrails.masking.restore import Restored
from gloveport.guardrails.masking.tokens.service import Tokens
from gloveport.tests.canaries import CANARIES, leaks
from gloveport.tools.tool import JsonObject, JsonValue, Mask, Text

FOUND = ("email", "phone", "ssn", "card", "iban", "ip", "mac", "secret")  # by their form, wherever they stand


@pytest.fixture(scope="module")
def detector() -> Detector:
    return Detector()


@pytest.fixture
def masker(tokens: Tokens, detector: Detector) -> ContentMasker:
    return ContentMasker(detector, tokens)


@pytest.fixture
def content(masker: ContentMasker, scope: Scope) -> Found:
    return masker.for_call(Duties(), scope, Restored())


DOCUMENTS = {
    "text/plain": "Dear all,\nplease note {}\nand that is it.",
    "text/csv": 'id,note\n1,"see {}"\n2,ok\n',
    "text/tab-separated-values": "id\tnote\n1\t{}\n",
    "application/json": '{{"a": [1, {{"b": "{}"}}], "c": null}}',
    "application/x-ndjson": '{{"a": "{}"}}\n{{"a": "x"}}\n',
    "text/x-log": "2026-11-25T10:00:00Z INFO user login value={} status=200",
}


@pytest.mark.parametrize("media", DOCUMENTS)
@pytest.mark.parametrize("name", FOUND)
def test_a_document_keeps_every_byte_but_its_values(content: Found, name: str, media: str) -> None:
    value = CANARIES[name]
    before, after = DOCUMENTS[media].replace("{{", "{").replace("}}", "}").split("{}")
    masked = content.document(Text(before + value + after, "reports/a", media))
    assert not leaks(masked, [value])
    assert masked.startswith(before)
    assert masked.endswith(after)
    again = content.document(Text(masked, "reports/a", media))
    assert again == masked, "a mask of a mask is itself"


@pytest.mark.parametrize("media", DOCUMENTS)
def test_tokens_in_documents_are_those_of_columns(content: Found, tokens: Tokens, scope: Scope, media: str) -> None:
    mail = CANARIES["email"]
    text = DOCUMENTS[media].replace("{{", "{").replace("}}", "}")
    token = str(tokens.tokenise("email", [mail], scope)[0])
    assert content.document(Text(text.replace("{}", mail), "reports/a", media)) == text.replace("{}", token)


def test_headers_and_keys_are_context(content: Found) -> None:
    """A number alone says nothing; below the header ``ssn`` it does."""
    number = "219099941"
    for media, text in (
        ("text/csv", f"name,ssn\nx,{number}\n"),
        ("application/json", f'{{"ssn": "{number}"}}'),
        ("application/json", f'{{"ssn": ["{number}"]}}'),
        ("text/plain", f"ssn={number} ok"),
    ):
        assert not leaks(content.document(Text(text, "reports/a", media)), [number])


@pytest.mark.parametrize("key", ["password", "apiKey", "db_secret", "Access-Token"])
def test_a_credential_is_known_by_its_name(content: Found, tokens: Tokens, scope: Scope, key: str) -> None:
    for value in ("tr0ub4dor&3xQ", "9fK2qXw7Lm4ZtR8v"):
        for media, text in (
            ("application/json", f'{{"{key}": "{value}", "n": 1}}'),
            ("text/csv", f"id,{key}\n7,{value}\n"),
            ("text/plain", f'{key} = "{value}"'),
        ):
            masked = content.document(Text(text, "reports/a", media))
            assert masked == text.replace(value, "[masked:secret]")
    for harmless in ("", "true", "12", "see below", "required"):
        text = f'{{"{key}": "{harmless}"}}'
        assert content.document(Text(text, "reports/a", "application/json")) == text


def test_a_tool_says_what_its_answer_holds(content: Found, tokens: Tokens, scope: Scope) -> None:
    value: JsonValue = {
        "customer": {"name": "Al Green", "plan": "gold"},
        "rows": [{"who": "Al Green", "n": 7}, {"who": None}],
    }
    masked = content.value(value, {"customer.name": "person", "rows[].who": "person"})
    token = tokens.tokenise("person", ["Al Green"], scope)[0]
    assert masked == {"customer": {"name": token, "plan": "gold"}, "rows": [{"who": token, "n": 7}, {"who": None}]}
    assert content.found["person", "token"] == 2


def test_json_in_an_answer_is_opened(content: Found) -> None:
    masked = content.value({"body": '{"to": "ann@acme.com", "cc": ["bob@acme.com"]}'}, {})
    assert isinstance(masked, dict)
    assert str(masked["body"]).startswith('{"to": "')
    assert not leaks(masked, ["ann@acme.com", "bob@acme.com"])


def test_a_key_of_an_answer_may_hold_a_value(content: Found, tokens: Tokens, scope: Scope) -> None:
    token = tokens.tokenise("email", ["ann@acme.com"], scope)[0]
    assert content.value({"ann@acme.com": {"n": 1}}, {}) == {token: {"n": 1}}


def test_policy_makes_found_values_stricter(masker: ContentMasker, scope: Scope) -> None:
    content = masker.for_call(Duties({"email": Mask.REDACT}), scope, Restored())
    assert content.text("to ann@acme.com") == "to [masked:email]"
    assert content.found == {("email", "redact"): 1}


def test_messages_are_redacted_without_tokens(masker: ContentMasker) -> None:
    for name in FOUND:
        scrubbed = masker.scrub(f"could not find {CANARIES[name]} in it")
        assert not leaks(scrubbed, [CANARIES[name]])
        assert "[masked:" in scrubbed
    assert masker.scrub("nothing here") == "nothing here"


def test_names_of_files_keep_their_extension(content: Found, tokens: Tokens, scope: Scope) -> None:
    token = tokens.tokenise("email", ["ann@acme.com"], scope)[0]
    assert content.name("reports/letter to ann@acme.com.pdf") == f"reports/letter to {token}.pdf"
    assert content.name("reports/2026-11.csv") == "reports/2026-11.csv"
    assert content.name("") == ""


@pytest.mark.parametrize(
    "text", ["", "\0", "\ud800", "\0\x01\x02", "ä" * 50_000, "{" * 500, "[1, 2", '{"a": \ud800}', "a,b\r\n1,2,3"]
)
def test_odd_texts_pass(content: Found, text: str) -> None:
    for media in DOCUMENTS:
        assert content.document(Text(text, "reports/a", media)) == text


def test_only_key_names_that_hold_nothing_are_remembered(
    masker: ContentMasker, content: Found, tokens: Tokens, scope: Scope
) -> None:
    token = str(tokens.tokenise("email", ["bob@acme.com"], scope)[0])
    answers: list[JsonObject] = [{"total": 1}, {"ann@acme.com": 1}, {token: 1}, {"n" * 65: 1}]
    for answer in answers:
        first = content.value(answer, {})
        assert masker.for_call(Duties(), scope, Restored()).value(answer, {}) == first
    assert masker.for_call(Duties(), scope, Restored()).plain_names == {"total"}


def test_what_the_call_spelt_out_is_known_before_its_first_token(masker: ContentMasker, scope: Scope) -> None:
    asked: list[str] = []

    def spelt() -> frozenset[str]:
        asked.append("asked")
        return frozenset({"annacmecom"})

    content = masker.for_call(Duties(), scope, Restored(spelt=spelt))
    assert content.text("nothing here") == "nothing here"
    assert not asked, "no token, no question"
    assert content.text("ann@acme.com") == "[masked:email]"
    assert content.text("ANN@acme.com") == "[masked:email]"
    assert content.text("bob@acme.com") not in ("bob@acme.com", "[masked:email]")
    assert asked == ["asked"]
