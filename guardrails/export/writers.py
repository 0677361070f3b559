"""Files of an export. A writer can say where it stands and start again from there."""

from __future__ import annotations

import datetime as dt
import decimal
import hashlib
import json
import os
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, Final, Protocol, cast

import orjson

from ...tools.tool import JsonObject, JsonValue
from ..masking.tables import plain
from .options import ExportError, Format

Vector = Sequence[object]
_QUOTED: Final = frozenset(',"\r\n')
_PART_ROWS: Final = 200_000  # rows of a Parquet file


class Writer(Protocol):
    """One table's file or files."""

    @property
    def paths(self) -> list[Path]:
        """What was written."""
        ...

    def write(self, columns: Sequence[Vector]) -> None:
        """Append rows, given as columns. Raises `ExportError`."""
        ...

    def position(self) -> int:
        """Everything before it is on disk, and `writer` can go on from it: bytes of a text file, parts of Parquet."""
        ...

    def close(self) -> None: ...


def writer(format: Format, folder: Path, table: str, names: Sequence[str], position: int = 0) -> Writer:
    """The writer of a table, at the start or where another one stood. Raises `ExportError`."""
    match format:
        case Format.CSV:
            return _Lines(folder / f"{table}.csv", _csv, _csv([list(names)]), position)
        case Format.JSONL:
            keys = list(names)
            return _Lines(folder / f"{table}.jsonl", lambda rows: _jsonl(keys, rows), b"", position)
        case Format.PARQUET:
            return _Parquet(folder / f"{table}.parquet", names, position)


def check_format(format: Format) -> None:
    """Raises `ExportError` when what the format needs is not installed."""
    if format is Format.PARQUET:
        _pyarrow()


def digest(path: Path) -> str:
    """``sha256:`` and 64 hex digits of a file."""
    with path.open("rb") as file:
        return f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"


class _Rows(Protocol):
    """Rows as the bytes of a format."""

    def __call__(self, rows: Sequence[Sequence[object]]) -> bytes: ...


class _Lines:
    """CSV or JSON Lines in one file."""

    def __init__(self, path: Path, rows: _Rows, header: bytes, position: int) -> None:
        self._path = path
        self._rows = rows
        try:
            self._file = path.open("r+b" if position else "wb")
            if position:
                if path.stat().st_size < position:
                    raise ExportError(f"{path}: is shorter than it was; start over in an empty folder")
                self._file.truncate(position)
                self._file.seek(position)
            else:
                self._file.write(header)
        except OSError as error:
            raise _unwritable(path, error) from None

    @property
    def paths(self) -> list[Path]:
        return [self._path]

    def write(self, columns: Sequence[Vector]) -> None:
        try:
            self._file.write(self._rows(list(zip(*columns, strict=True))))
        except OSError as error:
            raise _unwritable(self._path, error) from None

    def position(self) -> int:
        try:
            self._file.flush()
            os.fsync(self._file.fileno())
            return self._file.tell()
        except OSError as error:
            raise _unwritable(self._path, error) from None

    def close(self) -> None:
        self._file.close()


def _csv(rows: Sequence[Sequence[object]]) -> bytes:
    """RFC 4180 with line feeds; NULL is an empty field, the empty text is a quoted one."""
    return "".join(",".join(map(_field, row)) + "\n" for row in rows).encode("utf-8", "surrogatepass")


def _field(cell: object) -> str:
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    text = cell if isinstance(cell, str) else _text(cell)
    if text == "" or not _QUOTED.isdisjoint(text):
        return '"' + text.replace('"', '""') + '"'
    return text


def _jsonl(names: Sequence[str], rows: Sequence[Sequence[object]]) -> bytes:
    return b"".join(_json({n: _cell(c) for n, c in zip(names, row, strict=True)}) + b"\n" for row in rows)


def _cell(cell: object) -> JsonValue:
    """As in every answer, but for whole numbers: one column has one type, however large its numbers are."""
    return cell if isinstance(cell, int) and -(2**63) <= cell < 2**63 else plain(cell)


def _json(row: JsonObject) -> bytes:
    try:
        return orjson.dumps(row)
    except orjson.JSONEncodeError:  # half a surrogate pair, which has no UTF-8
        return json.dumps(row, separators=(",", ":")).encode()


class _Parquet:
    """A folder of Parquet files, as every reader of Parquet opens it. The column types are those of the first rows."""

    def __init__(self, folder: Path, names: Sequence[str], position: int) -> None:
        self._arrow = _pyarrow()
        self._folder = folder
        self._names = list(names)
        self._part = position
        self._waiting: list[Sequence[Vector]] = []
        self._rows = 0
        self._schema: Any = None
        try:
            folder.mkdir(exist_ok=True)
            for path in self.paths[position:]:
                path.unlink()  # written after the position was kept
        except OSError as error:
            raise _unwritable(folder, error) from None
        if position:
            parquet: Any = import_module("pyarrow.parquet")
            self._schema = parquet.read_schema(self.paths[0])

    @property
    def paths(self) -> list[Path]:
        return sorted(self._folder.glob("part-*.parquet"))

    def write(self, columns: Sequence[Vector]) -> None:
        self._waiting.append(columns)
        self._rows += len(columns[0]) if columns else 0
        if self._rows >= _PART_ROWS:
            self._flush()

    def position(self) -> int:
        if self._rows or not self._part:
            self._flush()
        return self._part

    def close(self) -> None:
        self._waiting.clear()

    def _flush(self) -> None:
        whole: list[list[object]] = [[] for _ in self._names]
        for columns in self._waiting:
            for all_, some in zip(whole, columns, strict=True):
                all_ += some
        if self._schema is None:
            fields = [(n, _arrow_type(self._arrow, c)) for n, c in zip(self._names, whole, strict=True)]
            self._schema = self._arrow.schema(fields)
        parquet: Any = import_module("pyarrow.parquet")
        path = self._folder / f"part-{self._part:05d}.parquet"
        try:
            arrays = [_array(self._arrow, c, field) for c, field in zip(whole, self._schema, strict=True)]
            parquet.write_table(self._arrow.Table.from_arrays(arrays, schema=self._schema), path, compression="zstd")
            with path.open("rb") as file:
                os.fsync(file.fileno())
        except OSError as error:
            raise _unwritable(path, error) from None
        self._part += 1
        self._waiting.clear()
        self._rows = 0


def _array(arrow: Any, cells: Sequence[object], field: Any) -> Any:
    try:
        if arrow.types.is_string(field.type):
            cells = [None if cell is None else cell if isinstance(cell, str) else _text(cell) for cell in cells]
        return arrow.array(cells, field.type)
    except (arrow.ArrowInvalid, arrow.ArrowTypeError, OverflowError):
        message = f"column {field.name} holds values of several types, which Parquet cannot keep; use csv or jsonl"
        raise ExportError(message) from None


def _text(cell: object) -> str:
    made = plain(cell)
    return made if isinstance(made, str) else orjson.dumps(made).decode()


def _arrow_type(arrow: Any, cells: Sequence[object]) -> Any:
    kinds = {type(cell) for cell in cells if cell is not None}
    if kinds == {bool}:
        return arrow.bool_()
    if kinds == {int}:
        return arrow.int64()
    if kinds and kinds <= {int, float, decimal.Decimal}:
        return arrow.float64()
    if kinds == {dt.date}:
        return arrow.date32()
    if kinds == {dt.datetime}:
        return arrow.timestamp("us", tz="UTC" if _aware(cells) else None)
    return arrow.string()


def _aware(cells: Sequence[object]) -> bool:
    return any(isinstance(cell, dt.datetime) and cell.tzinfo is not None for cell in cells)


def _pyarrow() -> Any:
    try:
        return cast("Any", import_module("pyarrow"))
    except ImportError:
        raise ExportError("Parquet needs pyarrow; install it with: pip install 'gloveport[export]'") from None


def _unwritable(path: Path, error: OSError) -> ExportError:
    return ExportError(f"{path}: cannot be written: {error.strerror}; check the folder and the room on its disk")
