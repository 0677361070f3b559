# ruff: noqa: E501 - texts of other files, one a line
from __future__ import annotations

import pytest

from gloveport.policies.cases import cases_of, differences
from gloveport.policies.decide import Decider

from .conftest import PERMIT, LoadText

HEAD = "tests:\n  - name: a\n    given: {action: db.select, resource: clinic.patients"


def told(text: str) -> list[str]:
    return [str(finding) for finding in cases_of(text, "tests/a.yaml")[1]]


@pytest.mark.parametrize(
    ("text", "finding"),
    [
        ("tests: [", "tests/a.yaml:1: not valid YAML"),
        ("cases: []", "tests/a.yaml:1: tests: field required"),
        (HEAD + "}\n    expect: {effect: maybe}\n", "tests/a.yaml:4: tests.0.expect.effect: input should be"),
        (HEAD + ", colour: red}\n    expect: {effect: deny}\n", "tests/a.yaml:3: tests.0.given.colour: extra inputs"),
        (HEAD.replace("db.select", "db.look") + "}\n    expect: {effect: deny}\n", "tests.0.given.action: is one of:"),
        (HEAD + ", now: 2026-01-01T10:00:00}\n    expect: {effect: deny}\n", "tests.0.given.now: needs a time zone"),
        (HEAD + "}\n    expect: {effect: allow}\n  - name: a\n    given: {action: db.select}\n    expect: {effect: deny}\n",
         "tests/a.yaml:5: another case is named 'a'"),
    ],
)  # fmt: skip
def test_a_file_that_is_wrong_has_a_line(text: str, finding: str) -> None:
    assert any(finding in one for one in told(text)), told(text)


def test_a_case_is_one_question(bundle: LoadText) -> None:
    (case,), wrong = cases_of(
        HEAD + ", now: '2026-02-01T23:00:00Z', roles: doctor, classes: [email], session: {calls: 4}}\n"
        "    expect: {effect: allow, decided_by: [p]}\n",
        "tests/a.yaml",
    )
    assert not wrong
    assert (case.line, case.request.session.calls, case.request.now and case.request.now.hour) == (2, 4, 23)
    (access,) = case.request.accesses
    assert (access.kind, access.parent, access.touched) == ("table", "clinic", {"email"})
    assert differences(case, Decider(bundle(PERMIT)).decide(case.request)) == []


@pytest.mark.parametrize(
    ("action", "resource", "kind", "parent"),
    [
        ("db.schema", "clinic", "database", None),
        ("file.read", "reports", "file_root", None),
        ("file.read", "reports/2026/a.csv", "file", "reports"),
        ("tool.call", "send_mail", "tool", None),
        ("session.status", "session", "session", None),
        ("token.restore", "send_mail", "tool", None),
        ("token.restore", "reports/", "file_root", None),
        ("file.list", "reports/", "file_root", None),
    ],
)
def test_a_resource_s_kind_follows_from_its_action(action: str, resource: str, kind: str, parent: str | None) -> None:
    text = f"tests:\n  - {{name: a, given: {{action: {action}, resource: {resource}}}, expect: {{effect: deny}}}}\n"
    (case,), _ = cases_of(text, "tests/a.yaml")
    (access,) = case.request.accesses
    assert (access.kind, access.parent) == (kind, parent)
    assert access.name == resource.removesuffix("/")


def test_every_difference_is_told(bundle: LoadText) -> None:
    rules = PERMIT + '@id("d") @require("limit") @rows("5") forbid (principal, action, resource);'
    rules += '@id("s") @mode("shadow") forbid (principal, action, resource);'
    (case,), _ = cases_of(
        HEAD + "}\n    expect: {effect: deny, decided_by: [x], obligations: {rows: 6}, shadows: []}\n", "tests/a.yaml"
    )
    assert differences(case, Decider(bundle(rules)).decide(case.request)) == [
        "expected deny, got allow by d, p",
        "expected to be decided by x, got d, p",
        "expected rows 6, got 5",
        "expected shadow rules [], got ['s']",
    ]


def test_an_empty_decided_by_means_by_default(bundle: LoadText) -> None:
    (case,), _ = cases_of(HEAD + ", open: false}\n    expect: {effect: deny, decided_by: []}\n", "tests/a.yaml")
    assert differences(case, Decider(bundle(PERMIT)).decide(case.request)) == []
    forbidding = PERMIT + '@id("f") forbid (principal, action, resource);'
    assert differences(case, Decider(bundle(forbidding)).decide(case.request)) == [
        "expected to be decided by no rule, got f"
    ]
