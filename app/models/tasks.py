"""Reporting tasks (报送任务): what the office asks the regions for, and until when."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import REGION, Base, TableClass, Versioned, declare, one_of


class ReportingTask(Versioned, Base):
    """Every principal may know what is asked; who is late is derived, never stored."""

    __tablename__ = "reporting_tasks"
    __table_args__ = (
        one_of("kind", ("plan",)),
        one_of("state", ("open", "closed")),
        Index("ix_reporting_tasks_due_on", "due_on", "id"),
        declare(TableClass.REFERENCE),
    )
    id: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[str]
    title: Mapped[str]
    year: Mapped[int]
    due_on: Mapped[date]
    state: Mapped[str]
    note: Mapped[str | None]
    issued_by: Mapped[UUID] = mapped_column(ForeignKey("people.id"))
    issued_at: Mapped[datetime]


class ReportingTaskRegion(Base):
    """A region that a task is addressed to, with its own due date once it was extended (by a reasoned act)."""

    __tablename__ = "reporting_task_regions"
    __table_args__ = declare(TableClass.PROCEEDING, REGION)
    task_id: Mapped[UUID] = mapped_column(ForeignKey("reporting_tasks.id"), primary_key=True)
    region_code: Mapped[str] = mapped_column(ForeignKey("regions.code"), primary_key=True)
    extended_to: Mapped[date | None]
    extension_reason: Mapped[str | None]
    extended_by: Mapped[UUID | None]
