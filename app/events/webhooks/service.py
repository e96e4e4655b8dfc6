"""Making and changing subscriptions."""

import os
from collections.abc import Sequence
from urllib.parse import urlsplit
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm.attributes import flag_modified

from app.auth.principal import Caller
from app.core.actions import shown
from app.core.audit import Resource, record
from app.core.db import clock_of, ids_of
from app.core.errors import FieldError, Invalid, StateConflict
from app.core.workflow import Actor, Side
from app.events.feed import repository as feed
from app.events.sealing import Seal
from app.events.webhooks import repository, rules
from app.events.webhooks.schemas import WebhookIn, WebhookOut, WebhookPatch
from app.models.events import DisabledReason, Webhook, WebhookProgress, WebhookSecret, WebhookState


def actor(caller: Caller) -> Actor:
    """A client over what is its own."""
    return Actor(caller.id, caller.scopes, frozenset({Side.REGION}), recused=False)


def resource(webhook_id: UUID) -> Resource:
    return Resource("webhook", webhook_id)


async def subscribe(
    session: AsyncSession, caller: Caller, body: WebhookIn, seal: Seal, *, refused: bool
) -> tuple[Webhook, str]:
    """A subscription to what is handed out from now on, and its secret. `refused`: the url is none to be sent to.

    Raises `StateConflict` (`too_many_webhooks`) and `Invalid`.
    """
    if await repository.count(session, caller.id) >= rules.MOST_PER_CLIENT:
        raise StateConflict(rules.TOO_MANY)
    _check(body.url, refused=refused)
    webhook = Webhook(
        id=ids_of(session).random(),
        client_id=caller.id,
        name=body.name,
        url=body.url,
        types=[kind.value for kind in body.types],
        state=WebhookState.ACTIVE,
        disabled_reason=None,
        disabled_at=None,
    )
    session.add(webhook)
    await session.flush()
    # As far as the client may see: what it may not see now, it is told of once it may, and not before.
    end = await feed.end(session)
    session.add(
        WebhookProgress(
            webhook_id=webhook.id,
            client_id=caller.id,
            position=end,
            acknowledged=end,
            failing_since=None,
            paused_until=None,
            served_at=None,
            claim=None,
            leased_until=None,
        )
    )
    secret = await _new_secret(session, webhook, seal)
    await record(session, "webhooks.create", resource(webhook.id), changes={"after": _noted(webhook)})
    return webhook, secret


async def change(session: AsyncSession, webhook: Webhook, body: WebhookPatch, *, refused: bool) -> None:
    """Apply what the patch states. Raises `Invalid`."""
    before = _noted(webhook)
    stated = body.model_dump(exclude_unset=True, mode="json")
    for name, value in stated.items():
        if value is None and name != "url":
            raise Invalid(FieldError(f"/{name}", "required"))
    if "url" in stated:
        _check(body.url, refused=refused)
    for name, value in stated.items():
        setattr(webhook, name, value)
    await session.flush()
    if stated:
        changes = {"before": before, "after": _noted(webhook)}
        await record(session, "webhooks.update", resource(webhook.id), changes=changes)


async def enable(session: AsyncSession, webhook: Webhook) -> None:
    """Go on from where it stood: all that happened meanwhile is sent."""
    webhook.state, webhook.disabled_reason, webhook.disabled_at = WebhookState.ACTIVE, None, None
    await session.flush()
    await repository.start_afresh(session, webhook.id, clock_of(session).now())
    await record(session, "webhooks.enable", resource(webhook.id))


async def disable(session: AsyncSession, webhook: Webhook, why: DisabledReason) -> None:
    """Send nothing more."""
    webhook.state, webhook.disabled_reason = WebhookState.DISABLED, why
    webhook.disabled_at = clock_of(session).now()
    await session.flush()
    await record(session, "webhooks.disable", resource(webhook.id), reason=why)


async def rotate(session: AsyncSession, webhook: Webhook, seal: Seal) -> str:
    """A new secret; the one that it replaces signs beside it for a day, one that is older no more."""
    now = clock_of(session).now()
    for secret in await repository.live_secrets(session, webhook.id, now):
        secret.expires_at = now + rules.OVERLAP if secret.expires_at is None else now
    # Of another version, so that two who rotate do not both believe that theirs is the newest.
    flag_modified(webhook, "name")
    made = await _new_secret(session, webhook, seal)
    await record(session, "webhooks.rotate_secret", resource(webhook.id))
    return made


async def _new_secret(session: AsyncSession, webhook: Webhook, seal: Seal) -> str:
    secret = os.urandom(rules.SECRET_BYTES)
    session.add(
        WebhookSecret(
            id=ids_of(session).random(),
            webhook_id=webhook.id,
            client_id=webhook.client_id,
            sealed=seal.close(secret, webhook.id.bytes),
            created_at=clock_of(session).now(),
            expires_at=None,
        )
    )
    await session.flush()
    return rules.shown_secret(secret)


def _check(url: str | None, *, refused: bool) -> None:
    if url is not None and refused:
        raise Invalid(FieldError("/url", "receiver_refused"))


def _noted(webhook: Webhook) -> dict[str, object]:
    """For the audit: of the url the host alone, for its path may be a secret of the receiver."""
    host = urlsplit(webhook.url).hostname if webhook.url else None
    return {"name": webhook.name, "host": host, "types": webhook.types}


async def views(
    session: AsyncSession, caller: Caller, webhooks: Sequence[Webhook], *, secret: str | None = None
) -> list[WebhookOut]:
    """As served. `secret`: the one that was just made."""
    ids = [webhook.id for webhook in webhooks]
    progress = await repository.progress_of(session, ids)
    until = await repository.previous_until(session, ids, clock_of(session).now())
    return [
        WebhookOut(
            **{name: getattr(webhook, name) for name in _PLAIN},
            failing_since=progress[webhook.id].failing_since,
            previous_secret_until=until.get(webhook.id),
            secret=secret,
            allowed_actions=shown(rules.WEBHOOK.verdicts(webhook.state, actor(caller))),
        )
        for webhook in webhooks
    ]


_PLAIN = (
    *("id", "name", "url", "types", "state", "disabled_reason", "disabled_at"),
    *("version", "created_at", "updated_at"),
)
