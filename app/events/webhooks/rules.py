"""Webhooks as rules: their states, the schedule of attempts, what an answer means, and signatures (pure).

After the Standard Webhooks specification, version 1.
"""

import base64
import hmac
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from app.core.errors import Reason
from app.core.workflow import Side, Transition, Workflow
from app.events.feed.rules import SUBSCRIBE
from app.models.events import DisabledReason, WebhookState

NO_URL = Reason("no_receiver", "该订阅没有接收地址", "The subscription has no url to send to")
TOO_MANY = Reason("too_many_webhooks", "订阅数量已达上限", "The client has as many subscriptions as it may have")

MOST_PER_CLIENT = 20
# How long a secret that was replaced goes on signing beside the new one.
OVERLAP = timedelta(hours=24)
# After each failure this long until the next attempt: ten in three days.
SCHEDULE = (
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=14),
    timedelta(hours=20),
    timedelta(hours=24),
)
# Nothing got through for so long: nobody is there.
GIVEN_UP_AFTER = timedelta(days=3)
# Deliveries that wait for another attempt. When there are so many, what comes after them waits in the feed.
MOST_WAITING = 1000
PING = "webhooks.ping"
PREFIX = "whsec_"
SECRET_BYTES = 32
_GONE = 410
# Whose `Retry-After` says when to come again (RFC 9110, 10.2.3; RFC 6585, 4).
_MAY_ASK = frozenset({429, 503})

_ACTIVE, _DISABLED = frozenset({WebhookState.ACTIVE}), frozenset({WebhookState.DISABLED})
WEBHOOK = Workflow(
    "webhook",
    (
        Transition("update", frozenset(WebhookState), None, SUBSCRIBE, Side.REGION),
        Transition("enable", _DISABLED, WebhookState.ACTIVE, SUBSCRIBE, Side.REGION),
        Transition("disable", _ACTIVE, WebhookState.DISABLED, SUBSCRIBE, Side.REGION),
        Transition("rotate-secret", frozenset(WebhookState), None, SUBSCRIBE, Side.REGION),
        Transition("ping", _ACTIVE, None, SUBSCRIBE, Side.REGION),
        Transition("redeliver", _ACTIVE, None, SUBSCRIBE, Side.REGION),
    ),
)


class Ending(StrEnum):
    """What an attempt makes of a delivery."""

    DELIVERED = "delivered"
    AGAIN = "again"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Verdict:
    """`again_at`: of the next attempt. `disables`: the whole subscription, for this reason."""

    ending: Ending
    again_at: datetime | None = None
    disables: DisabledReason | None = None


def after_attempt(
    status: int | None, *, attempts: int, now: datetime, failing_since: datetime | None, wait: int | None = None
) -> Verdict:
    """What follows from an answer's status (None: there was none). `attempts` counts this one; `failing_since`: the
    subscription's first failure after which nothing got through; `wait`: seconds that a receiver asks for, which
    lengthens a pause up to the longest one and shortens none."""
    if status is not None and 200 <= status < 300:
        return Verdict(Ending.DELIVERED)
    if status == _GONE:
        return Verdict(Ending.FAILED, disables=DisabledReason.GONE)
    given_up = failing_since is not None and now - failing_since >= GIVEN_UP_AFTER
    disables = DisabledReason.FAILING if given_up else None
    if attempts > len(SCHEDULE):
        return Verdict(Ending.FAILED, disables=disables)
    asked = min(timedelta(seconds=wait), SCHEDULE[-1]) if wait is not None and status in _MAY_ASK else timedelta(0)
    return Verdict(Ending.AGAIN, again_at=now + max(SCHEDULE[attempts - 1], asked), disables=disables)


def shown_secret(secret: bytes) -> str:
    return PREFIX + base64.b64encode(secret).decode()


def signed(secrets: Iterable[bytes], *, message_id: str, at: datetime, body: bytes) -> dict[str, str]:
    """The headers of a message, signed with each of the secrets."""
    stamp = str(int(at.timestamp()))
    content = f"{message_id}.{stamp}.".encode() + body
    signatures = (base64.b64encode(hmac.digest(secret, content, "sha256")).decode() for secret in secrets)
    return {
        "webhook-id": message_id,
        "webhook-timestamp": stamp,
        "webhook-signature": " ".join(f"v1,{signature}" for signature in signatures),
    }
