from __future__ import annotations

import os
import stat
import threading
from pathlib import Path

import pytest

from gloveport.guardrails.approval import ApprovalError, ApprovalStore
from gloveport.guardrails.credentials import CredentialError, Credentials
from gloveport.guardrails.private_file import locked, write_private


def test_a_file_is_private_and_replaced_as_a_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    write_private(path, b"1")
    before = path.stat().st_ino
    write_private(path, b"2")
    assert path.read_bytes() == b"2"
    assert path.stat().st_ino != before
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [p.name for p in tmp_path.iterdir()] == ["a.json"]


def test_one_writer_at_a_time(tmp_path: Path) -> None:
    path = tmp_path / "n"
    write_private(path, b"0")

    def add() -> None:
        for _ in range(20):
            with locked(path):
                write_private(path, str(int(path.read_bytes()) + 1).encode())

    threads = [threading.Thread(target=add) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert path.read_bytes() == b"80"


@pytest.mark.skipif(os.geteuid() != 0, reason="may skip in CI: only root can give files away")
def test_what_root_writes_belongs_to_the_folder_s_owner(tmp_path: Path) -> None:
    os.chown(tmp_path, 12345, 12345)
    with locked(tmp_path / "a.json"):
        write_private(tmp_path / "a.json", b"1")
    assert {path.stat().st_uid for path in tmp_path.iterdir()} == {12345}


def test_a_place_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    place = tmp_path / "file" / "x.json"
    with pytest.raises(ApprovalError, match=r"x\.json: cannot be read and written: "):
        ApprovalStore(place).all()
    with pytest.raises(CredentialError, match=r"x\.json: cannot be written: "):
        Credentials(place).add("bot")
