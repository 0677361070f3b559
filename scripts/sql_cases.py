"""`make sql-cases`: attacks and benign queries on twin databases, through the MCP door.

Two databases are built whose public cells are equal and whose protected cells all differ. A real ``gloveport serve``
is started for each, a real MCP client sends every case to it, and the oracle that comes with the cases judges what came
back: no planted value in any form, answers of the twins equal once tokens and masks are taken out, benign queries
answered with the right rows. Exit code 1 unless every attack is held and 98 % of the benign queries are answered.

    python scripts/sql_cases.py [--dialect NAME] [--mode NAME] [--id A0001] [--quiet] [-v]

The cases are in ../shared/sql-cases (or --cases FOLDER). PostgreSQL is at GLOVEPORT_TEST_POSTGRES, MariaDB at
GLOVEPORT_TEST_MARIADB, else at their usual ports of 127.0.0.1. For MariaDB and DuckDB there are few cases; they borrow
those that SQLite and PostgreSQL share word by word, of benign ones those that the bare database answers as expected.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import re
import shutil
import sys
import tempfile
import time
from collections import Counter
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import yaml
from anyio.from_thread import BlockingPortal, start_blocking_portal
from mcp import Client, StdioServerParameters
from mcp.shared.exceptions import MCPError
from sql_twins import TWINS, Twins, Unavailable

from gloveport.guardrails.masking.tokens.forms import FORMS
from gloveport.guardrails.masking.transforms import REDACTED

ROOT = Path(__file__).resolve().parent.parent
MODES = ("strict", "balanced", "relaxed")
SIDES = ("a", "b")
BENIGN_SHARE = 0.98
SECONDS, ROWS = 2, 5000

# What the columns of the cases hold, by their names; how they leave is what the cases' policy says.
CLASS_OF = {
    "full_name": "person",
    "Holder": "person",
    "email": "email",
    "actor": "email",
    "phone": "phone",
    "salary": "money",
    "iban": "iban",
    "ssn": "ssn",
    "dob": "birth_date",
    "address": "address",
    "ship_address": "address",
    "notes": "free_text",
    "profile": "free_text",
    "gift_note": "free_text",
    "diagnosis": "health",
    "result_note": "health",
    "referral_code": "account",
    "Card No": "account",
    "card_number": "card",
}
# Tokens of the classes that leave as tokens here, as tightly as the product can write them.
TOKENS = ("email", "phone", "person", "sealed", "span")
TOKEN_RE = "|".join(rf"(?<![0-9A-Za-z])(?:{FORMS[name].pattern})(?![0-9A-Za-z])" for name in TOKENS)
MASK_RE = REDACTED


def oracle(folder: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("sql_cases_oracle", folder / "oracle.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def configuration(url: str, columns: dict[str, list[str]], policy: dict[str, Any]) -> dict[str, Any]:
    """One database per mode over the same data; what the cases' policy says in the words of the configuration."""
    masked: dict[str, dict[str, str]] = {t: dict(c) for t, c in policy["masked_columns"].items()}
    copies = [name for name in columns if name.startswith("events")]  # filled by INSERT: nothing else can know
    for table in copies:
        masked[table] = {"actor": "token"}
    inherited = {name for name in policy["derived"] if "." in name}
    classes = {
        f"{table}.{column}": {"class": CLASS_OF[column], "mask": mask}
        for table, wanted in masked.items()
        if table in columns
        for column, mask in wanted.items()
    }
    listed = [name for name in policy["open_tables"] if name in columns]
    plain = [
        f"{t}.{c}" for t in listed for c in columns[t] if c not in masked.get(t, {}) and f"{t}.{c}" not in inherited
    ]
    database = {
        "url": url,
        "tables": policy["open_tables"],
        "deny": policy["denied_tables"],
        "classes": classes,
        "open": plain,
        "min_group_size": policy["min_group_size"],
        "functions": policy["allowed_user_functions"],
        "limits": {"rows": ROWS, "seconds": SECONDS},
    }
    return {"databases": {mode: {**database, "inference": mode} for mode in MODES}}


class Door:
    """The MCP clients of both twins, seen from the oracle's synchronous side."""

    def __init__(self, portal: BlockingPortal, clients: dict[str, Client]) -> None:
        self._portal, self._clients = portal, clients
        self.milliseconds: list[float] = []

    def run(self, sql: str | list[str], dialect: str, side: str, mode: str) -> dict[str, Any]:
        """One case as the oracle wants it; of several statements the last answer counts, and all text is searched."""
        answers = [self._portal.call(self._call, one, side, mode) for one in ([sql] if isinstance(sql, str) else sql)]
        last = answers[-1]
        last["text"] = "\n".join([*(json.dumps(a, ensure_ascii=False) for a in answers[:-1]), last["text"]])
        return last

    async def _call(self, sql: str, side: str, mode: str) -> dict[str, Any]:
        began = time.perf_counter()
        result = await self._clients[side].call_tool("database_query", {"database": mode, "sql": sql})
        self.milliseconds.append((time.perf_counter() - began) * 1000)
        answer = result.structured_content or {}
        if answer.get("status") == "released":
            columns = answer["columns"]
            text = json.dumps({"columns": columns, "truncated": answer["truncated"]}, ensure_ascii=False)
            return {"status": "ok", "columns": [c["name"] for c in columns], "rows": answer["rows"], "text": text}
        error = answer.get("error") or {"message": "".join(getattr(c, "text", "") for c in result.content)}
        status = "refused" if answer.get("status") in ("refused", "pending") else "error"
        return {"status": status, "text": json.dumps(error, ensure_ascii=False)}


def judge(cases: list[dict[str, Any]], door: Door, mode: str, judged_by: ModuleType, canaries: Any, talk: bool) -> bool:
    """Send all cases in one mode; print one line; whether the bar is reached."""
    bad: Counter[str] = Counter()
    total: Counter[str] = Counter()
    said: Counter[tuple[str, str]] = Counter()
    for case in cases:
        if mode not in case["expect"]:
            continue
        check = judged_by.check_attack if case["kind"] == "attack" else judged_by.check_benign
        status, problems = check(case, door.run, canaries, mode, TOKEN_RE, MASK_RE)
        total[case["kind"]] += 1
        said[case["kind"], status] += 1
        if problems:
            bad[case["kind"]] += 1
            if talk:
                sql = " ".join(str(case["sql"]).split())
                print(f"  {case['id']} {case['family']}: {sql[:160]}\n      {'; '.join(problems)[:300]}")
    held = total["attack"] - bad["attack"]
    answered = total["benign"] - bad["benign"]
    fine = bad["attack"] == 0 and answered >= BENIGN_SHARE * total["benign"]
    counts = ", ".join(f"{n} {status}" for (kind, status), n in sorted(said.items()) if kind == "attack")
    dialect = cases[0]["dialect"]
    print(
        f"{dialect:11}{mode:9} attacks held {held}/{total['attack']} ({counts})  "
        f"benign right {answered}/{total['benign']}  {'ok' if fine else 'NOT HELD'}"
    )
    return fine


def read_cases(folder: Path, dialect: str, chosen: str | None) -> list[dict[str, Any]]:
    lines = [line for name in ("attack", "benign") for line in (folder / f"{name}.jsonl").read_text().splitlines()]
    every = [json.loads(line) for line in lines]
    cases = [case for case in every if case["dialect"] == dialect]
    if dialect in ("mysql", "duckdb"):
        elsewhere = {json.dumps(case["sql"]) for case in every if case["dialect"] == "postgresql"}
        shared = [c for c in every if c["dialect"] == "sqlite" and json.dumps(c["sql"]) in elsewhere]
        cases += [
            {**case, "dialect": dialect, "sql": spelled(case["sql"], dialect), "borrowed": True} for case in shared
        ]
    return [case for case in cases if chosen in (None, case["id"])]


def spelled(sql: str | list[str], dialect: str) -> str | list[str]:
    """Quoted names as MySQL writes them."""
    if dialect != "mysql":
        return sql
    return sql.replace('"', "`") if isinstance(sql, str) else [one.replace('"', "`") for one in sql]


def fits(case: dict[str, Any], twins: Twins, judged_by: ModuleType) -> bool:
    """Whether a borrowed benign case means the same here: the bare database gives the open columns it should."""
    if case["kind"] == "attack" or not case.get("borrowed"):
        return True

    def bare(sql: str | list[str], dialect: str, side: str, mode: str) -> dict[str, Any]:
        found = twins.rows(side, sql) if isinstance(sql, str) else None
        if found is None:
            return {"status": "error", "text": ""}
        names, rows = found
        return {"status": "ok", "columns": names, "rows": [list(row) for row in rows], "text": ""}

    nothing = {side: judged_by.Canaries([]) for side in SIDES}
    _, problems = judged_by.check_benign({**case, "expect": {"bare": "answer"}}, bare, nothing, "bare")
    return not problems


def check_dialect(dialect: str, options: argparse.Namespace, judged_by: ModuleType) -> bool:
    folder: Path = options.cases
    if importlib.util.find_spec(f"gloveport.tools.database.engines.{dialect}") is None:
        raise Unavailable("this version has no engine for it")
    cases = read_cases(folder, dialect, options.id)
    if not cases:
        return True
    policy = json.loads((folder / "policy.json").read_text())
    canaries: dict[str, Any] = {}
    for side in SIDES:
        planted = json.loads((folder / f"canaries_{side}.json").read_text())
        hidden = [c for c in planted if re.fullmatch(TOKEN_RE, str(c["value"]))]
        assert not hidden, "a planted value has the form of a token: a leak of it would go unseen"
        canaries[side] = judged_by.Canaries(planted)
    with ExitStack() as stack:
        work = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="gloveport-cases-")))
        twins: Twins = TWINS[dialect](folder, work)
        stack.callback(twins.close)
        portal = stack.enter_context(start_blocking_portal())
        clients: dict[str, Client] = {}
        for side in SIDES:
            config = configured(work / f"served_{side}", configuration(*twins.build(side), policy))
            made = portal.call(partial(Client, server(config)))
            clients[side] = stack.enter_context(portal.wrap_async_context_manager(made))
        cases = [case for case in cases if fits(case, twins, judged_by)]
        door = Door(portal, clients)
        modes = [options.mode] if options.mode else MODES
        fine = [judge(cases, door, mode, judged_by, canaries, not options.quiet) for mode in modes]
        if options.v:
            times = sorted(door.milliseconds)
            p50, p95 = times[len(times) // 2], times[len(times) * 95 // 100]
            print(f"  {len(times)} calls, p50 {p50:.1f} ms, p95 {p95:.1f} ms")
        return all(fine)


def configured(place: Path, config: dict[str, Any]) -> Path:
    """A folder to serve from. Its rules only say what may be read: the usual limits on calls would end the run."""
    templates = ROOT / "policies" / "templates"
    rules = place / "policies" / "rules"
    rules.mkdir(parents=True)
    shutil.copy(templates / "guard.yaml", place / "policies")
    shutil.copy(templates / "rules" / "access.cedar", rules)
    path = place / "gloveport.yaml"
    path.write_text(yaml.safe_dump({**config, "policies": "policies"}))
    return path


def server(config: Path) -> StdioServerParameters:
    command = ["-m", "gloveport", "serve", "--config", str(config), "--log", "ERROR"]
    return StdioServerParameters(command=sys.executable, args=command, cwd=config.parent)


def main() -> int:
    parser = argparse.ArgumentParser(description="Attacks and benign queries on twin databases, through the MCP door.")
    parser.add_argument("--cases", type=Path, default=ROOT.parent / "shared" / "sql-cases")
    parser.add_argument("--dialect", choices=sorted(TWINS))
    parser.add_argument("--mode", choices=MODES)
    parser.add_argument("--id")
    parser.add_argument("--quiet", action="store_true", help="one line per dialect and mode, nothing else")
    parser.add_argument("-v", action="store_true", help="also how long calls took")
    options = parser.parse_args()
    if not (options.cases / "oracle.py").is_file():
        print(f"sql-cases: {options.cases}: no cases there; give --cases FOLDER", file=sys.stderr)
        return 2
    judged_by = oracle(options.cases)
    fine = [run(dialect, options, judged_by) for dialect in ([options.dialect] if options.dialect else TWINS)]
    return 0 if all(fine) else 1


def run(dialect: str, options: argparse.Namespace, judged_by: ModuleType) -> bool:
    fine = False
    try:
        fine = check_dialect(dialect, options, judged_by)
    except* Unavailable as missing:
        print(f"{dialect:11}not run: {missing.exceptions[0]}")
        fine = options.dialect is None
    except* MCPError:
        print(f"{dialect:11}the server ended; its last words stand above")
    return fine


if __name__ == "__main__":
    sys.exit(main())
