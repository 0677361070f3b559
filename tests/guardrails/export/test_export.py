"""Exports of a real SQLite database: what leaves, what can be linked, what is kept, what an interruption costs."""

from __future__ import annotations

import csv
import datetime as dt
import json
import random
import sqlite3
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree

import pytest
from typer.testing import CliRunner

from gloveport.guardrails.config import load_config
from gloveport.guardrails.doors.cli.app import app
from gloveport.guardrails.doors.cli.common import UserError
from gloveport.guardrails.export.options import Births, Format, Options
from gloveport.guardrails.export.plan import make_plan
from gloveport.guardrails.export.run import export
from gloveport.guardrails.export.state import open_state
from gloveport.guardrails.house import House
from gloveport.guardrails.masking.duties import Duties
from gloveport.tests.canaries import leaks
from gloveport.tools.database.catalog import Relation

PEOPLE, VISITS = 120, 400
Row = dict[str, str]


@pytest.fixture(scope="module")
def clinic(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clinic of people who never were; returns the configuration file."""
    folder = tmp_path_factory.mktemp("clinic")
    made = random.Random(11)
    connection = sqlite3.connect(folder / "clinic.db")
    connection.executescript(
        "CREATE TABLE departments (id INTEGER PRIMARY KEY, title TEXT);"
        "CREATE TABLE patients (id INTEGER PRIMARY KEY, full_name TEXT, email TEXT, birth_date DATE, sex TEXT,"
        " zip TEXT, income INTEGER, notes TEXT);"
        "CREATE TABLE visits (id INTEGER PRIMARY KEY, patient_id INTEGER REFERENCES patients(id), department_id INTEGER"
        " REFERENCES departments(id), day DATE, discharged TEXT, minutes INTEGER);"
        "CREATE TABLE payments (id INTEGER PRIMARY KEY, visit_id INTEGER REFERENCES visits(id), amount REAL);"
        "CREATE TABLE lonely (id INTEGER PRIMARY KEY, age INTEGER, town TEXT);"
        "CREATE VIEW v_patients AS SELECT id, email FROM patients;"
    )
    connection.executemany("INSERT INTO departments VALUES (?,?)", [(1, "Cardiology"), (2, "Surgery")])
    for i in range(1, PEOPLE + 1):
        name = f"Zacharias Quillfeather-{chr(97 + i % 26)}{chr(97 + i // 26)}"
        mail = f"zq{i}@quillfeather-mail.com"
        born = (dt.date(1950, 1, 1) + dt.timedelta(made.randrange(18_000))).isoformat()
        values = (i, name, mail, born, made.choice("fm"), f"{made.choice((10115, 20095, 80331)) + made.randrange(30)}")
        connection.execute(
            "INSERT INTO patients VALUES (?,?,?,?,?,?,?,?)", (*values, 20_000 + 100 * i, f"Wrote from {mail} twice.")
        )
    for i in range(1, VISITS + 1):
        day = dt.date(2023, 1, 2) + dt.timedelta(made.randrange(700))
        gone = day + dt.timedelta(made.randrange(9))
        who = made.randrange(1, PEOPLE + 1)
        connection.execute(
            "INSERT INTO visits VALUES (?,?,?,?,?,?)", (i, who, 1 + i % 2, day.isoformat(), gone.isoformat(), i % 50)
        )
        connection.execute("INSERT INTO payments VALUES (?,?,?)", (i, i, i * 1.5))
    connection.executemany("INSERT INTO lonely VALUES (?,?,?)", [(1, 20, "Ulm"), (2, 50, "Bonn"), (3, 80, "Jena")])
    connection.commit()
    connection.close()
    path = folder / "gloveport.yaml"
    path.write_text("databases:\n  clinic: {url: 'sqlite:///clinic.db'}\n")
    return path


def run(clinic: Path, to: Path, *arguments: str) -> str:
    result = CliRunner().invoke(
        app, ["export", "clinic", *arguments, "--to", str(to), "--config", str(clinic)], catch_exceptions=True
    )
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.stdout


def table(folder: Path, name: str) -> list[Row]:
    with (folder / f"{name}.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def read(folder: Path, name: str, format: Format) -> list[dict[str, object]]:
    match format:
        case Format.CSV:
            return [dict(row) for row in table(folder, name)]
        case Format.JSONL:
            return [json.loads(line) for line in (folder / f"{name}.jsonl").read_text().splitlines()]
        case Format.PARQUET:
            import pyarrow.parquet

            return pyarrow.parquet.read_table(folder / f"{name}.parquet").to_pylist()


def raw(clinic: Path, sql: str) -> list[tuple[object, ...]]:
    connection = sqlite3.connect(clinic.parent / "clinic.db")
    try:
        return connection.execute(sql).fetchall()
    finally:
        connection.close()


@pytest.fixture(scope="module")
def exported(clinic: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    to = tmp_path_factory.mktemp("exports") / "one"
    run(
        clinic,
        to,
        "patients",
        "visits",
        "payments",
        "departments",
        "--quasi",
        "zip,birth_date,sex",
        "--amounts",
        "noise",
    )
    return to


# --- what leaves ------------------------------------------------------------------------------------------------------


def test_nothing_of_anybody_is_in_the_files(exported: Path, clinic: Path) -> None:
    mails = [str(mail) for (mail,) in raw(clinic, "SELECT email FROM patients")]
    assert not leaks(exported, [*mails[:20], "Quillfeather", "quillfeather-mail"])
    assert not leaks(clinic.parent / "recordings", [*mails[:20], "Quillfeather"])


def test_every_row_leaves_once_and_tables_still_join(exported: Path, clinic: Path) -> None:
    patients, visits, payments = (table(exported, name) for name in ("patients", "visits", "payments"))
    assert (len(patients), len(visits), len(payments)) == (PEOPLE, VISITS, VISITS)
    ids = {row["id"] for row in patients}
    assert len(ids) == PEOPLE
    assert {row["patient_id"] for row in visits} <= ids
    assert {row["visit_id"] for row in payments} == {row["id"] for row in visits}
    before = Counter(Counter(who for (who,) in raw(clinic, "SELECT patient_id FROM visits")).values())
    assert Counter(Counter(row["patient_id"] for row in visits).values()) == before
    assert {row["title"] for row in table(exported, "departments")} == {"Cardiology", "Surgery"}
    assert {row["department_id"] for row in visits} == {"1", "2"}  # leads to nobody


def test_no_id_and_no_order_leads_back(exported: Path) -> None:
    patients = table(exported, "patients")
    assert not {row["id"] for row in patients} & {str(i) for i in range(1, PEOPLE + 1)}
    incomes = [int(row["income"]) for row in patients]  # 20,100 and on in the order of ids, with noise
    places = list(range(PEOPLE))
    means = sum(places) / PEOPLE, sum(incomes) / PEOPLE
    covariance = sum((p - means[0]) * (i - means[1]) for p, i in zip(places, incomes, strict=True))
    spread = sum((p - means[0]) ** 2 for p in places) * sum((i - means[1]) ** 2 for i in incomes)
    assert abs(covariance / spread**0.5) < 0.4


def test_two_exports_and_the_live_tokens_have_nothing_in_common(exported: Path, clinic: Path, tmp_path: Path) -> None:
    run(clinic, tmp_path / "two", "patients")
    one, two = (
        {row[column] for row in table(folder, "patients") for column in ("id", "email")}
        for folder in (exported, tmp_path / "two")
    )
    answer = CliRunner().invoke(
        app,
        [
            "call",
            "database_query",
            '{"database": "clinic", "sql": "SELECT email FROM patients"}',
            "--config",
            str(clinic),
        ],
    )
    live = {row[0] for row in json.loads(answer.stdout)["rows"]}
    assert len(one) == len(two) == 2 * PEOPLE
    assert len(live) == PEOPLE
    assert not one & two
    assert not (one | two) & live


def test_dates_of_a_person_move_together(exported: Path, clinic: Path) -> None:
    """Days between two dates of a row and weekdays stay; the dates themselves do not."""

    def stays(rows: Sequence[tuple[str, str]]) -> Counter[tuple[int, int]]:
        pairs = [(dt.date.fromisoformat(a), dt.date.fromisoformat(b)) for a, b in rows]
        return Counter(((b - a).days, a.weekday()) for a, b in pairs)

    before = [(str(a), str(b)) for a, b in raw(clinic, "SELECT day, discharged FROM visits")]
    after = [(row["day"], row["discharged"]) for row in table(exported, "visits")]
    assert stays(after) == stays(before)
    assert Counter(after) != Counter(before)
    report = json.loads((exported / "report.json").read_text())
    (visits,) = [t for t in report["tables"] if t["name"] == "visits"]
    assert visits["subject"] == "patient_id"
    assert visits["intervals"][0]["exact"] == 1.0
    assert visits["gaps"]["mean"][0] == visits["gaps"]["mean"][1]


def test_dates_that_leave_shifted_anyway_move_with_the_others(clinic: Path, tmp_path: Path) -> None:
    config = clinic.with_name("shifted.yaml")
    config.write_text(
        "databases:\n  clinic:\n    url: sqlite:///clinic.db\n    classes:\n"
        "      patients.birth_date: {class: birth_date, mask: shift}\n"
        "      visits.day: {class: visit, mask: shift}\n"
        "    subjects: {patients: id, visits: patient_id}\n"
    )
    run(config, tmp_path / "out", "patients", "visits")
    born = {row["id"]: dt.date.fromisoformat(row["birth_date"]) for row in table(tmp_path / "out", "patients")}
    visits = table(tmp_path / "out", "visits")
    ages = Counter((dt.date.fromisoformat(v["day"]) - born[v["patient_id"]]).days for v in visits)
    stays = Counter((dt.date.fromisoformat(v["discharged"]) - dt.date.fromisoformat(v["day"])).days for v in visits)
    days = "SELECT CAST(julianday({}) - julianday({}) AS INT) FROM visits v JOIN patients p ON p.id = v.patient_id"
    assert ages == Counter(n for (n,) in raw(clinic, days.format("day", "birth_date")))
    assert stays == Counter(n for (n,) in raw(clinic, days.format("discharged", "day")))
    real = Counter(str(value) for (value,) in raw(clinic, "SELECT birth_date FROM patients"))
    assert Counter(day.isoformat() for day in born.values()) != real


def test_at_least_k_rows_share_every_combination(exported: Path) -> None:
    groups = Counter((row["zip"], row["birth_date"], row["sex"]) for row in table(exported, "patients"))
    assert min(groups.values()) >= 5
    assert len(groups) > 4
    report = json.loads((exported / "report.json").read_text())
    risk = report["tables"][0]["risk"]
    assert risk["smallest"] == [1, min(groups.values())]
    assert risk["groups"][1] == len(groups)
    assert risk["alone"][0] > 0.9
    assert risk["alone"][1] == 0
    assert sum(risk["sizes"][1]) == PEOPLE


def test_too_few_even_together_do_not_leave(clinic: Path, tmp_path: Path) -> None:
    out = run(clinic, tmp_path / "out", "lonely", "--quasi", "age,town", "--json")
    (lonely,) = json.loads(out)["tables"]
    assert (lonely["rows"], lonely["written"], lonely["dropped"]) == (3, 0, 3)
    assert table(tmp_path / "out", "lonely") == []


def test_births_by_year_and_amounts_by_rule(clinic: Path, tmp_path: Path) -> None:
    run(clinic, tmp_path / "out", "patients", "--births", "year", "--format", "jsonl")
    rows = [json.loads(line) for line in (tmp_path / "out" / "patients.jsonl").read_text().splitlines()]
    assert all(len(row["birth_date"]) == 4 for row in rows)
    assert {row["income"] for row in rows} == {"[masked:money]"}


# --- the report -------------------------------------------------------------------------------------------------------


def test_the_report_is_a_page_with_pictures_and_digests(exported: Path) -> None:
    import hashlib

    page = (exported / "report.html").read_text()
    start, end = page.index("<body>"), page.index("</html>")
    body = ElementTree.fromstring(page[start:end])
    assert len(body.findall(".//svg")) >= 4
    figures = json.loads((exported / "report.json").read_text())
    assert set(figures["files"]) == {f"{name}.csv" for name in ("patients", "visits", "payments", "departments")}
    for name, digest in figures["files"].items():
        assert digest == "sha256:" + hashlib.sha256((exported / name).read_bytes()).hexdigest()
    assert all(join["before"] == join["after"] for join in figures["joins"])
    assert len(figures["joins"]) == 3


def test_what_may_tell_who_somebody_is_gets_a_warning(clinic: Path, tmp_path: Path) -> None:
    run(clinic, tmp_path / "out", "patients")
    assert "Together these may tell who somebody is: sex" in (tmp_path / "out" / "report.html").read_text()


def test_it_is_on_record(exported: Path, clinic: Path) -> None:
    assert exported.exists()
    shown = CliRunner().invoke(app, ["sessions", "--json", "--config", str(clinic)])
    assert shown.exit_code == 0, shown.output
    text = "".join(path.read_text() for path in (clinic.parent / "recordings").rglob("*.jsonl"))
    assert '"export"' in text
    assert "clinic.patients" in text
    assert "k = 5 over zip, birth_date, sex" in text


# --- interruption -----------------------------------------------------------------------------------------------------


class Interrupted(Exception):
    pass


class Flaky:
    """A database that goes away after so many pages."""

    def __init__(self, real: object, pages: int) -> None:
        self._real = real
        self._pages = pages
        self.read = 0

    @property
    def name(self) -> str:
        return "clinic"

    async def page(
        self, relation: Relation, columns: Sequence[str], n: int, **how: object
    ) -> Sequence[Sequence[object]]:
        self._pages -= 1
        if self._pages < 0:
            raise Interrupted
        rows = await self._real.page(relation, columns, n, **how)  # type: ignore[attr-defined]
        self.read += len(rows)
        return rows

    async def count(self, relation: Relation) -> int:
        return await self._real.count(relation)  # type: ignore[attr-defined]


@pytest.mark.parametrize("format", list(Format))
async def test_an_interrupted_export_goes_on(
    clinic: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, format: Format
) -> None:
    if format is Format.PARQUET:
        pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    monkeypatch.setattr("gloveport.guardrails.export.run._KEEP_ROWS", 60)
    state = tmp_path / "state"
    options = Options(
        "clinic",
        ("patients", "visits"),
        tmp_path / "out",
        format,
        quasi=("patients.birth_date", "sex"),
        births=Births.YEAR,
        batch=30,
    )
    async with House.open(load_config(clinic)) as house:
        database = house.databases["clinic"]
        rules = await house.classes.rules("clinic")
        plan = make_plan(options, await database.catalog(), rules, Duties(), {"visits": frozenset({"discharged"})})
        runs = 0
        pages = 7
        while True:
            source = Flaky(database, pages)
            runs += 1
            try:
                made = open_state(options.folder, state, options.fingerprint)
                done = await export(options, plan, source, rules, Duties(), house.detector, made)
                break
            except Interrupted:
                pages += 1
                assert (state / "exports" / made.progress.export / "key").exists()
                assert runs < 12
    assert runs >= 3
    assert not list((state / "exports").iterdir())  # the key is gone
    figures = {t["name"]: t for t in done.figures["tables"]}  # type: ignore[attr-defined]
    assert figures["visits"]["written"] == VISITS
    patients, visits = read(options.folder, "patients", format), read(options.folder, "visits", format)
    assert len({row["id"] for row in patients}) == PEOPLE == len(patients)
    assert len({row["id"] for row in visits}) == VISITS == len(visits)
    assert {row["patient_id"] for row in visits} <= {row["id"] for row in patients}
    columns = {c["name"]: c for c in figures["patients"]["columns"]}
    assert columns["email"]["distinct"] == [PEOPLE, PEOPLE]  # nothing was measured twice
    assert min(Counter((row["birth_date"], row["sex"]) for row in patients).values()) >= 5


def test_what_fails_has_an_end_on_record(clinic: Path, tmp_path: Path) -> None:
    config = tmp_path / "gloveport.yaml"
    config.write_text(f"databases:\n  clinic: {{url: 'sqlite:///{clinic.parent / 'clinic.db'}'}}\n")
    with pytest.raises(UserError):
        run(config, tmp_path / "out", "nobody")
    text = "".join(path.read_text() for path in (tmp_path / "recordings").rglob("*.jsonl"))
    assert '"call.failed"' in text
    assert '"call.unresolved"' not in text


def test_a_folder_with_something_else_is_left_alone(clinic: Path, exported: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="holds a finished export"):
        run(clinic, exported, "patients")
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(UserError, match="is not empty"):
        run(clinic, tmp_path, "patients")


def test_another_export_is_not_continued(tmp_path: Path) -> None:
    open_state(tmp_path / "out", tmp_path / "state", "one")
    open_state(tmp_path / "out", tmp_path / "state", "one")
    from gloveport.guardrails.export.options import ExportError

    with pytest.raises(ExportError, match="unfinished export of other tables or settings"):
        open_state(tmp_path / "out", tmp_path / "state", "two")


def test_keys_of_abandoned_exports_are_deleted(tmp_path: Path) -> None:
    import shutil

    open_state(tmp_path / "out", tmp_path / "state", "one")
    (kept,) = (tmp_path / "state" / "exports").iterdir()
    assert (kept / "key").stat().st_mode & 0o777 == 0o600
    shutil.rmtree(tmp_path / "out")
    open_state(tmp_path / "other", tmp_path / "state", "one")
    assert not kept.exists()


# --- what is refused --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("patient",), r"patient: there is no such open table in clinic\. "),
        (("v_patients",), "v_patients: is a view; export the tables beneath it"),
        (("patients", "patients"), "a table is named twice"),
        (("patients", "--quasi", "sexx"), "--quasi sexx: no exported table has that column"),
        (("patients", "--quasi", "email"), "--quasi email: patients.email is email; it leaves masked"),
        (("visits", "--subject", "visits.whose"), "there is no such column"),
    ],
)
def test_one_line_for_what_cannot_be(clinic: Path, tmp_path: Path, arguments: tuple[str, ...], complaint: str) -> None:
    with pytest.raises(UserError, match=complaint) as raised:
        run(clinic, tmp_path / "out", *arguments)
    assert len(raised.value.lines) == 1
    assert not (tmp_path / "out").exists()


def test_parquet_without_pyarrow_is_one_line(clinic: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(UserError, match=r"pip install 'gloveport\[export\]'"):
        run(clinic, tmp_path / "out", "patients", "--format", "parquet")


def test_a_policy_may_forbid_it(clinic: Path, tmp_path: Path) -> None:
    from gloveport.policies.templates import write_default

    write_default(tmp_path / "policies")
    rule = (
        '@id("no-incomes")\n@why("pay is nobody\'s business")\n'
        'forbid (principal, action == Action::"db.select", resource)\n'
        'when { context.data.columns.contains("patients.income") };\n'
    )
    (tmp_path / "policies" / "rules" / "pay.cedar").write_text(rule)
    config = tmp_path / "gloveport.yaml"
    config.write_text(
        f"databases:\n  clinic: {{url: 'sqlite:///{clinic.parent / 'clinic.db'}'}}\npolicies: ./policies\n"
    )
    with pytest.raises(UserError, match="the policy forbids it"):
        run(config, tmp_path / "out", "patients")
    run(config, tmp_path / "out", "visits")
    text = "".join(path.read_text() for path in (tmp_path / "recordings").rglob("*.jsonl"))
    assert "no-incomes" in text


def test_parquet(clinic: Path, tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed")
    run(clinic, tmp_path / "out", "patients", "visits", "--format", "parquet", "--amounts", "noise")
    patients = parquet.read_table(tmp_path / "out" / "patients.parquet")
    visits = parquet.read_table(tmp_path / "out" / "visits.parquet")
    assert (patients.num_rows, visits.num_rows) == (PEOPLE, VISITS)
    assert str(patients.schema.field("id").type) == "int64"
    assert str(patients.schema.field("income").type) == "int64"
    assert set(visits["patient_id"].to_pylist()) <= set(patients["id"].to_pylist())
