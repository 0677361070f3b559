"""One connection to a server: libpq in pipeline mode, on the event loop.

psycopg's own connections take a round trip for each step and a lock around each; here a whole transaction is two. Every
wait can be cancelled; whoever is cancelled leaves the connection to `recover`, which ends the work *in the server*.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

import anyio
import psycopg
from psycopg import pq

from .session import RESETS, ROLLBACK
from .values import Decoder, Meter

if TYPE_CHECKING:
    from psycopg.pq.abc import PGconn, PGresult

TREE_TITLE: Final = "rewritten parse tree:"
CHUNK_ROWS: Final = 256
RECOVER_SECONDS: Final = 3.0
_PATIENCE: Final = 4  # chunks thrown away after which a server that goes on sending is told to stop in any case

_OK: Final = pq.ExecStatus.COMMAND_OK
_TUPLES: Final = pq.ExecStatus.TUPLES_OK
_CHUNK: Final = pq.ExecStatus.TUPLES_CHUNK
_SYNC: Final = pq.ExecStatus.PIPELINE_SYNC
_ABORTED: Final = pq.ExecStatus.PIPELINE_ABORTED
_IDLE: Final = pq.TransactionStatus.IDLE


class Lost(Exception):
    """The connection is gone. ``state`` is the SQLSTATE it went with, where the server said one."""

    def __init__(self, state: str | None = None) -> None:
        super().__init__(state or "")
        self.state = state


class Failed(Exception):
    """The server refused a command. ``said`` is its own text: look at it only where it cannot hold a value."""

    def __init__(self, result: PGresult) -> None:
        self.state = _field(result, pq.DiagnosticField.SQLSTATE)
        self.said = _field(result, pq.DiagnosticField.MESSAGE_PRIMARY)
        super().__init__(self.state)


def succeeded(results: Sequence[PGresult]) -> bool:
    return all(result.status in (_OK, _TUPLES) for result in results)


class Wire:
    """A connection in pipeline mode. Only one task at a time."""

    def __init__(self, connection: PGconn) -> None:
        self._connection = connection
        self._decoder = Decoder()
        self._trees: list[str] = []
        self._syncs = 0  # answers of the server that are still to come
        self._working = False  # the server was asked for something and has not answered in full
        self.clean = True  # no transaction is open, and nothing but the answer to a reset is to come
        self.used = time.monotonic()
        connection.nonblocking = 1
        connection.notice_handler = self._notice
        connection.enter_pipeline_mode()

    @property
    def process(self) -> int:
        """The number of the server's process."""
        return self._connection.backend_pid

    @property
    def version(self) -> int:
        """The server's major version."""
        return self._connection.server_version // 10000

    def status(self, name: str) -> str:
        """A parameter the server reports: ``server_version``, ``server_encoding``."""
        return (self._connection.parameter_status(name.encode()) or b"").decode()

    def _notice(self, notice: PGresult) -> None:
        # Only here does the notice live, and only the tree is kept of all a server may say.
        if (
            _field(notice, pq.DiagnosticField.SEVERITY_NONLOCALIZED) == "LOG"
            and _field(notice, pq.DiagnosticField.MESSAGE_PRIMARY) == TREE_TITLE
        ):
            self._trees.append(_field(notice, pq.DiagnosticField.MESSAGE_DETAIL))

    # -- sending

    def prepare(self, name: bytes, sql: str) -> None:
        self._send(self._connection.send_prepare, name, sql.encode())

    def describe(self, name: bytes) -> None:
        self._send(self._connection.send_describe_prepared, name)

    def execute(self, name: bytes, values: Sequence[bytes | None] = ()) -> None:
        self._send(self._connection.send_query_prepared, name, values or None)

    def ask(self, sql: str, values: Sequence[bytes | None] = ()) -> None:
        """One of our own statements, not prepared before."""
        self._send(self._connection.send_query_params, sql.encode(), values or None)

    def sync(self) -> None:
        self._send(self._connection.pipeline_sync)
        self._syncs += 1

    def reset(self) -> None:
        """Ask the server to forget everything a session can keep. Its answer is taken in by `settle`, later."""
        for name in RESETS:
            self.execute(name)
        self.sync()

    def _send(self, send: Callable[..., object], *arguments: object) -> None:
        try:
            send(*arguments)
        except psycopg.OperationalError:
            raise Lost(self._last_state()) from None

    async def flush(self) -> None:
        try:
            while self._connection.flush():
                await anyio.wait_writable(self._connection.socket)
        except psycopg.OperationalError:
            raise Lost(self._last_state()) from None

    # -- receiving

    async def result(self) -> PGresult | None:
        """The next result; None between the commands of a pipeline."""
        connection = self._connection
        try:
            while connection.is_busy():
                await anyio.wait_readable(connection.socket)
                connection.consume_input()
            found = connection.get_result()
        except psycopg.OperationalError:
            raise Lost(self._last_state()) from None
        if found is None:
            if connection.status != pq.ConnStatus.OK:
                raise Lost
        elif found.status == _SYNC:
            self._syncs -= 1
        elif found.status == pq.ExecStatus.FATAL_ERROR and connection.status != pq.ConnStatus.OK:
            raise Lost(_field(found, pq.DiagnosticField.SQLSTATE) or None)
        return found

    def trees(self) -> list[str]:
        """The trees that came since this was last asked. libpq hands them over as soon as it meets them, perhaps before
        the results of earlier commands."""
        found, self._trees = self._trees, []
        return found

    async def results(self) -> list[PGresult]:
        """The results of all commands up to the next sync. Raises `Failed` for the first that was refused, when all are
        in; those after it were not carried out."""
        self._working = True
        await self.flush()
        found: list[PGresult] = []
        refused: PGresult | None = None
        while True:
            result = await self.result()
            if result is None:
                continue
            if result.status == _SYNC:
                break
            if result.status not in (_OK, _TUPLES, _ABORTED) and refused is None:
                refused = result
            found.append(result)
        self._working = False
        if refused is not None:
            raise Failed(refused)
        return found

    def decoded(self, result: PGresult) -> list[tuple[object, ...]]:
        return self._decoder.rows(result)

    async def selected(self, sql: str, values: Sequence[bytes | None] = ()) -> list[tuple[object, ...]]:
        """Run one of our own statements and return its rows."""
        self.ask(sql, values)
        self.sync()
        return self.decoded((await self.results())[0])

    async def rows(
        self, types: Sequence[int], most_rows: int, most_bytes: int, *, stop: bool = True
    ) -> tuple[list[tuple[object, ...]], bool, int]:
        """Rows of the second statement that was sent, within the caps; whether there were more; and how many rows the
        server says it touched (-1: cut off). The first, which returns no rows of interest, comes before it.

        Nothing beyond the caps is kept in memory: the server is told to stop (unless ``stop`` is False, for a write
        that is to be finished), and what it had sent is thrown away.
        Raises `Failed`, `Lost`.
        """
        self._working = True
        await self.flush()
        while (first := await self.result()) is not None:
            if first.status not in (_OK, _TUPLES):
                raise Failed(first)
        self._connection.set_chunked_rows_mode(min(most_rows + 1, CHUNK_ROWS))
        meter, kept, size, truncated = Meter(types), list[tuple[object, ...]](), 0, False
        touched, refused, discarded, asked = -1, None, 0, False
        while (result := await self.result()) is not None:
            if result.status not in (_CHUNK, _TUPLES, _OK):
                refused = refused or result
                continue
            if result.command_tuples is not None:  # said with the last chunk, or after it
                touched = result.command_tuples
            if truncated and result.status == _CHUNK:
                discarded += 1
            elif result.ntuples:
                for row in self.decoded(result):
                    size += meter.size(row)
                    if len(kept) >= most_rows or size > most_bytes:
                        truncated = True
                        break
                    kept.append(row)
            going_on = stop and truncated and result.status == _CHUNK and not asked
            # What is on its way already costs less to take in than a cancellation.
            if going_on and (discarded >= _PATIENCE or (touched < 0 and self._connection.is_busy())):
                asked = True
                await self.cancel()
        self._working = False
        if refused is not None and not truncated:
            raise Failed(refused)
        return kept, truncated, touched

    # -- ending

    async def cancel(self) -> None:
        """Ask the server to stop what it does for this connection."""
        canceller = self._connection.cancel_conn()
        try:
            canceller.start()
            while True:
                polled = canceller.poll()
                if polled == pq.PollingStatus.READING:
                    await anyio.wait_readable(canceller.socket)
                elif polled == pq.PollingStatus.WRITING:
                    await anyio.wait_writable(canceller.socket)
                else:
                    return
        except psycopg.OperationalError:
            raise Lost from None
        finally:
            canceller.finish()

    async def settle(self) -> None:
        """Take in the answer to a reset, if one is to come. Raises `Lost`, also when a transaction is open after it."""
        while self._syncs:
            with contextlib.suppress(Failed):
                await self.results()
        self._trees.clear()
        if self._connection.transaction_status != _IDLE:
            raise Lost

    async def recover(self) -> bool:
        """Leave no work and no transaction behind, whatever was under way. False: the connection is of no more use."""
        try:
            with anyio.CancelScope(shield=True), anyio.move_on_after(RECOVER_SECONDS):
                if self._working:
                    await self.cancel()
                while self._syncs:
                    with contextlib.suppress(Failed):
                        await self.results()
                for _ in range(3):  # a cancellation that comes late may hit the rollback
                    self.execute(ROLLBACK)
                    self.reset()
                    with contextlib.suppress(Failed):
                        await self.results()
                    self._trees.clear()
                    if self._connection.transaction_status == _IDLE:
                        self.clean = True
                        return True
        except Lost:
            pass
        return False

    async def stop(self) -> None:
        """End the work of whoever uses this connection now."""
        with contextlib.suppress(Lost):
            await self.cancel()

    @property
    def alive(self) -> bool:
        return self._connection.status == pq.ConnStatus.OK

    def close(self) -> None:
        self._connection.finish()

    def _last_state(self) -> str | None:
        """The SQLSTATE of a farewell (``terminating connection ...``) that may still be in the buffer."""
        with contextlib.suppress(psycopg.Error):
            for _ in range(8):
                if self._connection.is_busy():
                    break
                result = self._connection.get_result()
                if result is not None and (state := _field(result, pq.DiagnosticField.SQLSTATE)):
                    return state
        return None


def _field(result: PGresult, field: pq.DiagnosticField) -> str:
    return (result.error_field(field) or b"").decode("utf-8", "replace")
