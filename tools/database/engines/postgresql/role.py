"""What the role of a connection could do beneath the guard, and the SQL that makes a right role."""

# ruff: noqa: S608 - only names and conditions of our own are put into these texts
from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from ..engine import Level, RoleFinding, Settings
from ..own_sql import quoted
from .pool import MOST
from .wire import Wire

# Each gives a look into files, other sessions or everybody's statistics.
_POWERS: Final = (
    "pg_read_server_files pg_write_server_files pg_execute_server_program pg_monitor pg_read_all_stats "
    "pg_signal_backend pg_read_all_settings pg_stat_scan_tables pg_read_all_data pg_write_all_data pg_checkpoint "
    "pg_maintain pg_create_subscription pg_use_reserved_connections"
).split()
_WRITING: Final = frozenset({"pg_write_all_data", "pg_write_server_files", "pg_execute_server_program"})

_USER_TABLES: Final = """c.relkind IN ('r', 'p', 'v', 'm', 'f')
 AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname NOT LIKE 'pg\\_%'"""

_ROLE: Final = """
SELECT r.rolname, r.rolsuper, r.rolbypassrls, r.rolcreaterole, r.rolcreatedb, r.rolreplication, r.rolinherit,
 r.rolconnlimit, pg_catalog.current_database(),
 pg_catalog.has_database_privilege(pg_catalog.current_database(), 'TEMP'),
 pg_catalog.has_database_privilege(pg_catalog.current_database(), 'CREATE'),
 pg_catalog.current_setting('log_min_messages'), pg_catalog.current_setting('default_transaction_read_only'),
 pg_catalog.pg_is_in_recovery()
FROM pg_catalog.pg_roles r WHERE r.rolname = current_user"""

_LISTS: Final = {
    "powers": """SELECT m.rolname FROM pg_catalog.pg_roles m
WHERE m.rolname = ANY ($1::text[]) AND pg_catalog.pg_has_role(current_user, m.oid, 'MEMBER')""",
    "owned": f"""SELECT pg_catalog.format('%I.%I', n.nspname, c.relname) FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE {_USER_TABLES} AND pg_catalog.pg_has_role(current_user, c.relowner, 'MEMBER') ORDER BY 1 LIMIT 4""",
    "writable": f"""SELECT pg_catalog.format('%I.%I', n.nspname, c.relname) FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE {_USER_TABLES}
AND (pg_catalog.has_table_privilege(c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE')
 OR pg_catalog.has_any_column_privilege(c.oid, 'INSERT, UPDATE')) ORDER BY 1 LIMIT 4""",
    "creatable": """SELECT n.nspname FROM pg_catalog.pg_namespace n
WHERE n.nspname NOT LIKE 'pg\\_%' AND pg_catalog.has_schema_privilege(n.oid, 'CREATE') ORDER BY 1""",
    "schemas": f"""SELECT DISTINCT n.nspname FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE {_USER_TABLES} ORDER BY 1""",
}


async def findings(wire: Wire, settings: Settings) -> Sequence[RoleFinding]:
    """Raises `Failed`, `Lost`."""
    role = (await wire.selected(_ROLE))[0]
    powers_array = ("{" + ",".join(_POWERS) + "}").encode()
    lists = {
        name: [str(row[0]) for row in await wire.selected(sql, [powers_array] if "$1" in sql else ())]
        for name, sql in _LISTS.items()
    }
    found = list(_found(role, lists, settings))
    name, database = str(role[0]), str(role[8])
    if all(finding.level is not Level.BAD for finding in found):
        found.insert(0, RoleFinding(Level.OK, f"the role {name} can do no more than it should"))
        return found
    mend = right_role(database, lists["schemas"], settings)
    return [*found, RoleFinding(Level.WARN, "the SQL that makes a right role, to be run by a superuser", mend)]


def _found(role: Sequence[object], lists: dict[str, list[str]], settings: Settings) -> Iterator[RoleFinding]:
    name, superuser, bypass, createrole, createdb, replication, inherit, limit, database, temp, create, log, ro, _ = (
        role
    )
    bad, warn = Level.BAD, Level.WARN
    own = f"use a role of its own: gloveport doctor {settings.name} prints the SQL"
    if superuser:
        yield RoleFinding(bad, f"the role {name} is a superuser", own)
        return
    for held, what in ((createrole, "make roles"), (replication, "replicate the whole server")):
        if held:
            yield RoleFinding(bad, f"the role {name} may {what}", own)
    if bypass:
        yield RoleFinding(bad, f"the role {name} bypasses row security", f"ALTER ROLE {name} NOBYPASSRLS")
    for power in lists["powers"]:
        level = bad if power in _WRITING or power in ("pg_read_server_files", "pg_read_all_data") else warn
        yield RoleFinding(level, f"the role {name} is a member of {power}", f"REVOKE {power} FROM {name}")
    if lists["owned"]:
        yield RoleFinding(bad, f"the role {name} owns {_some(lists['owned'])}, and so may change all of it", own)
    elif lists["writable"] and not settings.write:
        mend = f"REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON {lists['writable'][0]} FROM {name}, or write: true"
        yield RoleFinding(bad, f"the role {name} may write {_some(lists['writable'])}", mend)
    if create:
        yield RoleFinding(
            bad, f"the role {name} may create schemas", f"REVOKE CREATE ON DATABASE {database} FROM {name}"
        )
    if createdb:
        yield RoleFinding(warn, f"the role {name} may create databases", f"ALTER ROLE {name} NOCREATEDB")
    for schema in lists["creatable"]:
        yield RoleFinding(
            bad,
            f"the role {name} may create objects in schema {schema}",
            f"REVOKE CREATE ON SCHEMA {schema} FROM PUBLIC",
        )
    if temp:
        yield RoleFinding(
            warn, f"the role {name} may make temporary tables", f"REVOKE TEMP ON DATABASE {database} FROM PUBLIC"
        )
    if inherit and lists["powers"]:
        yield RoleFinding(warn, f"the role {name} uses what it is a member of unasked", f"ALTER ROLE {name} NOINHERIT")
    if ro == "off" and not settings.write:
        mend = f"ALTER ROLE {name} SET default_transaction_read_only = on"
        yield RoleFinding(warn, "transactions are not read-only by default", mend)
    if isinstance(limit, int) and limit < 0:
        mend = f"ALTER ROLE {name} CONNECTION LIMIT {MOST + 4}"
        yield RoleFinding(warn, f"the role {name} may take every connection of the server", mend)
    if log not in ("fatal", "panic"):
        mend = f"as superuser: ALTER ROLE {name} SET log_min_messages = fatal"
        yield RoleFinding(warn, "the server's log receives the tree of every statement, some kilobytes each", mend)


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (" and more" if len(names) > 3 else "")


def right_role(database: str, schemas: Sequence[str], settings: Settings) -> str:
    """A script that makes a role with no more rights than the configuration needs."""
    role, base = "gloveport_agent", quoted(database)
    lines = [
        f"CREATE ROLE {role} LOGIN PASSWORD '...' NOSUPERUSER NOCREATEDB NOCREATEROLE NOINHERIT NOREPLICATION "
        f"NOBYPASSRLS CONNECTION LIMIT {MOST + 4};",
        f"GRANT CONNECT ON DATABASE {base} TO {role};",
        "-- What everybody may do, the role may do too. Grant it to the applications that rely on it.",
        f"REVOKE TEMP, CREATE ON DATABASE {base} FROM PUBLIC;",
        "REVOKE CREATE ON SCHEMA public FROM PUBLIC;",
    ]
    for schema in schemas:
        lines.append(f"GRANT USAGE ON SCHEMA {quoted(schema)} TO {role};")
    rights = "SELECT, INSERT, UPDATE, DELETE" if settings.write else "SELECT"
    if settings.tables is None:
        lines += [f"GRANT {rights} ON ALL TABLES IN SCHEMA {quoted(schema)} TO {role};" for schema in schemas]
        lines += [f"REVOKE ALL ON {_table(name)} FROM {role};" for name in settings.deny]
    else:
        lines += [
            f"GRANT {rights} ON {_table(name)} TO {role};" for name in settings.tables if name not in settings.deny
        ]
    if settings.write:
        lines += [f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA {quoted(schema)} TO {role};" for schema in schemas]
    lines += [
        f"ALTER ROLE {role} SET default_transaction_read_only = {'off' if settings.write else 'on'};",
        f"ALTER ROLE {role} SET statement_timeout = '{max(1, round((settings.limits.seconds or 10) * 1000))}ms';",
        f"ALTER ROLE {role} SET lock_timeout = '3s';",
        f"ALTER ROLE {role} SET idle_in_transaction_session_timeout = '30s';",
        f"ALTER ROLE {role} SET work_mem = '16MB';",
        f"ALTER ROLE {role} SET max_parallel_workers_per_gather = 0;",
        f"ALTER ROLE {role} SET row_security = on;",
        f"ALTER ROLE {role} SET temp_file_limit = '256MB';",
        f"ALTER ROLE {role} SET log_min_messages = fatal;",
    ]
    return "\n".join(lines)


def _table(name: str) -> str:
    return ".".join(quoted(part) for part in name.split(".", 1))
