"""Which subscription, in which state; and whether a url may be sent to, looked up before the transaction opens."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Request

from app.auth.dependencies import AnyCaller, Session, acts, requires
from app.auth.principal import Caller
from app.core import errors as e
from app.core.actions import insist, refusals
from app.core.etag import IfMatch
from app.core.routing import answers
from app.events.feed.rules import SUBSCRIBE
from app.events.network import Network, RefusedError
from app.events.sealing import Seal
from app.events.webhooks import repository, rules, service
from app.models.events import Webhook

Owner = Annotated[Caller, requires(SUBSCRIBE)]
Subscriber = Annotated[Caller, acts(SUBSCRIBE)]


async def look_up_receiver(request: Request) -> None:
    """A look-up may take seconds, and no transaction waits for the network. Not for a token that will be refused."""
    request.state.receiver_refused = True
    if SUBSCRIBE not in request.state.claims.scopes:
        return
    body = await request.json()
    url = body.get("url") if isinstance(body, dict) else None
    if not isinstance(url, str):
        return
    network: Network = request.app.state.network
    try:
        await network.address_of(url)
    except RefusedError:
        return
    request.state.receiver_refused = False


# In a route's `dependencies=[…]`, so that it is settled before the session opens.
LOOKS_UP_RECEIVER = Depends(look_up_receiver)


async def is_refused(request: Request) -> bool:
    refused: bool = request.state.receiver_refused
    return refused


IsRefused = Annotated[bool, Depends(is_refused)]


async def get_seal(request: Request) -> Seal:
    seal: Seal = request.app.state.seal
    return seal


ServerSeal = Annotated[Seal, Depends(get_seal)]


@answers(e.NOT_FOUND)
async def visible_webhook(session: Session, webhook_id: UUID) -> Webhook:
    """The client's own."""
    webhook = await session.get(Webhook, webhook_id)
    if webhook is None:
        raise e.NotFound
    return webhook


VisibleWebhook = Annotated[Webhook, Depends(visible_webhook)]


class WebhookFor:
    """A subscription for this act: in a state that allows it, locked, and still the version that the caller saw."""

    def __init__(self, action: str) -> None:
        self.action = action
        self.problems = (e.NOT_FOUND, *refusals(rules.WEBHOOK.transitions[action]))

    async def __call__(self, caller: AnyCaller, session: Session, webhook_id: UUID, precondition: IfMatch) -> Webhook:
        webhook = await repository.locked(session, webhook_id)
        if webhook is None:
            raise e.NotFound
        insist(rules.WEBHOOK.judge(self.action, webhook.state, service.actor(caller)), SUBSCRIBE)
        precondition.check(webhook.version)
        return webhook


class WebhookThatSends:
    """An active subscription with a url, for an act that changes nothing of it."""

    def __init__(self, action: str) -> None:
        self.action = action
        self.problems = (e.NOT_FOUND, *refusals(rules.WEBHOOK.transitions[action]))

    async def __call__(self, caller: AnyCaller, webhook: VisibleWebhook) -> Webhook:
        insist(rules.WEBHOOK.judge(self.action, webhook.state, service.actor(caller)), SUBSCRIBE)
        if webhook.url is None:
            raise e.StateConflict(rules.NO_URL)
        return webhook


ToUpdate = Annotated[Webhook, Depends(WebhookFor("update"))]
ToEnable = Annotated[Webhook, Depends(WebhookFor("enable"))]
ToDisable = Annotated[Webhook, Depends(WebhookFor("disable"))]
ToRotate = Annotated[Webhook, Depends(WebhookFor("rotate-secret"))]
ToPing = Annotated[Webhook, Depends(WebhookThatSends("ping"))]
ToRedeliver = Annotated[Webhook, Depends(WebhookThatSends("redeliver"))]
