"""What stands in a folder besides plain files: every row of the list of traps, in both ways of opening."""

# ruff: noqa: ASYNC230, ASYNC240 - tests lay out files between calls
from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import orjson
import pytest

from gloveport.tools.files.beneath import Opener, open_by_walk
from gloveport.tools.files.roots import FileRootError, FileSettings, Root
from gloveport.tools.files.tools import build_file_tools
from gloveport.tools.tool import ToolFailed, ToolRefused


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "root"
    (folder / "sub").mkdir(parents=True)
    (folder / "plain.txt").write_text("plain\n")
    (folder / "sub" / "deep.txt").write_text("deep\n")
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret.txt").write_text("secret\n")
    return folder


async def refused(kit: SimpleNamespace, tool: object, **arguments: object) -> str:
    with pytest.raises((ToolRefused, ToolFailed)) as error:
        await kit.call(tool, **arguments)
    return error.value.code


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("", "path-invalid"),
        (".", "path-invalid"),
        ("..", "path-invalid"),
        ("../outside/secret.txt", "path-invalid"),
        ("sub/../plain.txt", "path-invalid"),  # the kernel would allow it: it stays inside
        ("sub/./deep.txt", "path-invalid"),
        ("sub//deep.txt", "path-invalid"),
        ("/etc/passwd", "path-invalid"),
        ("/root-evil/x", "path-invalid"),  # CVE-2025-53110: a prefix that is no folder
        ("plain.txt\0.png", "path-invalid"),  # the kernel would cut it at the NUL
        ("plain.txt\\u0000", "path-invalid"),
        ("sub\\u002fdeep.txt", "path-invalid"),  # an escape that the listing would never write
        ("\\x2e\\x2e/x", "path-invalid"),
        ("plain.txt/", "path-invalid"),
        ("sub\\deep.txt", "path-invalid"),
        ("a" * 256, "path-invalid"),
        ("a/" * 65 + "a", "path-invalid"),
        ("ä" * 2500, "path-invalid"),
        ("\ud800.txt", "path-invalid"),
        ("\u202egnp.txt", "path-invalid"),
        ("missing.txt", "not-found"),
        ("plain.txt/x", "not-found"),
        ("PLAIN.TXT", "not-found"),
        ("sub", "not-a-file"),
        ("%2e%2e/outside/secret.txt", "not-found"),  # nothing decodes percent signs
        ("~/x", "not-found"),
        ("file:///etc/passwd", "path-invalid"),
    ],
)
async def test_only_plain_relative_names_are_taken(
    root: Path, kit: SimpleNamespace, opener: Opener, path: str, code: str
) -> None:
    tools = kit.tools(root, opener=opener, write=True)
    assert await refused(kit, tools["file_read"], path=path) == code
    if code == "path-invalid":
        assert await refused(kit, tools["file_write"], path=path, content="x") == code


async def test_a_plain_file_is_read(root: Path, kit: SimpleNamespace, opener: Opener) -> None:
    tools = kit.tools(root, opener=opener)
    text = await kit.call(tools["file_read"], path="sub/deep.txt")
    assert (text.text, text.name, text.media) == ("deep\n", "r/sub/deep.txt", "text/plain")


@pytest.mark.parametrize("target", ["../outside/secret.txt", "plain.txt", "nowhere", "/proc/self/environ"])
async def test_links_are_not_followed(root: Path, kit: SimpleNamespace, opener: Opener, target: str) -> None:
    """CVE-2025-53109. Inside, outside, dangling or magic: all read the same."""
    (root / "link").symlink_to(target)
    tools = kit.tools(root, opener=opener, write=True)
    assert await refused(kit, tools["file_read"], path="link") == "link"
    assert await refused(kit, tools["file_write"], path="link", content="x") == "link"
    assert await refused(kit, tools["file_search"], path="link", text="x") == "link"
    assert not (root / "nowhere").exists()


async def test_linked_folders_are_not_entered(root: Path, kit: SimpleNamespace, opener: Opener) -> None:
    (root / "way").symlink_to(root.parent / "outside")
    tools = kit.tools(root, opener=opener, write=True)
    assert await refused(kit, tools["file_read"], path="way/secret.txt") == "link"
    assert await refused(kit, tools["file_list"], path="way") == "link"
    assert await refused(kit, tools["file_write"], path="way/new.txt", content="x") == "link"
    assert await refused(kit, tools["file_write"], path="way/new/x.txt", content="x") == "link"
    found = await kit.call(tools["file_search"], text="secret")
    assert [text.text for text in found.texts if "secret" in text.text] == []
    assert found.extra["skipped"] == {"link": 1}
    listed = await kit.call(tools["file_list"])
    assert {e["name"]: e["type"] for e in listed.entries} == {"sub": "folder", "plain.txt": "file", "way": "link"}


async def test_magic_links_are_not_followed(kit: SimpleNamespace, opener: Opener) -> None:
    if not Path("/proc/self/fd").exists():
        pytest.skip("no /proc")
    tools = kit.tools(Path("/proc/self"), opener=opener, cross_mounts=True)
    assert await refused(kit, tools["file_read"], path="fd/0") in ("link", "not-found")
    assert await refused(kit, tools["file_read"], path="root/etc/passwd") == "link"
    assert await refused(kit, tools["file_read"], path="cwd/pyproject.toml") == "link"


async def test_hard_links_are_refused_unless_allowed(root: Path, kit: SimpleNamespace, opener: Opener) -> None:
    os.link(root.parent / "outside" / "secret.txt", root / "innocent.txt")
    tools = kit.tools(root, opener=opener, write=True)
    assert await refused(kit, tools["file_read"], path="innocent.txt") == "hard-link"
    assert await refused(kit, tools["file_write"], path="innocent.txt", content="x") == "hard-link"
    found = await kit.call(tools["file_search"], text="secret")
    assert found.extra["skipped"] == {"hard-link": 1}
    allowed = kit.tools(root, opener=opener, hard_links=True)
    assert (await kit.call(allowed["file_read"], path="innocent.txt")).text == "secret\n"


async def test_what_would_hang_or_act_is_refused_at_once(root: Path, kit: SimpleNamespace, opener: Opener) -> None:
    os.mkfifo(root / "fifo")
    home = os.getcwd()
    os.chdir(root)  # the address of a socket must be short
    try:
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind("socket")
    finally:
        os.chdir(home)
    names = ["fifo", "socket"]
    try:
        os.mknod(root / "device", 0o600 | 0o020000, os.makedev(1, 5))
        names.append("device")
    except PermissionError:
        pass
    tools = kit.tools(root, opener=opener, write=True)
    began = time.monotonic()
    for name in names:
        assert await refused(kit, tools["file_read"], path=name) == "not-a-file"
        assert await refused(kit, tools["file_write"], path=name, content="x") == "not-a-file"
        assert await refused(kit, tools["file_search"], path=name, text="x") == "not-a-file"
    found = await kit.call(tools["file_search"], text="plain")
    assert found.extra["skipped"] == {"not-a-file": len(names)}
    assert time.monotonic() - began < 5


@pytest.mark.skipif(not hasattr(os, "O_PATH"), reason="this system has no O_PATH")
def test_what_is_no_file_is_looked_at_and_never_opened(root: Path, opener: Opener) -> None:
    """Opening a device can act: rewind a tape, reset a watchdog. O_PATH does not."""
    os.mkfifo(root / "fifo")
    flags_used: list[int] = []

    def spy(folder: int, names: Sequence[str], flags: int, cross_mounts: bool) -> int:
        if tuple(names) == ("fifo",):
            flags_used.append(flags)
        return opener(folder, names, flags, cross_mounts)

    held = Root(FileSettings("r", root), spy)
    with pytest.raises(ToolRefused), held.file(("fifo",)):
        pass
    assert flags_used
    assert all(flags & os.O_PATH for flags in flags_used)


async def test_a_sparse_file_is_read_only_up_to_the_cap(root: Path, kit: SimpleNamespace, opener: Opener) -> None:
    with open(root / "sparse.txt", "wb") as file:
        file.write(b"a line\n" * 1000)
        file.truncate(1 << 40)
    tools = kit.tools(root, opener=opener, max_bytes=7000)
    text = await kit.call(tools["file_read"], path="sparse.txt")
    assert text.truncated
    assert len(text.text) == 7000
    assert await refused(kit, kit.tools(root, max_bytes=8000)["file_read"], path="sparse.txt") == "binary-file"


@pytest.mark.skipif(sys.platform != "linux", reason="mount namespaces are Linux")
def test_mounts_are_crossed_only_where_configured(root: Path) -> None:
    """A bind mount of the same file system has the same device number; only its mount id differs."""
    script = """
import os, sys
from pathlib import Path
from gloveport.tools.files.beneath import open_by_kernel, open_by_walk, kernel_can
from gloveport.tools.files.roots import FileSettings, Root
from gloveport.tools.tool import ToolRefused
for opener in [open_by_walk] + [open_by_kernel] * kernel_can():
    for cross in (False, True):
        root = Root(FileSettings("r", Path(sys.argv[1]), cross_mounts=cross), opener)
        try:
            with root.file(("sub", "secret.txt")) as (descriptor, _):
                print(os.read(descriptor, 99).decode().strip())
        except ToolRefused as refused:
            print(refused.code)
"""
    mount = f'mount --bind "{root.parent}/outside" "{root}/sub" && exec "$0" "$@"'
    command = ["unshare", "--mount", "sh", "-c", mount, sys.executable, "-c", script, str(root)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    except FileNotFoundError:
        pytest.skip("no unshare(1) here")
    if "secret" not in done.stdout:
        pytest.skip(f"mounting is not permitted here: {done.stderr.strip()[-80:]}")
    assert done.stdout.split() in (["mount", "secret"], ["mount", "secret"] * 2)


async def test_a_moved_root_is_noticed(root: Path, kit: SimpleNamespace, opener: Opener) -> None:
    tools = kit.tools(root, opener=opener, write=True)
    root.rename(root.parent / "elsewhere")
    for name, more in (
        ("file_read", {"path": "plain.txt"}),
        ("file_list", {}),
        ("file_search", {"text": "x"}),
        ("file_write", {"path": "new.txt", "content": "x"}),
    ):
        assert await refused(kit, tools[name], **more) == "root-changed"
    root.mkdir()
    assert await refused(kit, tools["file_list"]) == "root-changed"
    assert not (root.parent / "elsewhere" / "new.txt").exists()


async def test_hidden_names_do_not_exist(root: Path, kit: SimpleNamespace, opener: Opener) -> None:
    (root / ".git").mkdir()
    (root / ".git" / "config").write_text("password\n")
    (root / ".env").write_text("password\n")
    tools = kit.tools(root, opener=opener, write=True)
    assert await refused(kit, tools["file_read"], path=".env") == "not-found"
    assert await refused(kit, tools["file_read"], path=".git/config") == "not-found"
    assert await refused(kit, tools["file_list"], path=".git") == "not-found"
    assert await refused(kit, tools["file_write"], path=".env", content="x") == "name-refused"
    assert await refused(kit, tools["file_write"], path=".git/hooks/x", content="x") == "name-refused"
    assert {e["name"] for e in (await kit.call(tools["file_list"])).entries} == {"sub", "plain.txt"}
    assert len((await kit.call(tools["file_search"], text="password")).texts) == 2
    shown = kit.tools(root, hidden=True)
    assert (await kit.call(shown["file_read"], path=".env")).text == "password\n"


async def test_names_that_lie_are_escaped_and_can_be_typed_back(
    root: Path, kit: SimpleNamespace, opener: Opener
) -> None:
    """Bytes that are no UTF-8 once crashed the whole listing; direction marks make exe.png of gnp.exe."""
    names = [b"caf\xe9.txt", "\u202egnp.txt".encode(), "a\u200bb.txt".encode(), b"new\nline.txt", b"back\\slash.txt"]
    for name in names:
        with open(os.path.join(os.fsencode(root / "sub"), name), "wb") as file:
            file.write(name.hex().encode())
    tools = kit.tools(root, opener=opener)
    listed = await kit.call(tools["file_list"], path="sub")
    shown = {str(e["name"]) for e in listed.entries}
    orjson.dumps(list(listed.entries))
    assert shown == {
        "deep.txt",
        r"caf\xe9.txt",
        r"\u202egnp.txt",
        r"a\u200bb.txt",
        r"new\u000aline.txt",
        r"back\\slash.txt",
    }
    read = {(await kit.call(tools["file_read"], path=f"sub/{name}")).text for name in shown - {"deep.txt"}}
    assert read == {name.hex() for name in names}


@pytest.mark.parametrize(
    "name",
    [
        "a\u200bb.txt",
        "\u202etxt",
        "caf\u0065\u0301.txt",
        "x\ty",
        "x.",
        " x",
        "NUL.txt",
        "a\u00a0b",
        r"a\\b",
        r"\xe9.txt",
    ],
)
async def test_new_names_are_plain(root: Path, kit: SimpleNamespace, name: str) -> None:
    tools = kit.tools(root, write=True)
    before = sorted(os.listdir(root))
    assert await refused(kit, tools["file_write"], path=name, content="x") in ("name-refused", "path-invalid")
    assert sorted(os.listdir(root)) == before


async def test_twins_are_told_apart_and_never_made(root: Path, kit: SimpleNamespace, opener: Opener) -> None:
    nfc, nfd = (unicodedata.normalize(form, "é.txt") for form in ("NFC", "NFD"))
    (root / nfc).write_text("composed\n")
    (root / nfd).write_text("decomposed\n")
    if len([n for n in os.listdir(root) if n.endswith("é.txt") or n == nfd]) < 2:
        pytest.skip("this disk folds accents")
    tools = kit.tools(root, opener=opener, write=True)
    assert (await kit.call(tools["file_read"], path=nfc)).text == "composed\n"
    assert (await kit.call(tools["file_read"], path=nfd)).text == "decomposed\n"
    twins = {e["name"] for e in (await kit.call(tools["file_list"])).entries if e.get("twin")}
    assert twins == {nfc, nfd}
    assert await refused(kit, tools["file_write"], path="Plain.txt", content="x") == "name-twin"
    assert await refused(kit, tools["file_write"], path="SUB/x.txt", content="x") == "name-twin"
    assert not (root / "SUB").exists()


def folding(opener: Opener) -> Opener:
    """A disk that ignores case: looks each name up as the folder has it."""

    def open_folded(root: int, names: object, flags: int, cross_mounts: bool) -> int:
        exact: list[str] = []
        for name in names:  # type: ignore[attr-defined]
            folder = open_by_walk(root, exact, os.O_RDONLY | os.O_DIRECTORY, cross_mounts)
            try:
                exact.append(next((n for n in os.listdir(folder) if n.casefold() == name.casefold()), name))
            finally:
                os.close(folder)
        return opener(root, exact, flags, cross_mounts)

    return open_folded


async def test_a_disk_that_folds_case_is_asked_in_its_own_spelling(root: Path, kit: SimpleNamespace) -> None:
    """Else a policy that forbids plain.txt is passed by asking for PLAIN.TXT."""
    tools = kit.tools(root, opener=folding(open_by_walk), write=True)
    assert (await kit.call(tools["file_read"], path="sub/deep.txt")).text == "deep\n"
    assert await refused(kit, tools["file_read"], path="sub/DEEP.txt") == "not-found"
    assert await refused(kit, tools["file_read"], path="Sub/deep.txt") == "not-found"
    assert await refused(kit, tools["file_list"], path="SUB") == "not-found"
    assert await refused(kit, tools["file_search"], path="SUB", text="deep") == "not-found"


async def test_a_file_replaced_after_the_decision_is_not_read(root: Path, kit: SimpleNamespace) -> None:
    from gloveport.tools.tool import Running

    tools = kit.tools(root)
    planned = await kit.plan(tools["file_read"], path="plain.txt")
    (root / "other").write_text("other\n")
    (root / "other").rename(root / "plain.txt")
    with pytest.raises(ToolFailed) as failed:
        await tools["file_read"].run(planned, Running())
    assert failed.value.code == "changed"
    assert failed.value.retryable


async def test_a_plan_does_not_tell_what_exists(root: Path, kit: SimpleNamespace) -> None:
    """What policy denies and what is not there must read the same, so only the run says not-found."""
    tools = kit.tools(root)
    for path in ("plain.txt", "missing.txt", "missing/missing.txt"):
        planned = await kit.plan(tools["file_read"], path=path)
        assert [a.name for a in planned.accesses] == [f"r/{path}"]
        searched = await kit.plan(tools["file_search"], path=path, text="x")
        assert searched.accesses[0].name == f"r/{path}"


@pytest.mark.parametrize("kind", ["missing", "file", "link-to-nothing", "unreadable"])
def test_a_root_that_cannot_be_served_is_one_line(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "x"
    if kind == "file":
        path.touch()
    if kind == "link-to-nothing":
        path.symlink_to("nowhere")
    if kind == "unreadable":
        path.mkdir(mode=0)
        if os.geteuid() == 0:
            pytest.skip("may skip in CI: root reads everything")
    with pytest.raises(FileRootError) as error:
        build_file_tools([FileSettings("reports", path)])
    assert "\n" not in str(error.value)
    assert str(error.value).startswith("files.reports.path: ")
    assert str(path) in str(error.value)


def test_a_root_may_be_given_through_a_link(tmp_path: Path) -> None:
    """/tmp is a link on macOS: a root is resolved once, at start."""
    (tmp_path / "real").mkdir()
    (tmp_path / "way").symlink_to("real")
    root = Root(FileSettings("r", tmp_path / "way"))
    assert root.path == (tmp_path / "real").resolve()
    root.check_place()
    root.close()


def test_a_root_holds_nothing_of_the_server_itself(tmp_path: Path) -> None:
    (tmp_path / "recordings").mkdir()
    (tmp_path / "reports").mkdir()
    for root, own in (("", "recordings"), ("recordings", ""), ("recordings", "recordings"), ("", "policies/not-yet")):
        with pytest.raises(FileRootError, match="belongs to the server"):
            build_file_tools([FileSettings("r", tmp_path / root)], keep_out=[tmp_path / own])
    assert build_file_tools([FileSettings("r", tmp_path / "reports")], keep_out=[tmp_path / "recordings"])


def test_without_openat2_the_walk_takes_over(monkeypatch: pytest.MonkeyPatch) -> None:
    from gloveport.tools.files import beneath

    def forbidden(*_: object) -> int:
        raise OSError(1, "seccomp says no")

    beneath.kernel_can.cache_clear()
    monkeypatch.setattr(beneath, "open_by_kernel", forbidden)
    try:
        assert beneath.best_opener() is open_by_walk
    finally:
        beneath.kernel_can.cache_clear()


def test_no_descriptor_is_left_open(root: Path, opener: Opener) -> None:
    if not Path("/proc/self/fd").exists():
        pytest.skip("no /proc")
    held = Root(FileSettings("r", root), opener)
    (root / "link").symlink_to("plain.txt")
    os.mkfifo(root / "fifo")
    before = len(os.listdir("/proc/self/fd"))
    for names in (("plain.txt",), ("link",), ("fifo",), ("sub",), ("missing", "x"), ("plain.txt", "x")):
        for _ in range(3):
            try:
                with held.file(names):
                    pass
            except ToolRefused:
                pass
    assert len(os.listdir("/proc/self/fd")) == before
    held.close()
    assert len(os.listdir("/proc/self/fd")) == before - 1
