"""What people and machines do wrong: a clear line, nothing leaked, the transcript whole."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from gloveport.recordings.verify import verify
from gloveport.tests.canaries import CANARIES, leaks
from gloveport.tests.raw_mcp import INITIALIZE, INITIALIZED, call, lines

GLOVEPORT = [sys.executable, "-m", "gloveport"]


def run(*arguments: str, cwd: Path, stdin: bytes = b"", **environment: str) -> tuple[int, str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GLOVEPORT")}
    done = subprocess.run(
        [*GLOVEPORT, *arguments], cwd=cwd, input=stdin, capture_output=True, timeout=60, env=kept | environment
    )
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def one_line(text: str) -> str:
    (line,) = text.strip().splitlines()
    assert "Traceback" not in line
    return line


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("databases: [", "not valid YAML"),
        ("databse: {}", "did you mean 'databases'"),
        ("databases: {a: {url: nonsense}}", "is not a database URL"),
        ("recordings: a\nrecordings: b\n", "written twice"),
        ("- a\n", "must be a mapping"),
        ("databases: {a: {url: 'sqlite:///missing.db'}}", "missing.db"),
        ("databases: {a: {url: 'oracle://x/y'}}", "oracle"),
        ("files: {a: {path: ./missing}}", "missing"),
        ("tools: [missing_tools.py]", "missing_tools.py"),
        ("policies: ./missing_policies", "missing_policies"),
        ("masking: {key: 'env:GLOVEPORT_NO_SUCH_KEY'}", "GLOVEPORT_NO_SUCH_KEY"),
    ],
)
def test_a_configuration_that_cannot_be_used(tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "gloveport.yaml").write_text(text)
    code, out, error = run("serve", cwd=tmp_path, stdin=lines(INITIALIZE, INITIALIZED, call(1, "session_status")))
    assert code == 2
    assert says in one_line(error)
    assert '"isError":false' not in out


def test_no_configuration(tmp_path: Path) -> None:
    code, _, error = run("serve", cwd=tmp_path)
    assert (code, "gloveport init" in one_line(error)) == (2, True)


def test_a_database_that_is_none(ward) -> None:
    ward.database.write_bytes(b"this is no database" * 100)
    code, _, error = run("serve", cwd=ward.folder, stdin=lines(INITIALIZE))
    assert code == 2
    assert "ward" in one_line(error)


def answers(out: str) -> dict[Any, dict[str, Any]]:
    return {answer.get("id"): answer for answer in map(json.loads, out.splitlines())}


def test_messages_that_are_none(ward) -> None:
    huge = call(5, "database_query", database="ward", sql="SELECT '" + "x" * 3_000_000 + "'")
    twice = b'{"jsonrpc":"2.0","id":4,"method":"tools/call","params":{"name":"session_status","name":"file_list"}}'
    utf8 = b'{"jsonrpc":"2.0","id":3,"method":"tools/call","params":{"name":"\xff\xfe"}}'
    sent = lines(
        INITIALIZE,
        INITIALIZED,
        b"no json at all",
        utf8,
        twice,
        huge,
        call(6, "no_such_tool", text=CANARIES["email"]),
        call(7, "database_query", database="ward"),
        call(8, "database_query", database="ward", sql=5),
        call(9, "database_query", database="ward", sql="SELECT id FROM people", extra=1),
        call(10, "session_status"),
    )
    code, out, error = run("serve", cwd=ward.folder, stdin=sent)
    assert code == 0, error
    got = answers(out)
    errors = [answer["error"] for answer in map(json.loads, out.splitlines()) if "error" in answer]
    assert [error["code"] for error in errors] == [-32700] * 3
    for id in (5, 6, 7, 8, 9):
        answer = got[id]["result"]
        assert answer["isError"], id
        assert answer["structuredContent"]["error"]["message"], id
    assert got[10]["result"]["structuredContent"]["status"] == "released"
    assert not leaks([out, error, ward.recordings])
    assert verify(ward.recordings).ok


def serving(folder: Path, **how: Any) -> subprocess.Popen[bytes]:
    """A server past the handshake."""
    pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    process = subprocess.Popen([*GLOVEPORT, "serve"], cwd=folder, **pipes, **how)
    ask(process, INITIALIZE)
    assert process.stdin is not None
    process.stdin.write(lines(INITIALIZED))
    return process


def ask(process: subprocess.Popen[bytes], message: dict[str, Any]) -> dict[str, Any]:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(lines(message))
    process.stdin.flush()
    return json.loads(process.stdout.readline())


def test_a_database_that_goes_away_while_it_serves(ward) -> None:
    process = serving(ward.folder)
    query = {"database": "ward", "sql": "SELECT id, email FROM people"}
    assert not ask(process, call(1, "database_query", **query))["result"]["isError"]
    ward.database.rename(ward.folder / "gone.db")
    ward.database.write_bytes(b"rubbish" * 5000)
    answer = ask(process, call(2, "database_query", **query))["result"]
    out, error = process.communicate(timeout=20)
    if answer["isError"]:  # a server that holds the old file open may also go on with it
        assert answer["structuredContent"]["error"]["code"]
    assert process.returncode == 0
    assert not leaks([json.dumps(answer), out, error, ward.recordings])
    assert verify(ward.recordings).ok


def test_a_full_disk(ward) -> None:
    """No record, no result: with no room for the transcript nothing runs, and what is there stays whole."""
    import resource

    def small() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1100 * 1024, resource.RLIM_INFINITY))  # the ballast just fits

    query = {"database": "ward", "sql": "SELECT * FROM people"}
    process = serving(ward.folder, preexec_fn=small)
    first = ask(process, call(1, "database_query", **query))["result"]["structuredContent"]
    assert first["status"] == "released"
    out, said = process.communicate(lines(*(call(n, "database_query", **query) for n in range(2, 300))), timeout=60)
    results = [a["result"]["structuredContent"] for a in answers(out.decode()).values() if "result" in a]
    codes = {result["error"]["code"] for result in results if result["status"] == "failed"}
    assert codes == {"recorder-unavailable"}
    assert process.returncode == 0
    assert b"Traceback" not in said
    code, _, error = run("serve", cwd=ward.folder, stdin=lines(INITIALIZE, INITIALIZED, call(1, "session_status")))
    assert code == 0, error
    verdict = verify(ward.recordings)
    assert verdict.ok, verdict.summary  # the next start ended what was left open
    assert not leaks([json.dumps(first), out, said, ward.recordings])


def test_a_wrong_token_over_http(ward) -> None:
    import anyio
    import httpx2 as httpx

    process = subprocess.Popen(
        [*GLOVEPORT, "serve", "--http", "127.0.0.1:0", "--log", "INFO"], cwd=ward.folder, stderr=subprocess.PIPE
    )
    try:
        assert process.stderr is not None
        url = ""
        while not url:
            line = process.stderr.readline().decode()
            assert line, "the server ended"
            url = line.partition("listening on ")[2].strip()

        async def statuses() -> list[int]:
            headers = {"Accept": "application/json, text/event-stream"}
            async with httpx.AsyncClient(headers=headers) as client:
                bare = await client.post(url, json=INITIALIZE)
                wrong = await client.post(url, json=INITIALIZE, headers={"Authorization": "Bearer gpt_wrong"})
                return [bare.status_code, wrong.status_code]

        assert anyio.run(statuses) == [401, 401]
    finally:
        process.terminate()
        process.communicate(timeout=20)
    assert process.returncode == 0


def test_calls_from_the_command_line(ward) -> None:
    code, out, _ = run(
        "call", "database_query", '{"database": "ward", "sql": "SELECT email FROM people"}', cwd=ward.folder
    )
    assert code == 0
    assert json.loads(out)["columns"][0]["mask"]["class"] == "email"
    code, _, error = run("call", "database_query", "{not json", cwd=ward.folder)
    assert (code, "not valid JSON" in one_line(error)) == (2, True)
    code, out, _ = run("call", "database_query", '{"database": "ward", "sql": "DROP TABLE people"}', cwd=ward.folder)
    assert (code, json.loads(out)["status"]) == (1, "refused")
    assert not leaks(out)
