"""Asking for messages: a ping, and one that was sent before."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.audit import record
from app.core.bulk import insert_rows
from app.core.db import clock_of, ids_of
from app.events.webhooks.rules import PING
from app.events.webhooks.service import resource
from app.models.events import DeliveryState, FeedEvent, Webhook, WebhookDelivery


async def ping(session: AsyncSession, webhook: Webhook) -> UUID:
    """A message that tells of nothing, to see whether it arrives; the id of its delivery."""
    made = _delivery(session, webhook.id, webhook.client_id, ids_of(session).random(), PING, None)
    await insert_rows(session, WebhookDelivery, [made])
    await record(session, "webhooks.ping", resource(webhook.id), changes={"delivery_id": str(made["id"])})
    delivery_id: UUID = made["id"]
    return delivery_id


async def spread(session: AsyncSession, webhook_id: UUID, client_id: UUID, events: Iterable[FeedEvent]) -> None:
    """A delivery of each event, all by one statement; the session speaks for the client."""
    rows = [_delivery(session, webhook_id, client_id, event.id, event.type, event.position) for event in events]
    await insert_rows(session, WebhookDelivery, rows)


async def redeliver(session: AsyncSession, webhook: Webhook, delivery: WebhookDelivery) -> None:
    """Once more from the start of the schedule, by the same id."""
    delivery.state, delivery.attempts, delivery.ended_at = DeliveryState.PENDING, 0, None
    delivery.next_attempt_at = clock_of(session).now()
    await session.flush()
    await record(session, "webhooks.redeliver", resource(webhook.id), changes={"delivery_id": str(delivery.id)})


def _delivery(
    session: AsyncSession, webhook_id: UUID, client_id: UUID, message_id: UUID, kind: str, position: int | None
) -> dict[str, Any]:
    now = clock_of(session).now()
    return {
        "id": ids_of(session).random(),
        "webhook_id": webhook_id,
        "client_id": client_id,
        "message_id": message_id,
        "position": position,
        "type": kind,
        "state": DeliveryState.PENDING,
        "attempts": 0,
        "log": [],
        "next_attempt_at": now,
        "created_at": now,
    }
