"""The envelope of every line of a transcript, format v1, and the hash chain over the lines of a session.

A line is one JSON object, without its newline::

    v      1, the major version of the format
    sid    session id (ULID); the log's own events carry the id of the log instance
    seq    0, 1, 2 ... without a gap within the session
    cid    call id, on the events of a call
    att    attempt, with cid: 0, or more when a call is taken up again
    kind   one of `Kind`, or a kind of a later version
    ts     UTC, microseconds since the epoch; may step back with the clock: order by seq
    mono   microseconds since the session was opened, by the monotonic clock of the writer
    w      the writer: a random id of one opening of the log
    salt   128 random bits, so that nobody can guess a line from its hash in someone else's proof
    prev   leaf hash of the session's previous line, null on the first
    body   the fields of the kind

The leaf hash is SHA-256(0x00 ‖ line), as in RFC 6962 section 2.1, over the bytes as stored: nobody re-canonicalises, so
no canonicaliser can forge or break a proof. Lines stay under 64 KiB (the entry length of C2SP tlog-tiles).
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import Final, cast

import orjson
from pydantic import JsonValue

from .events import FORMAT
from .values import JsonObject

MAX_LINE: Final = 65_535
_CALL_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,63}")
_HEX64: Final = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Event:
    """One line, read. ``leaf`` is the hash of its bytes, ``line`` its 1-based number in its file, else 0."""

    sid: str
    seq: int
    kind: str
    ts: int
    mono: int
    writer: str
    salt: str
    prev: str | None
    body: JsonObject
    leaf: str
    cid: str | None = None
    att: int = 0
    v: int = FORMAT
    line: int = 0


def leaf_hash(line: bytes) -> str:
    """SHA-256(0x00 ‖ line), as 64 hex digits."""
    return hashlib.sha256(b"\0" + line).hexdigest()


def is_call_id(cid: str) -> bool:
    """Whether ``cid`` may stand in a line as it is."""
    return _CALL_ID.fullmatch(cid) is not None


def encode(
    *,
    sid: str,
    seq: int,
    cid: str | None,
    att: int,
    kind: str,
    ts: int,
    mono: int,
    writer: str,
    salt: str,
    prev: str | None,
    body: bytes,
) -> bytes:
    """A line. All fields but ``body`` (JSON already) are of our own making and hold nothing JSON would escape."""
    call = f'"cid":"{cid}","att":{att},' if cid is not None else ""
    link = f'"{prev}"' if prev is not None else "null"
    head = (
        f'{{"v":{FORMAT},"sid":"{sid}","seq":{seq},{call}"kind":"{kind}","ts":{ts},"mono":{mono},'
        f'"w":"{writer}","salt":"{salt}","prev":{link},"body":'
    )
    return head.encode() + body + b"}"


class BadLine(ValueError):
    """A line that is not an event of this format; the text says what is wrong, without the line's content."""


def decode(line: bytes, number: int = 0) -> Event:
    """Read one line, without its newline. Raises `BadLine`."""
    try:
        data: object = orjson.loads(line)
    except orjson.JSONDecodeError:
        raise BadLine("not JSON") from None
    if not isinstance(data, dict):
        raise BadLine("not a JSON object")
    fields = cast("dict[str, JsonValue]", data)
    version = _integer(fields, "v")
    if version != FORMAT:
        raise BadLine(f"format version {version} is not known to this reader")
    body = fields.get("body")
    if not isinstance(body, dict):
        raise BadLine("body is not an object")
    prev = fields.get("prev")
    if prev is not None and not (isinstance(prev, str) and _HEX64.fullmatch(prev)):
        raise BadLine("prev is not a leaf hash")
    cid = fields.get("cid")
    if cid is not None and not isinstance(cid, str):
        raise BadLine("cid is not a string")
    return Event(
        sid=_string(fields, "sid"),
        seq=_integer(fields, "seq"),
        kind=_string(fields, "kind"),
        ts=_integer(fields, "ts"),
        mono=_integer(fields, "mono"),
        writer=_string(fields, "w"),
        salt=_string(fields, "salt"),
        prev=prev,
        body=body,
        leaf=leaf_hash(line),
        cid=cid,
        att=_integer(fields, "att") if cid is not None else 0,
        v=version,
        line=number,
    )


def _string(fields: JsonObject, name: str) -> str:
    value = fields.get(name)
    if not isinstance(value, str):
        raise BadLine(f"{name} is missing or not a string")
    return value


def _integer(fields: JsonObject, name: str) -> int:
    value = fields.get(name)
    if not isinstance(value, int) or isinstance(value, bool):
        raise BadLine(f"{name} is missing or not an integer")
    return value
