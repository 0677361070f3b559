"""What a user of MySQL or MariaDB could do beneath the guard, from its grants."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from ..engine import Level, RoleFinding, Settings
from .schema import quoted

_GRANT: Final = re.compile(r"GRANT (?P<what>.+?) ON (?P<where>.+?) TO ", re.DOTALL)
_ROLE: Final = re.compile(r"GRANT (?P<role>`[^`]+`(?:@`[^`]*`)?) TO ")
_HARMLESS: Final = frozenset({"USAGE", "SELECT", "SHOW VIEW"})
_WRITES: Final = frozenset({"INSERT", "UPDATE", "DELETE"})
_ODD: Final = frozenset({"EXECUTE", "SHOW DATABASES", "LOCK TABLES", "CREATE TEMPORARY TABLES", "PROCESS"})


def findings(grants: Sequence[str], database: str, settings: Settings) -> list[RoleFinding]:
    """``grants`` are the lines of SHOW GRANTS."""
    found = list(_found(grants, database, settings))
    if not any(finding.level is Level.BAD for finding in found):
        found.insert(0, RoleFinding(Level.OK, "the user can do no more than it should"))
        return found
    mend = right_user(database, settings)
    return [*found, RoleFinding(Level.WARN, "the SQL that makes a right user, to be run by an administrator", mend)]


def _found(grants: Sequence[str], database: str, settings: Settings) -> Iterator[RoleFinding]:
    yield RoleFinding(
        Level.WARN,
        "this engine has no second judge: what the guard cannot trace exactly is refused",
        "See docs/engines.md.",
    )
    own = f"use a user of its own: gloveport doctor {settings.name} prints the SQL"
    for line in grants:
        if (role := _ROLE.match(line)) is not None:
            yield RoleFinding(Level.WARN, f"the user may take the role {role['role']}", "Grant what it needs directly.")
            continue
        match = _GRANT.match(line)
        if match is None:
            continue
        where = match["where"]
        privileges = {p.strip().upper() for p in re.sub(r"\([^)]*\)", "", match["what"]).split(",")}
        everywhere = where == "*.*"
        if everywhere and "SELECT" in privileges:
            yield RoleFinding(Level.WARN, "the user may read every database of the server", own)
        wrong = privileges - _HARMLESS - _ODD - (_WRITES if settings.write else frozenset())
        if wrong:
            yield RoleFinding(Level.BAD, f"the user has {', '.join(sorted(wrong))} on {where}", own)
        for odd in sorted(privileges & _ODD):
            yield RoleFinding(Level.WARN, f"the user has {odd} on {where}", f"REVOKE {odd} ON {where} FROM the user")
        if "WITH GRANT OPTION" in line:
            yield RoleFinding(Level.BAD, f"the user may pass on its rights on {where}", own)


def right_user(database: str, settings: Settings) -> str:
    """A script that makes a user with no more rights than the configuration needs."""
    user, base = "'gloveport_agent'@'%'", quoted(database)
    rights = "SELECT, SHOW VIEW" + (", INSERT, UPDATE, DELETE" if settings.write else "")
    lines = [f"CREATE USER {user} IDENTIFIED BY '...' WITH MAX_USER_CONNECTIONS 12;"]
    if settings.tables is None:
        lines.append(f"GRANT {rights} ON {base}.* TO {user};")
    else:
        names = [name.removeprefix(f"{database}.") for name in settings.tables if name not in settings.deny]
        lines += [f"GRANT {rights} ON {base}.{quoted(name)} TO {user};" for name in names]
    return "\n".join(lines)
