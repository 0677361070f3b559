"""Classification, search and export on a real PostgreSQL: types SQLite does not have."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Generator
from pathlib import Path

import psycopg
import pytest
from typer.testing import CliRunner

from gloveport.guardrails.doors.cli.app import app
from gloveport.tests.canaries import leaks

NAME = f"gloveport_export_{os.getpid()}"
SCHEMA = """
CREATE SCHEMA crm;
CREATE TABLE crm.customers (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(), full_name text, email text, ip inet, mac macaddr, born date,
  prefs jsonb, emb real[], balance numeric(10,2), photo bytea, active boolean, notes text);
CREATE TABLE crm.orders (
  id bigserial PRIMARY KEY, customer_id uuid REFERENCES crm.customers(id), placed timestamptz, sent timestamptz,
  total numeric(10,2));
INSERT INTO crm.customers (full_name, email, ip, mac, born, prefs, emb, balance, photo, active, notes)
  SELECT 'Zacharias Quill' || chr(97 + i % 26) || chr(97 + i / 26), 'zq' || i || '@quill-mail.com',
    ('10.9.' || i / 200 || '.' || i % 200 + 1)::inet,
    ('08:00:2b:01:0' || i % 9 || ':' || lpad(to_hex(i % 256), 2, '0'))::macaddr,
    date '1950-01-01' + i * 100, jsonb_build_object('mail', 'zq' || i || '@quill-mail.com'),
    (SELECT array_agg(random()::real) FROM generate_series(1, 16)), i * 1.5, '\\x8950'::bytea, i % 2 = 0,
    'Parcel number ' || i || ' came broken, write to zq' || i || '@quill-mail.com'
  FROM generate_series(1, 60) i;
INSERT INTO crm.orders (customer_id, placed, sent, total)
  SELECT id, timestamptz '2024-03-01 10:00+00', timestamptz '2024-03-04 10:00+00', 10
  FROM crm.customers, generate_series(1, 2);
"""


@pytest.fixture(scope="module")
def config(postgres_url: str, tmp_path_factory: pytest.TempPathFactory) -> Generator[Path]:
    path = tmp_path_factory.mktemp("crm") / "gloveport.yaml"
    with psycopg.connect(postgres_url, autocommit=True) as server:
        server.execute(f"CREATE DATABASE {NAME}".encode())
        url = f"{postgres_url.rpartition('/')[0]}/{NAME}"
        try:
            with psycopg.connect(url, autocommit=True) as connection:
                connection.execute(SCHEMA.encode())
            settings = f"url: {url}, allow_unsafe_role: true, search: {{crm.customers.notes: id}}"
            path.write_text(f"databases:\n  shop: {{{settings}}}\n")
            yield path
        finally:
            server.execute(f"DROP DATABASE {NAME} WITH (FORCE)".encode())


def run(config: Path, *arguments: str) -> str:
    result = CliRunner().invoke(app, [*arguments, "--config", str(config)])
    assert result.exit_code == 0, (result.output, result.exception)
    return result.stdout


def test_types_of_postgresql_are_classified(config: Path) -> None:
    (customers,) = json.loads(run(config, "classify", "shop", "--json", "--table", "crm.customers"))["tables"]
    assert {column["name"]: column["class"] for column in customers["columns"]} == {
        "id": None,
        "full_name": "person",
        "email": "email",
        "ip": "ip",
        "mac": "mac",
        "born": "birth_date",
        "prefs": "free_text",
        "emb": "embedding",
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
    assert not leaks(found, ["zq17@quill-mail.com"])


def test_tables_are_exported(config: Path, tmp_path: Path) -> None:
    run(config, "export", "shop", "crm.customers", "crm.orders", "--to", str(tmp_path / "out"), "--amounts", "noise")

    def rows(name: str) -> list[dict[str, str]]:
        with (tmp_path / "out" / f"{name}.csv").open(newline="") as file:
            return list(csv.DictReader(file))

    customers, orders = rows("crm.customers"), rows("crm.orders")
    assert (len(customers), len(orders)) == (60, 120)
    assert {row["customer_id"] for row in orders} == {row["id"] for row in customers}
    assert {row["emb"] for row in customers} == {"[masked:embedding]"}
    assert all(row["placed"][:10] < row["sent"][:10] for row in orders)
    assert {row["placed"][:10] for row in orders} != {"2024-03-01"}
    assert not leaks(tmp_path / "out", ["zq1@quill-mail.com", "Zacharias Quill", "quill-mail"])
