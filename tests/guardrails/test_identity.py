from __future__ import annotations

from dataclasses import dataclass, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gloveport.guardrails.call import Caller
from gloveport.guardrails.config import IdentityConfig
from gloveport.guardrails.identity import (
    AGENT_META,
    PURPOSE_META,
    SESSION_META,
    Claim,
    Identification,
    Identity,
    IdentityError,
    SessionResolver,
)

STDIO = Caller(transport="stdio", client="claude-ai/0.1.0")
HTTP = Caller(transport="http")


@dataclass
class Facts:
    human: str = "ann"
    agent: str | None = "reporter"
    model: str | None = None
    purpose: str | None = None
    roles: frozenset[str] = frozenset({"analyst"})
    teams: frozenset[str] = frozenset()
    scopes: frozenset[str] = frozenset()


class Credentials:
    def __init__(self, **live: Facts) -> None:
        self.all = dict(live)

    def live(self, credential: str) -> Facts | None:
        return self.all.get(credential)


def test_stdio_is_the_os_user_and_its_client_is_only_a_claim() -> None:
    identity = Identification(IdentityConfig(), Credentials()).identify(STDIO)
    assert identity.human.basis == "os-user"
    assert identity.agent == Claim("claude-ai/0.1.0", "asserted")
    assert identity.principal == identity.human.value


def test_equal_evidence_gives_the_same_identity_and_other_evidence_another() -> None:
    identification = Identification(IdentityConfig(anonymous_http="guest"), Credentials())
    identity = identification.identify(STDIO)
    assert identification.identify(replace(STDIO, request_id="2", meta={AGENT_META: 7})) is identity
    for other in (HTTP, replace(STDIO, client="x/1"), replace(STDIO, meta={PURPOSE_META: "billing"})):
        assert identification.identify(other) == Identification(
            IdentityConfig(anonymous_http="guest"), Credentials()
        ).identify(other)
        assert identification.identify(other) != identity


def test_configuration_beats_what_the_caller_says() -> None:
    config = IdentityConfig(human="ann", agent="desk", model="m-1", roles=frozenset({"analyst"}))
    identity = Identification(config, Credentials()).identify(replace(STDIO, meta={AGENT_META: "root-agent"}))
    assert identity.agent == Claim("desk", "config")
    assert identity.principal == "ann/desk"
    assert identity.roles == {"analyst"}


def test_http_without_a_token_is_nobody() -> None:
    with pytest.raises(IdentityError) as caught:
        Identification(IdentityConfig(), Credentials()).identify(HTTP)
    assert caught.value.code == "credential-missing"


def test_anonymous_http_must_be_configured_by_name() -> None:
    identity = Identification(IdentityConfig(anonymous_http="guest"), Credentials()).identify(HTTP)
    assert identity.human == Claim("guest", "anonymous")


def test_a_revocation_holds_on_the_next_call() -> None:
    credentials = Credentials(c1=Facts())
    identification = Identification(IdentityConfig(), credentials)
    caller = replace(HTTP, bearer="c1")
    assert identification.identify(caller).principal == "ann/reporter"
    del credentials.all["c1"]
    with pytest.raises(IdentityError) as caught:
        identification.identify(caller)
    assert caught.value.code == "credential-invalid"


def test_what_a_caller_says_never_adds_roles() -> None:
    meta = {"roles": ["admin"], "dev.gloveport/roles": ["admin"], AGENT_META: "x"}
    identity = Identification(IdentityConfig(), Credentials(c1=Facts())).identify(replace(HTTP, bearer="c1", meta=meta))
    assert identity.roles == {"analyst"}
    assert identity.agent == Claim("reporter", "credential")


ANN, BOB = Identity(Claim("ann", "credential")), Identity(Claim("bob", "credential"))
ORDER = [
    ("meta", {"meta": {SESSION_META: "s1"}}),
    ("header", {"session_header": "s2"}),
    ("vendor", {"meta": {"openai/session": "s3"}}),
    ("transport", {"transport_session": "s4"}),
    ("baggage", {"meta": {"baggage": "a=b,session.id=s5;p=1"}}),
    ("trace", {"meta": {"traceparent": f"00-{'a1' * 16}-{'b2' * 8}-01"}}),
    ("inferred", {}),
]


def test_evidence_is_taken_in_order_and_its_basis_noted() -> None:
    resolver = SessionResolver(idle=900, environment={})
    for n, (basis, _) in enumerate(ORDER):
        fields: dict[str, object] = {"meta": {}}
        for _, more in reversed(ORDER[n:]):
            fields |= {**more, "meta": {**fields["meta"], **more.get("meta", {})}}  # type: ignore[dict-item]
        assert resolver.resolve(replace(HTTP, **fields), ANN).basis == basis  # type: ignore[arg-type]


@given(basis=st.sampled_from(ORDER))
def test_nobody_reaches_anothers_session_by_naming_it(basis: tuple[str, dict[str, object]]) -> None:
    resolver = SessionResolver(idle=900, environment={})
    caller = replace(HTTP, **basis[1])  # type: ignore[arg-type]
    assert resolver.resolve(caller, ANN) == resolver.resolve(caller, ANN)
    assert resolver.resolve(caller, ANN).id != resolver.resolve(caller, BOB).id


def test_a_spawned_server_takes_its_clients_session_from_the_environment() -> None:
    resolver = SessionResolver(idle=900, environment={"CLAUDE_CODE_SESSION_ID": "abc"})
    assert resolver.resolve(STDIO, ANN).basis == "environment"
    assert resolver.resolve(HTTP, ANN).basis == "inferred"
    assert SessionResolver(idle=900, environment={}).resolve(STDIO, ANN).basis == "process"


def test_a_pause_ends_a_derived_session() -> None:
    now = [0.0]
    resolver = SessionResolver(idle=10, environment={}, clock=lambda: now[0])
    first = resolver.resolve(HTTP, ANN)
    now[0] = 9.0
    assert resolver.resolve(HTTP, ANN) == first
    now[0] = 18.0
    assert resolver.resolve(HTTP, ANN) == first
    now[0] = 30.0
    assert resolver.resolve(HTTP, ANN) != first


@given(value=st.none() | st.booleans() | st.integers() | st.text() | st.lists(st.text(), max_size=2))
def test_any_meta_value_gives_a_session(value: object) -> None:
    resolver = SessionResolver(idle=900, environment={})
    meta = dict.fromkeys((SESSION_META, "openai/session", "baggage", "traceparent", "x-codex-turn-metadata"), value)
    key = resolver.resolve(replace(HTTP, meta=meta), ANN)  # type: ignore[arg-type]
    assert len(key.id) == 32
    assert key.id.isalnum()
