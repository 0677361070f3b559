"""`gloveport classify`: what it prints, keeps and writes, on a real SQLite file."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import anyio.to_thread
import pytest
from typer.testing import CliRunner

from gloveport.guardrails.call import Caller, Request
from gloveport.guardrails.config import load_config
from gloveport.guardrails.doors.cli.app import app
from gloveport.guardrails.doors.cli.common import UserError
from gloveport.guardrails.doors.cli.config_block import BlockError, write_classes
from gloveport.guardrails.house import House
from gloveport.guardrails.masking.classify import ColumnFinding
from gloveport.tools.tool import Mask

CONFIG = """\
# the clinic
databases:
  clinic:
    url: sqlite:///clinic.db   # in this folder
    deny: [secrets]

# where transcripts go
recordings: ./rec
"""
EMAILS = [f"p{i}.quux@acme.com" for i in range(30)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    connection = sqlite3.connect(tmp_path / "clinic.db")
    connection.executescript(
        "CREATE TABLE patients (id INTEGER PRIMARY KEY, email TEXT, gender TEXT, notes TEXT, xq TEXT);"
        "CREATE TABLE secrets (id INTEGER, token TEXT);"
    )
    rows = [
        (i, mail, "fm"[i % 2], "Came with a cough and went home again.", f"Zr{i}k-x") for i, mail in enumerate(EMAILS)
    ]
    connection.executemany("INSERT INTO patients VALUES (?,?,?,?,?)", rows)
    connection.commit()
    connection.close()
    (tmp_path / "gloveport.yaml").write_text(CONFIG)
    return tmp_path


def run(folder: Path, *arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["classify", *arguments, "--config", str(folder / "gloveport.yaml")])
    if isinstance(result.exception, UserError):
        raise result.exception
    return result.exit_code, result.stdout, result.stderr


def test_the_review_names_classes_and_reasons_and_no_value(folder: Path) -> None:
    code, out, _ = run(folder, "clinic")
    assert code == 0
    assert "clinic.patients" in out
    assert "open, quasi" in out
    assert "patients.email: email" in out  # the block to copy
    assert "could not be told" in out
    assert "acme" not in out
    assert "secrets" not in out  # closed tables do not show
    assert not (folder / ".gloveport").exists()  # looking keeps nothing
    assert (folder / "gloveport.yaml").read_text() == CONFIG


def test_what_is_open_on_a_guess_is_named_to_be_looked_at(folder: Path) -> None:
    connection = sqlite3.connect(folder / "clinic.db")
    connection.execute("CREATE TABLE parts (id INTEGER, zzq TEXT)")
    connection.executemany("INSERT INTO parts VALUES (?,?)", [(i, "abc"[i % 3]) for i in range(30)])
    connection.commit()
    connection.close()
    _, out, _ = run(folder, "clinic")
    assert "text of 3 different values in 30" in out
    assert "look at these first" in out
    assert "\n  parts.zzq\n" in out  # and not the keys, nor what is open for a reason


async def test_with_unsure_closed_a_guess_opens_nothing(folder: Path) -> None:
    connection = sqlite3.connect(folder / "clinic.db")
    connection.execute("CREATE TABLE widgets (id INTEGER PRIMARY KEY, zorb TEXT)")
    connection.executemany("INSERT INTO widgets VALUES (?, ?)", [(i, f"flim {i % 7}") for i in range(40)])
    connection.commit()
    connection.close()
    config = folder / "gloveport.yaml"
    sql = "SELECT zorb FROM widgets WHERE id = 3"

    async def answer() -> object:
        async with House.open(load_config(config)) as house:
            request = Request("database_query", {"database": "clinic", "sql": sql}, Caller("stdio"))
            return (await house.chain.call(request)).content["rows"]

    assert await answer() == [["flim 3"]]
    config.write_text(CONFIG.replace("    deny:", "    unsure: closed\n    deny:"))
    assert await answer() == [["[masked:unclassified]"]]
    _, out, _ = await anyio.to_thread.run_sync(run, folder, "clinic")
    assert "closed because no class fits" in out
    assert "widgets.zorb" in out
    config.write_text(config.read_text().replace("    deny:", "    open: [widgets.zorb]\n    deny:"))
    assert await answer() == [["flim 3"]]
    _, out, _ = await anyio.to_thread.run_sync(run, folder, "clinic")
    assert "closed because no class fits" not in out


def test_json(folder: Path) -> None:
    _, out, _ = run(folder, "clinic", "--json")
    (table,) = json.loads(out)["tables"]
    by_name = {column["name"]: column for column in table["columns"]}
    assert by_name["email"]["class"] == "email"
    assert by_name["email"]["mask"] == "token"
    assert by_name["gender"] == {
        "name": "gender",
        "type": "TEXT",
        "class": None,
        "mask": None,
        "sure": 0.7,
        "quasi": True,
        "holds": "first look",
        "evidence": ["shared by many people; open"],
    }
    assert by_name["xq"]["class"] == "unclassified"


def test_accept_keeps_and_new_columns_show(folder: Path) -> None:
    run(folder, "clinic", "--accept")
    kept = json.loads((folder / ".gloveport" / "columns" / "clinic.json").read_text())
    assert kept["patients.email"]["class_name"] == "email"
    connection = sqlite3.connect(folder / "clinic.db")
    connection.execute("ALTER TABLE patients ADD COLUMN height INTEGER")
    connection.close()
    _, out, _ = run(folder, "clinic", "--json")
    holds = {column["name"]: column["holds"] for column in json.loads(out)["tables"][0]["columns"]}
    assert holds["height"] == "new"
    assert holds["email"] == "kept"
    _, out, _ = run(folder, "clinic")
    assert "1 are new since the last look" in out


def test_write_puts_the_classes_into_the_file_and_nothing_else_changes(folder: Path) -> None:
    _, _, told = run(folder, "clinic", "--write")
    assert "classes written: 2" in told
    path = folder / "gloveport.yaml"
    text = path.read_text()
    assert (folder / "gloveport.yaml.before").read_text() == CONFIG
    assert [line for line in text.splitlines() if line in CONFIG.splitlines()] == CONFIG.splitlines()
    config = load_config(path).databases["clinic"]
    assert {name: entry.class_name for name, entry in config.classes.items()} == {
        "patients.email": "email",
        "patients.notes": "free_text",
    }
    assert "# patients.xq: name a class, or list it under open" in text
    _, _, told = run(folder, "clinic", "--write")
    assert "classes written: 0" in told
    assert path.read_text() == text


def test_write_adds_to_the_classes_there_are(folder: Path) -> None:
    path = folder / "gloveport.yaml"
    path.write_text(CONFIG.replace("    deny:", "    classes:\n      patients.email: account\n    deny:"))
    run(folder, "clinic", "--write")
    config = load_config(path).databases["clinic"]
    assert config.classes["patients.email"].class_name == "account"
    assert config.classes["patients.notes"].class_name == "free_text"


def test_shifted_dates_stay_as_they_are_configured(folder: Path) -> None:
    with sqlite3.connect(folder / "clinic.db") as connection:
        connection.execute("ALTER TABLE patients ADD COLUMN born TEXT")
        connection.execute("UPDATE patients SET born = date('1950-01-01', id || ' days')")
    connection.close()
    classes = "    classes:\n      patients.born: {class: birth_date, mask: shift}\n    subjects: {patients: id}\n"
    path = folder / "gloveport.yaml"
    path.write_text(CONFIG.replace("    deny:", f"{classes}    deny:"))
    before = load_config(path).databases["clinic"]
    run(folder, "clinic", "--write", "--accept")
    after = load_config(path).databases["clinic"]
    assert "      patients.born: {class: birth_date, mask: shift}\n" in path.read_text()
    assert (after.classes["patients.born"], after.subjects) == (before.classes["patients.born"], before.subjects)
    assert after.classes["patients.email"].class_name == "email"


@pytest.mark.parametrize(
    "text",
    [
        '{"databases": {"clinic": {"url": "sqlite:///clinic.db"}}}',
        "databases: {clinic: {url: 'sqlite:///clinic.db'}}\n",
        "databases:\n  clinic:\n    url: sqlite:///clinic.db\n    classes: {a.b: email}\n",
    ],
)
def test_write_leaves_other_notations_alone(tmp_path: Path, text: str) -> None:
    path = tmp_path / "gloveport.yaml"
    path.write_text(text)
    with pytest.raises(BlockError, match="by hand"):
        write_classes(path, "clinic", [("patients.email", ColumnFinding("email", "email", None, ("x",)))])
    assert path.read_text() == text
    assert [entry.name for entry in tmp_path.iterdir()] == ["gloveport.yaml"]


def test_odd_names_are_quoted(tmp_path: Path) -> None:
    path = tmp_path / "gloveport.yaml"
    path.write_text(CONFIG)
    odd = 'Loyalty: "Cards" #1.Card No'
    write_classes(path, "clinic", [(odd, ColumnFinding("Card No", "card", Mask.REDACT, ("x",)))])
    assert load_config(path).databases["clinic"].classes[odd].mask is Mask.REDACT


def test_misspelt_configuration_shows(folder: Path) -> None:
    (folder / "gloveport.yaml").write_text(CONFIG.replace("    deny:", "    open: [patients.gendre]\n    deny:"))
    _, out, _ = run(folder, "clinic")
    assert "patients.gendre stands in the configuration" in out


def test_one_line_for_what_the_user_can_mend(folder: Path) -> None:
    with pytest.raises(UserError, match=r"no such database .* known: clinic"):
        run(folder, "clinics")
    with pytest.raises(UserError, match="no such open table; known: patients"):
        run(folder, "clinic", "--table", "patient")
    (folder / "clinic.db").unlink()
    with pytest.raises(UserError) as raised:
        run(folder, "clinic")
    assert len(raised.value.lines) == 1


async def test_a_new_column_leaves_masked_until_it_is_accepted(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a running server and a real file: nothing is restarted."""
    monkeypatch.setattr("gloveport.tools.database.engines.sqlite.engine.FRESH_SECONDS", 0.0)

    async def shoe_sizes(house: House) -> set[str]:
        sql = "SELECT shoe_size FROM patients ORDER BY id"
        request = Request("database_query", {"database": "clinic", "sql": sql}, Caller(transport="cli"))
        release = await house.chain.call(request)
        rows = release.content["rows"]
        assert isinstance(rows, list)
        return {str(row[0]) for row in rows if isinstance(row, list)}

    async with House.open(load_config(folder / "gloveport.yaml")) as house:
        await house.classes.rules("clinic")  # the first look
        connection = sqlite3.connect(folder / "clinic.db")
        connection.execute("ALTER TABLE patients ADD COLUMN shoe_size INTEGER DEFAULT 42")
        connection.close()
        assert await shoe_sizes(house) == {"[masked:unclassified]"}
        await anyio.to_thread.run_sync(run, folder, "clinic", "--accept")
        assert await shoe_sizes(house) == {"42"}
