"""Bearer tokens: minted once, stored as digests, revoked at once, and nobody comes in when in doubt."""

from __future__ import annotations

import json
import multiprocessing
import stat
from pathlib import Path

import pytest

from gloveport.guardrails.credentials import TOKEN, CredentialError, Credentials

DAY = 86_400.0


class Clock:
    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "credentials.json"


@pytest.fixture
def credentials(path: Path, clock: Clock) -> Credentials:
    return Credentials(path, clock=clock)


def test_a_token_says_who_bears_it(credentials: Credentials):
    made, token = credentials.add(
        "etl", human="alice", agent="loader", model="m-1", purpose="billing", roles=frozenset({"analyst"}),
        teams=frozenset({"finance"}), scopes=frozenset({"clinic", "database_query"}),
    )  # fmt: skip
    assert TOKEN.fullmatch(token)
    found = credentials.verify(token)
    assert found == made
    assert found is not None
    assert (found.human, found.agent, found.model, found.purpose) == ("alice", "loader", "m-1", "billing")
    assert (found.roles, found.teams, found.scopes) == ({"analyst"}, {"finance"}, {"clinic", "database_query"})
    assert credentials.live(made.id) == made


def test_by_default_the_name_is_the_human(credentials: Credentials):
    assert credentials.add("alice")[0].human == "alice"


def test_the_file_holds_no_secret_and_is_private(credentials: Credentials, path: Path):
    _, token = credentials.add("alice")
    secret = token.rsplit("_", 1)[1] if token.count("_") == 2 else token[14:]
    assert secret not in path.read_text()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [p.name for p in path.parent.iterdir() if p.suffix == ".new"] == []


WRONG = {
    "other end": lambda token: token[:-1] + ("A" if token[-1] != "A" else "B"),
    "longer": lambda token: token + "x",
    "no prefix": lambda token: token[3:],
    "other id": lambda token: "gp_aaaaaaaaaa_" + token[14:],
    "upper case": str.upper,
    "empty": lambda _: "",
    "line end": lambda token: token + "\n",
}


@pytest.mark.parametrize("change", WRONG.values(), ids=WRONG)
def test_another_token_is_nobody_s(credentials: Credentials, change):
    _, token = credentials.add("alice")
    assert credentials.verify(change(token)) is None
    assert credentials.verify(token) is not None


def test_a_revocation_in_another_process_holds_on_the_next_call(credentials: Credentials, path: Path, clock: Clock):
    made, token = credentials.add("alice")
    assert credentials.verify(token) is not None
    Credentials(path, clock=clock).revoke("alice")
    assert credentials.verify(token) is None
    assert credentials.live(made.id) is None
    assert [c.state(clock.now) for c in credentials.all()] == ["revoked"]


def test_a_token_added_in_another_process_is_live_on_the_next_call(credentials: Credentials, path: Path, clock: Clock):
    assert credentials.live("aaaaaaaaaa") is None
    made, token = Credentials(path, clock=clock).add("bob")
    assert credentials.verify(token) == made


def test_an_expired_token_is_nobody_s(credentials: Credentials, clock: Clock):
    made, token = credentials.add("alice", days=1)
    clock.now += DAY - 1
    assert credentials.verify(token) == made
    clock.now += 1
    assert credentials.verify(token) is None
    assert made.state(clock.now) == "expired"


def test_a_token_may_live_for_ever(credentials: Credentials, clock: Clock):
    _, token = credentials.add("alice", days=None)
    clock.now += 10_000 * DAY
    assert credentials.verify(token) is not None


def test_a_name_is_taken_as_long_as_its_credential_lives(credentials: Credentials, clock: Clock):
    first, _ = credentials.add("alice", days=1)
    with pytest.raises(CredentialError, match="live credential named alice"):
        credentials.add("alice")
    clock.now += DAY
    second, _ = credentials.add("alice")
    assert credentials.revoke("alice").id == second.id
    assert {c.id for c in credentials.all()} == {first.id, second.id}


def test_revoking_takes_an_id_too_and_needs_a_live_one(credentials: Credentials):
    made, _ = credentials.add("alice")
    assert credentials.revoke(made.id).id == made.id
    with pytest.raises(CredentialError, match="no live credential"):
        credentials.revoke(made.id)


@pytest.mark.parametrize("bad", ["", "a\nb", "x" * 101, "\x1b[31m", "-x"])
def test_names_are_plain(credentials: Credentials, bad: str):
    with pytest.raises(CredentialError, match="names are letters"):
        credentials.add(bad)
    with pytest.raises(CredentialError, match="names are letters"):
        credentials.add("ok", roles=frozenset({bad}))


@pytest.mark.parametrize("days", [0, -1, 40_000, float("nan")])
def test_a_life_is_finite_and_positive(credentials: Credentials, days: float):
    with pytest.raises(CredentialError, match="lives for"):
        credentials.add("alice", days=days)


def test_without_a_file_nobody_is_known(credentials: Credentials, path: Path):
    assert credentials.verify("gp_aaaaaaaaaa_" + "A" * 43) is None
    assert credentials.all() == ()
    assert not path.exists()


def test_a_removed_file_lets_nobody_in(credentials: Credentials, path: Path):
    _, token = credentials.add("alice")
    path.unlink()
    assert credentials.verify(token) is None


@pytest.mark.parametrize("text", ["{", "[]x", '{"a":1}', "[{}]"])
def test_a_damaged_file_lets_nobody_in_and_is_not_overwritten(credentials: Credentials, path: Path, text: str):
    _, token = credentials.add("alice")
    path.write_text(text)
    assert credentials.verify(token) is None
    with pytest.raises(CredentialError, match="not a file of credentials"):
        credentials.all()
    with pytest.raises(CredentialError):
        credentials.add("bob")
    assert path.read_text() == text


def test_a_file_that_others_may_write_lets_nobody_in(credentials: Credentials, path: Path):
    _, token = credentials.add("alice")
    path.write_text(path.read_text())
    path.chmod(0o620)
    assert Credentials(path).verify(token) is None
    with pytest.raises(CredentialError, match="chmod 600"):
        credentials.all()


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(CredentialError, match="cannot be written"):
        Credentials(tmp_path / "file" / "credentials.json").add("alice")


def _add(path: Path, name: str) -> None:
    Credentials(path).add(name)


def test_processes_do_not_lose_each_other_s_credentials(path: Path):
    names = [f"user{n}" for n in range(6)]
    context = multiprocessing.get_context("fork")
    workers = [context.Process(target=_add, args=(path, name)) for name in names]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(20)
    assert sorted(c.name for c in Credentials(path).all()) == names
    assert {len(c["digest"]) for c in json.loads(path.read_text())} == {64}
