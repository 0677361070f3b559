"""Loads a policy folder into one immutable bundle, or says everything that is wrong with it, each with file and line.

policies/guard.yaml     name, version, time zone (optional)
policies/rules/*.cedar  rules (or *.cedar in the folder itself)
policies/tests/*.yaml   cases that must come out as they say (see `cases`); they decide nothing
"""

from __future__ import annotations

import datetime as dt
import hashlib
import re
import zoneinfo
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Final

import orjson
import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from .cases import Case, cases_of
from .clauses import parts
from .lints import lint
from .obligations import ApprovalDuty, MaskDuty, Obligation, obligation_of
from .request import CLASSES, SiteVocabulary
from .statements import Finding, Malformed, Statement, statements

if TYPE_CHECKING:
    from .engine import MatchSet

_ENTITY: Final = re.compile(r'\b([A-Z]\w*)::"((?:[^"\\]|\\.)*)"')
_ENTITY_ID: Final = re.compile(r'::\s*"(?:[^"\\]|\\.)*"')  # Action::"session.status" reads no fact called session
# What changes from one call to the next, so that a rule that reads it may or may not apply to a tool at all.
_VARYING: Final = frozenset("data session sql claims argument reads writes sends".split())


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
    """One rule of a bundle. A ``forbid`` with an obligation does not deny: it is owed.

    ``body`` is the text after the effect. ``expires`` is the last day, in the bundle's time zone, on which it applies.
    """

    id: str
    file: str
    line: int
    effect: str
    why: str
    obligation: Obligation | None
    shadow: bool
    expires: dt.date | None
    body: str

    @property
    def place(self) -> str:
        return f"{self.file}:{self.line}"

    @property
    def varies(self) -> bool:
        """Whether it depends on what a single call touches, so that a tool as such is neither allowed nor denied."""
        return reads(self.body, _VARYING)


def reads(body: str, facts: Collection[str]) -> bool:
    """Whether a rule could read one of these parts of ``context``. Over-estimates: any mention counts."""
    if re.search(r"\bcontext\b(?!\s*[.\[])", body):  # compared as a whole
        return True
    return not set(facts).isdisjoint(re.findall(r"[A-Za-z_]\w*", _ENTITY_ID.sub("", body)))


@dataclass(frozen=True, slots=True)
class Bundle:
    """Rules ready to decide. ``document`` holds every file that made them, and the schema; ``digest`` is its SHA-256.

    ``tools`` matches the same rules, those that vary by their scope alone: for the question which tools to show.
    ``named`` are the entities that rules name, as (kind, name).
    """

    name: str
    version: int
    timezone: zoneinfo.ZoneInfo
    rules: tuple[Rule, ...]
    matches: MatchSet
    tools: MatchSet
    named: frozenset[tuple[str, str]]
    document: bytes
    digest: str
    warnings: tuple[Finding, ...]
    texts: Mapping[str, str]
    cases: tuple[Case, ...]


def load(folder: Path | None, site: SiteVocabulary) -> Bundle:
    """Load a folder, or the built-in rules when there is none. Raises `PolicyError` with all findings."""
    try:
        bundle = _load(_builtin() if folder is None else _read(folder), site)
        return replace(bundle, warnings=tuple(placed(finding, folder) for finding in bundle.warnings))
    except PolicyError as error:
        raise PolicyError([placed(finding, folder) for finding in error.findings]) from None


def _load(texts: Mapping[str, str], site: SiteVocabulary) -> Bundle:
    from . import engine

    vocabulary = schema_text(site)
    schema = engine.parsed_schema(vocabulary)
    settings, findings = _settings(texts)
    rules: list[Rule] = []
    for name, text in sorted(texts.items()):
        if not name.endswith(".cedar"):
            continue
        try:
            for statement in statements(text, name):
                problems = [Finding(name, statement.line, m) for m in engine.complaints(statement.text, schema)]
                findings += problems or [*lint(statement, site)]
                if not problems and (rule := _rule(statement, findings)) is not None:
                    rules.append(rule)
        except Malformed as error:
            findings.append(Finding(name, error.line, error.message))
    findings += _same_ids(rules)
    findings += (finding for rule in rules for finding in _duty_names(rule, site))
    cases = _cases(texts, findings)
    if not any(rule.effect == "permit" for rule in rules) and not any(not f.warning for f in findings):
        findings.append(Finding("rules", 1, "no rule permits anything; every call would be denied"))
    if any(not finding.warning for finding in findings):
        raise PolicyError(findings)
    deciding = {name: text for name, text in texts.items() if not name.startswith("tests/")}
    document = orjson.dumps({**deciding, "(schema)": vocabulary}, option=orjson.OPT_SORT_KEYS)
    return Bundle(
        name=settings.name,
        version=settings.version,
        timezone=zoneinfo.ZoneInfo(settings.timezone),
        rules=tuple(rules),
        matches=engine.MatchSet([rule.body for rule in rules], schema),
        tools=engine.MatchSet([f"{parts(r.body).scope};" if r.varies else r.body for r in rules], schema),
        named=frozenset(found for rule in rules for found in _ENTITY.findall(rule.body)),
        document=document,
        digest=f"sha256:{hashlib.sha256(document).hexdigest()}",
        warnings=tuple(findings),
        texts=texts,
        cases=tuple(cases),
    )


def placed(finding: Finding, folder: Path | None) -> Finding:
    """With a path that can be opened from here."""
    if folder is None:
        return replace(finding, file=f"(built-in policy)/{finding.file}")
    path = folder / finding.file
    here = Path.cwd()
    return replace(finding, file=str(path.relative_to(here) if path.is_relative_to(here) else path))


def _builtin() -> dict[str, str]:
    folder = resources.files("gloveport.policies.templates")
    names = ("guard.yaml", "rules/access.cedar")
    return {name: folder.joinpath(name).read_text("utf-8") for name in names}


def _read(folder: Path) -> dict[str, str]:
    if not folder.is_dir():
        raise PolicyError([Finding("", 1, "no such policy folder; make one with: gloveport init")])
    names = ("guard.yaml", "*.cedar", "rules/**/*.cedar", "tests/**/*.yaml")
    texts: dict[str, str] = {}
    findings: list[Finding] = []
    for path in sorted({path for name in names for path in folder.glob(name)}):
        name = path.relative_to(folder).as_posix()
        try:
            texts[name] = path.read_text("utf-8")
        except UnicodeDecodeError:
            findings.append(Finding(name, 1, "is not UTF-8"))
        except OSError as error:
            findings.append(Finding(name, 1, f"cannot be read: {error.strerror}"))
    if findings:
        raise PolicyError(findings)
    return texts


def schema_text(site: SiteVocabulary) -> str:
    """The Cedar schema, with the classes of this installation."""
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
            name = str(detail["loc"][-1]) if detail["loc"] else "require"
            line = statement.lines.get(name, statement.lines.get("require", statement.line))
            text = "is not an annotation of this duty" if detail["type"] == "extra_forbidden" else detail["msg"]
            findings.append(Finding(statement.file, line, f"@{name}: {text[0].lower()}{text[1:]}"))
        return None
    return Rule(
        id=statement.id,
        file=statement.file,
        line=statement.line,
        effect=statement.effect,
        why=notes.get("why", ""),
        obligation=obligation,
        shadow=notes.get("mode") == "shadow",
        expires=_day(notes.get("expires")),
        body=statement.body,
    )


def _day(text: str | None) -> dt.date | None:
    try:
        return None if text is None else dt.date.fromisoformat(text)
    except ValueError:  # a finding of `lint`: the bundle does not load
        return None


def _cases(texts: Mapping[str, str], findings: list[Finding]) -> list[Case]:
    cases: list[Case] = []
    for name, text in sorted(texts.items()):
        if name.startswith("tests/"):
            found, wrong = cases_of(text, name)
            cases += found
            findings += wrong
    return cases


def _same_ids(rules: Sequence[Rule]) -> Iterator[Finding]:
    seen: dict[str, Rule] = {}
    for rule in rules:
        if rule.id and rule.id in seen:
            yield Finding(rule.file, rule.line, f'@id("{rule.id}") stands at {seen[rule.id].place} already')
        seen.setdefault(rule.id, rule)


def _duty_names(rule: Rule, site: SiteVocabulary) -> Iterator[Finding]:
    """Classes that exist nowhere: probably misspelt. Roles in which nobody approves: the call would wait in vain."""
    match rule.obligation:
        case MaskDuty(class_name=name) if name not in {*CLASSES, *site.classes, "*"}:
            yield Finding(rule.file, rule.line, f"@class: there is no class {name}")
        case ApprovalDuty(by=role) if role and site.approvers is not None and role not in site.approvers:
            message = f"nobody approves as {role}; name somebody in identity.approvers"
            yield Finding(rule.file, rule.line, message, warning=True)
        case _:
            return
