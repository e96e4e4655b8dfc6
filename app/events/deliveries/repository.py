"""Deliveries' SQL: the client's log, and what the worker does about them."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Select, func, select, text, update
from sqlalchemy.engine import CursorResult
from sqlalchemy.ext.asyncio import AsyncSession

from app.core import db
from app.core.pagination import Order
from app.models.events import DeliveryState, WebhookDelivery, WebhookProgress

ORDER = Order((WebhookDelivery.created_at.expression, WebhookDelivery.id.expression), descending=True)


def listed(webhook_id: UUID, state: str | None) -> Select[WebhookDelivery]:
    statement = select(WebhookDelivery).where(WebhookDelivery.webhook_id == webhook_id)
    return statement if state is None else statement.where(WebhookDelivery.state == state)


async def one(
    session: AsyncSession, webhook_id: UUID, delivery_id: UUID, *, lock: bool = False
) -> WebhookDelivery | None:
    if lock:
        found = await db.locked(session, WebhookDelivery, delivery_id)
    else:
        found = await session.get(WebhookDelivery, delivery_id)
    return found if found is not None and found.webhook_id == webhook_id else None


# Subscriptions for which there is something to do, those that waited longest first. One worker at a time sends to a
# receiver: a claim whose lease ran out is nobody's.
_CLAIM = text("""
UPDATE webhook_progress AS held SET claim = :claim, leased_until = :until
FROM (SELECT p.webhook_id
      FROM webhook_progress AS p JOIN webhooks AS w ON w.id = p.webhook_id
      WHERE w.state = 'active' AND w.url IS NOT NULL
        AND (p.claim IS NULL OR p.leased_until <= :now) AND (p.paused_until IS NULL OR p.paused_until <= :now)
        AND (EXISTS (SELECT FROM webhook_deliveries AS d WHERE d.webhook_id = p.webhook_id AND d.state = 'pending'
                     AND d.next_attempt_at <= :now)
             OR (p.position < (SELECT coalesce(max(position), 0) FROM feed_events)
                 AND (SELECT count(*) FROM webhook_deliveries AS d
                      WHERE d.webhook_id = p.webhook_id AND d.state = 'pending') < :most_waiting))
      ORDER BY p.served_at NULLS FIRST, p.webhook_id LIMIT :at_most
      FOR UPDATE OF p SKIP LOCKED) AS due
WHERE held.webhook_id = due.webhook_id
RETURNING held.webhook_id, held.client_id
""")


async def claim(
    session: AsyncSession, claim_id: UUID, *, now: datetime, lease: timedelta, most_waiting: int, at_most: int
) -> list[Row[Any]]:
    """(webhook_id, client_id) of subscriptions that are this worker's for the time of the lease."""
    values = {"claim": claim_id, "now": now, "until": now + lease, "most_waiting": most_waiting, "at_most": at_most}
    return list((await session.execute(_CLAIM, values)).all())


async def renew(session: AsyncSession, webhook_id: UUID, claim_id: UUID, until: datetime) -> bool:
    """False where the claim is another worker's by now."""
    return await _hold(session, webhook_id, claim_id, leased_until=until)


async def release(
    session: AsyncSession, webhook_id: UUID, claim_id: UUID, now: datetime, paused_until: datetime | None
) -> None:
    values = {"claim": None, "leased_until": None, "served_at": now, "paused_until": paused_until}
    await _hold(session, webhook_id, claim_id, **values)


async def _hold(session: AsyncSession, webhook_id: UUID, claim_id: UUID, **values: Any) -> bool:
    held = update(WebhookProgress).where(WebhookProgress.webhook_id == webhook_id, WebhookProgress.claim == claim_id)
    done = await session.execute(held.values(**values).execution_options(synchronize_session=False))
    assert isinstance(done, CursorResult)  # noqa: S101 - what an UPDATE gives
    return done.rowcount == 1


async def next_due(session: AsyncSession, webhook_id: UUID, now: datetime) -> WebhookDelivery | None:
    """The first by the feed's order of those that are due; pings before them."""
    statement = (
        select(WebhookDelivery)
        .where(
            WebhookDelivery.webhook_id == webhook_id,
            WebhookDelivery.state == DeliveryState.PENDING,
            WebhookDelivery.next_attempt_at <= now,
        )
        .order_by(WebhookDelivery.position.nulls_first(), WebhookDelivery.id)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    return await session.scalar(statement)


async def waiting(session: AsyncSession, webhook_id: UUID) -> int:
    return int(
        await session.scalar(
            select(func.count()).where(
                WebhookDelivery.webhook_id == webhook_id, WebhookDelivery.state == DeliveryState.PENDING
            )
        )
        or 0
    )


async def advance(session: AsyncSession, webhook_id: UUID, *, before: int, position: int) -> bool:
    """Deliveries are made up to `position`; False where somebody else made them meanwhile."""
    statement = update(WebhookProgress).where(
        WebhookProgress.webhook_id == webhook_id, WebhookProgress.position == before
    )
    done = await session.execute(statement.values(position=position).execution_options(synchronize_session=False))
    assert isinstance(done, CursorResult)  # noqa: S101 - what an UPDATE gives
    return done.rowcount == 1
