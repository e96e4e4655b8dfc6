"""Subscriptions of machine clients."""

from typing import Annotated

from fastapi import Query, Response

from app.auth.dependencies import Session
from app.auth.principal import Caller
from app.core import errors as e
from app.core.etag import Replies, Reply
from app.core.pagination import Page, Paging
from app.core.routing import may_answer, router
from app.events.feed.dependencies import FeedCursors
from app.events.webhooks import repository, service
from app.events.webhooks.dependencies import (
    LOOKS_UP_RECEIVER,
    IsRefused,
    Owner,
    ServerSeal,
    Subscriber,
    ToDisable,
    ToEnable,
    ToRotate,
    ToUpdate,
    VisibleWebhook,
)
from app.events.webhooks.schemas import AcknowledgeIn, WebhookFilters, WebhookIn, WebhookOut, WebhookPatch
from app.models.events import DisabledReason, Webhook

routes = router("/v1/webhooks", tag="events")


@routes.get("", summary="List my subscriptions")
async def list_webhooks(
    caller: Owner, session: Session, pages: Paging, filters: Annotated[WebhookFilters, Query()]
) -> Page[WebhookOut]:
    """The client's own, the oldest first."""
    found = await pages.of(session, repository.listed(filters.state), filters, repository.ORDER)
    shown = await service.views(session, caller, [row[0] for row in found.rows])
    return Page(items=shown, next_cursor=found.next_cursor, total=found.total)


@routes.post(
    "",
    status_code=201,
    response_model=WebhookOut,
    summary="Subscribe to events",
    dependencies=[LOOKS_UP_RECEIVER, may_answer(e.STATE_CONFLICT)],
)
async def create_webhook(
    caller: Subscriber,
    session: Session,
    seal: ServerSeal,
    reply: Replies,
    refused: IsRefused,
    body: WebhookIn,
) -> Response:
    """To what happens from now on, at most twenty subscriptions a client. `secret` is shown in this answer alone; who
    lost it rotates it. Messages are those of Standard Webhooks: `{type, timestamp, data}`, signed, at least once,
    tried in the order of the feed, one at a time; `webhook-id` is the event's id, in every attempt, so drop what you
    have had. Answer 2xx within 15 seconds, and do the work afterwards. What fails is tried ten times in three days and
    holds up nothing behind it, unless a thousand messages wait so. 410, or three days in which nothing gets through,
    disable the subscription."""
    webhook, secret = await service.subscribe(session, caller, body, seal, refused=refused)
    return await _shown(session, caller, reply, webhook, secret=secret, created=True)


@routes.get("/{webhook_id}", response_model=WebhookOut, summary="Get a subscription")
async def get_webhook(caller: Owner, webhook: VisibleWebhook, session: Session, reply: Replies) -> Response:
    """Its state, and since when it fails if it does. Never its secret."""
    return await _shown(session, caller, reply, webhook)


@routes.patch(
    "/{webhook_id}", response_model=WebhookOut, summary="Change a subscription", dependencies=[LOOKS_UP_RECEIVER]
)
async def update_webhook(
    caller: Owner,
    webhook: ToUpdate,
    session: Session,
    reply: Replies,
    refused: IsRefused,
    body: WebhookPatch,
) -> Response:
    """Its name, url and types. What waits for another attempt goes to the new url, too."""
    await service.change(session, webhook, body, refused=refused)
    return await _shown(session, caller, reply, webhook)


@routes.post("/{webhook_id}/enable", response_model=WebhookOut, summary="Enable a subscription")
async def enable_webhook(caller: Subscriber, webhook: ToEnable, session: Session, reply: Replies) -> Response:
    """Sending goes on where it stood: what happened meanwhile is sent, what waited is tried again."""
    await service.enable(session, webhook)
    return await _shown(session, caller, reply, webhook)


@routes.post("/{webhook_id}/disable", response_model=WebhookOut, summary="Disable a subscription")
async def disable_webhook(caller: Subscriber, webhook: ToDisable, session: Session, reply: Replies) -> Response:
    """Nothing more is sent, but for a message that is on its way."""
    await service.disable(session, webhook, DisabledReason.BY_CLIENT)
    return await _shown(session, caller, reply, webhook)


@routes.post("/{webhook_id}/rotate-secret", response_model=WebhookOut, summary="Replace a subscription's secret")
async def rotate_webhook_secret(
    caller: Subscriber, webhook: ToRotate, session: Session, seal: ServerSeal, reply: Replies
) -> Response:
    """`secret` is shown in this answer alone. For a day messages carry two signatures, by the new secret and by the one
    before; one that is older ends at once."""
    secret = await service.rotate(session, webhook, seal)
    return await _shown(session, caller, reply, webhook, secret=secret)


@routes.post(
    "/{webhook_id}/acknowledge",
    status_code=204,
    summary="Remember how far the feed was read",
)
async def acknowledge_events(
    caller: Subscriber,
    webhook: VisibleWebhook,
    session: Session,
    cursors: FeedCursors,
    reply: Replies,
    body: AcknowledgeIn,
) -> Response:
    """`GET /v1/events?webhook_id=…` begins behind this cursor from now on. It never goes back; with the cursor itself
    you can read again whatever was acknowledged. Messages that are sent do not depend on it."""
    position = cursors.read(body.cursor, caller.id)
    if position is None:
        raise e.Invalid(e.FieldError("/cursor", "invalid_cursor"))
    await repository.acknowledge(session, webhook.id, position)
    return reply.without_content(204, location=f"/v1/webhooks/{webhook.id}")


async def _shown(
    session: Session,
    caller: Caller,
    reply: Reply,
    webhook: Webhook,
    *,
    secret: str | None = None,
    created: bool = False,
) -> Response:
    [shown] = await service.views(session, caller, [webhook], secret=secret)
    return reply(shown, version=webhook.version, location=f"/v1/webhooks/{webhook.id}", created=created)
