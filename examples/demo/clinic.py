"""The demo clinic: a SQLite database and a folder of reports, made from a seed. Nobody in it exists.

Numbers are well formed (cards pass Luhn, social security numbers lie in issued ranges), because data that no detector
would take
for real proves nothing.
"""

from __future__ import annotations

import csv
import json
import random
import sqlite3
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

SEED = 20261122
PATIENTS = 400
VISITS = 1800

FIRST = (
    "Amelia Noah Priya Mateo Hannah Kofi Ingrid Luca Yuki Omar Sofia Declan Aisha Piotr Chiara Tomas Leila "
    "Bruno Nadia Felix Greta Samuel Wanjiru Elias Marta Hugo Freya Rohan Camila Viktor"
).split()
LAST = (
    "Whitfield Okafor Lindqvist Marchetti Tanaka Haddad Novak Brennan Castillo Iyer Petrov "
    "Vasquez Keller Osei Romano Dubois Andersson Fairchild Kowalski Mbeki Santoro Hartmann "
    "Eriksen Quigley Rahman Ferreira Stavros Delgado Winslow Achterberg"
).split()
STREETS = "Alder Lane,Birch Street,Canal Road,Dover Court,Elm Avenue,Foundry Way,Garden Close,Harbour View".split(",")
CITIES = ("Ashford", "Brookdale", "Cedar Falls", "Dunmore", "Eastwick")
MAIL = ("fastpost.net", "brightmail.org", "inboxly.co")
DEPARTMENTS = ("Cardiology", "Dermatology", "General practice", "Orthopaedics", "Paediatrics")
DIAGNOSES = ("E11.9", "I10", "J45.909", "L20.9", "M54.5", "Z00.00")
PLANS = ("basic", "family", "premium")

SCHEMA = """
CREATE TABLE departments (id INTEGER PRIMARY KEY, title TEXT NOT NULL, floor INTEGER NOT NULL);
CREATE TABLE patients (
  id INTEGER PRIMARY KEY, full_name TEXT NOT NULL, email TEXT NOT NULL, phone TEXT NOT NULL, ssn TEXT NOT NULL,
  birth_date DATE NOT NULL, street TEXT NOT NULL, city TEXT NOT NULL, plan TEXT NOT NULL, notes TEXT);
CREATE TABLE visits (
  id INTEGER PRIMARY KEY, patient_id INTEGER NOT NULL REFERENCES patients(id),
  department_id INTEGER NOT NULL REFERENCES departments(id), day DATE NOT NULL, diagnosis TEXT NOT NULL, minutes
  INTEGER NOT NULL);
CREATE TABLE newsletter (id INTEGER PRIMARY KEY, email TEXT NOT NULL, topic TEXT NOT NULL, subscribed DATE NOT NULL);
CREATE TABLE payments (
  id INTEGER PRIMARY KEY, visit_id INTEGER NOT NULL REFERENCES visits(id), card_number TEXT NOT NULL, amount_cents
  INTEGER NOT NULL,
  status TEXT NOT NULL);
CREATE TABLE api_keys (id INTEGER PRIMARY KEY, service TEXT NOT NULL, secret TEXT NOT NULL);
CREATE INDEX patients_email ON patients(email);
"""

CONFIG = """\
# A demo of Gloveport. Every path is relative to this file.
databases:
  clinic:
    url: sqlite:///clinic.db
    deny: [api_keys]
    classes:
      patients.full_name: person
      patients.email: email
      patients.phone: phone
      patients.ssn: ssn
      patients.birth_date: birth_date
      patients.street: address
      patients.notes: free_text
      visits.diagnosis: {class: health, mask: redact}
      newsletter.email: email
      payments.card_number: card
    limits: {rows: 200, seconds: 5}
files:
  reports: {path: ./reports, write: true}
recordings: ./recordings
"""


@dataclass(frozen=True, slots=True)
class Patient:
    id: int
    full_name: str
    email: str
    phone: str
    ssn: str
    birth_date: date
    street: str
    city: str
    plan: str
    notes: str | None


def build(folder: Path) -> Path:
    """Make the clinic in an empty or new folder; return the path of its ``gloveport.yaml``."""
    folder.mkdir(parents=True, exist_ok=True)
    source = random.Random(SEED)
    patients = [_patient(source, n) for n in range(1, PATIENTS + 1)]
    _database(folder / "clinic.db", source, patients)
    _reports(folder / "reports", source, patients)
    config = folder / "gloveport.yaml"
    config.write_text(CONFIG, encoding="utf-8")
    return config


def _patient(source: random.Random, number: int) -> Patient:
    first, last = source.choice(FIRST), source.choice(LAST)
    email = f"{first}.{last}{source.randrange(10, 99)}@{source.choice(MAIL)}".lower()
    phone = f"+1 {source.choice((212, 312, 415, 617))} {source.randrange(220, 980)} {source.randrange(1000, 9999)}"
    notes = source.choice(
        (
            None,
            f"Called {first} on {phone}; prefers mornings.",
            f"{first} {last} asked to send results to {email}.",
            "Allergic to penicillin. Next check in six months.",
            f"Lives alone at {number} {STREETS[number % len(STREETS)]}; sister of Dr. {source.choice(LAST)}.",
        )
    )
    return Patient(
        id=number,
        full_name=f"{first} {last}",
        email=email,
        phone=phone,
        ssn=f"{source.randrange(100, 665)}-{source.randrange(10, 99)}-{source.randrange(1000, 9999)}",
        birth_date=date(1935, 1, 1) + timedelta(days=source.randrange(30_000)),
        street=f"{source.randrange(1, 250)} {source.choice(STREETS)}",
        city=source.choice(CITIES),
        plan=source.choice(PLANS),
        notes=notes,
    )


def _card(source: random.Random) -> str:
    """A 16-digit number with a right check digit (ISO/IEC 7812-1, annex B)."""
    digits = [4, *(source.randrange(10) for _ in range(14))]
    doubled = [d if i % 2 else d * 2 - 9 * (d > 4) for i, d in enumerate(digits)]
    return "".join(map(str, [*digits, -sum(doubled) % 10]))


def _database(path: Path, source: random.Random, patients: list[Patient]) -> None:
    path.unlink(missing_ok=True)
    connection = sqlite3.connect(path)
    try:
        connection.executescript(SCHEMA)
        connection.executemany(
            "INSERT INTO departments VALUES (?,?,?)", [(i, t, i % 3) for i, t in enumerate(DEPARTMENTS, 1)]
        )
        connection.executemany(
            "INSERT INTO patients VALUES (?,?,?,?,?,?,?,?,?,?)",
            [
                (
                    p.id,
                    p.full_name,
                    p.email,
                    p.phone,
                    p.ssn,
                    p.birth_date.isoformat(),
                    p.street,
                    p.city,
                    p.plan,
                    p.notes,
                )
                for p in patients
            ],
        )
        for number in range(1, VISITS + 1):
            day = date(2026, 1, 1) + timedelta(days=source.randrange(300))
            visit = (number, source.randrange(1, PATIENTS + 1), source.randrange(1, 6), day.isoformat())
            connection.execute(
                "INSERT INTO visits VALUES (?,?,?,?,?,?)",
                (*visit, source.choice(DIAGNOSES), source.randrange(10, 60, 5)),
            )
            if source.random() < 0.6:
                status = source.choices(("paid", "open", "refunded"), (8, 2, 1))[0]
                paid = (number, _card(source), source.randrange(2_000, 40_000, 50), status)
                connection.execute("INSERT INTO payments VALUES (NULL,?,?,?,?)", paid)
        readers = source.sample(patients, 120)
        connection.executemany(
            "INSERT INTO newsletter (email, topic, subscribed) VALUES (?,?,?)",
            [
                (p.email, source.choice(("heart", "sleep", "children")), f"2026-0{source.randrange(1, 10)}-15")
                for p in readers
            ],
        )
        connection.execute("INSERT INTO api_keys VALUES (1, 'laboratory', 'lab_live_51HxQ9vT2mZ8rK4wNcJ7')")
        connection.commit()
    finally:
        connection.close()


def _reports(folder: Path, source: random.Random, patients: list[Patient]) -> None:
    folder.mkdir(exist_ok=True)
    with (folder / "callbacks.csv").open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(("patient", "email", "phone", "reason"))
        for p in source.sample(patients, 25):
            rows.writerow((p.full_name, p.email, p.phone, source.choice(("results", "billing", "appointment"))))
    one, two = source.sample(patients, 2)
    (folder / "handover.md").write_text(
        f"# Night handover\n\n- {one.full_name} ({one.phone}) waits for a call back before 10:00.\n"
        f"- Card {_card(source)} was charged twice for {two.full_name}; mail {two.email} when refunded.\n"
        "- The server at 10.20.30.40 restarts at 02:00; version 4.12.2 is on it since 2026-10-05.\n",
        encoding="utf-8",
    )
    settings = {"mailer": {"from": "desk@ashford-clinic.org", "smtp_password": "tR8#vq2!LmX0"}, "retries": 3}
    (folder / "settings.json").write_text(json.dumps(settings, indent=2) + "\n", encoding="utf-8")
