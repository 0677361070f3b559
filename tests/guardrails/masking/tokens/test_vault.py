from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from gloveport.guardrails.masking.keys import KeyRing, KeyUnusable, Scope, retire_keys, rotate_keys
from gloveport.guardrails.masking.tokens.service import Tokens
from gloveport.guardrails.masking.tokens.vault import Vault, VaultRow, VaultUnavailable
from gloveport.tools.tool import UNKNOWN

ANN = Scope("default", "ann", "support", "S1")
BOB = Scope("default", "bob", "support", "S2")


@pytest.fixture
def place(tmp_path: Path) -> tuple[str, Path]:
    return f"file:{tmp_path}/key", tmp_path / "vault.sqlite"


def row(token: str = "Ada Frost 0abcde", digest: bytes = b"d" * 16) -> VaultRow:
    return VaultRow(b"s" * 16, "person", token, 0, digest, b"sealed")


def test_only_its_owner_may_read_the_vault(tmp_path: Path) -> None:
    path = tmp_path / "new" / "vault.sqlite"
    vault = Vault(path)
    vault.put(row(), "tenant")
    vault.flush_now()
    files = list(path.parent.iterdir())
    assert {f.name for f in files} >= {"vault.sqlite", "vault.sqlite-wal"}
    assert {stat.S_IMODE(f.stat().st_mode) for f in files} == {0o600}
    vault.close()
    path.chmod(0o644)
    with pytest.raises(VaultUnavailable, match="chmod 600"):
        Vault(path)


def test_what_waits_is_found_and_what_was_flushed_is_on_disk(tmp_path: Path) -> None:
    vault = Vault(tmp_path / "v")
    assert not vault.dirty
    vault.put(row(), "tenant")
    assert vault.dirty
    assert vault.get(*row().key) == row()
    assert vault.digests(b"s" * 16, "person", [row().token, "other"]) == {row().token: b"d" * 16}
    vault.flush_now()
    assert not vault.dirty
    other = sqlite3.connect(tmp_path / "v")
    assert other.execute("SELECT count(*) FROM vault").fetchone() == (1,)
    other.close()
    assert vault.get(*row().key) == row()
    vault.close()


async def test_a_flush_with_nothing_new_does_not_touch_the_disk(place: tuple[str, Path]) -> None:
    tokens = Tokens.open(*place)
    tokens.tokenise("person", ["Ann Smith"], ANN)
    await tokens.flush()
    before = os.stat(f"{place[1]}-wal").st_mtime_ns, os.stat(f"{place[1]}-wal").st_size
    tokens.tokenise("person", ["Ann Smith"], ANN)
    tokens.tokenise("person", ["Ann Smith"], ANN)
    await tokens.flush()
    assert (os.stat(f"{place[1]}-wal").st_mtime_ns, os.stat(f"{place[1]}-wal").st_size) == before
    tokens.close()


KILLED = """
import os, sys
from pathlib import Path
from gloveport.guardrails.masking.tokens.service import Scope, Tokens
tokens = Tokens.open(sys.argv[1], Path(sys.argv[2]))
scope = Scope("default", "ann", "support", "S1")
print(tokens.tokenise("person", ["Ann Smith"], scope)[0], flush=True)
tokens.flush_now()
print(tokens.tokenise("person", ["Bob Jones"], scope)[0], flush=True)
os.kill(os.getpid(), 9)
"""


def test_what_was_flushed_outlives_a_kill(place: tuple[str, Path]) -> None:
    done = subprocess.run([sys.executable, "-c", KILLED, place[0], place[1]], capture_output=True, text=True)
    assert done.returncode == -9
    kept, lost = done.stdout.splitlines()
    tokens = Tokens.open(*place)
    assert tokens.restore(kept, ANN) == "Ann Smith"
    assert tokens.restore(lost, ANN) is UNKNOWN, "it was never released: the chain flushes before"
    assert tokens.tokenise("person", ["Bob Jones"], ANN) == [lost], "the same value gets the same token again"
    tokens.close()


def test_two_processes_share_a_vault(place: tuple[str, Path]) -> None:
    one, two = Tokens.open(*place), Tokens.open(*place)
    token = one.tokenise("person", ["Ann Smith"], ANN)[0]
    phone = one.tokenise("phone", ["+1 212 555 0187"], ANN)[0]
    assert two.restore(token, ANN) is UNKNOWN
    one.flush_now()
    assert two.restore(token, ANN) == "Ann Smith"
    assert two.restore(phone, ANN) == "+1 212 555 0187"
    assert two.tokenise("person", ["Ann Smith"], ANN) == [token]
    two.note_agent_origin(["guess"], ANN, ["reports/a"])
    assert one.agent_origin(["guess"], ANN, ["reports/a"]) == [False]
    two.flush_now()
    assert one.agent_origin(["guess"], ANN, ["reports/a"]) == [True]
    one.close()
    two.close()


def test_many_threads_of_two_processes_lose_nothing(place: tuple[str, Path]) -> None:
    services = [Tokens.open(*place), Tokens.open(*place)]
    made: dict[str, set[object]] = {}

    def work(n: int) -> None:
        service = services[n % 2]
        for i in range(30):
            name = f"Person {i % 10} {i}"
            made.setdefault(name, set()).update(service.tokenise("person", [name], ANN))
            service.flush_now()

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(len(one) == 1 for one in made.values())
    assert all(services[0].restore(token, ANN) == name for name, (token,) in made.items())
    for service in services:
        service.close()


def test_a_token_taken_by_another_process_for_another_value_stops_the_batch(tmp_path: Path) -> None:
    one, two = Vault(tmp_path / "v"), Vault(tmp_path / "v")
    one.put(row(digest=b"1" * 16), "tenant")
    two.put(row(digest=b"2" * 16), "tenant")
    two.put(row("Bea Flint 0abcde"), "tenant")
    one.flush_now()
    with pytest.raises(VaultUnavailable):
        two.flush_now()
    two.flush_now()  # the row that lost is given up, the others are kept
    assert two.get(b"s" * 16, "person", "Bea Flint 0abcde") is not None
    assert two.digests(b"s" * 16, "person", [row().token]) == {row().token: b"1" * 16}
    one.close()
    two.close()


def test_values_with_one_id_get_different_tokens(place: tuple[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    from gloveport.guardrails.masking.tokens.codecs import people

    real = people.keyed_draft

    def colliding(key: bytes, text: str, spell: people.Callable[[int, int], str]) -> people.Draft:
        draft = real(key, text, spell)
        fixed = real(key, "the same", spell)
        return people.Draft(draft.digest, lambda more: fixed.spell(0) if more == 0 else draft.spell(more))

    monkeypatch.setattr(people, "keyed_draft", colliding)
    tokens = Tokens.open(*place)
    one, two, again = (tokens.tokenise("person", [n], ANN)[0] for n in ("Ann Smith", "Bob Jones", "Ann Smith"))
    assert one == again != two
    assert (tokens.restore(one, ANN), tokens.restore(two, ANN)) == ("Ann Smith", "Bob Jones")
    tokens.close()


def test_a_full_disk_keeps_everything_for_the_next_try(
    place: tuple[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    tokens = Tokens.open(*place)
    token = tokens.tokenise("person", ["Ann Smith"], ANN)[0]
    vault = tokens._vault  # pyright: ignore[reportPrivateUsage]
    with monkeypatch.context() as patch:
        patch.setattr("gloveport.guardrails.masking.tokens.vault._store", _full)
        with pytest.raises(VaultUnavailable, match="tokens cannot be kept") as caught:
            tokens.flush_now()
        assert "Ann" not in str(caught.value)
    assert vault.dirty
    assert tokens.restore(token, ANN) == "Ann Smith"
    tokens.flush_now()
    assert not vault.dirty
    tokens.close()


def _full(*_: object) -> None:
    raise sqlite3.OperationalError("database or disk is full")


def test_nothing_real_is_in_the_file(place: tuple[str, Path]) -> None:
    from gloveport.tests.canaries import CANARIES, leaks

    tokens = Tokens.open(*place)
    for class_name, value in CANARIES.items():
        tokens.tokenise(class_name, [value], ANN)
        tokens.note_agent_origin([value], ANN, ["reports/a"])
    tokens.flush_now()
    assert not leaks(place[1].parent)
    tokens.close()
    assert not leaks(place[1].parent)


def test_a_row_that_was_changed_or_moved_restores_nothing(place: tuple[str, Path]) -> None:
    tokens = Tokens.open(*place)
    ann, bob, eve = (str(t) for t in tokens.tokenise("person", ["Ann Smith", "Bob Jones", "Eve Stone"], ANN))
    tokens.flush_now()
    db = sqlite3.connect(place[1])
    (sealed,) = db.execute("SELECT sealed FROM vault WHERE token = ?", (ann,)).fetchone()
    db.execute("UPDATE vault SET sealed = ? WHERE token = ?", (bytes([sealed[0] ^ 1]) + sealed[1:], ann))
    db.execute("UPDATE vault SET sealed = (SELECT sealed FROM vault WHERE token = ?) WHERE token = ?", (eve, bob))
    db.commit()
    db.close()
    assert tokens.restore(ann, ANN) is UNKNOWN
    assert tokens.restore(bob, ANN) is UNKNOWN
    assert tokens.restore(eve, ANN) == "Eve Stone"
    tokens.close()


def test_the_wrong_key_is_refused_at_the_start(place: tuple[str, Path], tmp_path: Path) -> None:
    Tokens.open(*place).close()
    with pytest.raises(KeyUnusable, match="another key") as caught:
        Tokens.open(f"file:{tmp_path}/other", place[1])
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [b"not a database, only text" * 99, b"SQLite format 3\0" + b"\xff" * 4096])
def test_what_is_no_vault_is_one_line(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "v"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(VaultUnavailable) as caught:
        Vault(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_vault_of_another_version_is_refused(tmp_path: Path) -> None:
    Vault(tmp_path / "v").close()
    db = sqlite3.connect(tmp_path / "v")
    db.execute("UPDATE meta SET value = x'09' WHERE name = 'version'")
    db.commit()
    db.close()
    with pytest.raises(VaultUnavailable, match="another version"):
        Vault(tmp_path / "v")


def test_a_folder_in_its_place_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "v").mkdir()
    with pytest.raises(VaultUnavailable, match="check the path"):
        Vault(tmp_path / "v")


def test_erased_values_never_come_back(place: tuple[str, Path]) -> None:
    tokens = Tokens.open(*place)
    ann, bob = (str(t) for t in tokens.tokenise("person", ["Ann Smith", "Bob Jones"], ANN))
    assert tokens.erase([ann, "no token"], ANN) == 1
    assert tokens.restore(ann, ANN) is UNKNOWN
    assert tokens.restore(bob, ANN) == "Bob Jones"
    assert tokens.tokenise("person", ["Ann Smith"], ANN) == [ann], "seen again, it is known again"
    assert tokens.restore(ann, ANN) == "Ann Smith"
    tokens.close()


def test_sessions_are_forgotten_after_a_time_and_tenants_never(place: tuple[str, Path]) -> None:
    tokens = Tokens.open(*place)
    session = Scope("default", "ann", "support", "S1", "session")
    kept = tokens.tokenise("person", ["Ann Smith"], ANN)[0]
    gone = tokens.tokenise("person", ["Ann Smith"], session)[0]
    phone = tokens.tokenise("phone", ["+1 212 555 0187"], session)[0]
    assert tokens.expire_sessions(3600) == 0
    assert tokens.restore(gone, session) == "Ann Smith"
    assert tokens.expire_sessions(-10) == 1
    assert tokens.restore(gone, session) is UNKNOWN
    assert tokens.restore(phone, session) is UNKNOWN
    assert tokens.restore(kept, ANN) == "Ann Smith"
    tokens.close()


def test_what_agents_wrote_outlives_every_epoch(place: tuple[str, Path]) -> None:
    tokens = Tokens.open(*place)
    tokens.note_agent_origin(["+1 (212) 555-0187", "Guess@X.com"], ANN, ["clinic.patients.phone"])
    tokens.close()
    rotate_keys(place[0])
    Tokens.open(*place).close()  # a start with both epochs seals the key of the digests anew
    retire_keys(place[0], 0)
    tokens = Tokens.open(*place)
    asked = ["12125550187", "guess@x.com", "other@x.com", None]
    assert tokens.agent_origin(asked, BOB, ["clinic.patients.phone", "x"]) == [True, True, False, False]
    assert tokens.agent_origin(asked, BOB, ["clinic.patients.notes"]) == [False] * 4, "another place"
    other = Scope("other", "ann", "support", "S1")
    assert tokens.agent_origin(asked, other, ["clinic.patients.phone"]) == [False] * 4, "another tenant"
    assert tokens.agent_places(["a", "clinic.patients.phone"], ANN) == ["clinic.patients.phone"]
    tokens.close()


def test_a_ring_that_lost_its_epoch_too_early_says_so(tmp_path: Path) -> None:
    vault = Vault(tmp_path / "v")
    Tokens(KeyRing({0: b"0" * 32}), vault).close()
    with pytest.raises(KeyUnusable, match="another key"):
        Tokens(KeyRing({1: b"1" * 32}), Vault(tmp_path / "v"))
