# ruff: noqa: ASYNC240 - tests look at files between calls
from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from gloveport.guardrails import doctor
from gloveport.guardrails.config import load_config
from gloveport.guardrails.credentials import Credentials
from gloveport.guardrails.doctor import Finding, examine
from gloveport.guardrails.house import House

CONFIG = """
databases: {main: {url: sqlite:///data.db}}
files: {reports: {path: reports}}
"""
Look = Callable[..., object]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    with sqlite3.connect(tmp_path / "data.db") as database:
        database.execute("CREATE TABLE customers (id INTEGER PRIMARY KEY, email TEXT)")
    database.close()
    (tmp_path / "reports").mkdir()
    return tmp_path


async def look(folder: Path, text: str = CONFIG) -> list[Finding]:
    path = folder / "gloveport.yaml"
    path.write_text(text)
    return await examine(path, load_config(path))


def of(findings: list[Finding], subject: str, level: str = "bad") -> list[str]:
    return [finding.text for finding in findings if finding.subject == subject and finding.level == level]


async def test_a_sound_installation_has_nothing_bad_and_nothing_is_made(folder: Path) -> None:
    before = {path.name for path in folder.iterdir()}
    findings = await look(folder)
    assert [finding for finding in findings if finding.level == "bad"] == []
    subjects = {finding.subject for finding in findings}
    assert {"python", "hyperscan", "openat2", "config", "masking.key", "recordings", "clock", "databases.main",
            "files.reports", "policies"} <= subjects  # fmt: skip
    assert of(findings, "databases.main", "ok")[0].startswith("sqlite 3.")
    assert {path.name for path in folder.iterdir()} == before | {"gloveport.yaml"}
    assert findings[0].as_json()["level"] == "ok"


async def test_after_a_first_start_the_key_and_the_vault_are_looked_at(folder: Path) -> None:
    await look(folder, "files: {reports: {path: reports}}")
    async with House.open(load_config(folder / "gloveport.yaml")):
        findings = await look(folder, "files: {reports: {path: reports}}")
        assert "1 running server writes here" in of(findings, "recordings", "ok")
    assert any("epoch 0 masks" in text for text in of(findings, "masking.key", "ok"))
    assert of(findings, "masking.vault", "ok")
    (folder / ".gloveport" / "key").chmod(0o644)
    assert of(await look(folder), "masking.key")
    (folder / ".gloveport" / "key").unlink()
    (told,) = of(await look(folder), "masking.key")
    assert "is gone, and the vault" in told


async def test_a_database_that_is_not_there(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gloveport.tools.database.source._FIRST_WAIT_SECONDS", 0.001)
    findings = await look(folder, "databases: {main: {url: sqlite:///nowhere.db}}")
    (told,) = of(findings, "databases.main.url")
    assert "nowhere.db" in told
    findings = await look(folder, "databases: {main: {url: 'postgresql://u:hunter2@127.0.0.1:1/x'}}")
    assert of(findings, "databases.main.url")
    assert "hunter2" not in str(findings)


async def test_names_the_database_does_not_have(folder: Path) -> None:
    text = (
        "databases: {main: {url: sqlite:///data.db, tables: [customers, custmers], classes: {customers.emial: email}}}"
    )
    findings = await look(folder, text)
    assert of(findings, "databases.main.tables") == ["custmers: no such table or view"]
    assert of(findings, "databases.main.classes") == ["customers.emial: no such column, so nothing is protected by it"]


async def test_a_subject_the_database_does_not_have(folder: Path) -> None:
    findings = await look(folder, "databases: {main: {url: sqlite:///data.db, subjects: {customers: nr}}}")
    (finding,) = [one for one in findings if one.subject == "databases.main.subjects"]
    assert (finding.level, finding.text) == ("bad", "customers.nr: no such column")
    assert finding.mend == "name the one that says whose row it is"


async def test_a_slow_database_does_not_hold_up_the_rest(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import anyio

    from gloveport.tools.database.source import Database

    async def forever(self: Database) -> None:
        await anyio.sleep_forever()

    monkeypatch.setattr(Database, "start", forever)
    monkeypatch.setattr(doctor, "DATABASE_SECONDS", 0.05)
    findings = await look(folder)
    assert of(findings, "databases.main") == ["no answer within 0.05 seconds"]
    assert of(findings, "policies", "ok")


async def test_folders_tools_policies_and_credentials(folder: Path) -> None:
    (folder / "tools.py").write_text("import nowhere_at_all\n")
    (folder / "policies").mkdir()
    (folder / "policies" / "a.cedar").write_text("oops")
    (folder / ".gloveport").mkdir()
    (folder / ".gloveport" / "credentials.json").write_text("[3]")
    findings = await look(
        folder, "files: {reports: {path: nowhere}}\ntools: [tools.py]\npolicies: policies\nrecordings: data.db/x\n"
    )
    assert "no such folder" in of(findings, "files.reports")[0]
    assert "tools.py:1: ModuleNotFoundError" in of(findings, "tools")[0]
    assert "a.cedar:1: " in of(findings, "policies")[0]
    assert "is not a file of credentials" in of(findings, "identity.credentials")[0]
    assert "cannot be written" in of(findings, "recordings")[0]


async def test_what_others_may_see(folder: Path) -> None:
    (folder / ".gloveport").mkdir(mode=0o755)
    (folder / "recordings").mkdir(mode=0o755)
    text = "databases: {main: {url: 'sqlite://u:secret@/data.db'}}\nidentity: {anonymous_http: guest}\n"
    (folder / "gloveport.yaml").write_text(text)
    (folder / "gloveport.yaml").chmod(0o666)
    findings = await look(folder, text)
    assert of(findings, "state", "warn")
    assert of(findings, "recordings", "warn")
    assert "a password stands in" in of(findings, "databases.main.url")[0]
    assert "others may write to it" in of(findings, "config")[0]
    assert of(findings, "identity", "warn") == ["HTTP callers without a token are guest"]


async def test_tokens_about_to_expire(folder: Path) -> None:
    Credentials(folder / ".gloveport" / "credentials.json").add("bot", days=2)
    findings = await look(folder)
    assert of(findings, "identity", "ok") == ["1 live bearer tokens for HTTP"]
    assert of(findings, "identity", "warn") == ["bearer tokens that expire within a week: bot"]


async def test_little_space_and_a_clock_set_back(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from shutil import _ntuple_diskusage  # pyright: ignore[reportPrivateUsage]

    await look(folder)
    async with House.open(load_config(folder / "gloveport.yaml")) as house:
        from gloveport.guardrails.call import Caller, Request

        await house.chain.call(Request("session_status", {}, Caller(transport="stdio")))
    now = time.time()
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda _: _ntuple_diskusage(1 << 30, (1 << 30) - 1000, 1000))
    monkeypatch.setattr(doctor.time, "time", lambda: now - 7200)
    findings = await look(folder)
    assert "calls are refused" in of(findings, "recordings")[0]
    assert "the clock was set back" in of(findings, "clock", "warn")[0]
