"""A human's yes, bound to one exact call.

An approval names the tool, a keyed digest of the canonical arguments, the principal, the rule that asked and the
policy it stood
in. It is used once, expires, and is never given by the human who asks. Agents have no door to it: it is given on the
command
line (``gloveport approve ID``), and picked up when the agent makes the same call again.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from .private_file import locked, write_private

PENDING, APPROVED, REJECTED, USED = "pending", "approved", "rejected", "used"
KEPT_SECONDS = 30 * 86_400


class ApprovalError(Exception):
    """An approval cannot be given; the message is one line for the person at the command line."""


@dataclass(frozen=True, slots=True)
class Ask:
    """What needs a yes. ``shown`` is the literal-free text a human sees; ``digest`` binds the call behind it."""

    tool: str
    digest: str
    principal: str
    human: str
    session: str
    shown: str
    rule: str
    groups: tuple[str, ...]  # who may approve: roles; empty: any other human
    policy: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Approval:
    """One request for approval and what became of it. Times are UTC epoch seconds."""

    id: str
    tool: str
    digest: str
    principal: str
    human: str
    session: str
    shown: str
    rule: str
    groups: tuple[str, ...]
    policy: str
    asked: float
    expires: float
    state: str = PENDING
    approver: str | None = None
    note: str | None = None

    def live(self, now: float) -> bool:
        return self.state in (PENDING, APPROVED) and now < self.expires


def call_digest(key: bytes, tool: str, canonical_arguments: bytes, principal: str) -> str:
    """What an approval is bound to: HMAC-SHA256 (RFC 2104) over tool, principal and canonical arguments."""
    body = b"\0".join((tool.encode(), principal.encode(), canonical_arguments))
    return hmac.digest(key, body, hashlib.sha256).hex()


class ApprovalStore:
    """Approvals of one installation, in one file of mode 0600 under a lock; several processes may share it."""

    def __init__(self, path: Path, *, clock: Callable[[], float] = time.time) -> None:
        self._path = path
        self._clock = clock

    @property
    def key(self) -> bytes:
        """The key of `call_digest`: kept beside the approvals, made with the first of them."""
        path = self._path.with_suffix(".key")
        with self._locked():
            if not path.exists():
                write_private(path, secrets.token_bytes(32))
            return path.read_bytes()

    def ask(self, ask: Ask) -> Approval:
        """The live request for exactly this call, made if there is none."""
        with self._locked() as approvals:
            now = self._clock()
            for approval in approvals.values():
                same = (approval.digest, approval.policy, approval.rule) == (ask.digest, ask.policy, ask.rule)
                if same and approval.live(now):
                    return approval
            fields = {k: v for k, v in asdict(ask).items() if k != "seconds"}
            made = Approval(id=secrets.token_hex(5), asked=now, expires=now + ask.seconds, **fields)
            approvals[made.id] = made
            return made

    def use(self, digest: str, policy: str, rules: Sequence[str]) -> tuple[Approval, ...] | None:
        """Take the yes to exactly this call that each of these rules wants, once; None, and nothing taken, while one
        is missing."""
        with self._locked() as approvals:
            now = self._clock()
            given = {
                approval.rule: approval
                for approval in approvals.values()
                if (approval.digest, approval.policy) == (digest, policy)
                and approval.state == APPROVED
                and approval.live(now)
            }
            if not set(rules) <= set(given):
                return None
            taken = tuple(given[rule] for rule in rules)
            approvals.update((approval.id, replace(approval, state=USED)) for approval in taken)
            return taken

    def settle(self, id: str, approver: str, *, yes: bool, roles: frozenset[str], note: str | None = None) -> Approval:
        """A human's answer. Raises `ApprovalError` when it does not count."""
        with self._locked() as approvals:
            approval = approvals.get(id)
            if approval is None:
                raise ApprovalError(f"no approval {id}; list them with: gloveport approve")
            if not approval.live(self._clock()) or approval.state != PENDING:
                raise ApprovalError(f"approval {id} is {approval.state if approval.state != PENDING else 'expired'}")
            if yes and approver == approval.human:
                raise ApprovalError(f"{approver} asked for this call; another human must approve it")
            if yes and approval.groups and not roles & set(approval.groups):
                raise ApprovalError(f"approval {id} needs one of the roles: {', '.join(approval.groups)}")
            settled = replace(approval, state=APPROVED if yes else REJECTED, approver=approver, note=note)
            approvals[id] = settled
            return settled

    def all(self) -> tuple[Approval, ...]:
        """Every approval that is kept, also settled and expired ones. Raises `ApprovalError`."""
        with self._locked() as approvals:
            return tuple(approvals.values())

    @contextmanager
    def _locked(self) -> Generator[dict[str, Approval], None, None]:
        """The approvals, locked; what the block changed is written when it ends without an error."""
        try:
            with locked(self._path):
                approvals = {a.id: a for a in self._read()}
                before = dict(approvals)
                yield approvals
                if approvals != before:
                    self._write(approvals)
        except OSError as error:
            mend = "; use sudo, or the server's own user" if isinstance(error, PermissionError) else ""
            raise ApprovalError(f"{self._path}: cannot be read and written: {error.strerror}{mend}") from None

    def _read(self) -> list[Approval]:
        try:
            return _FILE.validate_json(self._path.read_bytes())
        except FileNotFoundError:
            return []
        except ValidationError:
            raise ApprovalError(f"{self._path}: is not a file of approvals; move it away") from None

    def _write(self, approvals: dict[str, Approval]) -> None:
        now = self._clock()
        kept = [a for a in approvals.values() if now < a.expires + KEPT_SECONDS]
        write_private(self._path, _FILE.dump_json(kept, indent=1))


_FILE = TypeAdapter(list[Approval])
