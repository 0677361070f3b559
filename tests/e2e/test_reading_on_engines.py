"""Classification, search and export on MariaDB and DuckDB, by the commands people type: pages by key, pages without
one, and types that only these databases have. SQLite and PostgreSQL have tests of their own."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Generator
from pathlib import Path
from typing import Any

import duckdb
import pymysql
import pytest
from sqlalchemy.engine import make_url
from typer.testing import CliRunner

from gloveport.guardrails.doors.cli.app import app
from gloveport.tests.canaries import leaks

NAME = f"gloveport_reading_{os.getpid()}"
PEOPLE, VISITS = 60, 2600  # more visits than one page
PLANTED = ("zq17@quill-mail.com", "Zacharias Quillr", "quill-mail")
SCHEMA = """
CREATE TABLE people (
  id BIGINT PRIMARY KEY, full_name VARCHAR(60), email VARCHAR(60), born DATE, balance DECIMAL(10,2),
  photo {bytes}, active BOOLEAN, notes VARCHAR(200));
CREATE TABLE visits (
  person_id BIGINT, nth INTEGER, placed {moment}, took {took}, PRIMARY KEY (person_id, nth),
  FOREIGN KEY (person_id) REFERENCES people(id));
CREATE TABLE loose (kind VARCHAR(20), n INTEGER);
"""


def people() -> list[tuple[object, ...]]:
    letters = [chr(97 + i % 26) + chr(97 + i // 26) for i in range(PEOPLE)]
    return [
        (
            i,
            f"Zacharias Quill{letters[i]}",
            f"zq{i}@quill-mail.com",
            f"19{50 + i % 40}-03-{1 + i % 28:02d}",
            f"{i}.50",
            b"\x89P\xff",
            i % 2,
            f"Parcel number {i} came broken, write to zq{i}@quill-mail.com",
        )
        for i in range(PEOPLE)
    ]


def visits() -> list[tuple[object, ...]]:
    return [(i % PEOPLE, i // PEOPLE, "2024-03-01 10:00:00", "01:30:00") for i in range(VISITS)]


def fill(cursor: Any, mark: str, **types: str) -> None:
    for statement in filter(str.strip, SCHEMA.format(**types).split(";")):
        cursor.execute(statement)
    loose = [("check", i) for i in range(1500)]
    for table, rows in (("people", people()), ("visits", visits()), ("loose", loose)):
        cursor.executemany(f"INSERT INTO {table} VALUES ({', '.join([mark] * len(rows[0]))})", rows)


@pytest.fixture(scope="module", params=["mysql", "duckdb"])
def config(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Generator[Path]:
    folder = tmp_path_factory.mktemp(request.param)
    path = folder / "gloveport.yaml"

    def configured(url: str) -> Path:
        database = {"url": url, "allow_unsafe_role": True, "search": {"people.notes": "id"}}
        path.write_text(json.dumps({"databases": {"shop": database}}))
        return path

    if request.param == "duckdb":
        with duckdb.connect(folder / "shop.duckdb") as connection:
            connection.execute("BEGIN")
            fill(connection, "?", bytes="BLOB", moment="TIMESTAMP WITH TIME ZONE", took="INTERVAL")
            connection.execute("COMMIT")
        yield configured(f"duckdb:///{folder / 'shop.duckdb'}")
        return
    url = make_url(request.getfixturevalue("mariadb_url"))
    server = pymysql.connect(
        host=url.host or "127.0.0.1", port=url.port or 3306, user=url.username, password=url.password or ""
    )
    with server, server.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {NAME} CHARACTER SET utf8mb4")
        try:
            cursor.execute(f"USE {NAME}")
            fill(cursor, "%s", bytes="VARBINARY(10)", moment="DATETIME", took="TIME")
            server.commit()
            yield configured(url.set(database=NAME).render_as_string(hide_password=False))
        finally:
            cursor.execute(f"DROP DATABASE {NAME}")


def run(config: Path, *arguments: str) -> str:
    result = CliRunner().invoke(app, [*arguments, "--config", str(config)])
    assert result.exit_code == 0, (result.output, result.exception)
    return result.stdout


def test_columns_are_classified(config: Path) -> None:
    (found,) = json.loads(run(config, "classify", "shop", "--json", "--table", "people"))["tables"]
    assert {column["name"]: column["class"] for column in found["columns"]} == {
        "id": None,
        "full_name": "person",
        "email": "email",
        "born": "birth_date",
        "balance": "money",
        "photo": "binary",
        "active": None,
        "notes": "free_text",
    }


def test_texts_are_searched(config: Path) -> None:
    asked = json.dumps({"database": "shop", "text": "broken parcel number 17", "limit": 1})
    found = json.loads(run(config, "call", "database_search", asked))
    assert found["status"] == "released"
    assert "Parcel number 17 came broken" in found["rows"][0][1]
    assert not leaks(found, list(PLANTED))


def test_tables_are_exported(config: Path, tmp_path: Path) -> None:
    run(config, "export", "shop", "people", "visits", "loose", "--to", str(tmp_path / "out"), "--amounts", "noise")

    def rows(name: str) -> list[dict[str, str]]:
        with (tmp_path / "out" / f"{name}.csv").open(newline="") as file:
            return list(csv.DictReader(file))

    exported, visited, loose = rows("people"), rows("visits"), rows("loose")
    assert (len(exported), len(visited), len(loose)) == (PEOPLE, VISITS, 1500)
    assert {row["person_id"] for row in visited} == {row["id"] for row in exported}
    assert len({(row["person_id"], row["nth"]) for row in visited}) == VISITS
    assert sorted(int(row["n"]) for row in loose) == list(range(1500))
    assert {row["placed"][:10] for row in visited} != {"2024-03-01"}
    assert not leaks(tmp_path / "out", list(PLANTED))
