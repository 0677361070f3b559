"""What an unfinished export has to remember, in two places.

In the export's folder: how far each table is, nothing that would tell a value. In the state folder of the trusted side:
the key of the export, its vault, the key of the last row, and the figures gathered so far. When the export is finished
the second is deleted, and with it every way back from its tokens.
"""

from __future__ import annotations

import datetime as dt
import decimal
import glob
import os
import secrets
import shutil
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
from pydantic import TypeAdapter, ValidationError

from ...recordings.ids import new_id
from .options import ExportError

STATE_NAME: Final = "export.json"
Arrays = Mapping[str, npt.NDArray[np.generic]]


@dataclass(slots=True)
class TableState:
    """How far a table is. ``position`` is the writer's; ``read`` rows are behind it, ``written`` of these are there."""

    read: int = 0
    written: int = 0
    dropped: int = 0
    suppressed: int = 0
    position: int = 0
    counted: bool = False  # the groups of quasi-identifiers are known
    done: bool = False


@dataclass(slots=True)
class Progress:
    """The file in the folder."""

    export: str
    fingerprint: str
    tables: dict[str, TableState] = field(default_factory=dict[str, TableState])
    finished: bool = False


_FILE: Final = TypeAdapter(Progress)
_KEYS: Final = TypeAdapter(list[tuple[str, str] | None])


class ExportState:
    """Progress and secrets of one export. `open_state` finds or makes it."""

    def __init__(self, folder: Path, trusted: Path, progress: Progress) -> None:
        self.folder = folder
        self.trusted = trusted
        self.progress = progress

    @property
    def key_place(self) -> str:
        return f"file:{self.trusted / 'key'}"

    @property
    def vault(self) -> Path:
        return self.trusted / "vault.sqlite"

    def groups(self, table: str, which: str) -> Path:
        return self.trusted / f"{table}.{which}.groups"

    def table(self, name: str) -> TableState:
        return self.progress.tables.setdefault(name, TableState())

    def save(self) -> None:
        """Keep the progress, whole or not at all. Raises `ExportError`."""
        _replace(self.folder / STATE_NAME, _FILE.dump_json(self.progress, indent=1), 0o644)

    def save_point(self, table: str, key: tuple[object, ...] | None, arrays: Arrays) -> None:
        """Keep a point to go on from: the progress, the key of the last row that was read, and the figures so far.

        The two latter are data or made of data, and stay on the trusted side. They are kept under the number of rows
        that `save` then says, so that a progress never meets figures of another point. A key of a type that cannot be
        kept is not: such a table starts over when the export is continued. Raises `ExportError`.
        """
        read = self.table(table).read
        made = [_typed(value) for value in key or ()]
        _replace(self._of(table, read, "last"), _KEYS.dump_json([] if None in made else made), 0o600)
        path = self._of(table, read, "npz")
        try:
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
                np.savez(file, **dict(arrays))  # pyright: ignore[reportArgumentType]
        except OSError as error:
            raise _unwritable(path, error) from None
        self.save()
        for old in self.trusted.glob(f"{glob.escape(table)}.*.*"):
            if old.suffix in (".last", ".npz") and old not in (path, path.with_suffix(".last")):
                old.unlink(missing_ok=True)

    def last(self, table: str) -> tuple[object, ...] | None:
        """The key of the last row that was read. Raises `ExportError`."""
        path = self._of(table, self.table(table).read, "last")
        try:
            made = _KEYS.validate_json(path.read_bytes())
        except FileNotFoundError:
            return None
        except (OSError, ValidationError):
            raise ExportError(f"{path}: cannot be used; start over in an empty folder") from None
        return tuple(_untyped(*pair) for pair in made if pair is not None) or None

    def arrays(self, table: str) -> Arrays | None:
        """The figures of the point to go on from."""
        path = self._of(table, self.table(table).read, "npz")
        if not path.exists():
            return None
        with np.load(path, allow_pickle=False) as loaded:
            return {name: loaded[name] for name in loaded.files}

    def _of(self, table: str, read: int, kind: str) -> Path:
        return self.trusted / f"{table}.{read}.{kind}"

    def finish(self) -> None:
        """Everything is written: forget the key and all that was remembered. Raises `ExportError`."""
        self.progress.finished = True
        self.save()
        try:
            shutil.rmtree(self.trusted)
        except OSError as error:
            raise ExportError(
                f"{self.trusted}: delete it, it holds the key of a finished export: {error.strerror}"
            ) from None


def open_state(folder: Path, state: Path, fingerprint: str) -> ExportState:
    """The state of an export into this folder: a new one, or the one that was interrupted.

    Raises:
        ExportError: the folder holds something else, another export, or a finished one.
    """
    path = folder / STATE_NAME
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not path.exists() and any(folder.iterdir()):
            raise ExportError(f"{folder}: is not empty; name a new or empty folder")
        known = _FILE.validate_json(path.read_bytes()) if path.exists() else None
    except OSError as error:
        raise _unwritable(folder, error) from None
    except ValidationError:
        raise ExportError(f"{path}: cannot be used; start over in an empty folder") from None
    if known is not None and known.finished:
        raise ExportError(f"{folder}: holds a finished export; name another folder")
    progress = known or Progress(new_id(), fingerprint)
    _forget_abandoned(state / "exports")
    trusted = state / "exports" / progress.export
    if known is not None and (known.fingerprint != fingerprint or not (trusted / "key").exists()):
        raise ExportError(f"{folder}: holds an unfinished export of other tables or settings; name another folder")
    try:
        trusted.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise _unwritable(trusted, error) from None
    made = ExportState(folder, trusted, progress)
    if known is None:
        _replace(trusted / "folder", str(folder).encode("utf-8", "surrogateescape"), 0o600)
        _replace(trusted / "key", f"0:{secrets.token_hex(32)}\n".encode(), 0o600)
        made.save()
    return made


def _forget_abandoned(exports: Path) -> None:
    """Delete the keys of exports whose folders are gone: nobody will go on with them."""
    for trusted in exports.glob("*"):
        try:
            folder = Path((trusted / "folder").read_bytes().decode("utf-8", "surrogateescape"))
        except OSError:
            continue  # one that begins at this moment
        if not (folder / STATE_NAME).exists():
            shutil.rmtree(trusted, ignore_errors=True)


def _typed(value: object) -> tuple[str, str] | None:
    match value:
        case bool() | int() | float() | str() | decimal.Decimal() | uuid.UUID():
            return type(value).__name__, str(value)
        case dt.datetime() | dt.date():
            return type(value).__name__, value.isoformat()
        case bytes():
            return "bytes", value.hex()
        case _:
            return None


def _untyped(kind: str, text: str) -> object:
    match kind:
        case "bool":
            return text == "True"
        case "int":
            return int(text)
        case "float":
            return float(text)
        case "Decimal":
            return decimal.Decimal(text)
        case "UUID":
            return uuid.UUID(text)
        case "datetime":
            return dt.datetime.fromisoformat(text)
        case "date":
            return dt.date.fromisoformat(text)
        case "bytes":
            return bytes.fromhex(text)
        case _:
            return text


def _replace(path: Path, data: bytes, mode: int) -> None:
    scratch = path.with_name(f".{path.name}.new")
    try:
        with os.fdopen(os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        scratch.replace(path)
    except OSError as error:
        raise _unwritable(path, error) from None


def _unwritable(path: Path, error: OSError) -> ExportError:
    return ExportError(f"{path}: cannot be written: {error.strerror}; check the folder and the room on its disk")
