"""Every finding has a place. What loads is what is meant."""

# ruff: noqa: E501 - one wrong rule a line

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from gloveport.policies.loader import Bundle, PolicyError, load, reads
from gloveport.policies.obligations import ApprovalDuty, LimitDuty
from gloveport.policies.request import SiteVocabulary

from .conftest import PERMIT, LoadText, WriteFolder

SELECT = '(principal, action == Action::"db.select", resource)'


def findings(folder: Path, site: SiteVocabulary) -> list[str]:
    with pytest.raises(PolicyError) as caught:
        load(folder, site)
    names = [str(finding) for finding in caught.value.findings]
    prefix = f"{folder}/"
    assert all(name.startswith(prefix) for name in names), "a finding can be opened from anywhere"
    return [name.removeprefix(prefix) for name in names]


@pytest.mark.parametrize(
    ("rule", "line", "words"),
    [
        (f'forbid {SELECT};', 2, 'the rule has no @id("…")'),
        (f'@id("p")\nforbid {SELECT};', 3, '@id("p") stands at rules/a.cedar:1 already'),
        (f'@id("x")\n@requier("mask")\nforbid {SELECT};', 3, "unknown annotation @requier"),
        (f'@id("x")\n@require("maks")\nforbid {SELECT};', 3, "@require: input tag 'maks'"),
        (f'@id("x")\n@require("mask")\n@class("email")\n@with("redcat")\nforbid {SELECT};', 5, "@with: input should"),
        (f'@id("x")\n@require("mask") @class("email")\nforbid {SELECT};', 3, "@with: field required"),
        (f'@id("x")\n@require("mask") @class("emial")\n@with("redact")\nforbid {SELECT};', 5, "no class emial"),
        (f'@id("x")\n@require("limit") @rows("0")\nforbid {SELECT};', 3, "@rows: input should be greater"),
        (f'@id("x")\n@require("limit") @rows("1")\n@colour("x")\nforbid {SELECT};', 4, "@colour: is not an annotation"),
        (f'@id("x")\n@require("row_filter") @where("a=1")\nforbid {SELECT};', 3, "@require: input tag 'row_filter'"),
        (f'@id("x")\n@require("limit") @rows("1")\npermit {SELECT};', 3, "@require stands on a forbid"),
        (f'@id("x")\n@mode("log")\nforbid {SELECT};', 3, '@mode must be "shadow"'),
        (f'@id("x")\n@expires("soon")\npermit {SELECT};', 3, "@expires must be a date"),
        ('@id("x")\nforbid (principal, action == Action::"db.selekt", resource);', 3, "db.selekt"),
        ('@id("x")\nforbid (principal == User::"a", action, resource);', 3, "User"),
        ('@id("x")\nforbid (principal == ?principal, action, resource);', 3, "a template"),
        (f'@id("x")\nforbid {SELECT}\nwhen {{ context.data.clases.contains(DataClass::"email") }};', 3, "clases"),
        (f'@id("x")\nforbid {SELECT}\nwhen {{ context.data.classes.contains(DataClass::"emial") }};', 3, "emial"),
        (f'@id("x")\nforbid {SELECT}\nwhen {{ context.hour > "x" }};', 3, "expected Long"),
        (f'@id("x")\nforbid {SELECT}\nwhen {{ context.hour > 1 ;', 3, "not valid Cedar"),
        ('@id("x")\nforbid (principal, action == Action::"file.read", resource)\nwhen { context.sql.bounded };', 3, ""),
        (f'@id("x")\nforbid {SELECT}\nwhen {{\n  context has purpos\n}};', 5, "has purpos: every fact is always"),
        (f'@id("x")\nforbid {SELECT}\nwhen {{\n  false }};', 5, "a condition that is always false"),
        (f'@id("x")\nforbid {SELECT}\nwhen {{\n context.session.calls + 1 > 3 }};', 5, "arithmetic"),
        (f'@id("x")\nforbid {SELECT}\nwhen {{ context.hour > 22 && context.hour < 6 }};', 4, "context.hour exclude"),
        (f'@id("x")\nforbid {SELECT}\nwhen {{ context.hour >= 24 }};', 4, "context.hour exclude"),
        (f'@id("x")\nforbid {SELECT}\nwhen {{ principal.agent == "a" }}\nwhen {{ principal.agent == "b" }};', 4, "exclude"),
        (f'@id("x")\nforbid {SELECT}\nwhen {{ context.effects.contains("wirte") }};', 4, "never 'wirte'"),
        (f'@id("x")\nforbid {SELECT}\nunless {{ context.sql.inference == "srtict" }};', 4, "never 'srtict'"),
        (f'@id("x")\nforbid {SELECT}\nwhen {{ principal.basis == "oidc" }};', 4, "never 'oidc'"),
        (f'@id("x")\npermit {SELECT}\nwhen {{ context.claims.purpose == "care" }};', 3, "only a forbid may read it"),
        (f'@id("x")\npermit {SELECT}\nwhen {{ context["claims"].purpose == "care" }};', 3, "only a forbid may read it"),
        ('@id("x")\npermit (principal, action, resource);', 3, "permits everything to everybody"),
        ('@id("x")\nforbid (principal, action,\nresource in Database::"clinc");', 4, 'Database::"clinc" does not exist'),
        ('@id("x")\nforbid (principal, action, resource == Table::"clinc.patients");', 3, "is of no database here"),
        ('@id("x")\nforbid (principal, action, resource == Table::"clinic.patient");', 3, "not among the tables"),
        ('@id("x")\nforbid (principal, action, resource == FileRoot::"report");', 3, 'FileRoot::"report" does not exist'),
        ('@id("x")\nforbid (principal, action, resource == File::"report/a");', 3, "is in no file root"),
        ("allow all;", 2, "begins with annotations"),
        ('@id("x) forbid', 2, "a text is not closed"),
        (f'@id("deep")\nforbid {SELECT} when {{ {"!(" * 150}true{")" * 150} }};', 3, "not valid Cedar"),
    ],
)  # fmt: skip
def test_a_rule_that_is_wrong_has_a_line(
    folder: WriteFolder, site: SiteVocabulary, rule: str, line: int, words: str
) -> None:
    told = findings(folder(PERMIT + rule), site)
    assert any(one.startswith(f"rules/a.cedar:{line}: ") and words in one for one in told), told
    assert all("\n" not in one for one in told)


def test_all_findings_are_told_at_once(folder: WriteFolder, site: SiteVocabulary) -> None:
    rules = f'forbid {SELECT};\n@id("b")\n@oops("x")\nforbid {SELECT};\nforbid (principal, action, resoruce);'
    told = findings(folder(rules, **{"guard_yaml": "nmae: x\n"}), site)
    assert [one.partition(": ")[0] for one in told] == ["guard.yaml:1", "rules/a.cedar:1", "rules/a.cedar:3", "rules/a.cedar:5"]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("name: a\nversion: 0\n", 2, "greater than or equal"),
        ("name: a\ntimezone: Mars/Base\n", 2, "no time zone"),
        ("name: [", 1, "not valid YAML"),
        ("- a", 1, ""),
        ("packs: [hipaa]", 1, "packs"),
    ],
)
def test_the_bundle_file_is_checked(
    folder: WriteFolder, site: SiteVocabulary, text: str, line: int, words: str
) -> None:
    (told,) = findings(folder(PERMIT, **{"guard_yaml": text}), site)
    assert told.startswith(f"guard.yaml:{line}: ")
    assert words in told


def test_a_folder_that_permits_nothing_does_not_load(folder: WriteFolder, site: SiteVocabulary) -> None:
    (told,) = findings(folder(f'@id("x") forbid {SELECT};'), site)
    assert "no rule permits anything" in told


def test_what_is_not_there_or_not_text(folder: WriteFolder, site: SiteVocabulary, tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match="no such policy folder; make one with: gloveport init"):
        load(tmp_path / "nowhere", site)
    path = folder(PERMIT)
    (path / "rules" / "b.cedar").write_bytes(b"\xff\xfe")
    assert findings(path, site) == ["rules/b.cedar:1: is not UTF-8"]


def test_warnings_do_not_stop_a_policy(bundle: LoadText) -> None:
    loaded = bundle(
        PERMIT
        + f'@id("a")\n@expires("2001-01-01")\nforbid {SELECT};\n@id("b") @require("approval")\n@by("boss")\nforbid {SELECT};'
    )
    told = [(w.line, w.message) for w in loaded.warnings]
    assert [line for line, _ in told] == [3, 3, 7]
    assert "loosens the policy" in told[0][1]
    assert "expired after 2001-01-01" in told[1][1]
    assert "nobody approves as boss; name somebody in identity.approvers" in told[2][1]
    assert all(w.warning for w in loaded.warnings)


def test_an_unknown_tool_is_a_warning(bundle: LoadText) -> None:
    """A program may bring its own LangChain tools, which no configuration names."""
    loaded = bundle(PERMIT + '@id("x")\nforbid (principal, action, resource == Tool::"send_mial");')
    (told,) = loaded.warnings
    assert (told.line, told.warning) == (3, True)
    assert told.message == 'Tool::"send_mial" is no tool of this configuration; did you mean send_mail?'


def test_arithmetic_in_texts_and_comments_is_none(bundle: LoadText) -> None:
    loaded = bundle(PERMIT + f'@id("a") forbid {SELECT} // 1 + 1\nwhen {{ principal.human like "a-b+c*" }};')
    assert len(loaded.rules) == 2


def test_names_in_texts_and_comments_are_none(bundle: LoadText) -> None:
    comment = f'@id("a") forbid {SELECT} // not Table::"nowhere.x"\n'
    text = 'when { principal.human like "http://Table::*" && resource == Table::"clinic.visits" };'
    assert len(bundle(PERMIT + comment.replace("resource)", "resource is Table)") + text).rules) == 2


def test_rules_in_the_folder_itself_and_in_rules(folder: WriteFolder, site: SiteVocabulary) -> None:
    path = folder(PERMIT, **{"top.cedar": f'@id("top") forbid {SELECT};', "rules/deep/b.cedar": ""})
    loaded = load(path, site)
    assert {(rule.id, rule.place) for rule in loaded.rules} == {("p", "rules/a.cedar:1"), ("top", "top.cedar:1")}


def test_duties_are_read(bundle: LoadText) -> None:
    rules = f'@id("a") @require("limit") @rows("5") @seconds("0.5") forbid {SELECT};'
    rules += f'@id("b") @require("approval") @by("data-steward") @ttl("60") forbid {SELECT};'
    found = {rule.id: rule.obligation for rule in bundle(PERMIT + rules).rules}
    assert found["p"] is None
    assert isinstance(limit := found["a"], LimitDuty)
    assert (limit.rows, limit.seconds, limit.bytes) == (5, 0.5, None)
    assert isinstance(approval := found["b"], ApprovalDuty)
    assert (approval.by, approval.ttl) == ("data-steward", 60.0)


def test_the_digest_is_of_all_that_decides(folder: WriteFolder, site: SiteVocabulary) -> None:
    def digest(rules: str, **files: str) -> str:
        return load(folder(rules, **files), site).digest

    first = digest(PERMIT, guard_yaml="version: 1\n")
    assert digest(PERMIT, tests__a_yaml="tests: []\n") == first, "cases decide nothing"
    assert digest(PERMIT, guard_yaml="version: 2\n") != first
    assert digest(PERMIT + "// x\n", guard_yaml="version: 1\n") != first
    other = SiteVocabulary(classes=frozenset({"own"}))
    assert load(folder(PERMIT), other).digest != first, "the schema is part of it"


def test_what_varies_from_call_to_call(bundle: LoadText) -> None:
    def varies(condition: str) -> bool:
        loaded: Bundle = bundle(PERMIT + f'@id("x") forbid {SELECT} when {{ {condition} }};')
        return loaded.rules[1].varies

    assert not varies('principal.agent == "a"')
    assert not varies("context.hour > 3")
    assert not varies('context.effects.contains("write")')
    assert varies("context.data.classes.isEmpty()")
    assert varies('context["data"].classes.isEmpty()')
    assert varies("context.session.calls > 3")
    assert varies("context.sql.bounded")


def test_an_own_class_is_a_class(bundle: LoadText) -> None:
    assert bundle(PERMIT + f'@id("x") forbid {SELECT} when {{ context.data.classes.contains(DataClass::"badge") }};')


def test_the_document_is_kept_under_its_digest(folder: WriteFolder, site: SiteVocabulary) -> None:
    bundle = load(folder(PERMIT), site)
    assert bundle.digest == f"sha256:{hashlib.sha256(bundle.document).hexdigest()}"
    assert PERMIT in json.loads(bundle.document).values()


def test_which_facts_a_rule_reads() -> None:
    assert reads("(principal, action, resource) when { context.session.calls > 3 }", {"session"})
    assert reads('(principal, action, resource) when { context["session"].calls > 3 }', {"session"})
    assert not reads('(principal, action == Action::"session.status", resource)', {"session"})
