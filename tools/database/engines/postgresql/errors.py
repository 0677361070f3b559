"""What PostgreSQL says, as an agent may see it: its own words only for what it finds wrong before anything runs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from ....tool import ToolFailed, ToolRefused
from ...catalog import Catalog
from ...errors import by_sqlstate, deadline, unaccepted, unprepared
from .connecting import CannotConnect
from .wire import Failed, Lost

# Classes of errors about the text alone: nothing of the data was looked at yet.
_ABOUT_THE_TEXT: Final = ("42", "22", "0A", "21")
_TYPE_WORDS: Final = (
    "smallint integer bigint numeric real double precision text character varying boolean date time timestamp with "
    "without zone interval json jsonb uuid bytea record unknown inet cidr anyelement anyarray name char bit money xml "
    "oid tsvector tsquery"
)


def unprepared_by(failed: Failed, sql: str, catalog: Catalog) -> ToolRefused | ToolFailed:
    """Why the server did not prepare a statement. Its hint is never shown: it may name columns of closed tables."""
    state = failed.state or ""
    if state == "42501" or not state.startswith(_ABOUT_THE_TEXT):
        return by_sqlstate(state)
    if "\n" in failed.said:
        return unaccepted()
    return unprepared(failed.said, f"{sql} {_TYPE_WORDS}", _known(catalog))


def failed_by(failed: Failed, seconds: float) -> ToolFailed:
    """Why a statement that had begun to run did not end well: fixed sentences."""
    return deadline(seconds) if failed.state == "57014" else by_sqlstate(failed.state)


def lost_by(lost: Lost) -> ToolFailed:
    return by_sqlstate(lost.state or "08006")


def unreachable_by(error: CannotConnect) -> ToolFailed:
    return by_sqlstate("53300" if error.state == "53300" else "08006")


def _known(catalog: Catalog) -> Iterable[str]:
    names = sorted(catalog.open_relations)
    columns = {column.name for name in names for column in catalog.relations[name].columns}
    return [*names, *sorted(columns)]
