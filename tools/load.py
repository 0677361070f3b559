"""Loads the guarded tools that a configuration names: ``tools: [my_tools.py, company.agent_tools]``.

Whoever may write these files runs code in the server: they are configuration, not data.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import importlib.util
import os
import sys
import traceback
from collections.abc import Collection, Generator, Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, Final, TypeAlias, cast

from .guarded import GuardedTool, ToolDefinitionError
from .tool import Tool

AnyGuardedTool: TypeAlias = GuardedTool[Any, Any]

# Errors whose text speaks of code; any other could speak of data or hold a password.
_TELLING: Final = (SyntaxError, ImportError, NameError, AttributeError, TypeError, ToolDefinitionError)


_MACHINERY: Final = frozenset({__file__, importlib.__file__})


class ToolLoadError(Exception):
    """The tools of an entry cannot be loaded. The text is one line: file, line, what."""


def load_tools(entries: Sequence[str], *, taken: Collection[str] = ()) -> list[Tool]:
    """The guarded tools of these files (``….py``) and modules, in the order they are written there.

    ``taken`` are names that other tools have. While a file is imported, what it prints goes to standard error: standard
    output may be a protocol. Raises `ToolLoadError` for the first entry that cannot be used.
    """
    tools: dict[str, AnyGuardedTool] = {}
    for entry in entries:
        module = _imported(entry)
        found = list(_tools_of(module))
        if not found:
            raise ToolLoadError(f"{entry}: no function in it has @guarded_tool")
        for tool in found:
            name = tool.spec.name
            if tools.get(name, tool) is not tool:
                raise ToolLoadError(f"{tool.place}: tool {name!r} has the name of another, at {tools[name].place}")
            if name in taken:
                raise ToolLoadError(f"{tool.place}: tool {name!r} has the name of another tool; give it a name=")
            tools[name] = tool
    return list(tools.values())


def _tools_of(module: ModuleType) -> Iterator[AnyGuardedTool]:
    found: dict[int, AnyGuardedTool] = {}
    for value in list(vars(module).values()):
        if isinstance(value, GuardedTool):
            tool = cast("AnyGuardedTool", value)
            found.setdefault(id(tool), tool)  # the same tool may have two names in a module
    yield from found.values()


def _imported(entry: str) -> ModuleType:
    path = Path(entry) if entry.endswith(".py") else None
    if path is not None and not path.is_file():
        raise ToolLoadError(f"{entry}: no such file")
    try:
        with _quiet():
            return importlib.import_module(entry) if path is None else _from_file(path.resolve())
    except (Exception, SystemExit) as error:  # noqa: BLE001 - an import runs anything
        raise ToolLoadError(_one_line(entry, path, error)) from None


def _from_file(path: Path) -> ModuleType:
    """A file as a module under a name of its own, so that two files called tools.py can stand side by side."""
    digest = hashlib.sha256(os.fsencode(path)).hexdigest()[:8]
    name = f"gloveport_tools_{''.join(c if c.isalnum() else '_' for c in path.stem)}_{digest}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path.name} is no Python file")
    module = importlib.util.module_from_spec(spec)
    folder = str(path.parent)
    if folder not in sys.path:
        sys.path.append(folder)  # its neighbours can be imported; last, so that they hide nothing
    sys.modules[name] = module  # type hints and dataclasses look their module up
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


@contextlib.contextmanager
def _quiet() -> Generator[None]:
    """Standard output to standard error: prints of Python, and by descriptor those of libraries and children."""
    sys.stdout.flush()
    try:
        kept = os.dup(1)
    except OSError:  # closed: nothing to protect
        kept = None
    try:
        if kept is not None:
            os.dup2(2, 1)
        with contextlib.redirect_stdout(sys.stderr):
            yield
    finally:
        if kept is not None:
            os.dup2(kept, 1)
            os.close(kept)


def _one_line(entry: str, path: Path | None, error: BaseException) -> str:
    file, line = entry, 0
    if isinstance(error, SyntaxError) and error.filename:
        file, line = error.filename, error.lineno or 0
    elif isinstance(error, ToolDefinitionError):
        file, line = error.file, error.line
    else:
        own = None if path is None else str(path.resolve())
        for frame in traceback.extract_tb(error.__traceback__):
            # The last line of the file itself, or, of a module, the last one that is not the import machinery.
            outside = own is None and not frame.filename.startswith("<") and frame.filename not in _MACHINERY
            if frame.filename == own or outside:
                file, line = frame.filename, frame.lineno or 0
    what = type(error).__name__
    if isinstance(error, _TELLING):
        text = error.msg if isinstance(error, SyntaxError) else str(error)
        what = f"{what}: {' '.join(text.split())[:200]}"
    return f"{file}:{line}: {what}" if line else f"{file}: {what}"
