"""What the four file tools have in common: roots and threads, the path of a call, arguments, limits, facts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

import anyio

from ..threads import Stop, in_thread
from ..tool import Access, Action, JsonObject, JsonValue, Limits, Planning, ToolFailed, ToolRefused
from .filling import Tokened, asked_path, possible_paths
from .reading import KnownUnreadable
from .roots import FileIdentity, Root

THREADS: Final = 8
PLAN_SECONDS: Final = 10.0

Returned = TypeVar("Returned")


class Roots:
    """The root folders of one server, and the threads their files are worked on in."""

    def __init__(self, roots: Sequence[Root], new_mode: int) -> None:
        self._roots: Mapping[str, Root] = {root.name: root for root in roots}
        self._limiter = anyio.CapacityLimiter(THREADS)
        self.new_mode = new_mode
        self.known = KnownUnreadable()

    def names(self, *, write: bool = False) -> list[str]:
        return [name for name, root in self._roots.items() if root.settings.write or not write]

    def get(self, arguments: JsonObject) -> Root:
        root = self._roots.get(string_of(arguments, "root"))
        if root is None:
            raise ToolRefused(
                "unknown-root", "There is no such root.", f"Roots: {', '.join(self._roots)}.", place="root"
            )
        return root

    async def work(self, work: Callable[[Stop], Returned], seconds: float | None) -> Returned:
        return await in_thread(work, limiter=self._limiter, seconds=seconds)


@dataclass(frozen=True, slots=True)
class PathWork:
    """What a plan found out about a path. ``identity`` is None where the path means nothing now, or not yet."""

    root: Root
    path: Tokened
    names: tuple[str, ...]
    identity: FileIdentity | None = None

    @property
    def shown(self) -> str:
        """Root and path in the agent's own words: what a token hides stays hidden."""
        return f"{self.root.name}/{self.path.text}" if self.names else self.root.name


async def locate(roots: Roots, arguments: JsonObject, planning: Planning, *, folder: bool = False) -> PathWork:
    """The root and path of a call, and which file the path means now. Raises `ToolRefused`."""
    root = roots.get(arguments)
    path = string_of(arguments, "path") if "path" in arguments or not folder else ""
    if folder and path in ("", "."):
        return PathWork(root, Tokened(""), ())
    asked, names = asked_path(path.removesuffix("/") if folder else path, root.name, planning)
    if asked.slots:
        return PathWork(root, asked, names)
    identity = await roots.work(lambda stop: root.identify(names), PLAN_SECONDS)
    return PathWork(root, asked, names, identity)


def access(action: Action, at: PathWork) -> Access:
    if not at.names:
        return Access(action, "file_root", at.root.name)
    return Access(action, "file", at.shown, parent=at.root.name)


def facts(at: PathWork) -> JsonObject:
    return {"exists": at.identity is not None, "file": "" if at.identity is None else str(at.identity)}


def limits(root: Root) -> Limits:
    settings = root.settings
    return Limits(rows=settings.max_entries, seconds=settings.seconds, bytes=settings.max_bytes)


def meant(at: PathWork, values: Sequence[object]) -> tuple[str, ...]:
    """The names a path means once its tokens are restored: the first reading under which there is such a file."""
    paths = possible_paths(at.path, at.names, values)
    return next((names for names in paths if at.root.identify(names) is not None), at.names)


def check_planned(at: PathWork, identity: FileIdentity) -> None:
    """What was decided on is what is read."""
    if at.path.slots or (at.identity is not None and at.identity.same_file(identity)):
        return
    message = "The file was replaced while the call was under way."
    raise ToolFailed("changed", message, "Try again.", retryable=True)


def input_schema(properties: JsonObject, *required: str) -> JsonObject:
    return {"type": "object", "properties": properties, "required": list(required), "additionalProperties": False}


def root_schema(names: list[str]) -> JsonObject:
    return {"type": "string", "enum": list[JsonValue](names)}


def string_of(arguments: JsonObject, name: str) -> str:
    value = arguments.get(name)
    if not isinstance(value, str):
        raise ToolRefused("invalid-arguments", f"{name} must be a string.", place=name)
    return value


def natural_of(arguments: JsonObject, name: str, default: int) -> int:
    value = arguments.get(name, default)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise ToolRefused("invalid-arguments", f"{name} must be an integer, 0 or more.", place=name)
    return value


def least(cap: int, lowered: int | None) -> int:
    return cap if lowered is None else min(cap, lowered)
