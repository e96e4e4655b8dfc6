"""Asking for work: a job is written with the act that needs it, and done once, whatever dies meanwhile."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.audit import Resource
from app.core.bulk import insert_new_rows
from app.core.db import Database, clock_of, ids_of
from app.models.jobs import Job


@dataclass(frozen=True, slots=True)
class Databases:
    """What an errand works with: the worker's own role, and the requests', entered for whom it speaks."""

    worker: Database
    requests: Database


# A job that opens its own transactions, because it is long or waits for others: it must be harmless to do twice.
Errand = Callable[[Databases, Job], Awaitable[None]]


async def ask(
    session: AsyncSession,
    kind: str,
    *,
    key: str,
    about: Resource,
    payload: Mapping[str, Any] | None = None,
    run_at: datetime | None = None,
) -> None:
    """Ask for a job. The same `key` a second time is the same job; `payload` is JSON-ready ids, no content."""
    row = _row(session, Asked(kind, key, about, payload or {}), run_at)
    await session.execute(insert(Job).values(row).on_conflict_do_nothing())


@dataclass(frozen=True, slots=True)
class Asked:
    kind: str
    key: str
    about: Resource
    payload: Mapping[str, Any]


async def ask_each(session: AsyncSession, jobs: Iterable[Asked]) -> None:
    """`ask` for many at once: one statement, whatever the count. Worker's session: it sees what it inserted."""
    rows = [_row(session, asked, None) for asked in jobs]
    await insert_new_rows(session, Job, rows, returning="id")


def _row(session: AsyncSession, asked: Asked, run_at: datetime | None) -> dict[str, Any]:
    now = clock_of(session).now()
    return {
        "id": ids_of(session).random(),
        "kind": asked.kind,
        "key": asked.key,
        "payload": dict(asked.payload),
        "state": "queued",
        "attempts": 0,
        "run_at": run_at or now,
        "asked_at": now,
        **asked.about.subjects(),
    }
