"""Subscriptions' SQL."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import Select, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.core import db
from app.core.pagination import Order
from app.models.events import DeliveryState, Webhook, WebhookDelivery, WebhookProgress, WebhookSecret

ORDER = Order((Webhook.created_at.expression, Webhook.id.expression))
_CREATE_LOCK_SEED = 7_204_811_022


def listed(state: str | None) -> Select[Webhook]:
    statement = select(Webhook)
    return statement if state is None else statement.where(Webhook.state == state)


async def progress_of(session: AsyncSession, webhook_ids: Sequence[UUID]) -> dict[UUID, WebhookProgress]:
    found = await session.scalars(select(WebhookProgress).where(WebhookProgress.webhook_id.in_(webhook_ids)))
    return {progress.webhook_id: progress for progress in found}


async def with_progress(session: AsyncSession, webhook_id: UUID) -> tuple[Webhook, WebhookProgress] | None:
    webhook = await session.get(Webhook, webhook_id)
    return None if webhook is None else (webhook, await session.get_one(WebhookProgress, webhook_id))


async def locked(session: AsyncSession, webhook_id: UUID) -> Webhook | None:
    return await db.locked(session, Webhook, webhook_id)


async def count(session: AsyncSession, client_id: UUID) -> int:
    """How many the client has; until the end of the transaction nobody else counts them."""
    await session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(str(client_id), _CREATE_LOCK_SEED))))
    return int(await session.scalar(select(func.count()).where(Webhook.client_id == client_id)) or 0)


async def live_secrets(session: AsyncSession, webhook_id: UUID, now: datetime) -> Sequence[WebhookSecret]:
    """Those that sign now, the newest first."""
    live = or_(WebhookSecret.expires_at.is_(None), WebhookSecret.expires_at > now)
    statement = select(WebhookSecret).where(WebhookSecret.webhook_id == webhook_id, live)
    newest = (WebhookSecret.expires_at.desc().nulls_first(), WebhookSecret.id)
    return (await session.scalars(statement.order_by(*newest))).all()


async def previous_until(session: AsyncSession, webhook_ids: Sequence[UUID], now: datetime) -> dict[UUID, datetime]:
    statement = (
        select(WebhookSecret.webhook_id, func.max(WebhookSecret.expires_at))
        .where(WebhookSecret.webhook_id.in_(webhook_ids), WebhookSecret.expires_at > now)
        .group_by(WebhookSecret.webhook_id)
    )
    return {webhook_id: until for webhook_id, until in await session.execute(statement) if until is not None}


async def acknowledge(session: AsyncSession, webhook_id: UUID, position: int) -> None:
    """Never backwards: two readers, or a repeated request, take nothing back."""
    await session.execute(
        update(WebhookProgress)
        .where(WebhookProgress.webhook_id == webhook_id, WebhookProgress.acknowledged < position)
        .values(acknowledged=position)
    )


async def start_afresh(session: AsyncSession, webhook_id: UUID, now: datetime) -> None:
    """Forget the failures of before, and try what waits at once."""
    await session.execute(
        update(WebhookProgress)
        .where(WebhookProgress.webhook_id == webhook_id)
        .values(failing_since=None, paused_until=None)
    )
    await session.execute(
        update(WebhookDelivery)
        .where(WebhookDelivery.webhook_id == webhook_id, WebhookDelivery.state == DeliveryState.PENDING)
        .values(next_attempt_at=now)
    )
