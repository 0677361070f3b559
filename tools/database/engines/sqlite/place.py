"""Where a SQLite database is: from its URL to a path and to what `sqlite3.connect` is given."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import parse_qsl, quote

from ..engine import DatabaseError, Settings
from .process import Opening


def opening_of(settings: Settings, *, write: bool = False) -> Opening:
    """Read by hand, since SQLAlchemy takes a fifth of a second to import and would do no more here.

    ``?immutable=1`` is for files that nothing changes while they are served. Raises `DatabaseError`.
    """
    where = f"databases.{settings.name}.url"
    _, _, rest = settings.url.partition("://")
    file, _, query = rest.partition("?")
    if not file.startswith("/") or file in ("/", "/:memory:"):
        raise DatabaseError(f"{where}: names no file; write sqlite:///folder/file.db")
    options = dict(parse_qsl(query, keep_blank_values=True))
    immutable = options.pop("immutable", "0")
    if options or immutable not in ("0", "1"):
        raise DatabaseError(f"{where}: of options only immutable=1 is known; remove the others")
    if immutable == "1" and settings.write:
        raise DatabaseError(f"{where}: immutable=1 and write: true exclude each other; remove one")
    path = Path(file[1:]).absolute()
    if path.is_dir():
        raise DatabaseError(f"{where}: {path}: is a folder; name the file")
    mode = "rw" if write else "ro"
    uri = f"file:{quote(str(path))}?mode={mode}" + ("&immutable=1" if immutable == "1" else "")
    return Opening(str(path), uri, write)
