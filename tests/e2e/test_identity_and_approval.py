"""Identities and approvals through the whole chain: bearer tokens minted on the command line, a second human's yes."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from gloveport.guardrails.call import Caller, Release, Request, Status
from gloveport.guardrails.config import load_config
from gloveport.guardrails.credentials import Credentials
from gloveport.guardrails.doors.cli import approvals, identity
from gloveport.guardrails.doors.cli.common import UserError
from gloveport.guardrails.house import House
from gloveport.recordings.reader import read_sessions

TOOLS = '''
from gloveport.tools.guarded import guarded_tool

@guarded_tool(reads=["ledger"])
def balance(account: int) -> dict[str, int]:
    """The balance of an account."""
    return {"balance": 100 + account}

@guarded_tool(writes=["ledger"])
def book(account: int, amount: int) -> dict[str, int]:
    """Book an amount."""
    return {"booked": amount}
'''

RULES = """
@id("own") permit (principal, action == Action::"session.status", resource);
@id("read") permit (principal, action == Action::"tool.call", resource == Tool::"balance");
@id("book") permit (principal in Role::"clerk", action == Action::"tool.call", resource == Tool::"book");
@id("two-people") @require("approval") @by("controller") @ttl("600")
forbid (principal, action == Action::"tool.call", resource == Tool::"book");
"""

CONFIG = """
tools: [ledger_tools.py]
policies: ./policies
identity: {human: ann, roles: [clerk], approvers: {bob: [controller], ann: [controller], eve: [intern]}}
"""

Run = Callable[..., Result]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "policies").mkdir()
    (tmp_path / "policies" / "rules.cedar").write_text(RULES)
    (tmp_path / "ledger_tools.py").write_text(TOOLS)
    (tmp_path / "gloveport.yaml").write_text(CONFIG)
    return tmp_path


@pytest.fixture
async def house(folder: Path) -> AsyncIterator[House]:
    async with House.open(load_config(folder / "gloveport.yaml")) as opened:
        yield opened


async def call(house: House, tool: str, caller: Caller = Caller(transport="stdio"), **arguments: int) -> Release:
    return await house.chain.call(Request(tool, dict(arguments), caller))


def answer(release: Release) -> str:
    error = release.content.get("error")
    return str(error["code"]) if isinstance(error, dict) else release.status.value


def told(result: Result) -> str:
    """What the command said, and whether it was wrong use."""
    error = result.exception
    return " ".join(error.lines) if isinstance(error, UserError) else result.output


def run_as(person: str, monkeypatch: pytest.MonkeyPatch, folder: Path, *arguments: str) -> str:
    import typer

    monkeypatch.setattr("gloveport.guardrails.identity.person_at_terminal", lambda: person)
    app = typer.Typer()
    app.command("approve")(approvals.approve)
    app.command("reject")(approvals.reject)
    return told(CliRunner().invoke(app, [*arguments, "--config", str(folder / "gloveport.yaml")]))


async def test_a_second_human_s_yes_runs_one_exact_call(
    house: House, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(person: str, *arguments: str) -> str:
        return run_as(person, monkeypatch, folder, *arguments)

    asked = await call(house, "book", account=1, amount=5)
    assert asked.status is Status.PENDING
    assert not asked.is_error
    approval = asked.content["approval"]
    assert isinstance(approval, dict)
    id = str(approval["id"])
    assert f"gloveport approve {id}" in str(approval["how"])

    assert "ann asked for this call; another human must approve it" in run("ann", "approve", id)
    assert "needs one of the roles: controller" in run("eve", "approve", id)
    assert "needs one of the roles: controller" in run("mallory", "approve", id)
    assert answer(await call(house, "book", account=1, amount=5)) == "pending"

    (waiting,) = json.loads(run("bob", "approve", "--json"))
    assert (waiting["id"], waiting["tool"], waiting["human"], waiting["groups"]) == (id, "book", "ann", ["controller"])
    assert f"{id} approved by bob" in run("bob", "approve", id)
    assert "is approved" in run("bob", "approve", id)

    assert answer(await call(house, "book", account=1, amount=6)) == "pending", "other arguments are another call"
    done = await call(house, "book", account=1, amount=5)
    assert (done.status, done.content["value"]) == (Status.RELEASED, {"booked": 5})
    again = await call(house, "book", account=1, amount=5)
    assert answer(again) == "pending", "a yes is used once"

    second = again.content["approval"]
    assert isinstance(second, dict)
    assert "rejected by bob" in run("bob", "reject", str(second["id"]), "--note", "enough")
    assert answer(await call(house, "book", account=1, amount=5)) == "pending"

    house.recorder.close()
    given = [
        e for session in read_sessions(folder / "recordings") for e in session.events() if e.kind == "approval.given"
    ]
    assert [(event.body["approval"], event.body["approver"]) for event in given] == [(id, "bob")]


async def test_a_yes_does_not_outlive_the_policy_it_was_given_under(
    house: House, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = (await call(house, "book", account=1, amount=5)).content["approval"]
    assert isinstance(asked, dict)
    run_as("bob", monkeypatch, folder, "approve", str(asked["id"]))
    (folder / "policies" / "rules.cedar").write_text(RULES + "// amended\n")
    assert house.policy.reload()
    assert answer(await call(house, "book", account=1, amount=5)) == "pending"


def mint(folder: Path, *arguments: str) -> str:
    config = ["--config", str(folder / "gloveport.yaml")]
    result = CliRunner().invoke(identity.app, ["add", *arguments, *config])
    assert result.exit_code == 0, told(result)
    return result.stdout.strip().splitlines()[-1]


def command(folder: Path, *arguments: str) -> str:
    return told(CliRunner().invoke(identity.app, [*arguments, "--config", str(folder / "gloveport.yaml")]))


async def test_a_bearer_is_who_its_token_says_until_it_is_revoked(house: House, folder: Path) -> None:
    token = mint(folder, "crm-bot", "--human", "carl", "--agent", "crm", "--role", "clerk", "--scope", "balance")
    assert token.startswith("gp_")
    stored = (folder / ".gloveport" / "credentials.json").read_text()
    assert token[len("gp_0123456789_") :] not in stored, "the secret itself is not kept"

    known = Credentials(folder / ".gloveport" / "credentials.json").verify(token)
    assert known is not None
    caller = Caller(transport="http", bearer=known.id, meta={"dev.gloveport/agent": "another"})
    entries = (await call(house, "session_status", caller)).content["entries"]
    assert isinstance(entries, list)
    (who,) = entries
    assert isinstance(who, dict)
    assert (who["human"], who["human_basis"]) == ("carl", "credential")
    assert (who["agent"], who["agent_basis"]) == ("crm", "credential"), "what is bound cannot be claimed otherwise"
    assert (who["roles"], who["scopes"]) == (["clerk"], ["balance"])

    assert answer(await call(house, "balance", caller, account=1)) == "released"
    assert answer(await call(house, "book", caller, account=1, amount=1)) == "out-of-scope"
    assert [spec.name for spec in await house.chain.tools(caller)] == ["session_status", "balance"]

    assert "is revoked" in command(folder, "revoke", "crm-bot")
    assert answer(await call(house, "balance", caller, account=1)) == "credential-invalid", "from the next call on"
    assert await house.chain.tools(caller) == []
    listed = json.loads(command(folder, "list", "--json"))
    assert [(c["name"], c["state"], "digest" in c) for c in listed] == [("crm-bot", "revoked", False)]
    assert "no live credential" in command(folder, "revoke", "crm-bot")


async def test_nobody_comes_in_by_http_without_a_token(house: House) -> None:
    assert answer(await call(house, "balance", Caller(transport="http"), account=1)) == "credential-missing"
    assert answer(await call(house, "balance", Caller(transport="http", bearer="gone"), account=1)) == (
        "credential-invalid"
    )


async def test_roles_come_from_the_credential_alone(house: House, folder: Path) -> None:
    """The configuration's roles are those of who started the server, not of everybody who has a token."""
    known = Credentials(folder / ".gloveport" / "credentials.json").verify(mint(folder, "guest"))
    assert known is not None
    caller = Caller(transport="http", bearer=known.id)
    assert answer(await call(house, "book", caller, account=1, amount=1)) == "policy-denied"
    assert answer(await call(house, "book", account=1, amount=1)) == "pending"


async def test_an_expired_token_is_nobody_s(house: House, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    known = Credentials(folder / ".gloveport" / "credentials.json").verify(mint(folder, "short", "--days", "0.001"))
    assert known is not None
    assert known.expires is not None
    caller = Caller(transport="http", bearer=known.id)
    assert answer(await call(house, "balance", caller, account=1)) == "released"
    credentials = house.chain._stages.identification._credentials  # pyright: ignore[reportPrivateUsage]
    monkeypatch.setattr(credentials, "_clock", lambda: known.expires)
    assert answer(await call(house, "balance", caller, account=1)) == "credential-invalid"


def test_the_os_user_cannot_be_made_up(monkeypatch: pytest.MonkeyPatch) -> None:
    from gloveport.guardrails.identity import os_user, person_at_terminal

    true = os_user()
    for name in ("USER", "LOGNAME", "LNAME", "USERNAME"):
        monkeypatch.setenv(name, "root-of-all")
    assert os_user() == true
    monkeypatch.setenv("SUDO_UID", "0")
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    assert person_at_terminal() == true, "only root's environment is believed"
    monkeypatch.setattr("os.geteuid", lambda: 0)
    assert person_at_terminal() == "root"
    monkeypatch.setenv("SUDO_UID", "54321")
    assert person_at_terminal() == "uid-54321"
