"""An attacker swaps a folder or a file for a link to the outside, as fast as the kernel can, while we open."""

from __future__ import annotations

import os
import stat
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import pytest

from gloveport.tools.files.beneath import Opener
from gloveport.tools.files.reading import read_bounded
from gloveport.tools.files.roots import FileSettings, Root
from gloveport.tools.files.writing import write_file
from gloveport.tools.threads import Stop
from gloveport.tools.tool import ToolFailed, ToolRefused

SECONDS = 1.0
SECRET = b"SECRET of the outside\n"
INSIDE = b"inside\n"


@pytest.fixture
def inside(tmp_path: Path, exchange: None) -> Path:
    """root/d/e/f.txt is ours; outside/e/f.txt is not; root/d.link leads there, and so does root/d/e/f.link."""
    root, outside = tmp_path / "root", tmp_path / "outside"
    for folder in (root / "d" / "e", outside / "e"):
        folder.mkdir(parents=True)
    (root / "d" / "e" / "f.txt").write_bytes(INSIDE)
    (outside / "e" / "f.txt").write_bytes(SECRET)
    (root / "d.link").symlink_to(outside)
    (root / "f.link").symlink_to(outside / "e" / "f.txt")
    return root


def pair(root: Path, swapped: str) -> tuple[Path, Path]:
    return (root / "d", root / "d.link") if swapped == "folder" else (root / "d" / "e" / "f.txt", root / "f.link")


@pytest.mark.parametrize("swapped", ["folder", "file"])
def test_no_read_leaves_the_root(inside: Path, opener: Opener, swapped: str, kit: SimpleNamespace) -> None:
    root = Root(FileSettings("r", inside), opener)
    seen = Counter[str]()
    with kit.swapping(*pair(inside, swapped)):
        for _ in kit.for_seconds(SECONDS):
            try:
                with root.file(("d", "e", "f.txt")) as (descriptor, _identity):
                    data, _more = read_bounded(descriptor, 1000, Stop())
                seen["inside" if data == INSIDE else "LEAK"] += 1
            except (ToolRefused, ToolFailed) as error:
                seen[error.code] += 1
    print(f"reads {swapped} {opener.__name__}: {dict(seen)}")
    assert seen["LEAK"] == 0
    assert seen["inside"] > 0
    assert seen["link"] > 0  # the attack did take place


@pytest.mark.parametrize("swapped", ["folder", "file"])
def test_no_write_leaves_the_root(inside: Path, opener: Opener, swapped: str, kit: SimpleNamespace) -> None:
    root = Root(FileSettings("r", inside, write=True), opener)
    seen = Counter[str]()
    with kit.swapping(*pair(inside, swapped)):
        for count in kit.for_seconds(SECONDS):
            name = "f.txt" if swapped == "file" else f"g{count % 3}.txt"
            try:
                write_file(root, ("d", "e", name), INSIDE, "unknown", Stop())
                seen["written"] += 1
            except (ToolRefused, ToolFailed) as error:
                seen[error.code] += 1
            if swapped == "file" and count % 20 == 19:
                # our rename replaces whatever has the name, also the link: lay out both anew
                (inside / "next").write_bytes(INSIDE)
                (inside / "next").rename(inside / "d" / "e" / "f.txt")
                (inside / "next").symlink_to(inside.parent / "outside" / "e" / "f.txt")
                (inside / "next").rename(inside / "f.link")
    print(f"writes {swapped} {opener.__name__}: {dict(seen)}")
    outside = inside.parent / "outside" / "e"
    assert [p.name for p in outside.iterdir()] == ["f.txt"]
    assert (outside / "f.txt").read_bytes() == SECRET
    assert seen["written"] > 0
    assert seen["link"] > 0
    assert not list(inside.rglob(".gloveport-*")), "a temporary file was left"


def test_the_attack_beats_a_checked_path(inside: Path, kit: SimpleNamespace) -> None:
    """The control: without it the suite above could pass because the attacker is asleep."""
    real = os.path.realpath(inside)
    path = os.path.join(inside, "d", "e", "f.txt")
    leaked = False
    with kit.swapping(*pair(inside, "folder")):
        for _ in kit.for_seconds(20):
            try:
                if os.path.commonpath([os.path.realpath(path), real]) != real:
                    continue
                with open(path, "rb") as file:
                    leaked = file.read() == SECRET
            except OSError:
                continue
            if leaked:
                break
    assert leaked


def test_listing_and_searching_never_follow(inside: Path, opener: Opener, kit: SimpleNamespace) -> None:
    from gloveport.tools.files.reading import KnownUnreadable, list_folder, read_found, walk

    root = Root(FileSettings("r", inside), opener)
    outside = inside.parent / "outside"
    (outside / "only-outside.txt").write_bytes(SECRET)
    rounds = 0
    with kit.swapping(*pair(inside, "folder")):
        for _ in kit.for_seconds(SECONDS):
            rounds += 1
            try:
                listed, _more = list_folder(root, ("d",), 100, Stop())
                assert "only-outside.txt" not in {one.name for one in listed}
            except ToolRefused:
                pass
            for file in walk(root, (), 100, Stop()).files:
                assert file.names[-1] != "only-outside.txt"
                decoded = read_found(root, file, 1000, KnownUnreadable(), Stop())
                assert isinstance(decoded, str) or decoded.text == INSIDE.decode()
    assert rounds > 0


def test_a_folder_moved_out_while_writing_takes_no_file_along(inside: Path, opener: Opener) -> None:
    """The held descriptor follows the folder out; the check before the rename notices."""
    outside = inside.parent / "outside"

    class MovedBeforeRename(Stop):
        looks = 0

        def check(self) -> None:
            self.looks += 1
            if self.looks == 2:  # after all bytes are written, before the rename
                (inside / "d" / "e").rename(outside / "moved")

    root = Root(FileSettings("r", inside, write=True), opener)
    with pytest.raises(ToolFailed) as failed:
        write_file(root, ("d", "e", "new.txt"), INSIDE, "absent", MovedBeforeRename())
    assert failed.value.code == "changed"
    assert sorted(p.name for p in (outside / "moved").iterdir()) == ["f.txt"]
    assert stat.S_ISDIR(os.stat(inside / "d").st_mode)
