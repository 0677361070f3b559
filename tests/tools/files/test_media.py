"""Encodings and kinds: certain or refused."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gloveport.tools.files.media import csv_dialect, decode, read_text, recognise
from gloveport.tools.tool import ToolRefused


@pytest.mark.parametrize(
    ("data", "codec"),
    [
        ("Grüße".encode(), "utf-8"),
        ("\ufeffGrüße".encode(), "utf-8"),
        (b"\xff\xfe" + "Grüße".encode("utf-16-le"), "utf-16-le"),
        (b"\xfe\xff" + "Grüße".encode("utf-16-be"), "utf-16-be"),
        (b"\xff\xfe\0\0" + "Grüße".encode("utf-32-le"), "utf-32-le"),
        (b"\0\0\xfe\xff" + "Grüße".encode("utf-32-be"), "utf-32-be"),
        ("Viele freundliche Grüße".encode("cp1252"), "cp1252"),
        (b"", "utf-8"),
    ],
)
def test_certain_encodings(data: bytes, codec: str) -> None:
    text, used = decode(data)
    assert used == codec
    assert text.endswith("Grüße") or not data
    assert not text.startswith("\ufeff")


@pytest.mark.parametrize(
    "text",
    [
        "Müller, Jürgen; Größe 1,80 m – „gut“",
        "Crème brûlée à la carte: 4 €",
        "El niño comió piñata. ¡Olé! ¿Sí?",
        "“Quoted”, she said—and it’s fine…",
        "Il caffè è buono",
        "façade, naïve, Ærø, Ångström, 20 °C, ½",
    ],
)
def test_western_text_is_believed(text: str) -> None:
    """Padded as such words stand in real files: among plain ones."""
    padded = f"Some plain text before it. {text} And some more text after it, plain as well."
    assert decode(padded.encode("cp1252")) == (padded, "cp1252")


@pytest.mark.parametrize(
    ("text", "codec"),
    [
        ("name=张伟, card=１２３４", "gbk"),
        ("name: 张 (id 5)", "gbk"),
        ("ssn １２３-４５-６７８９ on file", "gbk"),
        ("氏名: 田中太郎 様", "shift_jis"),
        ("name: 本田 (id 5)", "shift_jis"),
        ("name: 鈴木 (id 5)", "shift_jis"),
        ("name: 高橋 (id 5)", "euc_jp"),
        ("имя: Иван Петров", "cp1251"),
        ("имя: Иван Петров", "koi8-r"),
        ("Όνομα: Γιώργος", "cp1253"),
        ("שם: דוד כהן", "cp1255"),
        ("ssn 123-45-6789 of John Smith", "cp037"),
        ("이름: 김철수", "euc_kr"),
    ],
)
def test_other_bytes_are_refused_not_garbled(text: str, codec: str) -> None:
    """A garbled text hides its values from the masker, and an agent can turn it back."""
    long = f"id,remark\n1,plain text\n2,more plain text in this line\n{text}\n3,the end\n"
    with pytest.raises(ToolRefused) as refused:
        decode(long.encode(codec))
    assert refused.value.code in ("encoding-unknown", "binary-file")


@pytest.mark.parametrize("character", [b"\x88", b"\x98", b"\x83", b"\x86", b"\xd0", b"\xde", b"\xf0"])
def test_rare_characters_are_not_western(character: bytes) -> None:
    with pytest.raises(ToolRefused) as refused:
        decode(b"plain text, and x" + character + b" among it")
    assert refused.value.code == "encoding-unknown"


def test_an_operator_may_name_the_encoding() -> None:
    data = "имя: Иван Петров".encode("cp1251")
    assert decode(data, encoding="cp1251") == ("имя: Иван Петров", "cp1251")
    with pytest.raises(ToolRefused) as refused:
        decode(b"\x81\x8d", encoding="cp1252")
    assert refused.value.code == "encoding-unknown"


@pytest.mark.parametrize(
    "data",
    [
        b"%PDF-1.7 plain text",
        b"PK\x03\x04",
        b"SQLite format 3\0rest",
        b"\x1f\x8b\x08",
        b"a\0b",
        b"a\x01b",
        b"\xff\xfea\0\0\0",
        b"\0" * 1000,
        "utf-16 without a mark".encode("utf-16-le"),
        b"\xff\xff\0\xff",
    ],
)
def test_binary_is_refused(data: bytes) -> None:
    with pytest.raises(ToolRefused) as refused:
        decode(data)
    assert refused.value.code == "binary-file"


def test_terminal_colours_are_text() -> None:
    assert decode(b"\x1b[31mred\x1b[0m\r\n\f")[1] == "utf-8"


def test_half_a_mark_is_not_certain() -> None:
    with pytest.raises(ToolRefused):
        decode(b"\xff\xfeabc")  # an odd number of bytes


@given(st.binary(max_size=300))
def test_never_anything_but_a_text_or_a_refusal(data: bytes) -> None:
    for truncated in (False, True):
        try:
            read = read_text(data, "x.txt", truncated=truncated)
        except ToolRefused as refused:
            assert refused.code in ("binary-file", "encoding-unknown", "file-too-large")
        else:
            read.text.encode()  # no half characters


@given(st.text(max_size=200).filter(lambda t: t.isprintable()), st.integers(0, 20))
def test_a_character_cut_in_two_is_left_out(text: str, cut: int) -> None:
    data = f"first line\n{text}".encode()
    kept = data[: max(len(data) - cut, 11)]
    assert read_text(kept, "x.txt", truncated=True).text == "first line\n"


def test_a_cut_text_ends_with_a_whole_line() -> None:
    assert read_text(b"one\ntwo\nthr", "x.log", truncated=True).text == "one\ntwo\n"
    with pytest.raises(ToolRefused) as refused:
        read_text(b"one long line", "x.log", truncated=True)
    assert refused.value.code == "file-too-large"


def test_json_is_read_whole_or_not_at_all() -> None:
    """Cut JSON does not parse, so its keys could not guide the masker."""
    whole = json.dumps([{"name": "x", "n": i} for i in range(50)], indent=1)
    for name in ("a.json", "a.txt", "a"):
        with pytest.raises(ToolRefused) as refused:
            read_text(whole[:-20].encode(), name, truncated=True)
        assert refused.value.code == "file-too-large"
    lines = "".join(json.dumps({"n": i}) + "\n" for i in range(50))
    assert read_text(lines[:-5].encode(), "a.log", truncated=True).media == "application/x-ndjson"
    log = "[2026-01-01] started\n" * 9
    assert read_text(log.encode(), "a.log", truncated=True).media == "text/plain"


@pytest.mark.parametrize(
    ("text", "suffix", "media"),
    [
        ('{"a": 1}', ".json", "application/json"),
        ('{"a": NaN, "b": 123456789012345678901234567890}', ".json", "application/json"),
        ("\n  [1, 2]", ".txt", "application/json"),
        ('{"a": 1', ".json", "text/plain"),
        ("[" * 100_000, ".json", "text/plain"),
        ('{"a": 1}\n{"a": 2}\n', ".jsonl", "application/x-ndjson"),
        ('{"a": 1}\n{"a": 2}\n', ".json", "application/x-ndjson"),
        ('{"a": 1}\n', ".ndjson", "application/x-ndjson"),
        ("a,b\n1,2\n", ".csv", "text/csv"),
        ("a\tb\n1\t2\n3\t4\n", ".txt", "text/csv"),
        ("id;name;email\n1;x;y\n2;x;z\n", "", "text/csv"),
        ("name\nx\ny\n", ".csv", "text/csv"),
        ("Dear Sir, thank you,\nfor it, yours,\nme, again,\n", ".md", "text/plain"),
        ("One thing, another.\nA second line\nand, and, and, more\n", ".txt", "text/plain"),
        ('a,b\n"open,2\n', ".csv", "text/plain"),
        ("", ".txt", "text/plain"),
        ("", ".csv", "text/plain"),
        ("GET / HTTP/1.1\n", ".log", "text/plain"),
    ],
)
def test_kinds(text: str, suffix: str, media: str) -> None:
    assert recognise(text, suffix)[0] == media


@pytest.mark.parametrize(
    ("text", "delimiter", "header", "columns"),
    [
        ("id,name\n1,x\n2,y\n", ",", True, 2),
        ("id;amount\n1;2,50\n2;3,75\n", ";", True, 2),
        ("1,2\n3,4\n5,6\n", ",", False, 2),
        ('"a,b","c ""d"""\n1,2\n3,4\n', ",", True, 2),
        ("x|y\r\n1|2\r\n3|4\r\n", "|", True, 2),
        ("a@b.c,x\nd@e.f,y\ng@h.i,z\n", ",", False, 2),
        ("a,a\n1,2\n3,4\n", ",", False, 2),
    ],
)
def test_csv_dialects(text: str, delimiter: str, header: bool, columns: int) -> None:
    dialect = csv_dialect(text)
    assert dialect is not None
    assert (dialect.delimiter, dialect.header, dialect.columns) == (delimiter, header, columns)


def test_a_hinted_delimiter_wins() -> None:
    dialect = csv_dialect("a,b\tc\n1,2\t3\n1,2\t3\n", least_columns=1, preferred="\t")
    assert dialect is not None
    assert dialect.delimiter == "\t"


def test_recognition_of_a_large_text_is_quick() -> None:
    import time

    began = time.perf_counter()
    for text in ("a,b,c\n" * 700_000, "x" * 4_000_000, '"' * 4_000_000, "{" * 4_000_000):
        recognise(text, ".txt")
        recognise(text, ".csv")
        decode(text.encode())
    decode(("plain words é " * 300_000).encode("cp1252"))
    assert time.perf_counter() - began < 10
