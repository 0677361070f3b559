from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from gloveport.guardrails.call import Caller, Request
from gloveport.guardrails.config import load_config
from gloveport.guardrails.doors.cli.common import UserError
from gloveport.guardrails.doors.cli.policy import app
from gloveport.guardrails.house import House
from gloveport.policies.templates import write_default

CONFIG = """
databases: {main: {url: sqlite:///data.db, tables: [customers], deny: [keys]}}
files: {reports: {path: reports, write: true}}
policies: policies
identity: {human: ann}
"""
Run = Callable[..., Result]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "gloveport.yaml").write_text(CONFIG)
    (tmp_path / "reports").mkdir()
    write_default(tmp_path / "policies")
    return tmp_path


@pytest.fixture
def run(folder: Path) -> Run:
    return lambda *arguments: CliRunner().invoke(app, [*arguments, "--config", str(folder / "gloveport.yaml")])


def wrong_use(result: Result) -> str:
    assert isinstance(result.exception, UserError)
    return " ".join(result.exception.lines)


def test_check_of_a_sound_policy(run: Run) -> None:
    result = run("check")
    assert (result.exit_code, result.stdout) == (0, "")
    assert "rules, sha256:" in result.stderr


def test_check_prints_every_finding_with_its_place(run: Run, folder: Path) -> None:
    rules = folder / "policies" / "rules" / "own.cedar"
    rules.write_text(
        'permit (principal, action, resource);\n@id("x")\nforbid (principal == User::"a", action, resource);'
    )
    result = run("check")
    assert result.exit_code == 1
    lines = result.stdout.splitlines()
    assert all(line.startswith((f"{rules}:1: ", f"{rules}:3: ")) for line in lines), lines
    told = json.loads(run("check", "--json").stdout)
    assert told["loads"] is False
    assert {(finding["line"], finding["level"]) for finding in told["findings"]} == {(1, "error"), (3, "error")}


def test_check_shows_warnings_and_passes(run: Run, folder: Path) -> None:
    rules = folder / "policies" / "rules" / "own.cedar"
    rules.write_text('@id("x")\n@expires("2001-01-01")\nforbid (principal, action == Action::"file.write", resource);')
    (folder / "policies" / "tests" / "default.yaml").unlink()
    result = run("check")
    assert result.exit_code == 0
    assert f"{rules}:2: warning: expired after 2001-01-01" in result.stdout
    assert json.loads(run("check", "--json").stdout)["findings"][0]["level"] == "warning"


def test_check_of_a_failing_case(run: Run, folder: Path) -> None:
    (folder / "policies" / "rules" / "access.cedar").write_text('@id("own-status") permit (principal, action == Action::"session.status", resource);')  # fmt: skip  # noqa: E501
    result = run("check")
    assert result.exit_code == 1
    assert "default.yaml:3: an open table is read, with duties: expected allow, got deny" in result.stdout
    told = json.loads(run("check", "--json").stdout)
    assert told["loads"] is True
    assert {finding["level"] for finding in told["findings"]} == {"error"}


def test_check_of_another_folder(run: Run, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "a.cedar").write_text('@id("own") permit (principal, action == Action::"session.status", resource);')
    assert "1 rules" in run("check", "--folder", str(other)).stderr


def test_test_runs_the_cases(run: Run, folder: Path) -> None:
    result = run("test")
    assert (result.exit_code, result.stdout) == (0, "")
    assert "11 passed, 0 failed" in result.stderr
    cases = folder / "policies" / "tests" / "own.yaml"
    cases.write_text(
        "tests:\n"
        "  - {name: wrong, given: {action: db.select, resource: main.customers}, expect: {effect: deny}}\n"
        "  - {name: right, given: {action: db.select, resource: main.customers, open: false}, expect: {effect: deny}}\n"
    )
    result = run("test")
    assert result.exit_code == 1
    assert result.stdout.startswith(f"{cases}:2: wrong: expected deny, got allow by ")
    assert "12 passed, 1 failed" in result.stderr
    told = json.loads(run("test", "--json").stdout)
    assert (told["passed"], told["failed"]) == (12, 1)


def test_test_of_rules_that_do_not_load(run: Run, folder: Path) -> None:
    (folder / "policies" / "rules" / "own.cedar").write_text("oops")
    result = run("test")
    assert result.exit_code == 1
    assert "own.cedar:1: " in result.stdout


def test_explain_says_what_allows_and_what_is_owed(run: Run) -> None:
    text = run("explain", "--action", "db.select", "--resource", "main.customers", "--class", "health").stdout
    assert text.startswith("allow")
    assert "permits     read-open-tables  (rules/access.cedar:5)" in text
    assert "require=mask class=health with=redact" in text


def test_explain_says_why_not(run: Run) -> None:
    text = run("explain", "--action", "db.select", "--resource", "main.keys").stdout
    assert text.startswith("deny  policy-denied  No rule permits db.select on main.keys.")
    assert "not permit  read-open-tables" in text
    assert "lacks when { resource.open }" in text
    told = json.loads(run("explain", "--action", "file.write", "--resource", "reports/a", "--json").stdout)
    assert told["explanation"]["decision"]["effect"] == "allow"
    text = run("explain", "--action", "token.restore", "--resource", "reports", "--class", "email").stdout
    assert "No rule permits token.restore on reports." in text


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "name a recorded call, or --action and --resource"),
        (["--action", "db.select"], "--resource (none): begins with no database and no file root"),
        (["--action", "db.select", "--resource", "other.x"], "other.x: begins with no database"),
        (["--action", "db.look", "--resource", "main.x"], "--action: is one of: db.schema"),
        (["--action", "tool.call", "--resource", "nothing"], "no custom tool of this configuration has that name"),
        (["--action", "db.select", "--resource", "main.customers", "--inference", "lax"], "--sql.inference"),
        (["01ABC"], "no decision on it is recorded"),
        (["01ABC", "--action", "db.select"], "name a recorded call, or --action"),
    ],
)
def test_wrong_use_is_one_line(run: Run, arguments: list[str], words: str) -> None:
    assert words in wrong_use(run("explain", *arguments))


async def test_explain_of_a_recorded_call(run: Run, folder: Path) -> None:
    """Its question stands in the transcript whole; a policy of today can be asked the same."""
    (folder / "gloveport.yaml").write_text("policies: policies\nfiles: {reports: {path: reports}}\n")
    (folder / "reports" / "a.txt").write_text("quiet\n")
    async with House.open(load_config(folder / "gloveport.yaml")) as house:
        request = Request("file_read", {"root": "reports", "path": "a.txt"}, Caller(transport="stdio"))
        release = await house.chain.call(request)
    assert release.status == "released"
    text = run("explain", release.call[:20].lower()).stdout
    assert text.startswith("Recorded: allow, decided by this very policy.")
    assert "file.read on reports/a.txt" in text
    rules = folder / "policies" / "rules" / "own.cedar"
    rules.write_text('@id("no") @why("closed today") forbid (principal, action == Action::"file.read", resource);')
    (folder / "policies" / "tests" / "default.yaml").unlink()
    text = run("explain", release.call).stdout
    assert text.startswith(
        "Recorded: allow, decided by another policy. By the present one:\ndeny  policy-denied  closed"
    )
