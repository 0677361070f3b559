"""The four tools through their public door: plans, results, tokens, caps, cancellation."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import threading
from pathlib import Path
from types import SimpleNamespace

import anyio
import anyio.to_thread
import pytest
from jsonschema import Draft202012Validator

from gloveport.tools.files import reading
from gloveport.tools.files.roots import FileSettings
from gloveport.tools.files.tools import build_file_tools
from gloveport.tools.threads import Stop
from gloveport.tools.tool import (
    UNKNOWN,
    Action,
    Effect,
    Entries,
    Limits,
    Place,
    Running,
    Search,
    Text,
    Tool,
    ToolFailed,
    ToolRefused,
    Window,
)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "root"
    (folder / "2026").mkdir(parents=True)
    (folder / "visits.csv").write_text("id,name\n1,Ann\n2,Bob\n")
    (folder / "2026" / "q1.json").write_text('{"n": 1}')
    for age, path in enumerate([folder / "visits.csv", folder / "2026" / "q1.json"]):
        os.utime(path, (1_000_000_000 - age, 1_000_000_000 - age))
    return folder


def test_the_tools_present_themselves(root: Path) -> None:
    read_only = build_file_tools([FileSettings("a", root)])
    assert [t.spec.name for t in read_only] == ["file_list", "file_read", "file_search"]
    tools = build_file_tools([FileSettings("a", root), FileSettings("b", root, write=True)])
    assert [t.spec.name for t in tools] == ["file_list", "file_read", "file_search", "file_write"]
    for tool in tools:
        assert isinstance(tool, Tool)
        Draft202012Validator.check_schema(tool.spec.input_schema)
        assert tool.spec.output_schema is not None
        answers = Draft202012Validator(tool.spec.output_schema)
        base = {"call": "c", "session": "s"}
        answers.validate({**base, "status": "refused", "error": {"code": "x", "message": "y", "hint": ""}})
        answers.validate({**base, "status": "failed", "error": {"code": "x", "message": "y", "hint": ""}})
        answers.validate({**base, "status": "pending", "approval": {"id": "1", "expires": 5, "how": "z"}})
        answers.validate({**base, "status": "released", "masked": [{"class": "person", "count": 2}]})
    roots = [tool.spec.input_schema["properties"]["root"]["enum"] for tool in tools]  # type: ignore[index,call-overload]
    assert roots == [["a", "b"]] * 3 + [["b"]]
    assert tools[3].spec.effects == {Effect.WRITE}
    assert build_file_tools([]) == []
    words = sum(len(json.dumps([t.spec.description, t.spec.input_schema])) for t in tools)
    assert words < 2800  # about 700 of the 1,500 tokens that the whole list may cost


async def test_list(root: Path, kit: SimpleNamespace) -> None:
    (root / "link").symlink_to("visits.csv")
    planned = await kit.plan(kit.tools(root)["file_list"])
    (access,) = planned.accesses
    assert (access.action, access.kind, access.name, access.parent) == (Action.FILE_LIST, "file_root", "r", None)
    listed = await kit.call(kit.tools(root)["file_list"])
    assert isinstance(listed, Entries)
    assert [e["name"] for e in listed.entries] == ["2026", "link", "visits.csv"]  # folders first, then newest first
    assert listed.entries[2] == {
        "name": "visits.csv",
        "type": "file",
        "size": 20,
        "modified": "2001-09-09T01:46:40Z",
    }
    sub = await kit.call(kit.tools(root)["file_list"], path="2026/")
    assert [e["name"] for e in sub.entries] == ["q1.json"]
    short = await kit.call(kit.tools(root, max_entries=1)["file_list"])
    assert (len(short.entries), short.truncated) == (1, True)


async def test_a_listing_is_not_in_the_order_of_names(root: Path, kit: SimpleNamespace) -> None:
    """An agent that may write could else find a masked name by the place of its own files around it."""
    for age, name in enumerate("cabd"):
        (root / "2026" / name).touch()
        os.utime(root / "2026" / name, (5_000_000_000 - age, 5_000_000_000 - age))
    listed = await kit.call(kit.tools(root)["file_list"], path="2026")
    assert [e["name"] for e in listed.entries] == ["c", "a", "b", "d", "q1.json"]


async def test_read(root: Path, kit: SimpleNamespace) -> None:
    tools = kit.tools(root)
    planned = await kit.plan(tools["file_read"], path="visits.csv", offset=1, limit=1)
    (access,) = planned.accesses
    assert (access.action, access.kind, access.name, access.parent) == (Action.FILE_READ, "file", "r/visits.csv", "r")
    assert planned.effects == {Effect.READ}
    status = os.stat(root / "visits.csv")
    assert planned.facts["file"] == f"{status.st_dev}:{status.st_ino}:{status.st_size}:{status.st_mtime_ns}"
    text = await tools["file_read"].run(planned, Running())
    assert isinstance(text, Text)
    # The whole text goes to the masker; the window says what is shown of it.
    assert (text.text, text.media, text.window) == ("id,name\n1,Ann\n2,Bob\n", "text/csv", Window(1, 1))
    assert text.extra == {
        "size": 20,
        "encoding": "utf-8",
        "media": "text/csv",
        "csv": {"delimiter": ",", "header": True},
    }


async def test_what_is_read_of_a_large_file_ends_before_the_cut(root: Path, kit: SimpleNamespace) -> None:
    """The masker sees some lines behind those shown, so that no value is cut in two before it looks."""
    (root / "big.log").write_text("".join(f"line {i:05}\n" for i in range(5000)))
    text = await kit.call(kit.tools(root, max_bytes=22_000)["file_read"], path="big.log")
    assert text.truncated
    assert text.text.endswith("line 01999\n")
    assert text.window.limit == 1000
    tail = await kit.call(kit.tools(root, max_bytes=22_000)["file_read"], path="big.log", offset=1500)
    assert tail.window == Window(1500, (22_000 - 4096) // 11 - 1500)
    beyond = await kit.call(kit.tools(root, max_bytes=22_000)["file_read"], path="big.log", offset=3000)
    assert beyond.window.limit == 0


async def test_limits_of_the_chain_are_kept(root: Path, kit: SimpleNamespace) -> None:
    (root / "big.log").write_text("line\n" * 5000)
    tool = kit.tools(root, seconds=7.0)["file_read"]
    planned = await kit.plan(tool, path="big.log")
    assert planned.limits == Limits(rows=1000, seconds=7.0, bytes=4 << 20)
    text = await tool.run(planned, Running(limits=Limits(rows=10, bytes=500)))
    assert len(text.text) == 500
    assert text.truncated
    assert text.window.limit == 10


async def test_search_reads_what_was_planned_and_masks_come_first(root: Path, kit: SimpleNamespace) -> None:
    tool = kit.tools(root)["file_search"]
    planned = await kit.plan(tool, text="Bob")
    assert [(a.action, a.kind, a.name) for a in planned.accesses] == [
        (Action.FILE_SEARCH, "file_root", "r"),
        (Action.FILE_SEARCH, "file", "r/visits.csv"),
        (Action.FILE_SEARCH, "file", "r/2026/q1.json"),
    ]
    (root / "later.txt").write_text("Bob\n")
    found = await tool.run(planned, Running())
    assert isinstance(found, Search)
    # It hands over whole texts and the needle; finding is for those who mask.
    assert [(t.name, t.media) for t in found.texts] == [
        ("r/visits.csv", "text/csv"),
        ("r/2026/q1.json", "application/json"),
    ]
    assert (found.needle, found.truncated, found.extra) == ("Bob", False, {"files": 2, "skipped": {}})
    assert [a.name for a in (await kit.plan(tool, text="x", path="visits.csv")).accesses] == ["r/visits.csv"]


async def test_search_keeps_its_budgets(root: Path, kit: SimpleNamespace) -> None:
    for i in range(40):
        (root / f"f{i}.txt").write_text("x" * 99 + "\n")
    few = await kit.call(kit.tools(root, max_entries=10)["file_search"], text="x")
    assert (len(few.texts), few.truncated) == (10, True)
    tight = await kit.call(kit.tools(root, max_bytes=200)["file_search"], text="x")
    assert tight.truncated
    assert sum(len(t.text) for t in tight.texts) <= 4 * 200 + 100
    assert tight.extra["skipped"]["over-budget"] == 42 - len(tight.texts)
    deep = root.joinpath(*["d"] * 20)
    deep.mkdir(parents=True)
    (deep / "x.txt").write_text("x\n")
    found = await kit.call(kit.tools(root)["file_search"], text="x")
    assert found.extra["skipped"] == {"too-deep": 1}


async def test_search_skips_what_is_no_text_and_says_so(root: Path, kit: SimpleNamespace) -> None:
    (root / "image.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    (root / "gone.txt").write_text("x\n")
    (root / "other.txt").write_text("x\n")
    tool = kit.tools(root)["file_search"]
    planned = await kit.plan(tool, text="x")
    (root / "gone.txt").unlink()
    (root / "new").write_text("x\n")
    (root / "new").rename(root / "other.txt")  # not the file that policy was asked about
    reports: list[tuple[float, float | None]] = []

    async def progress(done: float, total: float | None, message: str) -> None:
        reports.append((done, total))

    found = await tool.run(planned, Running(progress=progress))
    assert found.extra == {"files": 2, "skipped": {"binary-file": 1, "not-found": 1, "changed": 1}}
    assert reports == [(5, 5)]


async def test_what_is_no_text_is_remembered(root: Path, kit: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> None:
    """By identity and time of change; a file changed a moment ago is read again."""
    image = root / "image.png"
    image.write_bytes(b"\x89PNG\r\n\x1a\n")
    reads: list[str] = []
    original = reading.read_text
    monkeypatch.setattr(reading, "read_text", lambda data, name, **kw: reads.append(name) or original(data, name, **kw))
    tool = kit.tools(root)["file_search"]
    for _ in range(2):
        await kit.call(tool, text="x", path="image.png")
    assert len(reads) == 2
    monkeypatch.setattr(reading, "_SETTLED_NS", 0)
    for _ in range(3):
        await kit.call(tool, text="x", path="image.png")
    assert len(reads) == 3
    image.write_text("text now\n")
    found = await kit.call(tool, text="x", path="image.png")
    assert [t.text for t in found.texts] == ["text now\n"]


@pytest.mark.parametrize("needle", ["", "two\nlines", "x" * 201])
async def test_needles_are_short_and_one_line(root: Path, kit: SimpleNamespace, needle: str) -> None:
    with pytest.raises(ToolRefused) as refused:
        await kit.plan(kit.tools(root)["file_search"], text=needle)
    assert refused.value.code == "invalid-arguments"


async def test_write_and_replace(root: Path, kit: SimpleNamespace) -> None:
    tool = kit.tools(root, write=True)["file_write"]
    planned = await kit.plan(tool, path="new/deep/report.md", content="Grüße\n")
    (access,) = planned.accesses
    assert (access.action, access.name, access.parent) == (Action.FILE_WRITE, "r/new/deep/report.md", "r")
    assert planned.written == "Grüße\n"
    assert planned.facts == {"exists": False, "file": "", "bytes": 8, "tokens": 0}
    assert not (root / "new").exists()  # a plan has no side effects
    done = await tool.run(planned, Running())
    digest = hashlib.sha256("Grüße\n".encode()).hexdigest()
    assert list(done.entries) == [
        {"path": "r/new/deep/report.md", "created": True, "restored": 0, "bytes": 8, "sha256": digest}
    ]
    assert (root / "new/deep/report.md").read_text() == "Grüße\n"
    again = await kit.call(tool, path="new/deep/report.md", content="")
    assert again.entries[0]["created"] is False
    assert (root / "new/deep/report.md").read_bytes() == b""


async def test_writing_needs_a_writable_root(root: Path, kit: SimpleNamespace) -> None:
    built = build_file_tools([FileSettings("r", root), FileSettings("w", root, write=True)])
    tool = kit.by_name(built)["file_write"]
    with pytest.raises(ToolRefused) as refused:
        await kit.plan(tool, path="x.txt", content="x")
    assert (refused.value.code, refused.value.hint) == ("read-only-root", "Writable roots: w.")
    with pytest.raises(ToolRefused) as refused:
        await tool.plan({"root": "nope", "path": "x", "content": "x"}, kit.planning)
    assert refused.value.code == "unknown-root"


@pytest.mark.parametrize(
    ("content", "code"),
    [("x" * 101, "content-too-large"), ("ä" * 51, "content-too-large"), ("\ud800", "content-invalid")],
)
async def test_content_that_is_not_written(root: Path, kit: SimpleNamespace, content: str, code: str) -> None:
    with pytest.raises(ToolRefused) as refused:
        await kit.plan(kit.tools(root, write=True, max_bytes=100)["file_write"], path="x.txt", content=content)
    assert refused.value.code == code


async def test_tokens_stay_tokens_by_default(root: Path, kit: SimpleNamespace) -> None:
    tool = kit.tools(root, write=True)["file_write"]
    content = "tok_ann met tok_bob and tok_ann\n"
    planned = await kit.plan(tool, path="m.txt", content=content)
    assert [(s.token, s.place, s.target) for s in planned.slots] == [
        ("tok_ann", Place.CONTENT, "r"),
        ("tok_bob", Place.CONTENT, "r"),
    ]
    done = await kit.call(tool, path="m.txt", content=content)
    assert (root / "m.txt").read_text() == content
    assert done.entries[0]["sha256"] == hashlib.sha256(content.encode()).hexdigest()


async def test_cleared_values_are_written_and_not_told(root: Path, kit: SimpleNamespace) -> None:
    """Size and digest of the real text would let an agent test guesses, so they stay inside."""
    tool = kit.tools(root, write=True)["file_write"]
    values = {"tok_ann": "Ann O'Hara", "tok_bob": UNKNOWN, "tok_age": 41}
    done = await kit.call(tool, values, path="m.txt", content="tok_ann, tok_bob, tok_age, tok_ann\n")
    assert (root / "m.txt").read_text() == "Ann O'Hara, tok_bob, 41, Ann O'Hara\n"
    assert list(done.entries) == [{"path": "r/m.txt", "created": True, "restored": 2}]


NASTY = 'Ann "Q", \\ Müller\nLtd'


async def test_cleared_values_keep_json_well_formed(root: Path, kit: SimpleNamespace) -> None:
    tool = kit.tools(root, write=True)["file_write"]
    content = json.dumps({"name": "tok_ann", "note": "to tok_ann!"})
    await kit.call(tool, {"tok_ann": NASTY}, path="m.json", content=content)
    assert json.loads((root / "m.json").read_text()) == {"name": NASTY, "note": f"to {NASTY}!"}


async def test_cleared_values_keep_csv_well_formed(root: Path, kit: SimpleNamespace) -> None:
    tool = kit.tools(root, write=True)["file_write"]
    content = 'id,name,"note ""x"""\n1,tok_ann,"to ""tok_ann"", ok"\n2,tok_bob,tok_ann\ntok_ann,2,3'
    await kit.call(tool, {"tok_ann": NASTY, "tok_bob": "Bob"}, path="m.csv", content=content)
    rows = list(csv.reader(io.StringIO((root / "m.csv").read_text(), newline="")))
    assert rows == [
        ["id", "name", 'note "x"'],
        ["1", NASTY, f'to "{NASTY}", ok'],
        ["2", "Bob", NASTY],
        [NASTY, "2", "3"],
    ]
    with pytest.raises(ToolRefused) as refused:
        await kit.call(tool, {"tok_ann": NASTY}, path="n.csv", content="id,name\n1,to tok_ann\n")
    assert refused.value.code == "content-invalid"
    assert not (root / "n.csv").exists()


async def test_names_masked_in_a_listing_lead_to_their_files(root: Path, kit: SimpleNamespace) -> None:
    (root / "2026" / "letter to Ann O'Hara.txt").write_text("Dear Ann\n")
    tools = kit.tools(root, write=True)
    path = "2026/letter to tok_ann.txt"
    planned = await kit.plan(tools["file_read"], path=path)
    assert [(s.token, s.place, s.target) for s in planned.slots] == [("tok_ann", Place.NAME, "r")]
    text = await kit.call(tools["file_read"], {"tok_ann": "Ann O'Hara"}, path=path)
    assert (text.text, text.name) == ("Dear Ann\n", f"r/{path}")  # never the real name
    await kit.call(tools["file_write"], {"tok_ann": "Ann O'Hara"}, path=path, content="Dear tok_ann\n")
    assert (root / "2026" / "letter to Ann O'Hara.txt").read_text() == "Dear Ann O'Hara\n"
    for kept in ({}, {"tok_ann": UNKNOWN}, {"tok_ann": "Someone Else"}):
        with pytest.raises(ToolRefused) as refused:
            await kit.call(tools["file_read"], kept, path=path)
        assert refused.value.code == "not-found"


async def test_a_new_name_keeps_its_tokens(root: Path, kit: SimpleNamespace) -> None:
    tools = kit.tools(root, write=True)
    await kit.call(tools["file_write"], {"tok_ann": "Ann"}, path="to tok_ann.txt", content="x\n")
    assert (root / "to tok_ann.txt").exists()
    assert not (root / "to Ann.txt").exists()
    assert (await kit.call(tools["file_read"], {"tok_ann": "Ann"}, path="to tok_ann.txt")).text == "x\n"


@pytest.mark.parametrize(
    "value",
    ["..", ".", "", "2026/q1.json", "../outside", "/etc/passwd", "a\0b", "\\", "\u202e", "x" * 300],
)
async def test_a_real_value_in_a_path_opens_no_other_way(root: Path, kit: SimpleNamespace, value: str) -> None:
    """Every name is checked again after it was restored; a value that is more than a name spells nothing."""
    (root.parent / "outside").write_text("secret\n")
    tools = kit.tools(root, write=True)
    for path in ("tok_a", "tok_a/q1.json", "2026/tok_a", "2026/tok_a/x"):
        with pytest.raises(ToolRefused) as refused:
            await kit.call(tools["file_read"], {"tok_a": value}, path=path)
        assert refused.value.code == "not-found"
    with pytest.raises(ToolRefused) as refused:
        await kit.plan(tools["file_search"], path="tok_a", text="x")
    assert refused.value.code == "path-invalid"


async def test_a_cancelled_read_ends_and_its_thread_with_it(
    root: Path, kit: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The call is over only when the thread has stopped: nothing goes on behind the chain's back."""
    began, ended = threading.Event(), threading.Event()

    def endless(descriptor: int, cap: int, stop: Stop) -> tuple[bytes, bool]:
        began.set()
        try:
            while True:
                stop.check()
        finally:
            ended.set()

    tool = kit.tools(root)["file_read"]
    planned = await kit.plan(tool, path="visits.csv")
    monkeypatch.setattr(reading, "read_bounded", endless)
    async with anyio.create_task_group() as group:
        group.start_soon(tool.run, planned, Running())
        assert await anyio.to_thread.run_sync(began.wait, 30)
        group.cancel_scope.cancel()
    assert ended.is_set()


async def test_deadlines(root: Path, kit: SimpleNamespace) -> None:
    tool = kit.tools(root)["file_read"]
    planned = await kit.plan(tool, path="visits.csv")
    with pytest.raises(ToolFailed) as failed:
        await tool.run(planned, Running(limits=Limits(seconds=1e-9)))
    assert failed.value.code == "deadline"
    search = kit.tools(root)["file_search"]
    found = await search.run(await kit.plan(search, text="x"), Running(limits=Limits(seconds=1e-9)))
    assert (len(found.texts), found.truncated) == (0, True)  # what a search could not reach, it says


async def test_many_calls_at_once(root: Path, kit: SimpleNamespace) -> None:
    tools = kit.tools(root, write=True)
    results: list[str] = []

    async def one(i: int) -> None:
        await kit.call(tools["file_write"], path=f"n{i % 5}/f{i}.txt", content=f"{i}\n")
        results.append((await kit.call(tools["file_read"], path=f"n{i % 5}/f{i}.txt")).text)

    async with anyio.create_task_group() as group:
        for i in range(60):
            group.start_soon(one, i)
    assert sorted(results) == sorted(f"{i}\n" for i in range(60))
