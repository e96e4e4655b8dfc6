"""Which message."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends

from app.auth.dependencies import Session
from app.core import errors as e
from app.core.routing import answers
from app.events.deliveries import repository
from app.events.webhooks.dependencies import ToRedeliver, VisibleWebhook
from app.models.events import WebhookDelivery


@answers(e.NOT_FOUND)
async def visible_delivery(session: Session, webhook: VisibleWebhook, delivery_id: UUID) -> WebhookDelivery:
    delivery = await repository.one(session, webhook.id, delivery_id)
    if delivery is None:
        raise e.NotFound
    return delivery


@answers(e.NOT_FOUND)
async def delivery_to_repeat(session: Session, webhook: ToRedeliver, delivery_id: UUID) -> WebhookDelivery:
    """Locked: an attempt that ends at this moment comes before or after."""
    delivery = await repository.one(session, webhook.id, delivery_id, lock=True)
    if delivery is None:
        raise e.NotFound
    return delivery


VisibleDelivery = Annotated[WebhookDelivery, Depends(visible_delivery)]
DeliveryToRepeat = Annotated[WebhookDelivery, Depends(delivery_to_repeat)]
