"""Atomic writing under faults: at every system call, the old file or the new one, and nothing beside it."""

from __future__ import annotations

import errno
import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from gloveport.tools.files import writing
from gloveport.tools.files.roots import FileIdentity, FileSettings, Root
from gloveport.tools.files.writing import write_file
from gloveport.tools.threads import Stop, Stopped
from gloveport.tools.tool import ToolFailed, ToolRefused

OLD, NEW = b"old content\n", b"new content, longer than the old\n" * 100


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Root]:
    (tmp_path / "root").mkdir()
    held = Root(FileSettings("r", tmp_path / "root", write=True))
    yield held
    held.close()


def snapshot(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() if p.is_file() else b"" for p in sorted(folder.rglob("*"))}


class Faults:
    """The os module as writing sees it, with the n-th fallible call failing."""

    CALLS = ("open", "write", "fchmod", "fsync", "rename", "link", "mkdir", "close")

    def __init__(self, at: int, code: int) -> None:
        self.at, self.code, self.count, self.fired = at, code, 0, ""

    def __getattr__(self, name: str) -> Any:
        real: Callable[..., Any] = getattr(os, name)
        if name not in self.CALLS:
            return real

        def maybe(*args: Any, **kwargs: Any) -> Any:
            self.count += 1
            if self.count - 1 != self.at:
                return real(*args, **kwargs)
            self.fired = name
            if name == "close":
                real(*args)
            raise OSError(self.code, "injected")

        return maybe


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO, errno.EDQUOT, errno.EROFS, errno.EACCES])
@pytest.mark.parametrize("replacing", [True, False])
def test_a_fault_at_any_call_leaves_old_or_new(
    root: Root, monkeypatch: pytest.MonkeyPatch, code: int, replacing: bool
) -> None:
    monkeypatch.setattr(writing, "_renameat2", None)  # so that creating passes through os as well
    fired: list[str] = []
    for at in range(30):
        if replacing:
            (root.path / "a").mkdir(exist_ok=True)
            (root.path / "a" / "f.txt").write_bytes(OLD)
        before = snapshot(root.path)
        faults = Faults(at, code)
        monkeypatch.setattr(writing, "os", faults)
        try:
            write_file(root, ("a", "f.txt"), NEW, "unknown", Stop())
        except ToolFailed as failed:
            assert faults.fired
            fired.append(faults.fired)
            after = snapshot(root.path)
            if failed.code == "not-durable" and after != before:
                assert after == {"a": b"", "a/f.txt": NEW}  # renamed already; only the folder's fsync failed
            else:
                assert after == before
                expected = {errno.EIO: "disk-error", errno.EROFS: "disk-read-only", errno.EACCES: "no-permission"}
                assert failed.code in (expected.get(code, "disk-full"), "not-durable")
        else:
            assert not faults.fired
            break
        finally:
            monkeypatch.setattr(writing, "os", os)
            if not replacing:
                shutil.rmtree(root.path / "a", ignore_errors=True)
    else:
        pytest.fail("more calls than expected")
    assert {"open", "write", "fchmod", "fsync", "close"} <= set(fired)
    assert ("rename" if replacing else "link") in fired


def test_the_order_of_calls_survives_a_power_cut(root: Root, monkeypatch: pytest.MonkeyPatch) -> None:
    """The bytes are on disk before the name points to them, and the name before anyone is told."""
    (root.path / "f.txt").write_bytes(OLD)
    calls: list[str] = []

    class Spy:
        def __getattr__(self, name: str) -> Any:
            real = getattr(os, name)
            if name not in ("write", "fsync", "rename"):
                return real

            def noted(*args: Any, **kwargs: Any) -> Any:
                folder = name == "fsync" and stat.S_ISDIR(os.fstat(args[0]).st_mode)
                calls.append("fsync folder" if folder else name)
                return real(*args, **kwargs)

            return noted

    monkeypatch.setattr(writing, "os", Spy())
    write_file(root, ("f.txt",), NEW, "unknown", Stop())
    assert calls == ["write", "fsync", "rename", "fsync folder"]


@pytest.mark.skipif(sys.platform != "linux", reason="mount namespaces are Linux")
def test_a_disk_that_is_really_full(tmp_path: Path) -> None:
    script = """
import sys
from pathlib import Path
from gloveport.tools.files.roots import FileSettings, Root
from gloveport.tools.files.writing import write_file
from gloveport.tools.threads import Stop
from gloveport.tools.tool import ToolFailed
root = Root(FileSettings("r", Path(sys.argv[1]), write=True))
write_file(root, ("f.txt",), b"old", "absent", Stop())
try:
    write_file(root, ("f.txt",), b"x" * 200_000, "unknown", Stop())
except ToolFailed as failed:
    print(failed.code, (root.path / "f.txt").read_bytes().decode(), *[p.name for p in root.path.iterdir()])
"""
    mount = f'mount -t tmpfs -o size=64k none "{tmp_path}" && exec "$0" "$@"'
    command = ["unshare", "--mount", "sh", "-c", mount, sys.executable, "-c", script, str(tmp_path)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    except FileNotFoundError:
        pytest.skip("no unshare(1) here")
    if not done.stdout and "mount" in done.stderr:
        pytest.skip("mounting is not permitted here")
    assert done.stdout.split() == ["disk-full", "old", "f.txt"], done.stderr


def test_a_cancelled_write_changes_nothing(root: Root) -> None:
    (root.path / "f.txt").write_bytes(OLD)

    class StopAt(Stop):
        def __init__(self, at: int) -> None:
            super().__init__()
            self.left = at

        def check(self) -> None:
            self.left -= 1
            if self.left < 0:
                raise Stopped

    reached = 0
    for at in range(10):
        try:
            write_file(root, ("new", "f.txt"), b"x" * (3 << 20), "unknown", StopAt(at))
        except Stopped:
            reached += 1
            assert snapshot(root.path) == {"f.txt": OLD}
        else:
            break
    assert reached == 4  # before each of three chunks, and before the rename


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o664, 0o4755])
def test_the_mode_of_a_replaced_file_is_kept_without_set_id(root: Root, mode: int) -> None:
    path = root.path / "f.txt"
    path.write_bytes(OLD)
    path.chmod(mode)
    assert write_file(root, ("f.txt",), NEW, "unknown", Stop(), 0o644) is False
    assert stat.S_IMODE(path.stat().st_mode) == mode & 0o777
    assert path.read_bytes() == NEW


def test_the_owner_of_a_replaced_file_is_kept_where_we_may(root: Root) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root gives files away")
    path = root.path / "f.txt"
    path.write_bytes(OLD)
    os.chown(path, 1234, 2345)
    write_file(root, ("f.txt",), NEW, "unknown", Stop())
    assert (path.stat().st_uid, path.stat().st_gid) == (1234, 2345)


def test_a_new_file_has_the_mode_of_the_server(root: Root) -> None:
    assert write_file(root, ("a", "f.txt"), NEW, "absent", Stop(), 0o640) is True
    assert stat.S_IMODE((root.path / "a" / "f.txt").stat().st_mode) == 0o640
    assert stat.S_IMODE((root.path / "a").stat().st_mode) & 0o007 == 0


def test_a_temporary_file_is_private_and_unseen(root: Root, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[str, int]] = []
    original = writing._write_all

    def spy(descriptor: int, data: bytes, stop: Stop) -> None:
        (name,) = os.listdir(root.path)
        seen.append((name, stat.S_IMODE(os.fstat(descriptor).st_mode)))
        assert root.is_hidden(name)
        original(descriptor, data, stop)

    monkeypatch.setattr(writing, "_write_all", spy)
    write_file(root, ("f.txt",), NEW, "absent", Stop(), 0o666)
    assert [mode for _, mode in seen] == [0o600]
    assert seen[0][0].startswith(".gloveport-")


def test_only_the_planned_file_is_replaced(root: Root) -> None:
    path = root.path / "f.txt"
    path.write_bytes(OLD)
    planned = FileIdentity.of(path.stat())
    for state in ("absent", planned):
        if state is planned:
            (root.path / "g.txt").write_bytes(b"another\n")
            (root.path / "g.txt").rename(path)
        before = path.read_bytes()
        with pytest.raises(ToolFailed) as failed:
            write_file(root, ("f.txt",), NEW, state, Stop())
        assert failed.value.code == "changed"
        assert path.read_bytes() == before
    path.unlink()
    with pytest.raises(ToolFailed):
        write_file(root, ("f.txt",), NEW, planned, Stop())
    assert list(root.path.iterdir()) == []


@pytest.mark.parametrize("kernel", [True, False])
def test_a_name_taken_at_the_last_moment_is_not_overwritten(
    root: Root, monkeypatch: pytest.MonkeyPatch, kernel: bool
) -> None:
    if kernel and writing._renameat2 is None:
        pytest.skip("no renameat2 here")
    if not kernel:
        monkeypatch.setattr(writing, "_renameat2", None)

    class TakenBeforeRename(Stop):
        looks = 0

        def check(self) -> None:
            self.looks += 1
            if self.looks == 2:
                (root.path / "f.txt").write_bytes(b"theirs")

    with pytest.raises(ToolFailed) as failed:
        write_file(root, ("f.txt",), b"ours", "absent", TakenBeforeRename())
    assert failed.value.code == "changed"
    assert snapshot(root.path) == {"f.txt": b"theirs"}


def test_a_folder_in_the_way(root: Root) -> None:
    (root.path / "d").mkdir()
    (root.path / "f").write_bytes(OLD)
    for names in (("d",), ("f", "x.txt"), ("f", "g", "x.txt")):
        with pytest.raises(ToolRefused):
            write_file(root, names, NEW, "unknown", Stop())
    assert snapshot(root.path) == {"d": b"", "f": OLD}
