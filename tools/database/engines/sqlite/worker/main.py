"""The worker's main loop: open the file, then answer requests, one at a time, until the server is gone."""

from __future__ import annotations

from .channel import Channel, Stop
from .database import Database, error_name
from .library import sqlite3
from .limits import restrict

TYPE_CHECKING = False  # the module typing is not needed otherwise, and takes its time
if TYPE_CHECKING:
    from typing import Any


def main(descriptor: int) -> None:
    channel = Channel(descriptor)
    opening = channel.receive()
    restrict(bool(opening["write"]))
    try:
        database = Database(opening, channel)
        opened = database.opened()
    except OSError:
        channel.send({"error": "gone"})
        return
    except sqlite3.Error as error:
        channel.send({"error": "open", "name": error_name(error)})
        return
    channel.send(opened)
    while True:
        channel.send(answered(database, channel.receive()))


def answered(database: Database, request: dict[str, Any]) -> dict[str, Any] | bytes:
    """One request, one answer; the connection is clean afterwards, whatever happened."""
    try:
        database.clock.arm(request["seconds"])
        return OPERATIONS[request["op"]](database, request)
    except Stop as stop:
        return stop.answer
    except sqlite3.Error as error:
        return {"error": "run", "name": error_name(error)}
    except MemoryError:
        return {"error": "run", "name": "SQLITE_NOMEM"}
    except (OverflowError, ValueError):  # a parameter or a cell that does not convert
        return {"error": "run", "name": "SQLITE_MISMATCH"}
    finally:
        database.clean()


OPERATIONS = {
    "version": Database.version,
    "catalog": Database.catalog,
    "query": Database.query,
    "change": Database.change,
    "recover": Database.recover,
}
