"""Import runs and their receipts: durable, immutable, one row for each row of the input."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import PROJECT_IF_ANY, REGION_IF_ANY, Base, TableClass, declare, one_of


class ImportRun(Base):
    """One push. Its subjects are its rows', each its own, so the run itself names none."""

    __tablename__ = "import_runs"
    __table_args__ = (
        one_of("mode", ("atomic", "partial")),
        one_of("strategy", ("create", "update", "upsert")),
        one_of("on_missing", ("ignore", "leave")),
        one_of("outcome", ("succeeded", "partial", "rejected")),
        UniqueConstraint("id", "client_id"),
        declare(TableClass.MACHINERY),
    )
    id: Mapped[UUID] = mapped_column(primary_key=True)
    client_id: Mapped[UUID] = mapped_column(ForeignKey("clients.id"))
    source_system: Mapped[str]
    kind: Mapped[str]
    content_type: Mapped[str]
    content_hash: Mapped[str]
    mode: Mapped[str]
    strategy: Mapped[str]
    on_missing: Mapped[str]
    dry_run: Mapped[bool]
    outcome: Mapped[str]
    total: Mapped[int]
    created: Mapped[int]
    updated: Mapped[int]
    unchanged: Mapped[int]
    rejected: Mapped[int]
    not_applied: Mapped[int]
    left_library: Mapped[int]
    started_at: Mapped[datetime]
    finished_at: Mapped[datetime]


class ImportRow(Base):
    """One row's receipt: what was sent, what was done, and every error with its pointer."""

    __tablename__ = "import_rows"
    __table_args__ = (
        one_of("action", ("created", "updated", "unchanged", "rejected", "not_applied")),
        declare(TableClass.MACHINERY, REGION_IF_ANY, PROJECT_IF_ANY),
    )
    run_id: Mapped[UUID] = mapped_column(ForeignKey("import_runs.id"), primary_key=True)
    index: Mapped[int] = mapped_column(primary_key=True)
    client_id: Mapped[UUID]
    external_id: Mapped[str | None]
    region_code: Mapped[str | None]
    project_id: Mapped[UUID | None]
    action: Mapped[str]
    changes: Mapped[list[str]]
    errors: Mapped[list[Any]]
