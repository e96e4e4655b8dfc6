"""The only door to PostgreSQL: sessions that open with `gate.enter`, and the only commit.

One request, one transaction, one commit, before the response. The gate is entered in the session's
`after_begin`, so a transaction that begins again after a rollback is entered again.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Literal, TypeVar
from uuid import UUID

import structlog
from sqlalchemy import Connection, TextClause, event, inspect, select, text
from sqlalchemy import Row as ResultRow
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine
from sqlalchemy.orm import Session as SyncSession
from sqlalchemy.orm import SessionTransaction, UOWTransaction
from sqlalchemy.orm.exc import StaleDataError

from app.core.clock import Clock, Ids, SystemClock, SystemIds, league_date
from app.core.errors import Busy, NotFound, from_database
from app.models.base import Base, Versioned

Row = TypeVar("Row", bound=Base)
PrincipalKind = Literal["person", "client", "public"]

# Deadlock, serialisation failure, lock not available: worth another try while nothing was done yet.
_RETRIED = frozenset({"40P01", "40001", "55P03"})
_ATTEMPTS = 3

_COLUMNS = "rev, grants, client, gate.family_revoked(:family) AS ended, gate.standing() AS standing"
_ENTER = text(f"SELECT {_COLUMNS} FROM gate.enter(:kind, :principal, :relied_on)")  # noqa: S608 - constants
_ENTER_EXCLUSIVE = text(f"SELECT {_COLUMNS} FROM gate.enter_exclusive(:kind, :principal, :targets, :relied_on)")  # noqa: S608


@dataclass(frozen=True, slots=True)
class Entry:
    """Whom a transaction speaks for.

    `relied_on`: people whose eligibility the act relies on (shared locks). `targets`: people or clients
    whose walls, grants, employment or identity the act changes (exclusive locks). `family`: the login's
    chain of refresh tokens, whose end ends its access tokens too.
    """

    kind: PrincipalKind
    principal: UUID | None = None
    relied_on: tuple[UUID, ...] = ()
    targets: tuple[UUID, ...] = ()
    family: UUID | None = None


PUBLIC = Entry("public")


@dataclass(frozen=True, slots=True)
class Entered:
    """What the gate answered under the lock.

    `rev` is None for the public, for who is unknown or disabled, and where the login was ended.
    """

    rev: int | None
    grants: tuple[dict[str, Any], ...] = ()
    client: dict[str, Any] = field(default_factory=dict)
    standing: dict[str, Any] = field(default_factory=dict)
    year: int = 0


class EnteredSession(SyncSession):
    """A session class of its own, so that the hooks below reach no other session."""


@event.listens_for(EnteredSession, "after_begin")
def _enter(session: SyncSession, transaction: SessionTransaction, connection: Connection) -> None:
    entry: Entry | None = session.info.get("entry")
    if entry is None or transaction.nested:
        return
    exclusive = {"targets": list(entry.targets)} if entry.targets else {}
    row = connection.execute(
        _ENTER_EXCLUSIVE if exclusive else _ENTER,
        {
            "kind": entry.kind,
            "principal": entry.principal,
            "relied_on": list(entry.relied_on),
            "family": entry.family,
            **exclusive,
        },
    ).one()
    session.info["entered"] = Entered(
        None if row.ended else row.rev,
        tuple(row.grants or ()),
        row.client or {},
        row.standing,
        league_date(session.info["clock"].now()).year,
    )


@event.listens_for(EnteredSession, "before_flush")
def _stamp(session: SyncSession, _context: UOWTransaction, _instances: object) -> None:
    """The two times of every versioned row come from the injected clock."""
    now = session.info["clock"].now()
    for row in session.new:
        if isinstance(row, Versioned):
            row.created_at = row.updated_at = now
    for row in session.dirty:
        if isinstance(row, Versioned) and session.is_modified(row):
            row.updated_at = now


class Database:
    """An engine and the transactions on it. Requests use the role `app`, jobs the role `worker`."""

    def __init__(self, url: str, *, clock: Clock | None = None, ids: Ids | None = None, pool_size: int = 10) -> None:
        self.clock: Clock = clock or SystemClock()
        self.ids: Ids = ids or SystemIds()
        self.engine: AsyncEngine = create_async_engine(
            url,
            pool_size=pool_size,
            max_overflow=pool_size,
            pool_timeout=10,
            # An exception's text reaches the log: it must not carry the values.
            hide_parameters=True,
            # READ COMMITTED is PostgreSQL's default and the wall relies on it: say so, whatever the server says.
            isolation_level="READ COMMITTED",
            connect_args={
                "timeout": 10,
                "server_settings": {
                    "application_name": "liangshan",
                    "timezone": "UTC",
                    "jit": "off",
                    "lock_timeout": "5s",
                    "statement_timeout": "30s",
                    "idle_in_transaction_session_timeout": "30s",
                },
            },
        )

        # Of the same pool: a statement on it is its own transaction, without the round trips of BEGIN and COMMIT.
        self._single = self.engine.execution_options(isolation_level="AUTOCOMMIT")

    async def dispose(self) -> None:
        await self.engine.dispose()

    @asynccontextmanager
    async def transaction(self, entry: Entry) -> AsyncIterator[AsyncSession]:
        """One entered transaction: committed when the block ends, rolled back when it raises.

        Raises `Busy` where the database asks to try again, `NotFound` where a row was gone at flush,
        and the domain error that a violated constraint stands for.
        """
        async with self._session(entry) as session:
            try:
                yield session
                await session.commit()
            except StaleDataError as error:
                raise NotFound from error
            except DBAPIError as error:
                raise from_database(error) from error

    async def alone(self, statement: TextClause, values: dict[str, Any]) -> ResultRow[Any]:
        """The one row of a statement in a transaction of its own, which speaks for nobody: one round trip.

        Raises `Busy` where the database does not answer in time.
        """
        attempt = 0
        while True:
            attempt += 1
            try:
                async with self._single.connect() as connection:
                    return (await connection.execute(statement, values)).one()
            except DBAPIError as error:
                again = error.connection_invalidated or sqlstate(error) in _RETRIED
                if not again or attempt == _ATTEMPTS:
                    raise (from_database(error) if error.statement else _unreachable(error)) from error
            except (OSError, TimeoutError, PoolTimeoutError) as error:
                raise _unreachable(error) from error

    @asynccontextmanager
    async def administration(self) -> AsyncIterator[AsyncSession]:
        """A transaction of the worker's role, for commands and jobs; nobody's context is set."""
        async with AsyncSession(
            self.engine, sync_session_class=EnteredSession, expire_on_commit=False, info=self._info(None)
        ) as session:
            yield session
            await session.commit()

    @asynccontextmanager
    async def _session(self, entry: Entry) -> AsyncIterator[AsyncSession]:
        attempt = 0
        while True:
            attempt += 1
            session = AsyncSession(
                self.engine, sync_session_class=EnteredSession, expire_on_commit=False, info=self._info(entry)
            )
            try:
                await session.connection()
                break
            except DBAPIError as error:
                await session.close()
                # Nothing was done yet, so a pooled connection that was lost meanwhile is worth another try, too.
                again = error.connection_invalidated or sqlstate(error) in _RETRIED
                if not again or attempt == _ATTEMPTS:
                    # Without a statement it was the server that took no connection, for whatever reason it has.
                    raise (from_database(error) if error.statement else _unreachable(error)) from error
                await asyncio.sleep(random.uniform(0.01, 0.05) * attempt)  # noqa: S311 - jitter
            except (OSError, TimeoutError, PoolTimeoutError) as error:
                await session.close()
                raise _unreachable(error) from error
            except BaseException:
                await session.close()
                raise
        try:
            yield session
        finally:
            await session.close()

    def _info(self, entry: Entry | None) -> dict[Any, Any]:
        return {"entry": entry, "clock": self.clock, "ids": self.ids}


def _unreachable(error: Exception) -> Busy:
    structlog.get_logger().warning("database_unreachable", error=type(getattr(error, "orig", error)).__name__)
    return Busy()


@dataclass(slots=True)
class Trial:
    """What is tried under a savepoint: taken back unless it is kept."""

    kept: bool = True


@asynccontextmanager
async def trial(session: AsyncSession) -> AsyncIterator[Trial]:
    """A savepoint. Set `kept` to False, or raise, and everything done in the block is taken back."""
    attempt = await session.begin_nested()
    outcome = Trial()
    try:
        yield outcome
    except BaseException:
        await attempt.rollback()
        raise
    await (attempt.commit() if outcome.kept else attempt.rollback())


def entered(session: AsyncSession) -> Entered:
    """What the gate answered when this transaction began."""
    answer: Entered = session.info["entered"]
    return answer


def clock_of(session: AsyncSession) -> Clock:
    clock: Clock = session.info["clock"]
    return clock


def league_today(session: AsyncSession) -> date:
    """The league's day by the session's clock: by what something is due, late, or of this year."""
    return league_date(clock_of(session).now())


def ids_of(session: AsyncSession) -> Ids:
    ids: Ids = session.info["ids"]
    return ids


async def walled_from(session: AsyncSession, subjects: Iterable[str]) -> bool:
    """Whether the caller is walled from any of these subjects (`region:152501`, …), as the database says."""
    found = await session.scalar(text("SELECT gate.walls() && CAST(:subjects AS text[])"), {"subjects": list(subjects)})
    return bool(found)


def sqlstate(error: DBAPIError) -> str | None:
    return getattr(error.orig, "sqlstate", None)


async def locked(session: AsyncSession, table: type[Row], identity: UUID, *, key_share: bool = False) -> Row | None:
    """The row as it stands under the lock, whatever this session read of it before: `session.get` would compare the
    versions, and take a lost race for a hidden row. `key_share`: rows that come to refer to it do not wait.
    """
    [key] = inspect(table).primary_key
    statement = select(table).where(key == identity).with_for_update(key_share=key_share)
    return await session.scalar(statement.execution_options(populate_existing=True))
