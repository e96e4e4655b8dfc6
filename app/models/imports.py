"""Import runs: what was sent, as it came, and its receipt, durable and immutable, one row for each row of the input."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import PROJECT_IF_ANY, REGION_IF_ANY, Base, TableClass, declare, one_of

ACTIONS = ("created", "updated", "proposed", "unchanged", "rejected", "not_applied")


class ImportRun(Base):
    """One push. Its subjects are its rows', each its own, so the run itself names none.

    `state`: `queued` until the worker takes it, then `finished`, `cancelled` or `failed`; a small push is `finished`
    when it is answered. A receipt that stands is never changed. `retry_of`: the run whose refused rows these are; they
    stand in the body of `body_of`.
    """

    __tablename__ = "import_runs"
    __table_args__ = (
        one_of("mode", ("atomic", "partial")),
        one_of("strategy", ("create", "update", "upsert")),
        one_of("on_missing", ("ignore", "leave")),
        one_of("outcome", ("succeeded", "partial", "rejected")),
        one_of("state", ("queued", "finished", "cancelled", "failed")),
        CheckConstraint("(state = 'finished') = (outcome IS NOT NULL)", name="outcome_when_finished"),
        CheckConstraint(
            "state <> 'finished' OR total = created + updated + proposed + unchanged + rejected + not_applied",
            name="counters_add_up",
        ),
        UniqueConstraint("id", "principal_id"),
        Index("ix_import_runs_principal_id", "principal_id", "started_at", "id"),
        Index("ix_import_runs_queued", "started_at", postgresql_where=text("state = 'queued'")),
        declare(TableClass.MACHINERY),
    )
    id: Mapped[UUID] = mapped_column(primary_key=True)
    principal_id: Mapped[UUID] = mapped_column(ForeignKey("principals.id"))
    principal_kind: Mapped[str]
    source_system: Mapped[str]
    regions: Mapped[list[str]]
    kind: Mapped[str]
    state: Mapped[str]
    content_type: Mapped[str]
    content_hash: Mapped[str]
    body_of: Mapped[UUID]
    retry_of: Mapped[UUID | None]
    mode: Mapped[str]
    strategy: Mapped[str]
    on_missing: Mapped[str]
    dry_run: Mapped[bool]
    outcome: Mapped[str | None]
    failure: Mapped[str | None]
    total: Mapped[int] = mapped_column(default=0)
    created: Mapped[int] = mapped_column(default=0)
    updated: Mapped[int] = mapped_column(default=0)
    proposed: Mapped[int] = mapped_column(default=0)
    unchanged: Mapped[int] = mapped_column(default=0)
    rejected: Mapped[int] = mapped_column(default=0)
    not_applied: Mapped[int] = mapped_column(default=0)
    left_library: Mapped[int] = mapped_column(default=0)
    started_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]


class ImportBody(Base):
    """What was sent, compressed, in pieces: a job reads it, a receipt shows its columns, a retry reads it again."""

    __tablename__ = "import_bodies"
    __table_args__ = declare(TableClass.MACHINERY)
    run_id: Mapped[UUID] = mapped_column(ForeignKey("import_runs.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    content: Mapped[bytes] = mapped_column(LargeBinary)


class ImportProgress(Base):
    """How far the worker is with a run, and whether it is told to stop: beside the run, whose row it holds locked."""

    __tablename__ = "import_progress"
    __table_args__ = declare(TableClass.MACHINERY)
    run_id: Mapped[UUID] = mapped_column(ForeignKey("import_runs.id"), primary_key=True)
    rows_read: Mapped[int] = mapped_column(default=0)
    step: Mapped[str]
    cancel_asked_at: Mapped[datetime | None]


class ImportRow(Base):
    """One row's receipt: what was sent, what was done, and every error with its pointer.

    `source_index`: where the row stands in the body, which is another number only in a retry. `entry_id`: what the row
    became where it is of an earlier year, and no project. `withheld`: members that it would change and another source
    owns, so that they stand.
    """

    __tablename__ = "import_rows"
    __table_args__ = (
        one_of("action", ACTIONS),
        declare(TableClass.MACHINERY, REGION_IF_ANY, PROJECT_IF_ANY),
    )
    run_id: Mapped[UUID] = mapped_column(ForeignKey("import_runs.id"), primary_key=True)
    index: Mapped[int] = mapped_column(primary_key=True)
    source_index: Mapped[int]
    principal_id: Mapped[UUID]
    external_id: Mapped[str | None]
    region_code: Mapped[str | None]
    project_id: Mapped[UUID | None]
    entry_id: Mapped[UUID | None]
    action: Mapped[str]
    changes: Mapped[list[str]]
    withheld: Mapped[list[str]]
    errors: Mapped[list[Any]]
