"""An export as a call: who, decided by the policy, recorded from intent to end. It takes the chain's stages one by one,
because it runs for hours and writes what it masks as it goes; a call of the chain has a deadline and one answer.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable

import anyio.to_thread
from loguru import logger

from ... import __version__
from ...recordings import events
from ...recordings.values import canonical
from ...tools.database.catalog import Catalog
from ...tools.database.source import Database
from ...tools.tool import (
    Access,
    Action,
    ColumnRef,
    Effect,
    JsonObject,
    Limits,
    OutputColumn,
    Plan,
    ToolFailed,
    ToolSpec,
    Value,
)
from ..approval import ApprovalStore
from ..call import Caller, Refusal, Release, Request, Status
from ..credentials import Credentials
from ..decision import Decider, Verdict
from ..house import House
from ..identity import Identification, IdentityError, SessionResolver
from ..masking.column_values import Kind, profiles
from ..masking.detect import Detector
from ..masking.duties import Duties
from ..masking.restore import Restored
from ..session import CallRecord, Sessions
from .options import ExportError, Options
from .plan import ExportPlan, exported_relations, make_plan
from .run import Exported

SPEC = ToolSpec(
    name="export",
    title="Export masked tables",
    description="Write masked copies of tables to files, on the command line only.",
    input_schema={
        "type": "object",
        "properties": {
            "database": {"type": "string"},
            "tables": {"type": "array", "items": {"type": "string"}},
            "format": {"type": "string", "enum": ["csv", "jsonl", "parquet"]},
            "k": {"type": "integer"},
        },
    },
    effects=frozenset({Effect.READ}),
    actions=frozenset({Action.DB_SELECT}),
    recorded=frozenset({"database", "format", "k"}),
)

_NO_DUTIES = Duties()
_SAMPLE = 200  # rows

Work = Callable[[ExportPlan, Verdict], Awaitable[Exported]]


async def recorded(house: House, options: Options, work: Work) -> Exported:
    """Decide on an export, record it, and do it.

    Raises:
        ExportError: the plan cannot be made, the policy forbids it, or a human must approve it first.
        ToolFailed: the database cannot be read.
    """
    config = house.config
    database: Database = house.databases[options.database]
    caller = Caller(transport="cli", client="gloveport-cli")
    try:
        identity = Identification(config.identity, Credentials(config.identity.credentials)).identify(caller)
    except IdentityError as error:
        raise ExportError(error.message) from None
    sessions = Sessions(
        house.recorder,
        SessionResolver(idle=config.identity.session_idle),
        house.tokens,
        tenant=config.masking.tenant,
        scope_kind=config.masking.scope,
        idle=config.identity.session_idle,
        server=lambda: events.Server(version=__version__, policy_digest=house.policy.digest),
        scrub=str,  # an export is named by tables and columns alone
    )
    arguments: JsonObject = {
        "database": options.database,
        "tables": [*options.tables],
        "format": str(options.format),
        "k": options.k,
    }
    decider = Decider(house.policy, config, ApprovalStore(config.state / "approvals.json"), house.classes.rules)
    session = sessions.of(caller, identity)
    record = session.begin(Request("export", arguments, caller), SPEC)
    try:
        record.identified(identity, None)
        catalog, rules = await database.catalog(), await house.classes.rules(options.database)
        dates = await _dates(options, database, catalog, house.detector)
        asked = _asked(options, make_plan(options, catalog, rules, _NO_DUTIES, dates))
        record.planned(asked)
        verdict = await decider.decide(SPEC, asked, identity, session)
        record.decided(verdict)
        if verdict.denied is not None:
            denied = verdict.denied
            await _end(record, _failure(Status.REFUSED, record, denied.code, denied.message, denied.hint, denied.rule))
            raise ExportError(f"the policy forbids it: {denied.message} {denied.hint} ({denied.rule})")
        approval = decider.missing_approval(verdict, SPEC, asked, canonical(arguments), identity, record)
        if approval is not None:
            await _end(record, Release(Status.PENDING, record.call, session.id, {"approval": approval}))
            raise ExportError(f"a human must approve it first: gloveport approve {approval['id']}; then run it again")
        # Made again: what the policy asks may be stricter than the rules of the columns.
        plan = make_plan(options, catalog, rules, verdict.duties, dates)
        record.starting(asked, Limits(), Restored())
        await record.durable()  # no execution without a record of the intent
        return await _worked(plan, verdict, work, record)
    except (ExportError, ToolFailed) as error:
        code = error.code if isinstance(error, ToolFailed) else "export-refused"
        await _end(record, _failure(Status.FAILED, record, code, "The export was not made."))  # unless it has an end
        raise
    finally:
        sessions.close("shutdown")


async def _dates(
    options: Options, database: Database, catalog: Catalog, detector: Detector
) -> dict[str, frozenset[str]]:
    """The columns of texts that are dates, as a sample has them. Raises `ExportError`."""
    found: dict[str, frozenset[str]] = {}
    for relation in exported_relations(options, catalog):
        names = [column.name for column in relation.columns]
        rows = await database.sample(relation, names, _SAMPLE)
        made = await anyio.to_thread.run_sync(profiles, names, rows, detector)
        found[relation.qualified] = frozenset(
            name for name, profile in zip(names, made, strict=True) if profile.kind is Kind.WHEN
        )
    return found


async def _worked(plan: ExportPlan, verdict: Verdict, work: Work, record: CallRecord) -> Exported:
    began = time.perf_counter_ns()
    try:
        exported = await work(plan, verdict)
    except (ExportError, ToolFailed) as error:
        code = error.code if isinstance(error, ToolFailed) else "export-failed"
        record.stopped("failed", time.perf_counter_ns() - began, code)
        await _end(record, _failure(Status.FAILED, record, code, "The export was not finished."))
        raise
    except Exception as error:  # noqa: BLE001 - fail closed; the text of an unforeseen error may hold values
        logger.error("export {}: {}", record.call, type(error).__name__)
        record.stopped("failed", time.perf_counter_ns() - began, "internal")
        await _end(record, _failure(Status.FAILED, record, "internal", "The export failed inside."))
        raise ExportError("the export failed inside; nothing more was written, tell us what you did") from None
    except BaseException:  # interrupted: it can be continued, and that it was begun is on record
        record.stopped("cancelled", time.perf_counter_ns() - began, "cancelled")
        record.ended(_failure(Status.FAILED, record, "cancelled", "The export was interrupted."))
        raise
    record.executed(Value(None), time.perf_counter_ns() - began)
    tables: list[object] = exported.figures["tables"]  # pyright: ignore[reportAssignmentType]
    content: JsonObject = {
        "export": exported.id,
        "files": {**exported.files},
        "tables": [_row(table) for table in tables],
    }
    await _end(record, Release(Status.RELEASED, record.call, record.session, content))
    return exported


def _row(table: object) -> JsonObject:
    assert isinstance(table, dict)
    return {name: table[name] for name in ("name", "rows", "written", "dropped", "suppressed")}


async def _end(record: CallRecord, release: Release) -> None:
    record.ended(release)
    await record.durable()


def _failure(status: Status, record: CallRecord, code: str, message: str, hint: str = "", rule: str = "") -> Release:
    error = Refusal(code, message, hint, rule=rule).as_json()
    return Release(status, record.call, record.session, {"error": error})


def _asked(options: Options, plan: ExportPlan) -> Plan:
    """What the policy and the record see: every column of every table."""
    accesses: list[Access] = []
    outputs: list[OutputColumn] = []
    for table in plan.tables:
        own = frozenset(ColumnRef(plan.database, table.name, column.name) for column in table.columns)
        columns = own.union(*(column.output.sources for column in table.columns))
        outputs += [column.output for column in table.columns]
        name = f"{plan.database}.{table.name}"
        accesses.append(Access(Action.DB_SELECT, "table", name, plan.database, columns=columns, projected=columns))
    statement = f"export {', '.join(access.name for access in accesses)} as {options.format}"
    if options.quasi:
        statement += f", k = {options.k} over {', '.join(options.quasi)}"
    return Plan(
        accesses=tuple(accesses),
        effects=SPEC.effects,
        statement=statement,
        outputs=tuple(outputs),
        facts={"sql.kind": "export", "sql.inference": "strict", "sql.bounded": True},
    )
