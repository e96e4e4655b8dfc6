"""Yearly plans (年度计划, Art. 3): the region's working copy, the versions it sent, the office's answers.

The working copy (`plan_drafts` and the items) is read by the region's own staff only; everybody else
who may see the plan reads the frozen versions. The office's acts are rows of their own (a proceeding),
which is where a recusal bites.
"""

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import REGION, Base, TableClass, Versioned, declare, one_of


class PlanState(StrEnum):
    DRAFT = "draft"
    AWAITING_SIGNATURE = "awaiting_signature"
    SUBMITTED = "submitted"
    FILED = "filed"
    RETURNED = "returned"
    AMENDING = "amending"


class Plan(Versioned, Base):
    """One live plan for a region and year. `version` ignores the items; submitting locks them."""

    __tablename__ = "plans"
    __table_args__ = (
        one_of("state", PlanState),
        CheckConstraint("year BETWEEN 2000 AND 2100", name="year_range"),
        UniqueConstraint("region_code", "year"),
        UniqueConstraint("id", "region_code"),
        Index("ix_plans_updated_at", "updated_at", "id"),
        declare(TableClass.DOSSIER, REGION),
    )
    id: Mapped[UUID] = mapped_column(primary_key=True)
    region_code: Mapped[str] = mapped_column(ForeignKey("regions.code"))
    year: Mapped[int]
    state: Mapped[str]
    latest_version: Mapped[int | None]
    submitted_by: Mapped[UUID | None] = mapped_column(ForeignKey("people.id"))
    submitted_at: Mapped[datetime | None]


class PlanDraft(Base):
    """The working copy's own text; kept apart from `plans` because only the region's staff read it."""

    __tablename__ = "plan_drafts"
    __table_args__ = (
        ForeignKeyConstraint(["plan_id", "region_code"], ["plans.id", "plans.region_code"]),
        declare(TableClass.DOSSIER, REGION),
    )
    plan_id: Mapped[UUID] = mapped_column(primary_key=True)
    region_code: Mapped[str]
    resource_assessment: Mapped[str | None]
    overview: Mapped[str | None]
    amendment_reason: Mapped[str | None]
    send_back_reason: Mapped[str | None]


class PlanItem(Versioned):
    """What the sub-resources share: each has its own version, for several departments fill one plan."""

    id: Mapped[UUID] = mapped_column(primary_key=True)
    plan_id: Mapped[UUID]
    region_code: Mapped[str]
    position: Mapped[int] = mapped_column(default=0)
    responsible_organisation_id: Mapped[UUID | None] = mapped_column(ForeignKey("organisations.id"))


def _item_args(table: str, *more: Any) -> tuple[Any, ...]:
    return (
        *more,
        ForeignKeyConstraint(["plan_id", "region_code"], ["plans.id", "plans.region_code"]),
        Index(f"ix_{table}_plan_id", "plan_id"),
        declare(TableClass.DOSSIER, REGION),
    )


class PlanTarget(PlanItem, Base):
    """A yearly target (年度目标) on a shared indicator."""

    __tablename__ = "plan_targets"
    __table_args__ = _item_args(__tablename__, UniqueConstraint("plan_id", "indicator_code"))
    indicator_code: Mapped[str] = mapped_column(ForeignKey("indicators.code"))
    baseline_value: Mapped[Decimal | None]
    target_value: Mapped[Decimal]
    note: Mapped[str | None]


class PlanTask(PlanItem, Base):
    """A key task (重点任务)."""

    __tablename__ = "plan_tasks"
    __table_args__ = _item_args(__tablename__)
    title: Mapped[str]
    content: Mapped[str]
    due_on: Mapped[date | None]


class PlanArrangement(PlanItem, Base):
    """A project arrangement (项目安排); it may point at a project of the library."""

    __tablename__ = "plan_arrangements"
    __table_args__ = _item_args(__tablename__)
    project_id: Mapped[UUID | None] = mapped_column(ForeignKey("projects.id"))
    name: Mapped[str]
    content: Mapped[str]
    planned_investment: Mapped[Decimal | None]
    starts_on: Mapped[date | None]
    ends_on: Mapped[date | None]


class PlanSafeguard(PlanItem, Base):
    """A safeguard (保障措施)."""

    __tablename__ = "plan_safeguards"
    __table_args__ = _item_args(
        __tablename__, one_of("kind", ("organisation", "funding", "policy", "technology", "land", "other"))
    )
    kind: Mapped[str]
    content: Mapped[str]


class PlanPreparer(PlanItem, Base):
    """Who wrote the plan (编制单位/人员): a ground for recusal later, so it is asked for now (Art. 11)."""

    __tablename__ = "plan_preparers"
    __table_args__ = _item_args(
        __tablename__,
        CheckConstraint("organisation_id IS NOT NULL OR person_id IS NOT NULL OR name IS NOT NULL", name="somebody"),
    )
    organisation_id: Mapped[UUID | None] = mapped_column(ForeignKey("organisations.id"))
    person_id: Mapped[UUID | None] = mapped_column(ForeignKey("people.id"))
    name: Mapped[str | None]


class PlanVersion(Base):
    """What the region signed and sent (签发): immutable, hashed, comparable."""

    __tablename__ = "plan_versions"
    __table_args__ = (
        ForeignKeyConstraint(["plan_id", "region_code"], ["plans.id", "plans.region_code"]),
        CheckConstraint("number >= 1", name="number_from_one"),
        declare(TableClass.DOSSIER, REGION),
    )
    plan_id: Mapped[UUID] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    region_code: Mapped[str]
    content: Mapped[dict[str, Any]]
    content_hash: Mapped[str]
    submitted_by: Mapped[UUID] = mapped_column(ForeignKey("people.id"))
    signed_by: Mapped[UUID] = mapped_column(ForeignKey("people.id"))
    signed_at: Mapped[datetime]
    document_number: Mapped[str]
    document_date: Mapped[date]
    amendment_reason: Mapped[str | None]


class PlanFiling(Base):
    """The office's answer to a version: filed (备案) under a number, or returned for completion (退回补正)."""

    __tablename__ = "plan_filings"
    __table_args__ = (
        one_of("outcome", ("filed", "returned")),
        CheckConstraint("(outcome = 'filed') = (filing_number IS NOT NULL)", name="number_when_filed"),
        ForeignKeyConstraint(["plan_id", "region_code"], ["plans.id", "plans.region_code"]),
        ForeignKeyConstraint(["plan_id", "version_number"], ["plan_versions.plan_id", "plan_versions.number"]),
        UniqueConstraint("plan_id", "version_number"),
        UniqueConstraint("filing_number"),
        declare(TableClass.PROCEEDING, REGION),
    )
    id: Mapped[UUID] = mapped_column(primary_key=True)
    plan_id: Mapped[UUID]
    region_code: Mapped[str]
    version_number: Mapped[int]
    outcome: Mapped[str]
    filing_number: Mapped[str | None]
    decided_by: Mapped[UUID] = mapped_column(ForeignKey("people.id"))
    decided_at: Mapped[datetime]
    note: Mapped[str | None]
    remarks: Mapped[list[Any]]


class PlanFilingSeries(Base):
    """The last filing number given in a year: numbers have no gaps, and none is given twice."""

    __tablename__ = "plan_filing_series"
    __table_args__ = declare(TableClass.MACHINERY)
    year: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    last: Mapped[int]
