"""Open DuckDB files, each once in this process: DuckDB refuses to open a file a second time with other settings, and a
locked configuration refuses to be set again. Databases of the configuration that name the same file share its instance.
"""

from __future__ import annotations

import threading
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import anyio
import duckdb

# Everything that reaches beyond the file is off before it is opened; after that nothing can be set any more.
_CONFIG: Final[dict[str, str | bool | int | float | list[str]]] = {
    "enable_external_access": False,
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "allow_community_extensions": False,
    "allow_unsigned_extensions": False,
    "python_enable_replacements": False,
    "python_scan_all_frames": False,
    "memory_limit": "1GB",
    "threads": 2,
    "max_temp_directory_size": "0B",
    "max_expression_depth": 250,
    # these answer from statistics, and the columns they answer for are missing in the plan
    "disabled_optimizers": "statistics_propagation,empty_result_pullup,expression_rewriter",
}
_NO_FILES: Final = "SET disabled_filesystems = 'LocalFileSystem'"
_LOCK: Final = "SET lock_configuration = true"


class OpenedOtherwise(Exception):
    """The file is open in this process, for reading where writing is asked for or the other way round."""


@dataclass(slots=True)
class Instance:
    """One open file. ``writing`` is held by whoever changes it: DuckDB lets the later of two writers fail."""

    connection: duckdb.DuckDBPyConnection
    write: bool
    users: int = 0
    writing: anyio.Lock = field(default_factory=anyio.Lock)


_open: Final[dict[Path, Instance]] = {}  # by the file's real path
_lock: Final = threading.Lock()


def acquire(path: Path, *, write: bool) -> Instance:
    """The instance of a file, opened by the first who asks; give it back with `release`. Blocks. Raises
    `OpenedOtherwise`, `duckdb.Error`."""
    real = path.resolve()
    with _lock:
        instance = _open.get(real)
        if instance is None:
            instance = _open[real] = Instance(_connected(real, write), write)
        elif instance.write is not write:
            raise OpenedOtherwise
        instance.users += 1
        return instance


def release(instance: Instance) -> None:
    """Once for each `acquire`; the last one closes the file."""
    with _lock:
        instance.users -= 1
        if instance.users:
            return
        for path in [path for path, one in _open.items() if one is instance]:
            del _open[path]
        with suppress(duckdb.Error):
            instance.connection.close()


def _connected(path: Path, write: bool) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect(path, read_only=not write, config=_CONFIG)
    try:
        if not write:  # to commit is to write a file
            connection.execute(_NO_FILES)
        connection.execute(_LOCK)
    except duckdb.Error:
        connection.close()
        raise
    return connection
