"""A policy folder over a real database, through the whole chain."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gloveport.guardrails.approval import ApprovalStore
from gloveport.guardrails.call import Caller, Release, Request, Status
from gloveport.guardrails.config import load_config
from gloveport.guardrails.house import House
from gloveport.policies.request import DecisionRequest
from gloveport.policies.templates import write_default
from gloveport.recordings.reader import read_sessions

CONFIG = """
databases:
  shop:
    url: sqlite:///shop.db
    write: true
    inference: relaxed
    classes: {customers.email: email, customers.ssn: ssn, customers.city: {class: address, mask: pass}}
    open: [customers.id, customers.tier, orders.id, orders.customer, orders.total]
files: {reports: {path: reports, write: true}}
policies: policies
identity: {human: ann}
"""
OWN = """
@id("clerks-update-orders") @why("clerks correct orders")
permit (principal, action == Action::"db.update", resource == Table::"shop.orders");
@id("deletes") @why("orders may be deleted")
permit (principal, action == Action::"db.delete", resource == Table::"shop.orders");
@id("mail-redacted") @why("addresses are redacted")
@require("mask") @class("email") @with("redact")
forbid (principal, action in Action::"read", resource);
@id("two-rows") @why("ask for less")
@require("limit") @rows("2")
forbid (principal, action == Action::"db.select", resource == Table::"shop.orders");
@id("no-tiers-and-orders") @why("orders are not read together with tiers")
forbid (principal, action == Action::"db.select", resource)
when { context.data.columns.contains("customers.tier") && context.data.columns.contains("customers.city") };
"""
CALLER = Caller(transport="stdio")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    with sqlite3.connect(tmp_path / "shop.db") as database:
        database.executescript(
            "CREATE TABLE customers (id INTEGER PRIMARY KEY, email TEXT, ssn TEXT, tier TEXT, city TEXT);"
            "CREATE TABLE orders (id INTEGER PRIMARY KEY, customer INTEGER, total INTEGER);"
            "INSERT INTO customers VALUES (1, 'ann.canary@fastpost.net', '123-45-6789', 'gold', 'Delft'),"
            " (2, 'bob.canary@fastpost.net', '223-45-6789', 'base', 'Delft');"
            "INSERT INTO orders VALUES (1, 1, 10), (2, 1, 20), (3, 2, 30);"
        )
    database.close()
    (tmp_path / "reports").mkdir()
    write_default(tmp_path / "policies")
    (tmp_path / "policies" / "rules" / "own.cedar").write_text(OWN)
    (tmp_path / "gloveport.yaml").write_text(CONFIG)
    return tmp_path


@pytest.fixture
async def house(folder: Path) -> AsyncIterator[House]:
    async with House.open(load_config(folder / "gloveport.yaml")) as opened:
        yield opened


async def query(house: House, sql: str, tool: str = "database_query") -> Release:
    return await house.chain.call(Request(tool, {"database": "shop", "sql": sql}, CALLER))


def error(release: Release) -> dict[str, str]:
    found = release.content["error"]
    assert isinstance(found, dict)
    return {key: str(value) for key, value in found.items()}


async def test_duties_of_rules_reach_the_rows(house: House) -> None:
    release = await query(house, "SELECT id, email FROM customers ORDER BY id")
    assert release.status is Status.RELEASED, release.content
    assert release.content["rows"] == [[1, "[masked:email]"], [2, "[masked:email]"]], "a rule beats the usual token"
    release = await query(house, "SELECT id FROM orders ORDER BY id")
    assert (release.content["rows"], release.content["truncated"]) == ([[1], [2]], True)


async def test_a_rule_makes_the_mode_stricter_for_what_it_names_alone(house: House) -> None:
    """The configuration says relaxed; the default policy lets social security numbers decide nothing."""
    sorted_by_mail = await query(house, "SELECT id FROM customers ORDER BY email")
    assert sorted_by_mail.status is Status.RELEASED, sorted_by_mail.content
    told = error(await query(house, "SELECT id FROM customers ORDER BY ssn"))
    assert (told["code"], told["message"]) == (
        "inference-mode",
        "The policy answers this only in strict mode; the statement needs relaxed.",
    )
    shown = await query(house, "SELECT id, ssn FROM customers ORDER BY id")
    assert shown.status is Status.RELEASED, "what holds in strict mode is answered"


async def test_a_refusal_says_why_in_the_words_of_the_rule(house: House) -> None:
    told = error(await query(house, "SELECT tier, city FROM customers"))
    assert (told["code"], told["rule"]) == ("policy-denied", "no-tiers-and-orders")
    assert told["hint"] == "orders are not read together with tiers"
    told = error(await query(house, "INSERT INTO orders VALUES (4, 1, 1)", "database_execute"))
    assert told["hint"] == "No rule permits db.insert on shop.orders."


async def test_a_write_goes_where_a_rule_permits_it(house: House, folder: Path) -> None:
    release = await query(house, "UPDATE orders SET total = 11 WHERE id = 1", "database_execute")
    assert (release.status, release.content.get("changed")) == (Status.RELEASED, 1), release.content
    with sqlite3.connect(folder / "shop.db") as database:
        assert database.execute("SELECT total FROM orders WHERE id = 1").fetchone() == (11,)
    database.close()


async def test_a_deletion_waits_for_another_human(house: House, folder: Path) -> None:
    sql = "DELETE FROM orders WHERE id = 3"
    release = await query(house, sql, "database_execute")
    assert release.status is Status.PENDING
    store = ApprovalStore(folder / ".gloveport" / "approvals.json")
    (asked,) = store.all()
    assert (asked.rule, asked.human) == ("deletes-need-a-second-human", "ann")
    assert "3" not in asked.shown, "what is shown holds no values"
    store.settle(asked.id, "bob", yes=True, roles=frozenset())
    other = await query(house, "DELETE FROM orders WHERE id = 2", "database_execute")
    assert other.status is Status.PENDING, "a yes is to one exact call"
    done = await query(house, sql, "database_execute")
    assert (done.status, done.content.get("changed")) == (Status.RELEASED, 1), done.content
    again = await query(house, sql, "database_execute")
    assert again.status is Status.PENDING


async def test_the_tool_list_is_what_the_policy_could_allow(house: House) -> None:
    names = {spec.name for spec in await house.chain.tools(CALLER)}
    assert {"database_schema", "database_query", "database_execute", "file_write", "session_status"} <= names


async def test_no_writing_tool_where_no_rule_permits_a_write(folder: Path) -> None:
    (folder / "policies" / "rules" / "own.cedar").unlink()
    async with House.open(load_config(folder / "gloveport.yaml")) as house:
        names = {spec.name for spec in await house.chain.tools(CALLER)}
    assert "database_query" in names
    assert "database_execute" not in names


async def test_the_record_holds_the_whole_question(house: House, folder: Path) -> None:
    await query(house, "SELECT email FROM customers WHERE id = 1")
    house.recorder.close()
    (session,) = read_sessions(folder / "recordings")
    body = next(session.blobs.whole(e.body) for e in session.events() if e.kind == "policy.decided")
    assert isinstance(body, dict)
    request = DecisionRequest.from_json(body["facts"])
    again = house.policy.decide(request)
    assert (list(again.rules), again.digest) == (body["rules"], body["policy_digest"])
    (access,) = request.accesses
    assert (access.name, access.classes, request.sql.inference) == ("shop.customers", {"email"}, "strict")
