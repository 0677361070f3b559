"""`gloveport doctor`: looks at everything a server would stand on, and says how to mend what is not right.

Nothing is made or changed: a key, a vault or a folder that is missing is what the first start makes. Databases are
connected to, one after the other, with a limit of time.
"""

from __future__ import annotations

import importlib.util
import os
import platform
import shutil
import stat
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

import anyio

from ..policies.loader import PolicyError
from ..policies.store import PolicyStore, failures
from ..recordings.layout import Layout
from ..recordings.lock import LogLock
from ..recordings.reader import TranscriptError, read_sessions
from ..tools.files.beneath import best_opener, open_by_kernel
from ..tools.files.roots import FileRootError, Root
from ..tools.load import ToolLoadError, load_tools
from ..tools.tool import JsonObject
from .config import Config, DatabaseConfig
from .credentials import CredentialError, Credentials
from .decision import site_vocabulary
from .house import database_settings, declared_columns, file_settings
from .masking.keys import KeyUnusable, open_keys
from .masking.tokens.service import Tokens, VaultUnavailable

if TYPE_CHECKING:
    from ..tools.database.catalog import Catalog
    from ..tools.database.source import Database

Level = Literal["ok", "warn", "bad"]
LEAST_FREE_BYTES: Final = 64 << 20  # below it the recorder refuses new calls
LITTLE_FREE_BYTES: Final = 1 << 30
DATABASE_SECONDS: Final = 20.0


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. ``bad``: a server does not start, or does not protect. ``mend`` says what to do."""

    level: Level
    subject: str
    text: str
    mend: str = ""

    def as_json(self) -> JsonObject:
        return dict(asdict(self))


async def examine(path: Path, config: Config) -> list[Finding]:
    """Everything that was found, in the order in which a server needs it."""
    findings = [*_machine(), *_config(path, config), *_keys(config), *_recordings(config)]
    for name, one in config.databases.items():
        findings += await _database(name, one)
    return [*findings, *_files(config), *_tools(config), *_policies(config), *_identity(config)]


def _machine() -> Iterator[Finding]:
    yield Finding("ok", "python", f"{platform.python_version()} on {platform.system()} {platform.machine()}")
    if importlib.util.find_spec("hyperscan") is not None:
        yield Finding("ok", "hyperscan", "is there: texts are searched with it")
    else:
        text = "is not there: texts are searched with Python's own expressions, many times slower"
        yield Finding("warn", "hyperscan", text, "pip install hyperscan (there are wheels for Linux and macOS)")
    if sys.platform == "linux" and best_opener() is open_by_kernel:
        yield Finding("ok", "openat2", "the kernel keeps files within their roots")
    else:
        text = "this system has no openat2: files are opened one folder at a time, which is as safe and slower"
        yield Finding("ok", "openat2", text)


def _config(path: Path, config: Config) -> Iterator[Finding]:
    counted = f"databases: {len(config.databases)}, file roots: {len(config.files)}"
    yield Finding("ok", "config", f"{path}: {counted}")
    if not config.databases and not config.files and not config.tools:
        yield Finding("warn", "config", "names nothing an agent could work on", "add databases: or files:")
    text = path.read_text(encoding="utf-8")
    named = [name for name, one in config.databases.items() if one.url in text and _has_password(one.url)]
    if named:
        yield Finding(
            "bad" if _others(path, stat.S_IROTH) else "warn",
            f"databases.{named[0]}.url",
            f"a password stands in {path}",
            "write url: env:NAME and put the URL into that environment variable",
        )
    if _others(path, stat.S_IWOTH | stat.S_IWGRP):
        yield Finding("bad", "config", f"{path}: others may write to it", f"chmod go-w {path}")


def _has_password(url: str) -> bool:
    _, _, rest = url.partition("://")
    user, at, _ = rest.rpartition("@")
    return bool(at) and ":" in user


def _others(path: Path, bits: int) -> bool:
    try:
        return bool(path.stat().st_mode & bits)
    except OSError:
        return False


def _keys(config: Config) -> Iterator[Finding]:
    yield from _private_folder("state", config.state)
    place, vault = config.masking.key, config.masking.vault
    file = Path(place.removeprefix("file:")) if place.startswith("file:") else None
    if file is not None and not file.exists():
        if vault.exists():
            text = f"{file} is gone, and the vault {vault} was made with it: its tokens cannot be given back"
            yield Finding("bad", "masking.key", text, "bring the key back from where you keep copies of it")
        else:
            yield Finding("ok", "masking.key", f"{file} is made at the first start, with mode 0600")
        return
    try:
        ring = open_keys(place)
    except KeyUnusable as error:
        yield Finding("bad", "masking.key", str(error))
        return
    yield Finding("ok", "masking.key", f"{place}: epoch {ring.current} masks, {len(ring.epochs)} can be given back")
    if not vault.exists():
        yield Finding("ok", "masking.vault", f"{vault} is made at the first start")
        return
    try:
        Tokens.open(place, vault).close()
    except (KeyUnusable, VaultUnavailable) as error:
        yield Finding("bad", "masking.vault", str(error))
    else:
        yield Finding("ok", "masking.vault", f"{vault}, {vault.stat().st_size // 1024} KiB")


def _private_folder(key: str, folder: Path) -> Iterator[Finding]:
    if folder.exists() and _others(folder, stat.S_IRWXG | stat.S_IRWXO):
        yield Finding("warn", key, f"{folder}: others may look into it", f"chmod 700 {folder}")


def _recordings(config: Config) -> Iterator[Finding]:
    folder = config.recordings
    there = next((p for p in (folder, *folder.parents) if p.exists()), Path("/"))
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        mend = "name another folder in recordings:, or mend its permissions"
        yield Finding("bad", "recordings", f"{folder}: cannot be written", mend)
        return
    yield from _private_folder("recordings", folder)
    free = shutil.disk_usage(there).free
    space = f"{folder}: {free / (1 << 30):.1f} GiB free"
    if free < LEAST_FREE_BYTES:
        yield Finding("bad", "recordings", f"{space}: calls are refused", "free some space: no record, no result")
    elif free < LITTLE_FREE_BYTES:
        yield Finding("warn", "recordings", f"{space}; below {LEAST_FREE_BYTES >> 20} MiB calls are refused")
    else:
        yield Finding("ok", "recordings", space)
    layout = Layout(folder)
    held = sum(LogLock.is_held(layout.log(instance).lock) for instance in layout.instances())
    if held:
        yield Finding("ok", "recordings", f"{held} running {'server writes' if held == 1 else 'servers write'} here")
    yield from _clock(folder)


def _clock(folder: Path) -> Iterator[Finding]:
    now = time.time()
    try:
        latest = max((session.last().ts / 1e6 for session in list(read_sessions(folder))[-20:]), default=0.0)
    except TranscriptError as error:
        yield Finding("warn", "recordings", str(error), "run: gloveport verify")
        return
    if latest > now + 60:
        text = f"the newest transcript is {latest - now:.0f} seconds in the future: the clock was set back"
        yield Finding("warn", "clock", text, "let the machine keep its time by NTP")
    else:
        yield Finding("ok", "clock", time.strftime("%Y-%m-%d %H:%M:%S %z"))


async def _database(name: str, config: DatabaseConfig) -> list[Finding]:
    from ..tools.database.engines.engine import DatabaseError
    from ..tools.database.source import Database

    subject = f"databases.{name}"
    database: Database | None = None
    findings: list[Finding] = []
    # The role is looked at below, with all that is found on it: let the start pass over it.
    settings = database_settings(name, config.model_copy(update={"allow_unsafe_role": True}))
    try:
        with anyio.fail_after(DATABASE_SECONDS):
            database = Database(settings)
            await database.start()
            findings = await _connected(subject, database, config)
    except DatabaseError as error:
        key, _, text = str(error).partition(": ")
        named = key == subject or key.startswith(f"{subject}.")
        findings = [Finding("bad", key if named else subject, text if named else str(error))]
    except ImportError as error:
        mend = f"pip install {error.name}" if error.name else ""
        findings = [Finding("bad", subject, "its driver is not installed", mend)]
    except TimeoutError:
        mend = "is it up, and does the network let us through?"
        findings = [Finding("bad", subject, f"no answer within {DATABASE_SECONDS:g} seconds", mend)]
    finally:
        if database is not None:
            with anyio.CancelScope(shield=True), anyio.move_on_after(5):
                await database.close()
    return findings


async def _connected(subject: str, database: Database, config: DatabaseConfig) -> list[Finding]:
    from .masking.columns import unknown_columns, unusable_subjects

    catalog = await database.catalog()
    number = len(catalog.open_relations)
    tables = "1 table or view" if number == 1 else f"{number} tables and views"
    findings = [
        Finding("ok", subject, f"{catalog.dialect} {catalog.server_version}: {tables} open, {config.inference}")
    ]
    if not number:
        findings.append(Finding("warn", subject, "no table is open", f"check {subject}.tables and deny"))
    findings += [
        Finding("bad", f"{subject}.tables", f"{table}: no such table or view", "correct it or remove it")
        for table in _missing(config.tables or (), catalog)
    ]
    findings += [
        Finding("bad", f"{subject}.classes", f"{column}: no such column, so nothing is protected by it", "correct it")
        for column in unknown_columns(catalog, declared_columns(config))
    ]
    findings += [
        Finding("bad", f"{subject}.subjects", *wrong.split("; ")[:2])
        for wrong in unusable_subjects(catalog, declared_columns(config))
    ]
    for found in await database.examine():
        level: Level = "warn" if found.level == "bad" and config.allow_unsafe_role else found.level.value
        findings.append(Finding(level, subject, found.text, found.mend))
    return findings


def _missing(tables: Sequence[str], catalog: Catalog) -> list[str]:
    """Names the database does not have; its default schema may be written or left out, letter case is overlooked."""
    prefix = f"{catalog.default_schema}." if catalog.default_schema else ""
    present = {name.casefold() for name in catalog.relations}
    return [table for table in tables if table.removeprefix(prefix).casefold() not in present]


def _files(config: Config) -> Iterator[Finding]:
    for name, one in config.files.items():
        try:
            Root(file_settings(name, one)).close()
        except FileRootError as error:
            yield Finding("bad", f"files.{name}", str(error))
            continue
        if one.write and not os.access(one.path, os.W_OK):
            yield Finding(
                "bad", f"files.{name}", f"{one.path}: cannot be written", "mend its mode, or set write: false"
            )
        else:
            yield Finding("ok", f"files.{name}", f"{one.path}, {'read and write' if one.write else 'read only'}")


def _tools(config: Config) -> Iterator[Finding]:
    for entry in config.tools:
        try:
            loaded = load_tools([entry])
        except ToolLoadError as error:
            yield Finding("bad", "tools", str(error))
        else:
            yield Finding("ok", "tools", f"{entry}: {', '.join(tool.spec.name for tool in loaded)}")


def _policies(config: Config) -> Iterator[Finding]:
    try:
        own = [tool.spec.name for tool in load_tools(config.tools)]
    except ToolLoadError:  # told above
        own = []
    try:
        bundle = PolicyStore.load(config.policies, site=site_vocabulary(config, own)).bundle
    except PolicyError as error:
        for finding in error.findings:
            yield Finding("bad", "policies", str(finding))
        return
    failed = failures(bundle, config.policies)
    cases = f"{len(bundle.cases)} cases, {'all pass' if not failed else 'not all pass'}" if bundle.cases else "no cases"
    yield Finding("ok", "policies", f"{config.policies or 'built in'}: {len(bundle.rules)} rules, {cases}")
    for finding in failed:
        yield Finding("warn", "policies", str(finding), "mend the rule, or the case: gloveport policy test")
    for finding in bundle.warnings:
        yield Finding("warn", "policies", str(finding))


def _identity(config: Config) -> Iterator[Finding]:
    identity = config.identity
    try:
        known = Credentials(identity.credentials).all()
    except CredentialError as error:
        yield Finding("bad", "identity.credentials", str(error))
        return
    now = time.time()
    live = [one for one in known if one.state(now) == "live"]
    if live:
        yield Finding("ok", "identity", f"{len(live)} live bearer tokens for HTTP")
    soon = [one.name for one in live if one.expires is not None and one.expires - now < 7 * 86_400]
    if soon:
        text = f"bearer tokens that expire within a week: {', '.join(soon)}"
        yield Finding("warn", "identity", text, "mint new ones: gloveport identity add NAME")
    if identity.anonymous_http:
        text = f"HTTP callers without a token are {identity.anonymous_http}"
        yield Finding("warn", "identity", text, "remove identity.anonymous_http unless this is meant")
