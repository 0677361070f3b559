"""Two tools of a clinic's own: one reads, one sends. Name this file in gloveport.yaml: ``tools: [my_tools.py]``.

The agent sees tokens for names and addresses. It passes a token on as ``to``; only `send_reminder` gets the real
address, and only where a policy clears ``send_reminder.to``.
"""

from __future__ import annotations

import csv
import os
import smtplib
from datetime import date
from email.message import EmailMessage
from email.utils import make_msgid
from pathlib import Path
from typing import Annotated

from pydantic import Field

from gloveport.tools.guarded import Progress, Refuse, guarded_tool

HERE = Path(__file__).parent


@guarded_tool(
    reads=["clinic.appointments"],
    classes={"appointments[].patient": "person", "appointments[].email": "email"},
    recorded=["day"],
)
def appointments(day: Annotated[date, Field(description="as 2026-11-24")]) -> dict[str, list[dict[str, str]]]:
    """The appointments of a day: time, room, patient and their e-mail address."""
    book = Path(os.environ.get("CLINIC_APPOINTMENTS", HERE / "appointments.csv"))
    with book.open(encoding="utf-8", newline="") as rows:
        found = [row for row in csv.DictReader(rows) if row["day"] == day.isoformat()]
    return {"appointments": [{key: row[key] for key in ("time", "room", "patient", "email")} for row in found]}


@guarded_tool(sends=["mail"], restore=["to"], seconds=20)
def send_reminder(to: list[str], day: date, time: str, progress: Progress) -> dict[str, int]:
    """Remind patients of an appointment by e-mail. ``to``: addresses or their tokens."""
    if day < date.today():
        raise Refuse("That day is over.", "Remind of an appointment to come.")
    mails = [_reminder(address, day, time) for address in to]
    for done, mail in enumerate(mails, 1):
        _hand_over(mail)
        progress(done, len(mails), "reminders sent")
    return {"sent": len(mails)}


def _reminder(to: str, day: date, time: str) -> EmailMessage:
    mail = EmailMessage()
    mail["Message-ID"] = make_msgid(domain="clinic.example")
    mail["From"] = "reception@clinic.example"
    mail["To"] = to
    mail["Subject"] = "Your appointment"
    mail.set_content(f"Your next appointment is on {day:%d %B %Y} at {time}.\n")
    return mail


def _hand_over(mail: EmailMessage) -> None:
    """To the mail server CLINIC_SMTP; without one, as a file into a folder for trying it out."""
    host = os.environ.get("CLINIC_SMTP")
    if host:
        with smtplib.SMTP(host, timeout=10) as server:
            server.send_message(mail)
        return
    outbox = Path(os.environ.get("CLINIC_OUTBOX", HERE / "outbox"))
    outbox.mkdir(exist_ok=True)
    name = mail["Message-ID"].strip("<>").replace("@", "_")
    (outbox / f"{name}.eml").write_bytes(bytes(mail))
