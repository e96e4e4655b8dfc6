"""Audit, outbox and idempotency: they speak of rows of every class and carry those rows' subjects."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Identity, Index
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import (
    CASE_IF_ANY,
    ORGANISATION_IF_ANY,
    PROJECT_IF_ANY,
    REGION_IF_ANY,
    Base,
    TableClass,
    declare,
    one_of,
)


class AuditEntry(Base):
    """What was done or refused, by whom: append-only, partitioned by year, no foreign keys (Art. 11).

    `changes` holds dossier values before and after; judgement values stand there as hashes only.
    """

    __tablename__ = "audit_entries"
    __table_args__ = (
        one_of("outcome", ("done", "denied", "failed")),
        Index("ix_audit_entries_occurred_at", "occurred_at", "id"),
        Index("ix_audit_entries_actor_id", "actor_id", "occurred_at"),
        Index("ix_audit_entries_resource_id", "resource_id", "occurred_at"),
        {
            **declare(TableClass.MACHINERY, REGION_IF_ANY, ORGANISATION_IF_ANY, PROJECT_IF_ANY, CASE_IF_ANY),
            "postgresql_partition_by": "RANGE (occurred_at)",
        },
    )
    id: Mapped[UUID] = mapped_column(primary_key=True)
    occurred_at: Mapped[datetime] = mapped_column(primary_key=True)
    request_id: Mapped[str]
    actor_kind: Mapped[str]
    actor_id: Mapped[UUID | None]
    action: Mapped[str]
    outcome: Mapped[str]
    reason: Mapped[str | None]
    resource_kind: Mapped[str | None]
    resource_id: Mapped[UUID | None]
    region_code: Mapped[str | None]
    organisation_id: Mapped[UUID | None]
    project_id: Mapped[UUID | None]
    case_id: Mapped[UUID | None]
    changes: Mapped[dict[str, Any]] = mapped_column(default=dict)


class OutboxEvent(Base):
    """A thin event written with the change it tells of; the worker hands it out later.

    `ordinal` is drawn when the row is written: acts on one resource wait for one another, so theirs are in the order
    of the acts, whatever the clocks of several servers say.
    """

    __tablename__ = "outbox_events"
    __table_args__ = (
        Index("ix_outbox_events_undelivered", "ordinal", postgresql_where="delivered_at IS NULL"),
        declare(TableClass.MACHINERY, REGION_IF_ANY, ORGANISATION_IF_ANY, PROJECT_IF_ANY, CASE_IF_ANY),
    )
    id: Mapped[UUID] = mapped_column(primary_key=True)
    occurred_at: Mapped[datetime]
    type: Mapped[str]
    resource_kind: Mapped[str]
    resource_id: Mapped[UUID]
    region_code: Mapped[str | None]
    organisation_id: Mapped[UUID | None]
    project_id: Mapped[UUID | None]
    case_id: Mapped[UUID | None]
    delivered_at: Mapped[datetime | None]
    ordinal: Mapped[int] = mapped_column(BigInteger, Identity())


class IdempotencyRecord(Base):
    """That a key was used, for what, and where its resource stands; never a body."""

    __tablename__ = "idempotency_records"
    __table_args__ = declare(TableClass.MACHINERY)
    principal_id: Mapped[UUID] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    route: Mapped[str]
    request_hash: Mapped[str]
    status: Mapped[int]
    location: Mapped[str]
    created_at: Mapped[datetime]


class RateLimit(Base):
    """How much of a budget is used: until `full_at` it is not whole again. A row whose time is past says nothing.

    Counted before it is known whether the caller may do anything, by one gate function; lost with a crash, and then
    every budget is whole.
    """

    __tablename__ = "rate_limits"
    __table_args__ = {**declare(TableClass.MACHINERY), "prefixes": ["UNLOGGED"]}  # noqa: RUF012 - as SQLAlchemy reads it
    holder: Mapped[str] = mapped_column(primary_key=True)
    budget: Mapped[str] = mapped_column(primary_key=True)
    full_at: Mapped[datetime]
