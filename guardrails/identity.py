"""Who calls, on what basis, in which session.

Every part of an `Identity` carries the *basis* on which it is believed:

| basis | means |
|---|---|
| ``credential`` | a bearer token of ours that names it, checked on this call |
| ``config`` | the configuration of this server names it |
| ``os-user`` | the operating system's user of this process (stdio: whoever started the server) |
| ``anonymous`` | the configuration names a human for callers without a token |
| ``asserted`` | the caller's own word; shown as such, and never a ground for more rights |

A session is our own notion, because MCP since 2026-07-28 has none: `SessionResolver` finds its key in the caller's
evidence, in a
fixed order, and notes where it came from. The principal is part of every key: nobody can write into another's
transcript by
naming its session.
"""

from __future__ import annotations

import getpass
import hashlib
import os
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

from ..tools.tool import JsonObject, JsonValue
from .call import Caller
from .config import IdentityConfig

SESSION_META = "dev.gloveport/session"
MODEL_META = "dev.gloveport/model"
AGENT_META = "dev.gloveport/agent"
PURPOSE_META = "dev.gloveport/purpose"

# Conversation ids that known clients put into `_meta` (mcp-sdk.md, section 3).
VENDOR_SESSION_META = (
    "openai/session",
    "vscode.conversationId",
    "x-codex-turn-metadata",
    "threadId",
    "ai.opencode/sessionID",
    "antigravity.google/conversation_id",
)
VENDOR_SESSION_ENVIRONMENT = ("CLAUDE_CODE_SESSION_ID", "GROK_SESSION_ID")
LONGEST_ID = 200
MOST_IDENTITIES = 1000  # remembered


class IdentityError(Exception):
    """The caller cannot be identified; ``message`` says what is missing."""

    def __init__(self, code: str, message: str, hint: str) -> None:
        super().__init__(code)
        self.code, self.message, self.hint = code, message, hint


@dataclass(frozen=True, slots=True)
class Claim:
    """A name and why it is believed."""

    value: str
    basis: str

    def as_json(self) -> JsonObject:
        return {"value": self.value, "basis": self.basis}


@dataclass(frozen=True, slots=True)
class Identity:
    """The human, the agent, the model and the purpose behind a call."""

    human: Claim
    agent: Claim | None = None
    model: Claim | None = None
    purpose: Claim | None = None
    roles: frozenset[str] = frozenset()
    teams: frozenset[str] = frozenset()
    scopes: frozenset[str] = frozenset()  # names of tools, databases and roots a credential is limited to; empty: all
    credential: str | None = None

    @property
    def principal(self) -> str:
        """Who answers for the call: the human, and the agent where that is more than the caller's word."""
        proven = self.agent is not None and self.agent.basis != "asserted"
        return f"{self.human.value}/{self.agent.value}" if self.agent is not None and proven else self.human.value

    def as_json(self) -> JsonObject:
        parts = {"human": self.human, "agent": self.agent, "model": self.model, "purpose": self.purpose}
        named: JsonObject = {name: claim.as_json() for name, claim in parts.items() if claim is not None}
        groups: JsonObject = {
            "roles": list[JsonValue](sorted(self.roles)),
            "teams": list[JsonValue](sorted(self.teams)),
            "scopes": list[JsonValue](sorted(self.scopes)),
        }
        return {**named, "principal": self.principal, **groups, "credential": self.credential}


NOBODY = Identity(Claim("nobody", "none"))


class CredentialFacts(Protocol):
    """What a live credential says of its bearer."""

    @property
    def human(self) -> str: ...
    @property
    def agent(self) -> str | None: ...
    @property
    def model(self) -> str | None: ...
    @property
    def purpose(self) -> str | None: ...
    @property
    def roles(self) -> frozenset[str]: ...
    @property
    def teams(self) -> frozenset[str]: ...
    @property
    def scopes(self) -> frozenset[str]: ...


class CredentialSource(Protocol):
    """Looks a credential up anew on every call, so that a revocation holds at once."""

    def live(self, credential: str) -> CredentialFacts | None: ...


class Identification:
    """Turns a caller's evidence into an `Identity`. Sign-in by an identity provider will be one more branch here."""

    def __init__(self, config: IdentityConfig, credentials: CredentialSource) -> None:
        self._config = config
        self._credentials = credentials
        self._local = Claim(config.human, "config") if config.human else Claim(os_user(), "os-user")
        self._known: dict[tuple[Claim, str | None, str | None, str | None], Identity] = {}

    def identify(self, caller: Caller) -> Identity:
        """Raises `IdentityError` when nobody can be held to the call."""
        if caller.bearer is not None:
            return self._by_credential(caller.bearer, caller)
        if caller.transport == "http":
            return self._anonymous(caller)
        return self._with_config(self._local, caller)

    def _by_credential(self, credential: str, caller: Caller) -> Identity:
        facts = self._credentials.live(credential)
        if facts is None:
            raise IdentityError("credential-invalid", "This credential is revoked or expired.", "Ask for a new one.")
        return Identity(
            human=Claim(facts.human, "credential"),
            agent=Claim(facts.agent, "credential") if facts.agent else _asserted(caller, AGENT_META, caller.client),
            model=Claim(facts.model, "credential") if facts.model else _asserted(caller, MODEL_META),
            purpose=Claim(facts.purpose, "credential") if facts.purpose else _asserted(caller, PURPOSE_META),
            roles=facts.roles,
            teams=facts.teams,
            scopes=facts.scopes,
            credential=credential,
        )

    def _anonymous(self, caller: Caller) -> Identity:
        if not self._config.anonymous_http:
            raise IdentityError(
                "credential-missing",
                "This server answers nobody without a bearer token.",
                "Mint one with: gloveport identity add NAME",
            )
        return self._with_config(Claim(self._config.anonymous_http, "anonymous"), caller)

    def _with_config(self, human: Claim, caller: Caller) -> Identity:
        """Equal evidence gives the same object, which stands for all that is derived from it."""
        agent, model = _said(caller, AGENT_META, caller.client), _said(caller, MODEL_META)
        evidence = human, agent, model, _said(caller, PURPOSE_META)
        if (known := self._known.get(evidence)) is not None:
            return known
        config = self._config
        identity = Identity(
            human=human,
            agent=Claim(config.agent, "config") if config.agent else _asserted(caller, AGENT_META, caller.client),
            model=Claim(config.model, "config") if config.model else _asserted(caller, MODEL_META),
            purpose=Claim(config.purpose, "config") if config.purpose else _asserted(caller, PURPOSE_META),
            roles=config.roles,
            teams=config.teams,
        )
        if len(self._known) >= MOST_IDENTITIES:
            self._known.clear()
        self._known[evidence] = identity
        return identity


def os_user() -> str:
    """The user this process runs as, by its user id: the environment could say anything."""
    try:
        import pwd

        return pwd.getpwuid(os.getuid()).pw_name
    except ImportError:  # Windows
        return getpass.getuser()
    except KeyError:  # a container user without a passwd entry
        return f"uid-{os.getuid()}"


def person_at_terminal() -> str:
    """Who types a command: the OS user, or who became root by sudo. Root's environment is root's word: it could do
    anything."""
    uid = os.environ.get("SUDO_UID", "")
    if not hasattr(os, "geteuid") or os.geteuid() != 0 or not uid.isdigit():
        return os_user()
    import pwd

    try:
        return pwd.getpwuid(int(uid)).pw_name
    except KeyError:
        return f"uid-{uid}"


def _asserted(caller: Caller, key: str, fallback: str | None = None) -> Claim | None:
    value = _said(caller, key, fallback)
    return Claim(value, "asserted") if value else None


def _said(caller: Caller, key: str, fallback: str | None = None) -> str | None:
    return _plain_id(caller.meta.get(key)) or _plain_id(fallback)


def _plain_id(value: JsonValue | None) -> str | None:
    """An id a caller sent, cut to size and freed of control characters; None when it is not one."""
    if not isinstance(value, str) or not value.strip():
        return None
    value = value.strip()[:LONGEST_ID]
    return value if value.isprintable() else "".join(c for c in value if c.isprintable())


@dataclass(frozen=True, slots=True)
class SessionKey:
    """Names one session. ``id`` is a digest: a caller's own session id never becomes a file name."""

    id: str
    basis: str  # meta | header | vendor | environment | transport | baggage | trace | process | inferred
    principal: str


@lru_cache(1024)
def _key(text: str, basis: str, principal: str) -> SessionKey:
    return SessionKey(hashlib.sha256(text.encode()).hexdigest()[:32], basis, principal)


class SessionResolver:
    """Finds the session of a call. Evidence that a caller sent is only ever combined with its principal."""

    def __init__(
        self,
        *,
        idle: float,
        environment: Mapping[str, str] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._idle = idle
        environment = os.environ if environment is None else environment
        named = ((name, _plain_id(environment.get(name))) for name in VENDOR_SESSION_ENVIRONMENT)
        self._environment = next((f"{name}={value}" for name, value in named if value), "")
        self._clock = clock
        self._process = hashlib.sha256(os.urandom(16)).hexdigest()[:16]
        self._last_seen: OrderedDict[str, tuple[float, int]] = OrderedDict()

    def resolve(self, caller: Caller, identity: Identity) -> SessionKey:
        basis, evidence = self._evidence(caller, identity)
        text = "\0".join(
            (self._process if basis in ("process", "inferred") else "", identity.principal, basis, evidence)
        )
        return _key(text, basis, identity.principal)

    def _evidence(self, caller: Caller, identity: Identity) -> tuple[str, str]:
        if own := _plain_id(caller.meta.get(SESSION_META)):
            return "meta", own
        if header := _plain_id(caller.session_header):
            return "header", header
        for name in VENDOR_SESSION_META if caller.meta else ():
            if vendor := _vendor_id(caller.meta.get(name)):
                return "vendor", f"{name}={vendor}"
        if caller.transport == "stdio" and self._environment:
            return "environment", self._environment
        if transport := _plain_id(caller.transport_session):
            return "transport", transport
        if session := _baggage_session(caller.meta.get("baggage")):
            return "baggage", session
        if trace := _trace_id(caller.meta.get("traceparent")):
            return "trace", trace
        if caller.transport in ("stdio", "cli", "memory"):
            return "process", ""
        return "inferred", self._idle_gap(f"{identity.principal}\0{caller.client or ''}")

    def _idle_gap(self, who: str) -> str:
        """Same caller without a pause longer than the idle time: same session."""
        now = self._clock()
        seen, number = self._last_seen.pop(who, (now, 0))
        number += now - seen > self._idle
        self._last_seen[who] = (now, number)
        while len(self._last_seen) > 10_000:
            self._last_seen.popitem(last=False)
        return f"{who}\0{number}"


def _vendor_id(value: JsonValue | None) -> str | None:
    if isinstance(value, dict):  # Codex sends an object that holds its thread
        return _plain_id(value.get("threadId") or value.get("thread_id") or value.get("session_id"))
    return _plain_id(value)


def _baggage_session(value: JsonValue | None) -> str | None:
    """The session item of a W3C baggage header value (W3C Baggage, section 3.2)."""
    if not isinstance(value, str):
        return None
    items = (item.partition(";")[0].partition("=") for item in value[:8192].split(","))
    known = ("session.id", "session_id", "gen_ai.conversation.id")
    return next((_plain_id(v) for name, _, v in items if name.strip() in known), None)


def _trace_id(value: JsonValue | None) -> str | None:
    """The trace id of a W3C traceparent (W3C Trace Context, section 3.2.2.3)."""
    parts = value.split("-") if isinstance(value, str) else []
    if len(parts) != 4 or len(parts[1]) != 32 or set(parts[1]) <= {"0"} or not set(parts[1]) <= set("0123456789abcdef"):
        return None
    return parts[1]
