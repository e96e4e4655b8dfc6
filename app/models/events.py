"""Events out: the feed that clients read, their subscriptions, and what was sent to whom.

The feed is a table of its own and not the outbox: the outbox speaks of every class, and row-level security hides rows
that are there. What is not on the feed's list of types never gets here.
"""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import (
    ORGANISATION_IF_ANY,
    PROJECT_IF_ANY,
    REGION_IF_ANY,
    Base,
    TableClass,
    Versioned,
    declare,
    one_of,
)


class FeedEvent(Base):
    """One event of a dossier. `position` has no gaps and grows in the order in which events were handed out, so that
    who has read up to one has missed none before it. `source_system`: of the one source whose clients may see it;
    null for what belongs to no source.
    """

    __tablename__ = "feed_events"
    __table_args__ = (
        one_of("resource_kind", ("project", "organisation", "import_run")),
        Index("ix_feed_events_source_system", "source_system", "position"),
        declare(TableClass.MACHINERY, REGION_IF_ANY, ORGANISATION_IF_ANY, PROJECT_IF_ANY),
    )
    position: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    id: Mapped[UUID] = mapped_column(unique=True)
    occurred_at: Mapped[datetime]
    type: Mapped[str]
    resource_kind: Mapped[str]
    resource_id: Mapped[UUID]
    region_code: Mapped[str | None]
    organisation_id: Mapped[UUID | None]
    project_id: Mapped[UUID | None]
    source_system: Mapped[str | None]


class WebhookState(StrEnum):
    ACTIVE = "active"
    DISABLED = "disabled"


class DisabledReason(StrEnum):
    """`gone`: the receiver answered 410. `failing`: nothing reached it for days."""

    BY_CLIENT = "by_client"
    GONE = "gone"
    FAILING = "failing"


class Webhook(Versioned, Base):
    """A client's subscription. Without a `url` nothing is sent: it only remembers how far the client has read."""

    __tablename__ = "webhooks"
    __table_args__ = (
        one_of("state", WebhookState),
        one_of("disabled_reason", DisabledReason),
        CheckConstraint("(state = 'disabled') = (disabled_reason IS NOT NULL)", name="reason_when_disabled"),
        UniqueConstraint("id", "client_id"),
        Index("ix_webhooks_client_id", "client_id"),
        declare(TableClass.MACHINERY),
    )
    id: Mapped[UUID] = mapped_column(primary_key=True)
    client_id: Mapped[UUID] = mapped_column(ForeignKey("clients.id"))
    name: Mapped[str]
    url: Mapped[str | None]
    types: Mapped[list[str]]
    state: Mapped[str]
    disabled_reason: Mapped[str | None]
    disabled_at: Mapped[datetime | None]


def _of_webhook(*more: Any) -> tuple[Any, ...]:
    return (
        *more,
        ForeignKeyConstraint(["webhook_id", "client_id"], ["webhooks.id", "webhooks.client_id"]),
        declare(TableClass.MACHINERY),
    )


class WebhookSecret(Base):
    """A signing secret, sealed with the server's: it must be used, so a digest would not do. While a secret that was
    replaced has not expired, both sign.
    """

    __tablename__ = "webhook_secrets"
    __table_args__ = _of_webhook(Index("ix_webhook_secrets_webhook_id", "webhook_id"))
    id: Mapped[UUID] = mapped_column(primary_key=True)
    webhook_id: Mapped[UUID]
    client_id: Mapped[UUID]
    sealed: Mapped[str]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]


class WebhookProgress(Base):
    """How far a subscription is; apart from it, so that sending does not move its version.

    `position`: deliveries were made up to here. `acknowledged`: the client has read up to here. A claim has a lease,
    so that one worker at a time sends to a receiver, and another goes on when that one dies.
    """

    __tablename__ = "webhook_progress"
    __table_args__ = _of_webhook()
    webhook_id: Mapped[UUID] = mapped_column(primary_key=True)
    client_id: Mapped[UUID]
    position: Mapped[int] = mapped_column(BigInteger)
    acknowledged: Mapped[int] = mapped_column(BigInteger)
    failing_since: Mapped[datetime | None]
    paused_until: Mapped[datetime | None]
    served_at: Mapped[datetime | None]
    claim: Mapped[UUID | None]
    leased_until: Mapped[datetime | None]


class DeliveryState(StrEnum):
    """`dropped`: the client may not see the event any more."""

    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"
    DROPPED = "dropped"


class WebhookDelivery(Base):
    """One message to one receiver. `message_id` is what it is called in every attempt: the event's id.

    `attempts` counts those since it was made, or asked for again; `log` tells of all: when, status, error.
    """

    __tablename__ = "webhook_deliveries"
    __table_args__ = _of_webhook(
        one_of("state", DeliveryState),
        CheckConstraint("(state = 'pending') = (next_attempt_at IS NOT NULL)", name="next_attempt_while_pending"),
        UniqueConstraint("webhook_id", "message_id"),
        Index("ix_webhook_deliveries_listed", "webhook_id", "created_at", "id"),
        Index("ix_webhook_deliveries_due", "webhook_id", "next_attempt_at", postgresql_where="state = 'pending'"),
    )
    id: Mapped[UUID] = mapped_column(primary_key=True)
    webhook_id: Mapped[UUID]
    client_id: Mapped[UUID]
    message_id: Mapped[UUID]
    position: Mapped[int | None] = mapped_column(BigInteger)
    type: Mapped[str]
    state: Mapped[str]
    attempts: Mapped[int]
    log: Mapped[list[Any]]
    next_attempt_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
