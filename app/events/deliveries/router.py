"""What was sent to a subscription's receiver, and sending it again."""

from typing import Annotated

from fastapi import Query, Response

from app.auth.dependencies import Session
from app.core.etag import Replies
from app.core.pagination import Page, Paging
from app.core.routing import router
from app.events.deliveries import repository, service
from app.events.deliveries.dependencies import DeliveryToRepeat, VisibleDelivery
from app.events.deliveries.schemas import DeliveryFilters, DeliveryOut
from app.events.webhooks.dependencies import Owner, Subscriber, ToPing, ToRedeliver, VisibleWebhook

routes = router("/v1/webhooks/{webhook_id}", tag="events")


@routes.get("/deliveries", summary="List a subscription's messages")
async def list_deliveries(
    _caller: Owner,
    webhook: VisibleWebhook,
    session: Session,
    pages: Paging,
    filters: Annotated[DeliveryFilters, Query()],
) -> Page[DeliveryOut]:
    """The newest first, each with its attempts: when, status or error, how long. No contents."""
    statement = repository.listed(webhook.id, filters.state)
    return (await pages.of(session, statement, filters, repository.ORDER)).show(DeliveryOut.model_validate)


@routes.get("/deliveries/{delivery_id}", response_model=DeliveryOut, summary="Get a message")
async def get_delivery(_caller: Owner, delivery: VisibleDelivery, reply: Replies) -> Response:
    """What became of one message so far."""
    return reply(DeliveryOut.model_validate(delivery))


@routes.post(
    "/deliveries/{delivery_id}/redeliver", status_code=202, response_class=Response, summary="Send a message again"
)
async def redeliver_message(
    _caller: Subscriber, webhook: ToRedeliver, delivery: DeliveryToRepeat, session: Session, reply: Replies
) -> Response:
    """By the same `webhook-id`, signed anew, whatever became of it before; if it fails, with all its attempts. What
    you may not see any more is not sent."""
    await service.redeliver(session, webhook, delivery)
    return reply.asked(location=f"/v1/webhooks/{webhook.id}/deliveries/{delivery.id}")


@routes.post("/ping", status_code=202, response_class=Response, summary="Send a test message")
async def ping_webhook(_caller: Subscriber, webhook: ToPing, session: Session, reply: Replies) -> Response:
    """A message of the type `webhooks.ping`, to see whether it arrives and verifies; `Location` tells."""
    delivery_id = await service.ping(session, webhook)
    return reply.asked(location=f"/v1/webhooks/{webhook.id}/deliveries/{delivery_id}")
