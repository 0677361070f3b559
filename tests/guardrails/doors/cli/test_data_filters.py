"""`gloveport scan` and `gloveport mask` as filters: streams, bad lines, offsets, tokens of a configuration."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from gloveport.guardrails.doors.cli import streams

GLOVEPORT = [sys.executable, "-m", "gloveport"]


def run(*args: str, given: bytes, cwd: Path | None = None) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([*GLOVEPORT, *args], input=given, capture_output=True, cwd=cwd, check=False, timeout=60)


def answers(done: subprocess.CompletedProcess[bytes]) -> list[dict[str, object]]:
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_scan() -> None:
    rows = [
        {"id": "a", "text": "😀 mail ann@acme.com"},
        {"id": 7, "text": "nothing here"},
        {"text": "card 4539 5787 6362 1486"},
        {"id": None, "text": "\ud800 +44 20 7946 0958"},
    ]
    done = run("scan", given="".join(json.dumps(r) + "\n" for r in rows).encode())
    assert done.returncode == 0
    assert done.stderr == b""
    assert answers(done) == [
        {"id": "a", "spans": [[7, 19, "EMAIL", 0.95]]},
        {"id": 7, "spans": []},
        {"id": None, "spans": [[5, 24, "CREDIT_CARD", 0.95]]},
        {"id": None, "spans": [[2, 18, "PHONE", 0.9]]},
    ]


def test_scan_goes_on_after_bad_lines() -> None:
    bad = b'not json\n[1]\n{"id": 2}\n{"id": 3, "text": 5}\n{"id": 4, "text": "\xff"}\n'
    given = b'{"id": 1, "text": "a@b.co"}\n\n' + bad + b'{"id": 5, "text": "c@d.co"}'
    done = run("scan", given=given)
    assert done.returncode == 1
    assert [a["id"] for a in answers(done)] == [1, 5]
    lines = done.stderr.decode().splitlines()
    assert [line.split(":")[2].strip() for line in lines] == ["line 3", "line 4", "line 5", "line 6", "line 7"]
    assert "a@b.co" not in done.stderr.decode()


def test_scan_options() -> None:
    given = b'{"text": "Ann Smith, ann@acme.com"}\n'
    assert [s[2] for s in answers(run("scan", given=given))[0]["spans"]] == ["PERSON", "EMAIL"]  # type: ignore[index]
    assert [s[2] for s in answers(run("scan", "--structured-only", given=given))[0]["spans"]] == ["EMAIL"]  # type: ignore[index]
    assert answers(run("scan", "--threshold", "1", "--structured-only", given=given))[0]["spans"] == []


def test_scan_of_nothing() -> None:
    done = run("scan", given=b"")
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_mask_without_a_key_redacts() -> None:
    given = "Dear Ann Smith,\r\nyour card 4539 5787 6362 1486 and ann@acme.com 😀\n".encode()
    done = run("mask", given=given)
    assert done.returncode == 0
    assert done.stdout == "Dear [masked:person],\r\nyour card [masked:card] and [masked:email] 😀\n".encode()
    assert run("mask", given=done.stdout).stdout == done.stdout


def test_mask_keeps_bytes_that_are_no_utf8() -> None:
    given = b"\xff\xfe caf\xe9 ann@acme.com \x00\n"
    assert run("mask", given=given).stdout == b"\xff\xfe caf\xe9 [masked:email] \x00\n"


def test_mask_with_a_configuration_gives_its_tokens(tmp_path: Path) -> None:
    config = tmp_path / "gloveport.yaml"
    config.write_text("masking: {key: 'file:key', vault: vault.sqlite}\n")
    given = b"ann@acme.com wrote; reply to ann@acme.com\n"
    first = run("mask", "--config", str(config), given=given)
    again = run("mask", "--config", str(config), given=given)
    assert first.returncode == 0, first.stderr
    assert first.stdout == again.stdout
    assert b"ann@acme.com" not in first.stdout
    token = first.stdout.split()[0]
    assert first.stdout == token + b" wrote; reply to " + token + b"\n"
    assert (
        run("mask", "--config", str(config), given=first.stdout).stdout == first.stdout
    )  # a token is not masked again


def test_mask_with_a_bad_configuration(tmp_path: Path) -> None:
    done = run("mask", "--config", str(tmp_path / "none.yaml"), given=b"ann@acme.com")
    assert done.returncode == 2
    assert done.stdout == b""
    assert len(done.stderr.decode().splitlines()) == 1


@pytest.mark.parametrize("command", ["scan", "mask"])
def test_reader_that_goes_away(command: str, tmp_path: Path) -> None:
    source = tmp_path / "many.jsonl"
    source.write_bytes(b'{"id": 1, "text": "ann@acme.com"}\n' * 20_000)
    script = '"$0" -m gloveport "$1" < "$2" | head -n 1; exit "${PIPESTATUS[0]}"'
    done = subprocess.run(
        ["bash", "-c", script, sys.executable, command, source], capture_output=True, check=False, timeout=60
    )
    assert len(done.stdout.splitlines()) == 1
    assert done.stderr == b""
    assert done.returncode == 0


def test_answers_come_while_input_is_open() -> None:
    """`tail -f log | gloveport mask` shows a line when it is there."""
    with subprocess.Popen([*GLOVEPORT, "mask"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin
        assert process.stdout
        for n in range(3):
            process.stdin.write(f"line {n} from ann{n}@acme.com\n".encode())
            process.stdin.flush()
            assert process.stdout.readline() == f"line {n} from [masked:email]\n".encode()
        process.stdin.close()
        assert process.wait(60) == 0


def _piped(data: bytes, read) -> list[object]:
    out, into = os.pipe()

    def feed() -> None:
        with os.fdopen(into, "wb") as sink:
            sink.write(data)

    feeder = threading.Thread(target=feed)
    feeder.start()
    try:
        return list(read(out))
    finally:
        feeder.join()
        os.close(out)


def test_lines_and_blocks_lose_nothing() -> None:
    data = b"".join(b"line %d with some text\n" % n for n in range(40_000)) + b"no line end"
    assert [line for block in _piped(data, streams.lines) for line in block] == data.split(b"\n")
    found = _piped(data, streams.blocks)
    assert b"".join(found) == data  # type: ignore[arg-type]
    assert max(map(len, found)) < 1 << 20  # type: ignore[arg-type]
    assert all(block.endswith(b"\n") for block in found[:-1])  # type: ignore[union-attr]


def test_a_key_is_not_cut_in_two() -> None:
    key = b"-----BEGIN PRIVATE KEY-----\n" + b"\n".join([b"A1b2" * 16] * 200) + b"\n-----END PRIVATE KEY-----\n"
    data = b"x\n" * 128_000 + key + b"y\n" * 1000
    assert any(key in block for block in _piped(data, streams.blocks))  # type: ignore[operator]


def test_an_endless_line_is_cut_between_words() -> None:
    data = b"word " * 600_000
    found = _piped(data, streams.blocks)
    assert b"".join(found) == data  # type: ignore[arg-type]
    assert len(found) > 1
    assert all(block.endswith(b" ") for block in found)  # type: ignore[union-attr]


def test_a_line_that_is_too_long_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "LONGEST_LINE", 1000)
    data = b"a" * 500_000 + b"\nshort\n" + b"b" * 5000
    lines = [line for block in _piped(data, streams.lines) for line in block]
    assert [len(line) > 1000 for line in lines] == [True, False, True]
    assert lines[1] == b"short"
