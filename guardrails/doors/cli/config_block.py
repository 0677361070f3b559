"""Classes as lines of ``gloveport.yaml``, put into the file without touching anything else in it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final, cast

import yaml

from ...config import ConfigError, load_config
from ...masking.classes import UNCLASSIFIED
from ...masking.classify import ColumnFinding

_PLAIN: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_. -]*[A-Za-z0-9_]")


class BlockError(Exception):
    """The classes cannot be written there; one line that says what to do instead."""


def block(proposed: Iterable[tuple[str, ColumnFinding]]) -> list[str]:
    """The ``classes:`` key of a database as YAML lines; columns that cannot be told stand in it as comments."""
    lines = entries(proposed)
    return ["classes:", *(f"  {line}" for line in lines)] if lines else []


def entries(proposed: Iterable[tuple[str, ColumnFinding]]) -> list[str]:
    """One line for each column with a class, its evidence as a comment behind it."""
    lines: list[str] = []
    for name, finding in proposed:
        why = "; ".join(finding.evidence)
        if finding.class_name == UNCLASSIFIED:
            lines.append(f"# {_key(name)}: name a class, or list it under open  ({why})")
        elif finding.class_name is not None:
            value = (
                finding.class_name if finding.mask is None else f"{{class: {finding.class_name}, mask: {finding.mask}}}"
            )
            lines.append(f"{_key(name)}: {value}  # {why}")
    return lines


def write_classes(path: Path, database: str, proposed: Sequence[tuple[str, ColumnFinding]]) -> int:
    """Add classes to a database in a YAML configuration file; what stands in it stays, comments too.

    The file as it was is kept beside it as ``NAME.before``. Returns how many classes were added.

    Raises:
        BlockError: the file is JSON or written in braces, or it would not load afterwards.
    """
    lines = entries(proposed)
    added = sum(not line.startswith("#") for line in lines)
    if not added:
        return 0
    try:
        text = path.read_text(encoding="utf-8")
        node = cast("yaml.Node | None", yaml.compose(text, Loader=yaml.SafeLoader))  # pyright: ignore[reportUnknownMemberType]
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        raise BlockError(f"{path}: cannot be read; nothing was changed") from None
    lines = [line for line in lines if not (line.startswith("#") and line.partition("  (")[0] in text)]
    entry = _mapping(_mapping(node, "databases", path), database, path)
    at, indent, inserted = _place(entry, text, lines, path)
    fresh = "\n".join((*text.splitlines()[:at], *(" " * indent + line for line in inserted), *text.splitlines()[at:]))
    scratch = path.with_name(f".{path.name}.new")
    try:
        scratch.write_text(fresh + "\n", encoding="utf-8")
        load_config(scratch)
        path.with_name(f"{path.name}.before").write_text(text, encoding="utf-8")
        scratch.chmod(path.stat().st_mode & 0o777)
        scratch.replace(path)
    except ConfigError as error:
        finding = error.findings[0].replace(str(scratch), str(path))
        raise BlockError(f"{path}: would not load with the classes in it ({finding}); nothing was changed") from None
    except OSError as error:
        raise BlockError(f"{path}: cannot be written: {error.strerror}; nothing was changed") from None
    finally:
        scratch.unlink(missing_ok=True)
    return added


def _mapping(node: yaml.Node | None, key: str, path: Path) -> yaml.MappingNode:
    """The block mapping under a key."""
    if isinstance(node, yaml.MappingNode):
        for name, value in node.value:
            if name.value == key and isinstance(value, yaml.MappingNode) and not value.flow_style:
                return value
    raise BlockError(f"{path}: {key} is not written as indented lines; copy the classes in by hand")


def _place(entry: yaml.MappingNode, text: str, lines: Sequence[str], path: Path) -> tuple[int, int, Sequence[str]]:
    """Before which line, how deep, and what to put there: a ``classes`` key, or more lines for the one there is."""
    for name, value in entry.value:
        if name.value != "classes":
            continue
        if not isinstance(value, yaml.MappingNode) or value.flow_style or not value.value:
            raise BlockError(f"{path}: classes is not written as indented lines; copy the new ones in by hand")
        return _end_line(value, text), value.start_mark.column, lines
    step = entry.value[0][0].start_mark.column
    return _end_line(entry, text), step, ["classes:", *(f"  {line}" for line in lines)]


def _end_line(mapping: yaml.MappingNode, text: str) -> int:
    """The line behind the last value of a mapping: comments and empty lines after it belong to what follows."""
    last: yaml.Node = mapping
    while isinstance(last, yaml.MappingNode | yaml.SequenceNode) and last.value and not last.flow_style:
        last = last.value[-1][1] if isinstance(last, yaml.MappingNode) else last.value[-1]
    mark = last.end_mark
    line = mark.line + 1 if mark.column else mark.line
    written = text.splitlines()
    while line > 0 and (not written[line - 1].strip() or written[line - 1].lstrip().startswith("#")):
        line -= 1
    return line


def _key(name: str) -> str:
    return name if _PLAIN.fullmatch(name) else json.dumps(name, ensure_ascii=False)
