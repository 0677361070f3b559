"""Through the whole house: dates of one person move together, and no way round tells how far."""

from __future__ import annotations

import datetime as dt
import json
import sqlite3
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import TypeAlias, cast

import duckdb
import pytest
from loguru import logger

from gloveport.guardrails.call import Caller, Release, Request, Status
from gloveport.guardrails.config import ConfigError, load_config
from gloveport.guardrails.house import House, HouseError
from gloveport.guardrails.masking.shifting import is_date, person
from gloveport.tests.canaries import leaks
from gloveport.tools.tool import JsonObject

Call: TypeAlias = Callable[..., Awaitable[Release]]
Clinic: TypeAlias = Callable[..., AbstractAsyncContextManager[Call]]

BORN = [dt.date(1950, 1, 1) + dt.timedelta(1000 * i) for i in range(10)]
DAYS = [[dt.date(2012, 3, 1) + dt.timedelta(400 * i + n) for n in (0, 10, 47)] for i in range(10)]
REAL = [day.isoformat() for day in (*BORN, *(day for days in DAYS for day in days))]

CONFIG = """
databases:
  clinic:
    url: {url}
    write: true
    classes:
      patients.mrn: account
      patients.born: {{class: birth_date, mask: shift}}
      visits.day: {{class: visit, mask: shift}}
      visits.seen: {{class: visit, mask: shift}}
      stays.mrn: account
      stays.since: {{class: visit, mask: shift}}
      staff.born: {{class: birth_date, mask: shift}}
      visits.note: {{class: tail, mask: last4}}
    open: [patients.id, patients.nick, visits.id, visits.patient_id, stays.id, staff.id]
    subjects: {{patients: id, visits: patient_id, stays: mrn, staff: {{column: id, of: staff}}}}
policies: ./policies
{more}
"""
POLICY = """
@id("all") @why("a test of what masking holds when policy allows everything")
permit (principal, action in [
  Action::"db.schema", Action::"db.select", Action::"db.insert", Action::"db.update"
], resource);
"""
TABLES = """
CREATE TABLE patients (id INTEGER PRIMARY KEY, mrn TEXT, born {date}, nick TEXT);
CREATE TABLE visits (id INTEGER PRIMARY KEY, patient_id INTEGER, day {date}, seen {time}, note TEXT);
CREATE TABLE stays (id INTEGER PRIMARY KEY, mrn TEXT, since {date});
CREATE TABLE staff (id INTEGER PRIMARY KEY, born {date});
"""


def filled(add: Callable[[str, list[object]], object], *, texts: bool) -> None:
    def kept(day: dt.date, time: bool = False) -> object:
        moment: dt.date = dt.datetime.combine(day, dt.time(9, 30)) if time else day
        return moment.isoformat(*(" " if time else "")) if texts else moment

    for i, born in enumerate(BORN):
        add("INSERT INTO patients VALUES (?, ?, ?, ?)", [i, f"M-{1000 + i}", kept(born), f"n{i}"])
        add("INSERT INTO staff VALUES (?, ?)", [i, kept(born)])
        add("INSERT INTO stays VALUES (?, ?, ?)", [i, f"M-{1000 + i}", kept(DAYS[i][0])])
        for n, day in enumerate(DAYS[i]):
            add(
                "INSERT INTO visits VALUES (?, ?, ?, ?, ?)",
                [10 * i + n, i, kept(day), kept(day, True), "ward 12345678"],
            )


@pytest.fixture
def clinic(tmp_path: Path) -> Clinic:
    (tmp_path / "policies").mkdir()
    (tmp_path / "policies" / "all.cedar").write_text(POLICY)
    db = sqlite3.connect(tmp_path / "clinic.db")
    db.executescript(TABLES.format(date="TEXT", time="TEXT"))
    filled(db.execute, texts=True)
    db.commit()
    db.close()

    @asynccontextmanager
    async def opened(*, url: str = "sqlite:///clinic.db", more: str = "") -> AsyncGenerator[Call]:
        (tmp_path / "gloveport.yaml").write_text(CONFIG.format(url=url, more=more))
        async with House.open(load_config(tmp_path / "gloveport.yaml")) as house:

            async def run(tool: str, **arguments: str) -> Release:
                asked: JsonObject = {"database": "clinic", **arguments}
                return await house.chain.call(Request(tool, asked, Caller("stdio")))

            yield run

    return opened


@pytest.fixture
async def call(clinic: Clinic) -> AsyncIterator[Call]:
    async with clinic() as run:
        yield run


async def rows(call: Call, sql: str) -> list[list[object]]:
    release = await call("database_query", sql=sql)
    assert release.status is Status.RELEASED, release.content
    return cast("list[list[object]]", release.content["rows"])


async def column(call: Call, sql: str, name: str) -> JsonObject:
    release = await call("database_query", sql=sql)
    assert release.status is Status.RELEASED, release.content
    columns = cast("list[JsonObject]", release.content["columns"])
    return cast("JsonObject", next(one["mask"] for one in columns if one["name"] == name))


async def changed(call: Call, sql: str) -> None:
    release = await call("database_execute", sql=sql)
    assert release.status is Status.RELEASED, release.content


async def births(call: Call, sql: str = "SELECT id, born FROM patients ORDER BY id") -> dict[object, object]:
    return {row[0]: row[1] for row in await rows(call, sql)}


def day(value: object) -> dt.date:
    return dt.date.fromisoformat(str(value)[:10])


def weeks(shown: object, real: dt.date) -> int:
    """By how many whole weeks a date was moved."""
    moved = (day(shown) - real).days
    assert moved % 7 == 0
    assert 0 < abs(moved) <= 25 * 7
    return moved // 7


def masked(values: Iterable[object]) -> bool:
    return all(str(value).startswith("[masked:") for value in values)


async def test_distances_and_weekdays_are_exact(call: Call) -> None:
    shown = await births(call)
    shifts = [weeks(shown[i], born) for i, born in enumerate(BORN)]
    assert len(set(shifts)) > 1, "each person has a shift of their own"
    visits = await rows(call, "SELECT patient_id, day, seen FROM visits ORDER BY id")
    real = [(i, one) for i in range(10) for one in DAYS[i]]
    for (who, date, moment), (i, one) in zip(visits, real, strict=True):
        assert who == i
        assert weeks(date, one) == shifts[i], "one person, one shift, in whichever table"
        assert moment == f"{date} 09:30:00", "a point in time keeps its time"


async def test_the_same_in_every_call_and_shape(call: Call) -> None:
    before = await births(call)
    for sql in (
        "SELECT id, born FROM patients ORDER BY id",
        "SELECT p.id, p.born FROM patients AS p ORDER BY p.id",
        "WITH t AS (SELECT id, born FROM patients) SELECT id, born FROM t",
        "SELECT p.id, p.born FROM patients p JOIN visits v ON v.patient_id = p.id",
    ):
        assert await births(call, sql) == before


@pytest.mark.parametrize("scope", ["tenant", "purpose", "session"])
async def test_the_same_in_every_session(clinic: Clinic, scope: str) -> None:
    """A new shift for every session would show a date moved to all sides, and so what it is."""
    shown: list[object] = []
    for purpose in ("care", "research"):
        async with clinic(more=f"masking: {{scope: {scope}}}\nidentity: {{purpose: {purpose}}}") as call:
            shown.append(await births(call))
    assert shown[0] == shown[1]


async def test_people_of_two_kinds_do_not_share_shifts(call: Call) -> None:
    staff = await births(call, "SELECT id, born FROM staff ORDER BY id")
    assert staff != await births(call), "patient 7 and nurse 7 are two"


async def test_the_person_may_be_masked(call: Call) -> None:
    found = await rows(call, "SELECT mrn, since FROM stays ORDER BY id")
    assert all(str(mrn) != f"M-{1000 + i}" for i, (mrn, _) in enumerate(found))
    assert len({weeks(since, DAYS[i][0]) for i, (_, since) in enumerate(found)}) > 1
    again = await rows(call, f"SELECT mrn, since FROM stays WHERE mrn = '{found[3][0]}'")
    assert again == [found[3]]


async def test_without_the_person_the_reason_says_what_to_add(call: Call) -> None:
    assert masked(row[0] for row in await rows(call, "SELECT born FROM patients"))
    mask = await column(call, "SELECT born FROM patients", "born")
    assert mask["class"] == "birth_date"
    assert mask["transform"] == "redact"
    assert "add patients.id to see shifted dates" in str(mask["reason"])
    mask = await column(call, "SELECT id, born FROM patients", "born")
    assert (mask["class"], mask["transform"]) == ("birth_date", "shift")


async def test_the_schema_names_the_mask(call: Call) -> None:
    release = await call("database_schema", table="visits")
    assert '"class": "visit", "mask": "shift"' in json.dumps(release.content)


CROSSED = {
    "a product": "SELECT a.born, b.id FROM patients a, patients b WHERE a.id = 3",
    "a join": "SELECT a.born, b.id FROM patients a JOIN patients b ON b.id <> a.id WHERE a.id = 3",
    "a derived table": "SELECT t.born, t.id FROM (SELECT a.born, b.id FROM patients a, patients b) AS t",
    "a common table": "WITH t AS (SELECT id, born FROM patients) SELECT a.born, b.id FROM t a, t b",
    "another table's key": "SELECT p.born, v.patient_id FROM patients p, visits v",
    "a made up person": "SELECT born, id FROM (SELECT born, 5 AS id FROM patients) AS t",
    "a union": "SELECT 5 AS id, born FROM patients UNION ALL SELECT id, born FROM patients",
    "a union of dates": "SELECT patient_id AS id, day AS born FROM visits "
    "UNION ALL SELECT patient_id, seen FROM visits",
    "computed": "SELECT id, max(born) AS born FROM patients GROUP BY id",
    "a part": "SELECT id, substr(born, 1, 4) AS born FROM patients",
}


@pytest.mark.parametrize("sql", CROSSED.values(), ids=CROSSED)
async def test_a_date_under_the_shifts_of_others(call: Call, sql: str) -> None:
    """The least and the greatest of them would lie half a year around the real date."""
    release = await call("database_query", sql=sql)
    assert release.status in (Status.RELEASED, Status.REFUSED)
    if release.status is Status.RELEASED:
        names = [one["name"] for one in cast("list[JsonObject]", release.content["columns"])]
        found = cast("list[list[object]]", release.content["rows"])
        assert masked(row[names.index("born")] for row in found)
    assert not leaks(release.content, REAL)


async def test_a_self_join_shows_each_with_its_own(call: Call) -> None:
    before = await births(call)
    sql = "SELECT a.id, a.born, b.id, b.born FROM patients a JOIN patients b ON b.id = a.id + 1"
    for a, a_born, b, b_born in await rows(call, sql):
        assert (a_born, b_born) == (before[a], before[b])


async def test_no_comparison_with_a_date(call: Call) -> None:
    shown = (await births(call))[3]
    for condition in (f"born = '{shown}'", f"born = '{BORN[3]}'", f"born < '{BORN[3]}'", f"born IN ('{shown}')"):
        release = await call("database_query", sql=f"SELECT id FROM patients WHERE {condition}")
        assert release.status is Status.REFUSED, condition


async def test_what_is_no_date_or_nobodys(clinic: Clinic, tmp_path: Path) -> None:
    db = sqlite3.connect(tmp_path / "clinic.db")
    odd = [None, "", "soon", "1980-02-03 Ann Smith", "1980-02-30", "1980", 19800203, 3.5, b"1980-02-03", "9999-12-31"]
    db.executemany("INSERT INTO patients (id, born) VALUES (?, ?)", [(100 + i, value) for i, value in enumerate(odd)])
    db.execute("INSERT INTO visits (id, patient_id, day) VALUES (900, NULL, '2020-02-02')")
    db.commit()
    db.close()
    async with clinic() as call:
        shown = [born for _, born in await rows(call, "SELECT id, born FROM patients WHERE id >= 100 ORDER BY id")]
        assert shown == [None, "", *["[masked:birth_date]"] * (len(odd) - 2)]
        found = await rows(call, "SELECT id, patient_id, day FROM visits WHERE id = 900")
        assert found == [[900, None, "[masked:visit]"]]


async def test_dates_and_timestamps_of_a_typed_database(clinic: Clinic, tmp_path: Path) -> None:
    db = duckdb.connect(str(tmp_path / "clinic.duckdb"))
    db.execute(TABLES.format(date="DATE", time="TIMESTAMP"))
    filled(db.execute, texts=False)
    db.close()
    async with clinic(url="duckdb:///clinic.duckdb") as call:
        before = await births(call)
        for who, date, moment in await rows(call, "SELECT patient_id, day, seen FROM visits ORDER BY id"):
            assert moment == f"{date}T09:30:00"
            distance = day(date) - day(before[who])
            assert distance in [one - BORN[cast("int", who)] for one in DAYS[cast("int", who)]]


@pytest.mark.parametrize("asked", ["generalise", "redact", "drop", "token", "shift", "last4"])
async def test_a_stricter_policy_wins(clinic: Clinic, tmp_path: Path, asked: str) -> None:
    duty = f'@id("m") @why("a test") @require("mask") @class("birth_date") @with("{asked}")\n'
    (tmp_path / "policies" / "m.cedar").write_text(duty + "forbid (principal, action, resource);\n")
    async with clinic() as call:
        shown = (await births(call))[3]
    match asked:
        case "generalise":
            assert shown == str(BORN[3].year)
        case "redact":
            assert shown == "[masked:birth_date]"
        case "drop":
            assert shown is None
        case "token":
            assert str(shown) < "1900"
        case _:
            assert weeks(shown, BORN[3]), "no stricter"


async def test_a_policy_that_asks_for_a_shift_nobody_configured(clinic: Clinic, tmp_path: Path) -> None:
    duty = '@id("m") @why("a test") @require("mask") @class("tail") @with("shift")\n'
    (tmp_path / "policies" / "m.cedar").write_text(duty + "forbid (principal, action, resource);\n")
    async with clinic() as call:
        assert masked(row[1] for row in await rows(call, "SELECT id, note FROM visits WHERE id < 3"))


# What an agent has a hand in

REAL_VISIT = "SELECT id, patient_id, day FROM visits WHERE id = 31"


async def test_a_date_an_agent_wrote(call: Call) -> None:
    """A known date and what becomes of it would tell the shift of all dates of that person."""
    before = await births(call)
    await changed(call, "INSERT INTO visits (id, patient_id, day, seen) VALUES (900, 3, '2020-05-05', '2020-05-05')")
    (row,) = await rows(call, "SELECT id, patient_id, day, seen FROM visits WHERE id = 900")
    assert row == [900, 3, "[masked:visit]", "[masked:visit]"]
    assert await births(call) == before, "dates of other tables stay"
    (other,) = await rows(call, "SELECT id, patient_id, day FROM visits WHERE id = 42")
    assert weeks(other[2], DAYS[4][2]), "and so do those of other people"


async def test_a_date_an_agent_wrote_over_another(call: Call) -> None:
    for spelt in ("'2020-05-05'", "NULL", "seen", "'5 May 2020'"):
        await changed(call, f"UPDATE visits SET day = {spelt} WHERE id = 31")
        assert masked(row[2] for row in await rows(call, REAL_VISIT) if row[2] is not None)
    mask = await column(call, REAL_VISIT, "day")
    assert mask["transform"] == "redact"
    assert "until an agent changed some" in str(mask["reason"])
    (row,) = await rows(call, "SELECT patient_id, seen FROM visits WHERE id = 31")
    assert weeks(row[1], DAYS[3][1]), "a column nobody wrote to shows what it showed"


async def test_which_dates_are_redacted_says_nothing_of_them(call: Call) -> None:
    """Written once and seen redacted wherever it stands, a date would be a question that is answered."""
    values = ", ".join(f"({900 + n}, 7, '{one}')" for n, one in enumerate(DAYS[3]))
    await changed(call, f"INSERT INTO visits (id, patient_id, day) VALUES {values}")
    shown = await rows(call, "SELECT patient_id, day FROM visits WHERE patient_id = 3 ORDER BY id")
    assert [weeks(one, real) for (_, one), real in zip(shown, DAYS[3], strict=True)]


MOVED = {
    "spelt out": "UPDATE visits SET patient_id = 5 WHERE id = 31",
    "as text": "UPDATE visits SET patient_id = ' 5 ' WHERE id = 31",
    "as a number": "UPDATE visits SET patient_id = 5.0 WHERE id = 31",
    "computed": "UPDATE visits SET patient_id = patient_id + 2 WHERE id = 31",
    "copied": "UPDATE visits SET patient_id = id - id + 5 WHERE id = 31",
    "looked up": "UPDATE visits SET patient_id = (SELECT id FROM patients WHERE nick = 'n5') WHERE id = 31",
    "of the row": "UPDATE visits SET patient_id = id WHERE id = 31",
}


@pytest.mark.parametrize("sql", MOVED.values(), ids=MOVED)
async def test_a_row_given_to_somebody_else(call: Call, sql: str) -> None:
    await changed(call, sql)
    (row,) = await rows(call, REAL_VISIT)
    assert row[2] == "[masked:visit]"


async def test_a_row_given_to_somebody_else_by_a_token(call: Call) -> None:
    tokens = [row[0] for row in await rows(call, "SELECT mrn, since FROM stays ORDER BY id")]
    await changed(call, f"UPDATE stays SET mrn = '{tokens[5]}' WHERE id = 3")
    found = await rows(call, "SELECT mrn, since FROM stays ORDER BY id")
    assert found[3] == found[5] == [tokens[5], "[masked:visit]"], "the token itself stays"
    assert weeks(found[4][1], DAYS[4][0])


async def test_a_date_copied_to_everybody(call: Call) -> None:
    copied = """
        INSERT INTO visits (id, patient_id, day) SELECT 1000 + p.id, p.id, v.day FROM visits v, patients p
        WHERE v.id = 31 ORDER BY p.id, v.id
    """
    await changed(call, copied)
    assert masked(row[1] for row in await rows(call, "SELECT patient_id, day FROM visits WHERE id >= 1000"))


async def test_a_row_by_default(call: Call) -> None:
    """Nobody spelt out whose it is: a person the database made may be another's number tomorrow."""
    await changed(call, "INSERT INTO patients (born) VALUES ('1980-05-05')")
    assert masked((await births(call)).values())


async def test_a_returned_row(call: Call) -> None:
    sql = "INSERT INTO visits (id, patient_id, day) VALUES (900, 3, '2020-05-05') RETURNING patient_id, day"
    release = await call("database_execute", sql=sql)
    assert release.content["rows"] == [[3, "[masked:visit]"]]
    sql = "UPDATE visits SET note = 'y' WHERE id = 42 RETURNING patient_id, day"
    release = await call("database_execute", sql=sql)
    assert weeks(cast("list[list[object]]", release.content["rows"])[0][1], DAYS[4][2])


# What is kept, and what must not be


async def test_no_real_date_anywhere(clinic: Clinic, tmp_path: Path) -> None:
    logged: list[str] = []
    sink = logger.add(logged.append, level="TRACE")
    answers: list[object] = []
    try:
        async with clinic() as call:
            for sql in (
                "SELECT * FROM patients",
                "SELECT * FROM visits",
                "SELECT p.id, p.born, v.patient_id, v.seen FROM patients p JOIN visits v ON v.patient_id = p.id",
                "SELECT born FROM patients",
                *CROSSED.values(),
            ):
                answers.append((await call("database_query", sql=sql)).content)
    finally:
        logger.remove(sink)
    assert not leaks(answers, REAL)
    assert not leaks("".join(logged), REAL)
    assert not leaks(tmp_path / "recordings", REAL)
    text = "".join(path.read_text() for path in (tmp_path / "recordings").rglob("*.jsonl"))
    assert '"act":"shift"' in text.replace(" ", "")


# Configuration


def complaint(tmp_path: Path, text: str) -> str:
    path = tmp_path / "gloveport.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError) as info:
        load_config(path)
    (finding,) = info.value.findings
    assert "\n" not in finding
    return finding.removeprefix(f"{path}:")


def test_a_shift_without_a_subject_stops_the_start(tmp_path: Path) -> None:
    text = (
        "databases:\n  clinic:\n    url: sqlite:///c.db\n    classes:\n      p.born: {class: birth_date, mask: shift}\n"
    )
    assert complaint(tmp_path, text) == (
        "2: databases.clinic: p.born has the mask shift; say whose its dates are with subjects: {p: COLUMN}"
    )
    wrong = text + "    subjects: {p: {column: id, oof: p}}\n"
    assert complaint(tmp_path, wrong) == "6: databases.clinic.subjects.p.oof: unknown key; did you mean 'of'?"


@pytest.mark.parametrize(
    ("subjects", "finding"),
    [
        ("{patients: nr}", "patients.nr: no such column; name the one that says whose row it is"),
        ("{patients: id, nobody: id}", "nobody.id: no such column; name the one that says whose row it is"),
        ("{patients: id, seen: id}", "seen: is a view; name the tables beneath it, it shows their dates"),
    ],
)
async def test_a_subject_that_is_not_there_stops_the_start(tmp_path: Path, subjects: str, finding: str) -> None:
    db = sqlite3.connect(tmp_path / "clinic.db")
    db.execute("CREATE TABLE patients (id INTEGER PRIMARY KEY, born TEXT)")
    db.execute("CREATE VIEW seen AS SELECT id, born FROM patients")
    db.close()
    classes = "{patients.born: {class: birth_date, mask: shift}}"
    text = f"databases: {{clinic: {{url: 'sqlite:///clinic.db', classes: {classes}, subjects: {subjects}}}}}\n"
    (tmp_path / "gloveport.yaml").write_text(text)
    with pytest.raises(HouseError) as info:
        async with House.open(load_config(tmp_path / "gloveport.yaml")):
            pass
    assert info.value.findings == (f"databases.clinic.subjects: {finding}",)


# Parts


def test_a_person_is_the_same_in_every_type() -> None:
    assert {person(key) for key in (7, 7.0, Decimal("7.00"), "7", " 7 ", b"7")} == {"7"}
    assert person("P-7") == person("p-7  ")
    assert person("07") != person("7")
    assert person(None) is None
    assert person("") is None


def test_what_counts_as_a_date() -> None:
    for value in (
        dt.date(1980, 2, 3),
        dt.datetime(1980, 2, 3, 4, 5, tzinfo=dt.UTC),
        "1980-02-03",
        "1980-02-03T04:05",
        "1980-02-03 04:05:06.123456+01:00",
        "1980-02-03 04:05:06Z",
    ):
        assert is_date(value)
    for other in ("1980-02-03 Ann", "1980-02-03\n", "03.02.1980", 19800203, dt.date(9999, 12, 31), dt.time(4, 5), True):
        assert not is_date(other)
