"""Builds everything one configuration names, and opens and closes it in order. The only place where all rooms meet."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncGenerator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import anyio.to_thread
import orjson
from loguru import logger

from .. import __version__
from ..policies.loader import PolicyError
from ..policies.store import PolicyStore
from ..recordings import events
from ..recordings.recorder import Recorder, RecorderUnavailable
from ..tools.files.roots import FileRootError, FileSettings
from ..tools.files.tools import build_file_tools
from ..tools.load import ToolLoadError, load_tools
from ..tools.tool import Limits, Subject, Tool
from .approval import ApprovalStore
from .chain import Chain, Stages
from .config import Config, DatabaseConfig, FileRootConfig, LimitsConfig
from .credentials import Credentials
from .decision import Decider, site_vocabulary
from .identity import Identification, SessionResolver
from .masking.columns import ClassificationError, ColumnClasses, Declared, unusable_subjects
from .masking.content import ContentMasker
from .masking.detect import Detector
from .masking.indexing import SearchTexts
from .masking.masker import Masker
from .masking.restorer import Restorer
from .masking.tokens.service import KeyUnusable, Tokens, VaultUnavailable
from .schema import Validators
from .session import Sessions, current_scope, current_status
from .status import SessionStatus

if TYPE_CHECKING:
    from ..tools.database.engines.engine import Settings
    from ..tools.database.source import Database


SESSION_TOKENS = 24 * 3600.0  # seconds after their last use that tokens of a session scope are forgotten at a start


class HouseError(Exception):
    """The house cannot be opened. Each entry of ``findings`` is one line: what, where, how to mend."""

    def __init__(self, *findings: str) -> None:
        super().__init__("; ".join(findings))
        self.findings = findings


@dataclass(frozen=True, slots=True)
class House:
    """Everything that is open. Use as ``async with House.open(config) as house``."""

    config: Config
    chain: Chain
    databases: Mapping[str, Database]
    classes: ColumnClasses
    policy: PolicyStore
    tokens: Tokens
    detector: Detector
    recorder: Recorder

    @staticmethod
    @asynccontextmanager
    async def open(config: Config) -> AsyncGenerator[House]:
        """Open everything, or nothing: whatever cannot load stops the start. Raises `HouseError`."""
        async with AsyncExitStack() as stack:
            try:
                house = await _built(config, stack)
            except PolicyError as error:
                raise HouseError(*(str(finding) for finding in error.findings)) from None
            except _CANNOT_OPEN as error:
                raise HouseError(str(error)) from None
            yield house


_CANNOT_OPEN = (
    KeyUnusable,
    VaultUnavailable,
    RecorderUnavailable,
    FileRootError,
    ToolLoadError,
    ClassificationError,
)


async def _built(config: Config, stack: AsyncExitStack) -> House:
    own_classes = {entry.class_name for database in config.databases.values() for entry in database.classes.values()}
    detector = await anyio.to_thread.run_sync(_detector)
    tokens = Tokens.open(config.masking.key, config.masking.vault, classes=own_classes)
    stack.callback(tokens.close)
    if config.masking.scope == "session":
        tokens.expire_sessions(max(SESSION_TOKENS, config.identity.session_idle))

    databases = await _databases(config, stack)
    declared = {name: declared_columns(one) for name, one in config.databases.items()}
    await _check_subjects(databases, declared)
    classes = ColumnClasses(databases, declared, config.state)

    content = ContentMasker(detector, tokens)
    roots = [file_settings(name, one) for name, one in config.files.items()]
    tools: list[Tool] = [
        *_database_tools(databases),
        *await _search_tools(config, databases, content),
        *build_file_tools(roots, keep_out=_own_files(config)),
        SessionStatus(current_status),
    ]
    tools += load_tools(config.tools, taken={tool.spec.name for tool in tools})
    policy = PolicyStore.load(config.policies, site=site_vocabulary(config, [tool.spec.name for tool in tools]))
    server = events.Server(
        version=__version__,
        policy_digest=policy.digest,
        config_digest=_digest(config),
        masking_digest=_masking_digest(config),
    )
    recorder = Recorder.open(config.recordings, server=server, idle_seconds=config.identity.session_idle)
    stack.callback(_closed, recorder)
    recorder.blob(policy.bundle.document)  # what decided can be asked again later, by its digest

    masker = Masker(content, classes.rules, f"gloveport/{__version__}")
    sessions = Sessions(
        recorder,
        SessionResolver(idle=config.identity.session_idle),
        tokens,
        tenant=config.masking.tenant,
        scope_kind=config.masking.scope,
        idle=config.identity.session_idle,
        server=lambda: server,
        scrub=masker.scrub,
    )
    stack.callback(sessions.close, "shutdown")
    stages = Stages(
        Identification(config.identity, Credentials(config.identity.credentials)),
        sessions,
        Validators(),
        Decider(policy, config, ApprovalStore(config.state / "approvals.json"), classes.rules),
        Restorer(tokens, detector, classes.rules),
        masker,
    )
    chain = Chain(tools, stages, limits=_limits(config.limits))
    return House(config, chain, databases, classes, policy, tokens, detector, recorder)


def _detector() -> Detector:
    """A detector with all that it needs in memory: what cannot load stops the start, not the first call."""
    try:
        detector = Detector()
        detector.scan("Anna Berg, 12 High Street")
    except Exception as error:  # noqa: BLE001 - whatever is wrong with the installation
        kind = type(error).__name__
        raise HouseError(f"masking: the detector cannot load ({kind}); install gloveport anew") from None
    return detector


def _closed(recorder: Recorder) -> None:
    """End the transcript. What cannot be written any more (a full disk) is told by the next start's recovery."""
    try:
        recorder.close()
    except RecorderUnavailable as error:
        logger.error("the transcript could not be ended: {}", error)


async def _databases(config: Config, stack: AsyncExitStack) -> Mapping[str, Database]:
    """Connected databases; the drivers are imported only where there are any."""
    if not config.databases:
        return {}
    from ..tools.database.source import Database, DatabaseError

    databases: dict[str, Database] = {}
    try:
        for name, one in config.databases.items():
            databases[name] = Database(database_settings(name, one))
            stack.push_async_callback(databases[name].close)
            await databases[name].start()
    except DatabaseError as error:
        raise HouseError(str(error)) from None
    return databases


async def _check_subjects(databases: Mapping[str, Database], declared: Mapping[str, Declared]) -> None:
    """Raises `HouseError`: dates would leave redacted where the operator wanted them shifted."""
    findings = [
        f"databases.{name}.subjects: {wrong}"
        for name, database in databases.items()
        if declared[name].subjects
        for wrong in unusable_subjects(await database.catalog(), declared[name])
    ]
    if findings:
        raise HouseError(*findings)


def database_settings(name: str, config: DatabaseConfig) -> Settings:
    """A database as configured, in the database tools' own words."""
    from ..tools.database.engines.engine import Settings
    from ..tools.database.sql.analysis import Inference

    usual = Settings(name, config.url).limits
    return Settings(
        name=name,
        url=config.url,
        tables=config.tables,
        deny=config.deny,
        functions=config.functions,
        write=config.write,
        allow_unsafe_role=config.allow_unsafe_role,
        limits=Limits(
            config.limits.rows or usual.rows, config.limits.seconds or usual.seconds, config.limits.bytes or usual.bytes
        ),
        inference=Inference(config.inference),
        class_inference={name: Inference(mode) for name, mode in config.class_inference.items()},
        min_group_size=config.min_group_size,
    )


def _database_tools(databases: Mapping[str, Database]) -> list[Tool]:
    if not databases:
        return []
    from ..tools.database.tools import build_database_tools

    return build_database_tools(list(databases.values()))


async def _search_tools(config: Config, databases: Mapping[str, Database], content: ContentMasker) -> list[Tool]:
    """`database_search`, where a configuration names columns for it. Raises `HouseError`."""
    if not any(one.search for one in config.databases.values()):
        return []
    from ..tools.database.search.build import build_search_tool
    from ..tools.database.search.embedding import EmbedderUnusable
    from ..tools.database.search.index import Searched, SearchUnusable

    searched = {
        name: [
            Searched(column.rpartition(".")[0], column.rpartition(".")[2], entry.key, entry.rows, entry.embedder)
            for column, entry in one.search.items()
        ]
        for name, one in config.databases.items()
        if one.search
    }
    try:
        return [await build_search_tool(databases, searched, SearchTexts(content, current_scope))]
    except (SearchUnusable, EmbedderUnusable) as error:
        raise HouseError(str(error)) from None


def _digest(config: Config) -> str:
    """What is configured, without what is secret in it (the passwords of URLs)."""
    shown = config.model_dump_json(exclude={"databases": {"__all__": {"url"}}})
    return f"sha256:{hashlib.sha256(shown.encode()).hexdigest()}"


def _masking_digest(config: Config) -> str:
    """What masks depend on besides the key: this version, the scope of tokens, and the declared classes."""
    of_columns = {"classes", "open", "unsure", "subjects"}
    classes = {name: one.model_dump(include=of_columns, mode="json") for name, one in config.databases.items()}
    masking = config.masking.model_dump(include={"scope", "tenant"})
    made = orjson.dumps([__version__, masking, classes], option=orjson.OPT_SORT_KEYS)
    return f"sha256:{hashlib.sha256(made).hexdigest()}"


def _limits(config: LimitsConfig) -> Limits:
    return Limits(config.rows, config.seconds, config.bytes)


def declared_columns(config: DatabaseConfig) -> Declared:
    """What the configuration says of a database's columns."""
    return Declared(
        {name: (c.class_name, c.mask) for name, c in config.classes.items()},
        frozenset(config.open),
        {table: Subject(one.column, one.of) for table, one in config.subjects.items()},
        unsure_closed=config.unsure == "closed",
    )


def file_settings(name: str, config: FileRootConfig) -> FileSettings:
    """A file root as configured, in the file tools' own words."""
    settings = FileSettings(
        name,
        config.path,
        write=config.write,
        cross_mounts=config.cross_mounts,
        hidden=config.hidden,
        hard_links=config.hard_links,
        encoding=config.encoding,
        seconds=config.limits.seconds,
    )
    caps: dict[str, int] = {}
    if config.limits.bytes is not None:
        caps["max_bytes"] = config.limits.bytes
    if config.limits.rows is not None:
        caps["max_entries"] = config.limits.rows
    return replace(settings, **caps)


def _own_files(config: Config) -> list[Path]:
    """What belongs to the server itself: no file root may hold it, or be inside it."""
    own = [config.recordings, config.state, config.masking.vault, config.identity.credentials]
    if config.policies is not None:
        own.append(config.policies)
    if config.masking.key.startswith("file:"):
        own.append(Path(config.masking.key.removeprefix("file:")))
    return own
