"""Loads a policy folder into one immutable bundle, or says everything that is wrong with it, each with file and line.

policies/guard.yaml     name, version, time zone (optional)
policies/rules/*.cedar  rules (or *.cedar in the folder itself)
policies/tests/*.yaml   cases (see `check`)
"""

from __future__ import annotations

import datetime as dt
import hashlib
import re
import zoneinfo
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Final

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from .obligations import PLAIN, MaskDuty, Obligation, obligation_of
from .request import CLASSES, SiteVocabulary
from .statements import Finding, Malformed, Statement, statements

if TYPE_CHECKING:
    from .engine import MatchSet

_ARITHMETIC: Final = re.compile(r'"(?:[^"\\]|\\.)*"|(?<=[\w)\]])\s*(\+|\*|-)\s*(?=[\w(])')
_NAMED: Final = re.compile(r'\b(Database|Table|FileRoot|Tool)::"((?:[^"\\]|\\.)*)"')


class PolicyError(Exception):
    """The policy cannot be used; ``findings`` are all that is wrong with it."""

    def __init__(self, findings: Sequence[Finding]) -> None:
        super().__init__("; ".join(map(str, findings)))
        self.findings = tuple(findings)


class BundleFile(BaseModel):
    """``guard.yaml``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = "policies"
    version: int = Field(default=1, ge=1)
    timezone: str = "UTC"

    @field_validator("timezone")
    @classmethod
    def _known(cls, value: str) -> str:
        try:
            zoneinfo.ZoneInfo(value)
        except (zoneinfo.ZoneInfoNotFoundError, ValueError):
            raise ValueError("is no time zone; write for example Europe/Berlin") from None
        return value


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of a bundle. A ``forbid`` with an obligation does not deny: it is owed."""

    id: str
    file: str
    line: int
    effect: str
    why: str
    obligation: Obligation | None
    shadow: bool
    text: str

    @property
    def place(self) -> str:
        return f"{self.file}:{self.line}"


@dataclass(frozen=True, slots=True)
class Bundle:
    """Rules ready to decide. ``digest`` is over every file that made them, and over the schema."""

    name: str
    version: int
    timezone: zoneinfo.ZoneInfo
    rules: tuple[Rule, ...]
    matches: MatchSet
    digest: str
    warnings: tuple[Finding, ...]
    texts: Mapping[str, str]


def load(folder: Path | None, site: SiteVocabulary) -> Bundle:
    """Load a folder, or the built-in rules when there is none. Raises `PolicyError` with all findings."""
    from . import engine

    texts = _builtin() if folder is None else _read(folder)
    schema_text = _schema_text(site)
    schema = engine.parsed_schema(schema_text)
    settings, findings = _settings(texts)
    rules: list[tuple[Rule, Statement]] = []
    for name, text in sorted(texts.items()):
        if not name.endswith(".cedar"):
            continue
        try:
            for statement in statements(text, name):
                problems = [Finding(name, statement.line, m) for m in engine.complaints(statement.text, schema)]
                findings += problems
                findings += _lint(statement, site)
                if not problems and (rule := _rule(statement, findings)) is not None:
                    rules.append((rule, statement))
        except Malformed as error:
            findings.append(Finding(name, error.line, error.message))
    findings += _same_ids([rule for rule, _ in rules])
    findings += _unknown_classes([rule for rule, _ in rules], site)
    where = str(folder) if folder is not None else "built-in policy"
    if not any(rule.effect == "permit" for rule, _ in rules):
        findings.append(Finding(where, 1, "no rule permits anything; every call would be denied"))
    if any(not finding.warning for finding in findings):
        raise PolicyError([f for f in findings if not f.warning])
    return Bundle(
        name=settings.name,
        version=settings.version,
        timezone=zoneinfo.ZoneInfo(settings.timezone),
        rules=tuple(rule for rule, _ in rules),
        matches=engine.MatchSet([statement.body for _, statement in rules], schema),
        digest=_digest({**texts, "(schema)": schema_text}),
        warnings=tuple(findings),
        texts=texts,
    )


def _builtin() -> dict[str, str]:
    folder = resources.files("gloveport.policies.templates")
    names = ("guard.yaml", "rules/access.cedar")
    return {name: folder.joinpath(name).read_text("utf-8") for name in names}


def _read(folder: Path) -> dict[str, str]:
    if not folder.is_dir():
        raise PolicyError([Finding(str(folder), 1, "no such policy folder; make one with: gloveport init")])
    paths = [*folder.glob("*.cedar"), *(folder / "rules").glob("*.cedar"), *folder.glob("guard.yaml")]
    try:
        return {str(path.relative_to(folder)): path.read_text("utf-8") for path in sorted(paths)}
    except UnicodeDecodeError:
        raise PolicyError([Finding(str(folder), 1, "a policy file is not UTF-8")]) from None
    except OSError as error:
        raise PolicyError([Finding(str(error.filename), 1, f"cannot be read: {error.strerror}")]) from None


def _schema_text(site: SiteVocabulary) -> str:
    text = resources.files("gloveport.policies").joinpath("schema/gloveport.cedarschema").read_text("utf-8")
    names = [*CLASSES, *sorted(site.classes - set(CLASSES))]
    return text.replace("__CLASSES__", ", ".join(f'"{name}"' for name in names))


def _settings(texts: Mapping[str, str]) -> tuple[BundleFile, list[Finding]]:
    text = texts.get("guard.yaml", "")
    try:
        data: object = yaml.safe_load(text) or {}
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        return BundleFile(), [Finding("guard.yaml", 1 if mark is None else mark.line + 1, "not valid YAML")]
    try:
        return BundleFile.model_validate(data), []
    except ValidationError as error:
        found = error.errors(include_url=False)[0]
        key = ".".join(map(str, found["loc"]))
        lines = [n for n, line in enumerate(text.splitlines(), 1) if line.startswith(f"{key.split('.')[0]}:")]
        return BundleFile(), [Finding("guard.yaml", lines[0] if lines else 1, f"{key}: {found['msg']}")]


def _rule(statement: Statement, findings: list[Finding]) -> Rule | None:
    notes = statement.annotations
    try:
        obligation = obligation_of(notes)
    except ValidationError as error:
        for detail in error.errors(include_url=False, include_input=False):
            name = ".".join(str(part) for part in detail["loc"]) or "require"
            findings.append(Finding(statement.file, statement.line, f"@{name}: {detail['msg'].lower()}"))
        return None
    return Rule(
        id=statement.id,
        file=statement.file,
        line=statement.line,
        effect=statement.effect,
        why=notes.get("why", ""),
        obligation=obligation,
        shadow=notes.get("mode") == "shadow",
        text=statement.text,
    )


def _lint(statement: Statement, site: SiteVocabulary) -> Iterator[Finding]:
    """What the engine lets through and a person would not."""
    notes = statement.annotations

    def finding(message: str, *, warning: bool = False) -> Finding:
        return Finding(statement.file, statement.line, message, warning)

    if not statement.id:
        yield finding('the rule has no @id("…"); its decisions could not be told apart')
    if notes.get("mode", "shadow") != "shadow":
        yield finding('@mode must be "shadow"; a rule without it is enforced')
    if "require" not in notes:
        for name in sorted(set(notes) - PLAIN):
            yield finding(f"unknown annotation @{name}")
    elif statement.effect == "permit":
        yield finding("@require stands on a forbid: there another engine denies, and this one asks for the duty")
    if _arithmetic(statement.body):
        yield finding("arithmetic can overflow, and Cedar skips a rule that errors; compare a fact instead")
    if statement.effect == "permit" and re.fullmatch(
        r"\s*\(\s*principal\s*,\s*action\s*,\s*resource\s*\)\s*;", statement.body
    ):
        yield finding("this permits everything to everybody; name an action, a principal or a resource")
    if re.search(r"\b(when|unless)\s*\{\s*(true|false)\s*\}", statement.body):
        yield finding("a condition that is always the same")
    yield from (finding(message) for message in _unknown_names(statement.body, site))
    if (until := notes.get("expires")) is not None:
        try:
            past = dt.date.fromisoformat(until) < dt.datetime.now(dt.UTC).date()
        except ValueError:
            yield finding("@expires must be a date, as in 2027-01-31")
        else:
            if statement.effect == "forbid":
                yield finding("a forbid that expires loosens the policy on that day", warning=True)
            if past:
                yield finding(f"expired on {until}; remove the rule or renew it", warning=True)


def _arithmetic(body: str) -> bool:
    return any(match[1] for match in _ARITHMETIC.finditer(body))


def _unknown_names(body: str, site: SiteVocabulary) -> Iterator[str]:
    known = {"Database": site.databases, "FileRoot": site.roots, "Tool": site.tools}
    for kind, name in _NAMED.findall(body):
        if kind == "Table":
            if site.databases and name.partition(".")[0] not in site.databases:
                yield f'Table::"{name}" is of no database here; write it as DATABASE.TABLE'
        elif known[kind] and name not in known[kind]:
            yield f'{kind}::"{name}" does not exist here; known: {", ".join(sorted(known[kind]))}'


def _same_ids(rules: Sequence[Rule]) -> Iterator[Finding]:
    seen: dict[str, Rule] = {}
    for rule in rules:
        if rule.id and rule.id in seen:
            yield Finding(rule.file, rule.line, f'@id("{rule.id}") stands at {seen[rule.id].place} already')
        seen.setdefault(rule.id, rule)


def _digest(texts: Mapping[str, str]) -> str:
    digest = hashlib.sha256()
    for name, text in sorted(texts.items()):
        for part in (name, text):
            digest.update(len(part.encode()).to_bytes(8, "big") + part.encode())
    return f"sha256:{digest.hexdigest()}"


def _unknown_classes(rules: Sequence[Rule], site: SiteVocabulary) -> Iterator[Finding]:
    """Masks for classes that exist nowhere: probably misspelt."""
    known = {*CLASSES, *site.classes, "*"}
    for rule in rules:
        if isinstance(rule.obligation, MaskDuty) and rule.obligation.class_name not in known:
            yield Finding(rule.file, rule.line, f"@class: there is no class {rule.obligation.class_name}")
