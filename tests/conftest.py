"""What all tests share: where the developers' data lies, which databases run here, and what CI does not let skip."""

from __future__ import annotations

import os
import socket
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent
SHARED = ROOT.parent / "shared"
NO_SKIP = os.environ.get("GLOVEPORT_TEST_NO_SKIP") == "1"
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


@pytest.fixture(scope="session")
def postgres_url() -> str:
    """A PostgreSQL where databases and roles may be made: from the environment, else the local one."""
    url = os.environ.get("GLOVEPORT_TEST_POSTGRES")
    if url:
        return url
    if not answers(5432):
        pytest.skip("no PostgreSQL: set GLOVEPORT_TEST_POSTGRES or start one on 127.0.0.1:5432")
    return "postgresql://postgres@127.0.0.1:5432/postgres"


@pytest.fixture(scope="session")
def mariadb_url() -> str:
    """A MariaDB where databases and users may be made: from the environment, else the local one."""
    url = os.environ.get("GLOVEPORT_TEST_MARIADB")
    if url:
        return url
    if not answers(3306):
        pytest.skip("no MariaDB: set GLOVEPORT_TEST_MARIADB or start one on 127.0.0.1:3306")
    return "mysql://root@127.0.0.1:3306/mysql"
