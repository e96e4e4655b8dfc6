"""The feed's SQL. Who sees an event now is the policy's word; here it is only narrowed, and found by an index."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Select, func, select, text, union_all, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from app.events.feed.rules import FeedType, ResourceKind
from app.models.events import FeedEvent
from app.models.machinery import OutboxEvent

_HAND_OUT_LOCK = 7_204_811_021

# The positions follow on the last one: whoever numbers holds the lock until its commit, so a position that is seen has
# none before it that comes later. Of a project without a source no client is told, so it takes no position.
_NUMBER = text("""
INSERT INTO feed_events (position, id, occurred_at, type, resource_kind, resource_id, region_code, organisation_id,
                         project_id, source_system)
SELECT (SELECT coalesce(max(position), 0) FROM feed_events) + row_number() OVER (ORDER BY told.ordinal),
       told.id, told.occurred_at, told.type, told.resource_kind, told.resource_id, told.region_code,
       told.organisation_id, told.project_id, told.source_system
FROM (SELECT e.*, coalesce(p.source_system, r.source_system) AS source_system
      FROM outbox_events AS e
      LEFT JOIN projects AS p ON e.resource_kind = 'project' AND p.id = e.resource_id
      LEFT JOIN import_runs AS r ON e.resource_kind = 'import_run' AND r.id = e.resource_id
      WHERE e.id = ANY (:ids) AND e.resource_kind = ANY (:kinds) AND e.type = ANY (:types)) AS told
WHERE told.source_system IS NOT NULL OR told.resource_kind = 'organisation'
""")


async def is_sole_writer(session: AsyncSession) -> bool:
    """Whether this transaction alone hands events out now; until its end, if it does. Worker's session."""
    return bool(await session.scalar(select(func.pg_try_advisory_xact_lock(_HAND_OUT_LOCK))))


async def take(session: AsyncSession, at_most: int, now: datetime) -> Sequence[Row[Any]]:
    """Mark the next events of the outbox as delivered; their rows, in order. Worker's session."""
    due = (
        select(OutboxEvent.id)
        .where(OutboxEvent.delivered_at.is_(None))
        .order_by(OutboxEvent.ordinal)
        .limit(at_most)
        .with_for_update()
    )
    columns = OutboxEvent.__table__.columns
    marked = update(OutboxEvent).where(OutboxEvent.id.in_(due.scalar_subquery())).values(delivered_at=now)
    taken = (await session.execute(marked.returning(*columns).execution_options(synchronize_session=False))).all()
    return sorted(taken, key=lambda event: event.ordinal)


async def number(session: AsyncSession, ids: Collection[UUID]) -> None:
    """Give these events of the outbox their positions in the feed, as far as they belong there. Worker's session."""
    about = {"kinds": [kind.value for kind in ResourceKind], "types": [kind.value for kind in FeedType]}
    await session.execute(_NUMBER, {"ids": list(ids), **about})


async def end(session: AsyncSession) -> int:
    """The last position that the session may see; 0 for none."""
    return int(await session.scalar(select(func.coalesce(func.max(FeedEvent.position), 0))) or 0)


async def after(
    session: AsyncSession,
    position: int,
    *,
    source: str,
    kinds: Sequence[str],
    types: Sequence[str],
    at_most: int,
) -> list[FeedEvent]:
    """The next events after a position, of these kinds, and of these types if any are named.

    In two parts, each in the order of an index: however much other sources pushed, none of it is passed over.
    """
    parts = [
        _narrowed(FeedEvent.source_system == source, position, kinds, types, at_most),
        _narrowed(FeedEvent.source_system.is_(None), position, kinds, types, at_most),
    ]
    found = aliased(FeedEvent, union_all(*parts).subquery())
    return list(await session.scalars(select(found).order_by(found.position).limit(at_most)))


def _narrowed(whose: Any, position: int, kinds: Sequence[str], types: Sequence[str], at_most: int) -> Select[FeedEvent]:
    statement = select(FeedEvent).where(whose, FeedEvent.position > position, FeedEvent.resource_kind.in_(kinds))
    if types:
        statement = statement.where(FeedEvent.type.in_(types))
    return statement.order_by(FeedEvent.position).limit(at_most)


async def one(session: AsyncSession, event_id: UUID, kinds: Sequence[str]) -> FeedEvent | None:
    """The event, if it may be seen now."""
    return await session.scalar(select(FeedEvent).where(FeedEvent.id == event_id, FeedEvent.resource_kind.in_(kinds)))
