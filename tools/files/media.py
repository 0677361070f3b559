"""What kind of text a file is, and its characters.

The masker finds values in characters. Bytes read in a wrong encoding hide values from it but not from an agent, who can
turn the garbled text back; so a file whose encoding is not certain is refused. Certain are: a byte order mark, strict
UTF-8, the encoding an operator configured, and Western text in Windows-1252 by a narrow rule.

Kinds give the masker context: columns by a CSV header, values by a JSON key. A kind is claimed only if the text really
parses as such.
"""

from __future__ import annotations

import codecs
import csv
import io
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

import orjson

from ..tool import ToolRefused

PLAIN: Final = "text/plain"
CSV: Final = "text/csv"
JSON: Final = "application/json"
NDJSON: Final = "application/x-ndjson"

_MARKS: Final = (  # longest first: the mark of UTF-16 begins that of UTF-32
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_CONTAINERS: Final = (
    (b"%PDF-", "a PDF document"),
    (b"PK\x03\x04", "a ZIP archive or an Office document"),
    (b"PK\x05\x06", "a ZIP archive"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Office document"),
    (b"\x1f\x8b", "gzip data"),
    (b"BZh", "bzip2 data"),
    (b"\xfd7zXZ\x00", "xz data"),
    (b"\x28\xb5\x2f\xfd", "zstd data"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
    (b"SQLite format 3\x00", "an SQLite database"),
    (b"PAR1", "a Parquet file"),
    (b"\x89PNG\r\n\x1a\n", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF8", "a GIF image"),
    (b"\x7fELF", "a program"),
)
# C0 controls that text may hold: BEL, BS, HT, LF, VT, FF, CR, and ESC for terminal colours in logs.
_BINARY: Final = re.compile(r"[\x00-\x06\x0e-\x1a\x1c-\x1f\x7f]")

# Windows-1252 is believed only for text that looks Western: few high characters, all of them common, letters among them
# next to plain letters, marks where marks stand. Chinese, Japanese, Cyrillic or EBCDIC text in disguise fails it.
_WESTERN_LETTERS: Final = frozenset("ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÑÒÓÔÕÖØÙÚÛÜßàáâãäåæçèéêëìíîïñòóôõöøùúûüýÿœŒ")
_WESTERN_PUNCTUATION: Final = frozenset("‚„…‘’“”•–—«»\xa0")
_WESTERN_SIGNS: Final = frozenset("€™¡£§©ª¬®°±²³´µ·¹º¼½¾¿×÷")
_DOUBLE_QUOTES: Final = re.compile("[„“”]")
_HIGH_RUN: Final = re.compile(r"[^\x00-\x7f]+")
_WESTERN_SHARE: Final = 0.15
_WESTERN_RUN: Final = 3

_SAMPLE_RECORDS: Final = 50
_SAMPLE_CHARACTERS: Final = 1 << 18
_DELIMITERS: Final = (",", ";", "\t", "|")
_BY_SUFFIX: Final = {
    ".csv": CSV,
    ".tsv": CSV,
    ".tab": CSV,
    ".psv": CSV,
    ".json": JSON,
    ".geojson": JSON,
    ".ndjson": NDJSON,
    ".jsonl": NDJSON,
}
_PROSE: Final = frozenset(
    {".md", ".rst", ".html", ".htm", ".xml", ".py", ".js", ".ts", ".sql", ".yaml", ".yml", ".toml"}
)


@dataclass(frozen=True, slots=True)
class CsvDialect:
    """How a CSV text is laid out. Quotes are double quotes, doubled inside a field (RFC 4180)."""

    delimiter: str
    header: bool
    columns: int


@dataclass(frozen=True, slots=True)
class Decoded:
    """A text, the encoding it was in, its kind, and whether it is all there."""

    text: str
    encoding: str
    media: str
    dialect: CsvDialect | None = None
    truncated: bool = False


def read_text(data: bytes, name: str, *, truncated: bool = False, encoding: str | None = None) -> Decoded:
    """Characters and kind of a file's bytes. ``truncated`` says that the file goes on after ``data``.

    A truncated text ends after its last whole line. Raises `ToolRefused`: ``binary-file``, ``encoding-unknown``,
    ``file-too-large`` (JSON is only masked whole; one line longer than the cap has no safe cut).
    """
    text, used = decode(data, truncated=truncated, encoding=encoding)
    suffix = f".{name.rpartition('.')[2].lower()}" if "." in name else ""
    if truncated:
        text = _whole_lines(text)
        if _BY_SUFFIX.get(suffix) == JSON or (_seems_json(text) and _is_begun_json(text)):
            raise ToolRefused("file-too-large", "The JSON file is larger than the limit; it is only read whole.")
    media, dialect = recognise(text, suffix)
    return Decoded(text, used, media, dialect, truncated)


def decode(data: bytes, *, truncated: bool = False, encoding: str | None = None) -> tuple[str, str]:
    """The characters of bytes and the codec used. Raises `ToolRefused` (``binary-file``, ``encoding-unknown``)."""
    container = next((kind for magic, kind in _CONTAINERS if data.startswith(magic)), None)
    if container is not None:
        raise _binary(f"The file is {container}, not text.")
    for mark, codec in _MARKS:
        if data.startswith(mark):
            return _checked(_strictly(data[len(mark) :], codec, truncated), codec)
    text = _strictly(data, "utf-8", truncated)
    if text is not None:
        return _checked(text, "utf-8")
    if b"\0" in data:
        raise _binary("The file is binary, not text.")
    if encoding is not None:
        return _checked(_strictly(data, encoding, truncated), encoding)
    text = _strictly(data, "cp1252", truncated)
    if text is not None and _is_western(text):
        return _checked(text, "cp1252")
    raise _unknown()


def _strictly(data: bytes, codec: str, truncated: bool) -> str | None:
    try:
        return codecs.getincrementaldecoder(codec)("strict").decode(data, final=not truncated)
    except UnicodeDecodeError:
        return None


def _checked(text: str | None, codec: str) -> tuple[str, str]:
    if text is None:
        raise _unknown()
    if _BINARY.search(text):
        raise _binary("The file is binary, not text.")
    return text.removeprefix("\ufeff"), codec


def _is_western(text: str) -> bool:
    high = len(text) - len(text.encode("ascii", "ignore"))
    if high > _WESTERN_SHARE * len(text) or len(_DOUBLE_QUOTES.findall(text)) % 2:
        return False
    runs = _HIGH_RUN.finditer(text)
    return all(
        _is_western_run(text[max(r.start() - 1, 0) : r.start()], r[0], text[r.end() : r.end() + 1]) for r in runs
    )


def _is_western_run(before: str, run: str, after: str) -> bool:
    letters = sum(c in _WESTERN_LETTERS for c in run)
    punctuation = sum(c in _WESTERN_PUNCTUATION for c in run)
    signs = sum(c in _WESTERN_SIGNS for c in run)
    if letters + punctuation + signs < len(run) or len(run) > _WESTERN_RUN or letters > 2 or signs > 1:
        return False
    if punctuation and after and after in "@[\\]^_`{|}~":  # second bytes of Shift-JIS
        return False
    in_word = before.isalpha() or after.isalpha()
    alone = letters == 1 and not before.isalnum() and not after.isalnum()  # the Italian "è"
    return not letters or in_word or alone


def _binary(message: str) -> ToolRefused:
    return ToolRefused("binary-file", message, "Only text, CSV and JSON can be masked, so only they are read.")


def _unknown() -> ToolRefused:
    message = "The encoding of the file is not certain, so it cannot be masked."
    return ToolRefused(
        "encoding-unknown", message, "Ask for it in UTF-8, or ask the operator to configure its encoding."
    )


def _whole_lines(text: str) -> str:
    end = text.rfind("\n") + 1
    if end == 0:
        raise ToolRefused("file-too-large", "The file is larger than the limit and has no line breaks.")
    return text[:end]


def recognise(text: str, suffix: str) -> tuple[str, CsvDialect | None]:
    """The kind of a text, by its suffix (``.csv``) if it parses so, else by its content alone."""
    hint = _BY_SUFFIX.get(suffix)
    if hint == CSV:
        dialect = csv_dialect(text, least_columns=1, preferred="\t" if suffix in (".tsv", ".tab") else None)
        return (CSV, dialect) if dialect is not None else (PLAIN, None)
    if _seems_json(text):
        if hint != NDJSON and _parses(text):
            return JSON, None
        if _is_ndjson(text):
            return NDJSON, None
    if hint is None and suffix not in _PROSE:
        dialect = csv_dialect(text, least_columns=2)
        if dialect is not None and dialect.header:
            return CSV, dialect
    return PLAIN, None


def _seems_json(text: str) -> bool:
    return text[:4096].lstrip()[:1] in ("{", "[")


def _parses(text: str) -> bool:
    try:
        orjson.loads(text)
    except orjson.JSONDecodeError:
        return _parses_slowly(text)
    return True


def _parses_slowly(text: str) -> bool:
    """What orjson refuses and Python's own parser takes: NaN and numbers beyond 64 bits, as data tools write them."""
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _is_begun_json(text: str) -> bool:
    """Whether a text is one JSON value that was cut off: the parser's complaint is that it ends."""
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        return error.pos >= len(text.rstrip()) - 1
    except (ValueError, RecursionError):
        return True
    return True


def _is_ndjson(text: str) -> bool:
    lines = [line for line in islice(io.StringIO(text), 2 * _SAMPLE_RECORDS) if line.strip()][:_SAMPLE_RECORDS]
    return bool(lines) and all(line.lstrip()[:1] in ("{", "[") and _parses(line) for line in lines)


def csv_dialect(text: str, *, least_columns: int = 2, preferred: str | None = None) -> CsvDialect | None:
    """The delimiter under which the first records have one width; the widest wins. None where no delimiter fits.

    With ``least_columns`` 1 the text is known to be CSV, however ragged: then the best guess is returned.
    """
    known = least_columns == 1
    sample = text if len(text) <= _SAMPLE_CHARACTERS else text[: text.rfind("\n", 0, _SAMPLE_CHARACTERS) + 1]
    best: tuple[tuple[bool, bool, int], CsvDialect] | None = None
    for delimiter in _DELIMITERS:
        records = _records(sample, delimiter)
        width = max(map(len, records[:3]), default=0)
        # A hand-made file may have a ragged record or two; prose never has nine in ten alike.
        even = sum(len(record) == width for record in records) >= 0.9 * len(records)
        if not records or width < least_columns or (not known and (not even or len(records) < 3)):
            continue
        rank = (width > 1 and delimiter == preferred, even and width > 1, width)
        if best is None or rank > best[0]:
            best = rank, CsvDialect(delimiter, _is_header(records), width)
    return None if best is None else best[1]


def _records(text: str, delimiter: str) -> list[list[str]]:
    """The first records; none where the quotes do not pair."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        return [record for record in islice(reader, _SAMPLE_RECORDS) if record]
    except csv.Error:
        return []


def _is_header(records: Sequence[Sequence[str]]) -> bool:
    first = [field.strip() for field in records[0]]
    named = all(field and len(field) <= 64 and not _is_number(field) and "@" not in field for field in first)
    if not named or len(set(first)) < len(first):
        return False
    # A header says what its column holds; it is not one of the values.
    return all(first[i] not in {r[i].strip() for r in records[1:] if i < len(r)} for i in range(len(first)))


def _is_number(field: str) -> bool:
    return any(c.isdigit() for c in field) and not any(c.isalpha() for c in field)
