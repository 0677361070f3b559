"""`gloveport.yaml` as pydantic models. An unknown key stops the start; a complaint is one line: file, line, key, mend.

The file may be YAML or JSON. Environment variables override it: ``GLOVEPORT_RECORDINGS=…``, and ``__`` for nested keys
(``GLOVEPORT_IDENTITY__AGENT=claude``). Relative paths are relative to the file that holds them.
"""

from __future__ import annotations

import codecs
import difflib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Literal, Self, cast

import yaml
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from ..tools.tool import Mask

DEFAULT_NAME = "gloveport.yaml"
Inference = Literal["strict", "balanced", "relaxed"]


class ConfigError(Exception):
    """The configuration cannot be used. Each entry of ``findings`` is one line: file, line, key, what, mend."""

    def __init__(self, *findings: str) -> None:
        super().__init__("; ".join(findings))
        self.findings = findings


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class LimitsConfig(Strict):
    """Caps of one call: rows returned, seconds run, bytes read or returned."""

    rows: int | None = Field(default=None, ge=1, le=100_000)
    seconds: float | None = Field(default=None, gt=0, le=3600)
    bytes: int | None = Field(default=None, ge=1)


def _class_spec(value: object) -> object:
    return {"class": value} if isinstance(value, str) else value


class ClassConfig(Strict):
    """A column's class, and how it leaves when that is not the default of the class."""

    class_name: str = Field(alias="class", pattern=r"^[a-z][a-z0-9_]{0,39}$")
    mask: Mask | None = None


ClassEntry = Annotated[ClassConfig, BeforeValidator(_class_spec)]


def _key_spec(value: object) -> object:
    return {"key": value} if isinstance(value, str) else value


class SearchConfig(Strict):
    """A text column that `database_search` may search, and the column by which a hit is named."""

    key: str
    rows: int = Field(default=20_000, ge=1, le=1_000_000)  # at most so many rows are kept in memory
    embedder: str = "hashed"  # or sentence-transformers:MODEL


SearchEntry = Annotated[SearchConfig, BeforeValidator(_key_spec)]


def _subject_spec(value: object) -> object:
    return {"column": value} if isinstance(value, str) else value


class SubjectConfig(Strict):
    """The column that says whose row it is, and of which kind of people, where a database has several."""

    column: str
    of: str = ""


SubjectEntry = Annotated[SubjectConfig, BeforeValidator(_subject_spec)]


class DatabaseConfig(Strict):
    """One database. Without ``tables`` all its tables and views are open; ``deny`` always wins."""

    url: str
    tables: tuple[str, ...] | None = None
    deny: tuple[str, ...] = ()
    classes: Mapping[str, ClassEntry] = Field(default_factory=dict[str, ClassEntry])
    open: tuple[str, ...] = ()  # columns that were looked at and are not sensitive: "patients.city"
    unsure: Literal["open", "closed"] = "open"  # columns no class fits, and nothing says that they are harmless
    subjects: Mapping[str, SubjectEntry] = Field(default_factory=dict[str, SubjectEntry])  # by table, for mask: shift
    inference: Inference = "strict"
    class_inference: Mapping[str, Inference] = Field(default_factory=dict[str, Inference])  # by class, over inference
    min_group_size: int = Field(default=5, ge=2)
    functions: tuple[str, ...] = ()
    search: Mapping[str, SearchEntry] = Field(default_factory=dict[str, SearchEntry])  # by "table.column"
    limits: LimitsConfig = LimitsConfig()
    write: bool = False  # INSERT, UPDATE, DELETE may reach it at all; the policy still decides each call
    allow_unsafe_role: bool = False  # serve although the role could do more than it should

    @field_validator("search")
    @classmethod
    def _names_columns(cls, value: Mapping[str, SearchEntry]) -> Mapping[str, SearchEntry]:
        for name in value:
            if not all(name.rpartition(".")[::2]):
                raise ValueError(f"{name!r} must be TABLE.COLUMN")
        return value

    @model_validator(mode="after")
    def _knows_whose(self) -> Self:
        for name, entry in self.classes.items():
            table = name.rpartition(".")[0]
            if entry.mask is Mask.SHIFT and table not in self.subjects:
                raise ValueError(
                    f"{name} has the mask shift; say whose its dates are with subjects: {{{table}: COLUMN}}"
                )
        return self

    @field_validator("url")
    @classmethod
    def _has_scheme(cls, value: str) -> str:
        if value.startswith("env:"):  # keeps a password out of the file
            name = value.removeprefix("env:")
            value = os.environ.get(name, "")
            if not value:
                raise ValueError(f"names the environment variable {name}, which is not set")
        if "://" not in value:
            raise ValueError("is not a database URL; write for example sqlite:///clinic.db")
        return value


class FileRootConfig(Strict):
    """A folder whose files the file tools may see."""

    path: Path
    write: bool = False
    cross_mounts: bool = False
    hidden: bool = False
    hard_links: bool = False
    encoding: str | None = None
    limits: LimitsConfig = LimitsConfig()

    @field_validator("encoding")
    @classmethod
    def _known_encoding(cls, value: str | None) -> str | None:
        try:
            return None if value is None else codecs.lookup(value).name
        except LookupError:
            raise ValueError("is no encoding; write for example cp1250") from None


class MaskingConfig(Strict):
    """Where the root key of all tokens is: ``env:NAME`` or ``file:PATH``; a missing file is made, with mode 0600."""

    key: str = "file:.gloveport/key"
    vault: Path = Path(".gloveport/vault.sqlite")
    scope: Literal["tenant", "purpose", "session"] = "tenant"
    tenant: str = "default"

    @field_validator("key")
    @classmethod
    def _known_place(cls, value: str) -> str:
        if not value.startswith(("env:", "file:")) or len(value) < 6:
            raise ValueError("must be env:NAME or file:PATH")
        return value


class IdentityConfig(Strict):
    """Who calls, where the transport cannot tell. What stands here is believed on the basis ``config``."""

    human: str | None = None
    agent: str | None = None
    model: str | None = None
    purpose: str | None = None
    roles: frozenset[str] = frozenset()
    teams: frozenset[str] = frozenset()
    credentials: Path = Path(".gloveport/credentials.json")
    anonymous_http: str | None = None  # a name: callers without a token are this human; absent: they are refused
    approvers: Mapping[str, frozenset[str]] = Field(default_factory=dict[str, frozenset[str]])  # OS user: roles
    session_header: str = "Gloveport-Session"
    session_idle: float = Field(default=900.0, gt=0)  # seconds after which a derived session ends


class HttpConfig(Strict):
    """Streamable HTTP. ``allowed_hosts`` are the Host headers answered besides the address served on."""

    allowed_hosts: tuple[str, ...] = ()
    allowed_origins: tuple[str, ...] = ()
    max_body: int = Field(default=4 << 20, ge=1024)
    public_url: str | None = None


class Config(BaseSettings):
    """The whole file. Paths are absolute once loaded."""

    model_config = SettingsConfigDict(
        extra="forbid",
        frozen=True,
        env_prefix="GLOVEPORT_",
        env_nested_delimiter="__",
        nested_model_default_partial_update=True,
    )

    databases: Mapping[str, DatabaseConfig] = Field(default_factory=dict[str, DatabaseConfig])
    files: Mapping[str, FileRootConfig] = Field(default_factory=dict[str, FileRootConfig])
    tools: tuple[str, ...] = ()
    policies: Path | None = None
    recordings: Path = Path("recordings")
    state: Path = Path(".gloveport")  # keys, vault, credentials, approvals
    masking: MaskingConfig = MaskingConfig()
    identity: IdentityConfig = IdentityConfig()
    http: HttpConfig = HttpConfig()
    limits: LimitsConfig = LimitsConfig(seconds=30)
    upstreams: Mapping[str, object] = Field(default_factory=dict[str, object])
    packs: tuple[str, ...] = ()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return env_settings, init_settings  # the environment beats the file

    @field_validator("upstreams", "packs")
    @classmethod
    def _not_yet(cls, value: Mapping[str, object] | tuple[str, ...]) -> Mapping[str, object] | tuple[str, ...]:
        if value:
            raise ValueError("is not available in this version; remove the key")
        return value

    @field_validator("databases", "files")
    @classmethod
    def _plain_names(cls, value: Mapping[str, object]) -> Mapping[str, object]:
        for name in value:
            if not name.replace("_", "").replace("-", "").isalnum() or len(name) > 64:
                raise ValueError(f"name {name!r} must be letters, digits, - and _")
        return value


def find_config(explicit: Path | None) -> Path:
    """The file to use: ``--config``, else GLOVEPORT_CONFIG, else gloveport.yaml here. Raises `ConfigError`."""
    path = explicit or Path(os.environ.get("GLOVEPORT_CONFIG") or DEFAULT_NAME)
    if not path.is_file():
        raise ConfigError(f"{path}: no such configuration file; make one with: gloveport init")
    return path.resolve()


def load_config(path: Path) -> Config:
    """Read, check and make absolute. Raises `ConfigError` with every finding."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read: {_reason(error)}") from None
    lines: dict[tuple[str, ...], int] = {}
    try:
        node = cast("yaml.Node | None", yaml.compose(text, Loader=yaml.SafeLoader))  # pyright: ignore[reportUnknownMemberType]
        duplicates = list(_index(node, (), lines)) if node is not None else []
        data: object = yaml.safe_load(text) if node is not None else {}
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{path}:{mark.line + 1}" if mark is not None else str(path)
        raise ConfigError(f"{where}: not valid YAML: {getattr(error, 'problem', None) or 'malformed'}") from None
    if duplicates:
        raise ConfigError(
            *(f"{path}:{line}: {'.'.join(key)}: key is written twice; keep one" for key, line in duplicates)
        )
    if not isinstance(data, dict):
        raise ConfigError(f"{path}:1: must be a mapping with keys such as databases, files, recordings")
    try:
        config = Config(**{str(key): value for key, value in cast("dict[object, object]", data).items()})  # pyright: ignore[reportArgumentType]
    except ValidationError as error:
        raise ConfigError(*(_finding(path, lines, detail) for detail in error.errors(include_url=False))) from None
    return _absolute(config, path.parent)


def _reason(error: Exception) -> str:
    return error.strerror or "unreadable" if isinstance(error, OSError) else "it is not UTF-8"


def _index(
    node: yaml.Node, key: tuple[str, ...], lines: dict[tuple[str, ...], int]
) -> Iterator[tuple[tuple[str, ...], int]]:
    """Note the line of every key; yield the keys that stand twice."""
    lines.setdefault(key, node.start_mark.line + 1)
    if isinstance(node, yaml.SequenceNode):
        for i, child in enumerate(node.value):
            yield from _index(child, (*key, str(i)), lines)
    if isinstance(node, yaml.MappingNode):
        for name, child in node.value:
            path = (*key, str(name.value))
            if path in lines:
                yield path, name.start_mark.line + 1
            lines[path] = name.start_mark.line + 1
            yield from _index(child, path, lines)


def _finding(path: Path, lines: Mapping[tuple[str, ...], int], detail: Mapping[str, object]) -> str:
    location = tuple(str(part) for part in cast("tuple[object, ...]", detail["loc"]))
    line = next((lines[location[:n]] for n in range(len(location), -1, -1) if location[:n] in lines), 1)
    return f"{path}:{line}: {'.'.join(location)}: {_complaint(location, detail)}"


def _complaint(location: tuple[str, ...], detail: Mapping[str, object]) -> str:
    if detail["type"] == "extra_forbidden":
        known = sorted(_keys_at(location[:-1]))
        near = difflib.get_close_matches(location[-1], known, n=1)
        return f"unknown key; did you mean {near[0]!r}?" if near else f"unknown key; known here: {', '.join(known)}"
    text = str(detail["msg"]).removeprefix("Value error, ")
    return text[0].lower() + text[1:]


def _keys_at(location: tuple[str, ...]) -> set[str]:
    """The keys the model allows at a place; empty where a place is not a model."""
    models: dict[str, type[BaseModel]] = {"databases": DatabaseConfig, "files": FileRootConfig}
    nested: dict[str, type[BaseModel]] = {
        "limits": LimitsConfig,
        "masking": MaskingConfig,
        "identity": IdentityConfig,
        "http": HttpConfig,
        "classes": ClassConfig,
        "subjects": SubjectConfig,
    }
    model: type[BaseModel] = Config
    for part in location:
        model = nested.get(part) or models.get(part) or model
    return {f.alias or name for name, f in model.model_fields.items()}


def _absolute(config: Config, base: Path) -> Config:
    def at(path: Path) -> Path:
        return path if path.is_absolute() else base / path

    key = config.masking.key
    if key.startswith("file:"):
        key = f"file:{at(Path(key.removeprefix('file:')))}"
    return config.model_copy(
        update={
            "databases": {
                n: d.model_copy(update={"url": _absolute_url(d.url, base)}) for n, d in config.databases.items()
            },
            "files": {n: f.model_copy(update={"path": at(f.path)}) for n, f in config.files.items()},
            "tools": tuple(str(at(Path(t))) if t.endswith(".py") else t for t in config.tools),
            "policies": None if config.policies is None else at(config.policies),
            "recordings": at(config.recordings),
            "state": at(config.state),
            "masking": config.masking.model_copy(update={"key": key, "vault": at(config.masking.vault)}),
            "identity": config.identity.model_copy(update={"credentials": at(config.identity.credentials)}),
        }
    )


def _absolute_url(url: str, base: Path) -> str:
    scheme, _, rest = url.partition("://")
    if scheme.partition("+")[0] not in ("sqlite", "duckdb") or not rest.startswith("/") or rest.startswith("//"):
        return url
    file, question, query = rest[1:].partition("?")
    return url if file in ("", ":memory:") else f"{scheme}:///{base / file}{question}{query}"
