"""Typical cases (典型案例, Art. 12-13): yearly round, a region's case, the judgement on it."""

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, Numeric, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import (
    CASE,
    CASE_ITSELF,
    PROJECT_IF_ANY,
    REGION,
    Base,
    TableClass,
    Versioned,
    declare,
    one_of,
)


class RoundPhase(StrEnum):
    OPEN = "open"
    REVIEWING = "reviewing"
    CLOSED = "closed"
    PUBLISHED = "published"


class CaseRound(Versioned, Base):
    """A year's selection: quota per region, weights of the four criteria, size of the panels. Its calendar is
    everybody's to know.
    """

    __tablename__ = "case_rounds"
    __table_args__ = (
        one_of("phase", RoundPhase),
        CheckConstraint("seats >= 1 AND reserves >= 0 AND quorum BETWEEN 1 AND seats", name="seats_in_order"),
        UniqueConstraint("year"),
        declare(TableClass.REFERENCE),
    )
    id: Mapped[UUID] = mapped_column(primary_key=True)
    year: Mapped[int]
    title: Mapped[str]
    due_on: Mapped[date]
    quota: Mapped[int]
    selected_at_most: Mapped[int]
    criteria: Mapped[list[Any]]
    criteria_sha256: Mapped[str]
    seats: Mapped[int] = mapped_column(default=3)
    reserves: Mapped[int] = mapped_column(default=1)
    quorum: Mapped[int] = mapped_column(default=3)
    phase: Mapped[str]


class CaseState(StrEnum):
    DRAFT = "draft"
    RECOMMENDED = "recommended"
    RETURNED = "returned"


class Case(Versioned, Base):
    """A region's case. Text by the four criteria: 模式创新性、实际成效显著性、经验可推广性、运作规范性.

    `edited_by`: everybody who changed it after `prepared_by` began it.
    """

    __tablename__ = "cases"
    __table_args__ = (
        one_of("state", CaseState),
        UniqueConstraint("id", "region_code"),
        ForeignKeyConstraint(["project_id", "region_code"], ["projects.id", "projects.region_code"]),
        Index("ix_cases_updated_at", "updated_at", "id"),
        Index("ix_cases_project_id", "project_id"),
        declare(TableClass.DOSSIER, REGION, PROJECT_IF_ANY, CASE_ITSELF),
    )
    id: Mapped[UUID] = mapped_column(primary_key=True)
    round_id: Mapped[UUID] = mapped_column(ForeignKey("case_rounds.id"))
    region_code: Mapped[str] = mapped_column(ForeignKey("regions.code"))
    project_id: Mapped[UUID | None]
    title: Mapped[str]
    mode_code: Mapped[str | None] = mapped_column(ForeignKey("conversion_modes.code"))
    summary: Mapped[str | None]
    innovation: Mapped[str | None]
    results: Mapped[str | None]
    transferability: Mapped[str | None]
    regularity: Mapped[str | None]
    state: Mapped[str]
    prepared_by: Mapped[UUID] = mapped_column(ForeignKey("people.id"))
    edited_by: Mapped[list[UUID]] = mapped_column(default=list)
    recommended_by: Mapped[UUID | None] = mapped_column(ForeignKey("people.id"))
    recommended_at: Mapped[datetime | None]


class CaseDecision(Base):
    """The office's return of a recommended case with remarks (退回修改)."""

    __tablename__ = "case_decisions"
    __table_args__ = (
        one_of("outcome", ("returned",)),
        ForeignKeyConstraint(["case_id", "region_code"], ["cases.id", "cases.region_code"]),
        Index("ix_case_decisions_case_id", "case_id"),
        declare(TableClass.PROCEEDING, REGION, CASE),
    )
    id: Mapped[UUID] = mapped_column(primary_key=True)
    case_id: Mapped[UUID]
    region_code: Mapped[str]
    outcome: Mapped[str]
    note: Mapped[str]
    decided_by: Mapped[UUID] = mapped_column(ForeignKey("people.id"))
    decided_at: Mapped[datetime]


class CaseFileState(StrEnum):
    UNDER_REVIEW = "under_review"
    SCORED = "scored"
    SELECTED = "selected"
    NOT_SELECTED = "not_selected"
    PUBLISHED = "published"


class CaseFile(Versioned, Base):
    """The judgement on one case, one to one with it."""

    __tablename__ = "case_files"
    __table_args__ = (
        one_of("state", CaseFileState),
        UniqueConstraint("case_id"),
        ForeignKeyConstraint(["case_id", "region_code"], ["cases.id", "cases.region_code"]),
        declare(TableClass.JUDGEMENT, REGION, CASE),
    )
    id: Mapped[UUID] = mapped_column(primary_key=True)
    case_id: Mapped[UUID]
    round_id: Mapped[UUID] = mapped_column(ForeignKey("case_rounds.id"))
    region_code: Mapped[str]
    state: Mapped[str]
    stale: Mapped[bool]
    blocked_quorum: Mapped[bool]
    under_correction: Mapped[bool]
    total: Mapped[Decimal | None] = mapped_column(Numeric(9, 4))
    explanation: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
