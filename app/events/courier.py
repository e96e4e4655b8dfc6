"""The courier: makes deliveries of the feed's events and sends them. A part of the worker, beside its jobs.

No transaction waits for the network: an attempt is begun in one, looked at as the client in a second, sent in none,
and its end is written in a third. Who is killed in between leaves a delivery that is due again when the lease ends: it
is sent at least once, by the same id.

One worker at a time sends to a subscription, one message after the other. Deliveries are made some hundreds at a time,
and no more than a thousand wait: what a push of a hundred thousand rows leaves stays in the feed until its turn.
"""

import asyncio
import json
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.db import Database, Entry, entered
from app.events.deliveries import repository
from app.events.deliveries import service as deliveries
from app.events.feed import repository as feed
from app.events.feed.rules import READ, SUBSCRIBE, href, readable
from app.events.network import Answer, Network, RefusedError
from app.events.sealing import Seal
from app.events.webhooks import repository as webhooks
from app.events.webhooks import rules
from app.events.webhooks import service as subscriptions
from app.events.webhooks.rules import Ending
from app.models.events import DeliveryState, FeedEvent, Webhook, WebhookDelivery, WebhookProgress, WebhookState

# Longer than an attempt can take.
LEASE = timedelta(seconds=60)
# For whom nothing can be sent now: disabled clients, and those whose scopes were taken away.
PAUSE = timedelta(minutes=10)
AT_ONCE = 8
_IDLE_SECONDS = 0.5
_TROUBLED_SECONDS = 2.0
# After so long another subscription has its turn.
_TURN_SECONDS = 20.0
_SPREAD_AT_ONCE = 200
_LOG_LENGTH = 50


class PausedError(Exception):
    """Nothing can be sent for this client now, for no fault of the receiver's."""


class HiddenError(Exception):
    """The client may not see the event any more."""


@dataclass(frozen=True, slots=True)
class _Turn:
    """A subscription that is this courier's until the lease ends."""

    webhook_id: UUID
    client_id: UUID
    claim: UUID


@dataclass(frozen=True, slots=True)
class _Attempt:
    delivery_id: UUID
    message_id: UUID
    type: str
    created_at: datetime
    begun_at: datetime
    url: str
    sealed: tuple[str, ...]


@dataclass(slots=True)
class Courier:
    """`database`: the worker's. `requests`: the requests' own role, to see as the client sees."""

    database: Database
    requests: Database
    network: Network
    seal: Seal

    async def run(self, stop: asyncio.Event) -> None:
        """Send until told to stop, and then after the messages at hand."""
        serving: set[asyncio.Task[int]] = set()
        while not stop.is_set():
            pause = _IDLE_SECONDS
            try:
                turns = await self._claim(AT_ONCE - len(serving)) if len(serving) < AT_ONCE else []
                serving |= {asyncio.create_task(self._serve(turn, stop)) for turn in turns}
            except Exception as error:
                structlog.get_logger().warning("courier_troubled", error=type(error).__name__)
                pause = _TROUBLED_SECONDS
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), pause)
            serving = {task for task in serving if not task.done()}
        await asyncio.gather(*serving)

    async def drain(self) -> int:
        """Do all that is due now; how many attempts that were. For tests."""
        total, stop = 0, asyncio.Event()
        while turns := await self._claim(AT_ONCE):
            total += sum([await self._serve(turn, stop, aloud=True) for turn in turns])
        return total

    async def _claim(self, at_most: int) -> list[_Turn]:
        claim, now = self.database.ids.random(), self.database.clock.now()
        async with self.database.administration() as session:
            held = await repository.claim(
                session, claim, now=now, lease=LEASE, most_waiting=rules.MOST_WAITING, at_most=at_most
            )
        return [_Turn(row.webhook_id, row.client_id, claim) for row in held]

    async def _serve(self, turn: _Turn, stop: asyncio.Event, *, aloud: bool = False) -> int:
        """One subscription's turn; how many attempts were made. Of what goes wrong here the next turn is none worse."""
        until, made, paused = time.monotonic() + _TURN_SECONDS, 0, None
        try:
            try:
                while not stop.is_set() and time.monotonic() < until:
                    if await self._attempt(turn):
                        made += 1
                    elif not await self._spread(turn):
                        break
            except PausedError:
                paused = self.database.clock.now() + PAUSE
            async with self.database.administration() as session:
                await repository.release(session, turn.webhook_id, turn.claim, self.database.clock.now(), paused)
        except Exception as error:
            if aloud:
                raise
            # Its lease ends by itself, and then somebody goes on.
            structlog.get_logger().warning("courier_turn_failed", error=type(error).__name__)
        return made

    async def _spread(self, turn: _Turn) -> bool:
        """Make deliveries of the next events, as the client may see them; whether there may be more to do."""
        async with self.database.administration() as session:
            end = await feed.end(session)
            waiting = await repository.waiting(session, turn.webhook_id)
        if waiting >= rules.MOST_WAITING:
            return False
        async with self.requests.transaction(Entry("client", turn.client_id)) as session:
            kinds, source = _seen_by(session)
            found = await webhooks.with_progress(session, turn.webhook_id)
            if found is None or found[1].position >= end:
                return False
            webhook, before = found[0], found[1].position
            if webhook.state != WebhookState.ACTIVE or webhook.url is None:
                return False
            events = await feed.after(
                session, before, source=source, kinds=kinds, types=webhook.types, at_most=_SPREAD_AT_ONCE
            )
            # Up to `end` every position was given out before, so what is not found below it is hidden or not wanted.
            position = events[-1].position if len(events) == _SPREAD_AT_ONCE else max(end, *_positions(events), 0)
            # Whoever lost the claim meanwhile makes none a second time.
            if not await repository.advance(session, turn.webhook_id, before=before, position=position):
                return False
            await deliveries.spread(session, turn.webhook_id, turn.client_id, events)
        return True

    async def _attempt(self, turn: _Turn) -> bool:
        """Try the next message that is due; False where there is none."""
        attempt = await self._begin(turn)
        if attempt is None:
            return False
        try:
            body = await self._content(turn, attempt)
            secrets = [self.seal.open(sealed, turn.webhook_id.bytes) for sealed in attempt.sealed]
        except HiddenError:
            await self._drop(attempt)
            return True
        except PausedError:
            await self._put_back(attempt)
            raise
        except ValueError as error:
            # Sealed with another SECRET_KEY: the operator's to put right, and no failure of the receiver's.
            structlog.get_logger().error("webhook_secret_unreadable", webhook=str(turn.webhook_id))
            await self._put_back(attempt)
            raise PausedError from error
        begun = time.monotonic()
        answer = await self._send(attempt, secrets, body)
        await self._end(turn, attempt, answer, round((time.monotonic() - begun) * 1000))
        return True

    async def _begin(self, turn: _Turn) -> _Attempt | None:
        """Count the attempt before it is made: a message that kills whoever sends it comes to an end, too."""
        now = self.database.clock.now()
        async with self.database.administration() as session:
            if not await repository.renew(session, turn.webhook_id, turn.claim, now + LEASE):
                return None
            webhook = await session.get_one(Webhook, turn.webhook_id)
            if webhook.state != WebhookState.ACTIVE or webhook.url is None:
                return None
            delivery = await repository.next_due(session, turn.webhook_id, now)
            if delivery is None:
                return None
            if delivery.attempts <= len(rules.SCHEDULE):
                delivery.attempts += 1
                delivery.next_attempt_at = now + LEASE
                secrets = await webhooks.live_secrets(session, turn.webhook_id, now)
                return _Attempt(
                    delivery_id=delivery.id,
                    message_id=delivery.message_id,
                    type=delivery.type,
                    created_at=delivery.created_at,
                    begun_at=now,
                    url=webhook.url,
                    sealed=tuple(secret.sealed for secret in secrets),
                )
            # Every courier that sent it last died of it, or at it.
            delivery.state, delivery.next_attempt_at, delivery.ended_at = DeliveryState.FAILED, None, now
        return await self._begin(turn)

    async def _content(self, turn: _Turn, attempt: _Attempt) -> bytes:
        """The message, as far as the client may have it now. Raises `HiddenError`, `PausedError`."""
        async with self.requests.transaction(Entry("client", turn.client_id)) as session:
            kinds, _ = _seen_by(session)
            if attempt.type == rules.PING:
                return _ping(turn.webhook_id, attempt)
            event = await feed.one(session, attempt.message_id, kinds)
            if event is None:
                raise HiddenError
            return _message(event)

    async def _send(self, attempt: _Attempt, secrets: list[bytes], body: bytes) -> Answer:
        signed = rules.signed(secrets, message_id=str(attempt.message_id), at=self.database.clock.now(), body=body)
        headers = {"Content-Type": "application/json", "User-Agent": "liangshan-webhooks/1", **signed}
        try:
            target, address = await self.network.address_of(attempt.url)
        except RefusedError:
            return Answer(error="receiver_refused")
        return await self.network.post(target, address, headers, body)

    async def _end(self, turn: _Turn, attempt: _Attempt, answer: Answer, milliseconds: int) -> None:
        now = self.database.clock.now()
        async with self.database.administration() as session:
            progress = await session.get_one(WebhookProgress, turn.webhook_id, with_for_update=True)
            delivery = await session.get_one(WebhookDelivery, attempt.delivery_id, with_for_update=True)
            line = {"attempted_at": attempt.begun_at.isoformat(), "status": answer.status, "error": answer.error}
            delivery.log = [*delivery.log, {**line, "milliseconds": milliseconds}][-_LOG_LENGTH:]
            verdict = rules.after_attempt(
                answer.status,
                attempts=max(delivery.attempts, 1),
                now=now,
                failing_since=progress.failing_since,
                wait=answer.wait,
            )
            if verdict.ending is Ending.DELIVERED:
                progress.failing_since = None
            else:
                progress.failing_since = progress.failing_since or now
            # Whose lease ran out may find that another has sent it since, and whoever asked for it again meanwhile
            # wants it once more: that stands.
            if delivery.state == DeliveryState.PENDING and delivery.attempts > 0:
                _set(delivery, verdict, now)
            if verdict.disables is not None:
                webhook = await session.get_one(Webhook, turn.webhook_id, with_for_update=True)
                if webhook.state == WebhookState.ACTIVE:
                    await subscriptions.disable(session, webhook, verdict.disables)

    async def _drop(self, attempt: _Attempt) -> None:
        async with self.database.administration() as session:
            delivery = await session.get_one(WebhookDelivery, attempt.delivery_id, with_for_update=True)
            delivery.state, delivery.next_attempt_at = DeliveryState.DROPPED, None
            delivery.ended_at = self.database.clock.now()

    async def _put_back(self, attempt: _Attempt) -> None:
        """As if it had not been begun."""
        async with self.database.administration() as session:
            delivery = await session.get_one(WebhookDelivery, attempt.delivery_id, with_for_update=True)
            delivery.attempts, delivery.next_attempt_at = max(delivery.attempts - 1, 0), attempt.begun_at


def _set(delivery: WebhookDelivery, verdict: rules.Verdict, now: datetime) -> None:
    match verdict.ending:
        case Ending.DELIVERED:
            delivery.state, delivery.next_attempt_at, delivery.ended_at = DeliveryState.DELIVERED, None, now
        case Ending.FAILED:
            delivery.state, delivery.next_attempt_at, delivery.ended_at = DeliveryState.FAILED, None, now
        case Ending.AGAIN:
            delivery.next_attempt_at = verdict.again_at


def _seen_by(session: AsyncSession) -> tuple[list[str], str]:
    """The kinds of which the client may be told now, and its source. Raises `PausedError` where there is none such."""
    client: dict[str, Any] = entered(session).client
    scopes = client.get("scopes", ())
    if entered(session).rev is None or not {READ, SUBSCRIBE}.issubset(scopes):
        raise PausedError
    return readable(scopes), client["source_system"]


def _positions(events: list[FeedEvent]) -> list[int]:
    return [event.position for event in events]


def _message(event: FeedEvent) -> bytes:
    data = {
        "id": str(event.resource_id),
        "kind": event.resource_kind,
        "href": href(event.resource_kind, event.resource_id),
        "region_code": event.region_code,
    }
    return _body(event.type, event.occurred_at, data)


def _ping(webhook_id: UUID, attempt: _Attempt) -> bytes:
    data = {"id": str(webhook_id), "kind": "webhook", "href": f"/v1/webhooks/{webhook_id}", "region_code": None}
    return _body(attempt.type, attempt.created_at, data)


def _body(kind: str, at: datetime, data: dict[str, Any]) -> bytes:
    stamp = at.isoformat().replace("+00:00", "Z")
    return json.dumps({"type": kind, "timestamp": stamp, "data": data}, ensure_ascii=False).encode()
