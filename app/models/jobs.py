"""Work to be done after the act that asked for it: asked for in its transaction, done once by the worker."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Index
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


class Job(Base):
    """`key` makes asking twice harmless. A claim has a lease and a fencing token (`claim`): what a worker did
    counts only while its claim still stands, so a job whose worker died is done again, and done once.
    """

    __tablename__ = "jobs"
    __table_args__ = (
        one_of("state", ("queued", "claimed", "done", "failed")),
        CheckConstraint("(state = 'claimed') = (claim IS NOT NULL)", name="claim_when_claimed"),
        Index("ix_jobs_due", "run_at", "id", postgresql_where="state IN ('queued', 'claimed')"),
        Index("ix_jobs_undone", "kind", postgresql_where="state <> 'done'"),
        declare(TableClass.MACHINERY, REGION_IF_ANY, ORGANISATION_IF_ANY, PROJECT_IF_ANY, CASE_IF_ANY),
    )
    id: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[str]
    key: Mapped[str] = mapped_column(unique=True)
    payload: Mapped[dict[str, Any]]
    region_code: Mapped[str | None]
    organisation_id: Mapped[UUID | None]
    project_id: Mapped[UUID | None]
    case_id: Mapped[UUID | None]
    state: Mapped[str]
    attempts: Mapped[int]
    run_at: Mapped[datetime]
    claim: Mapped[UUID | None]
    leased_until: Mapped[datetime | None]
    asked_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    last_error: Mapped[str | None]
