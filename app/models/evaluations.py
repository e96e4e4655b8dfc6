"""The evaluation of the previous year (Art. 8-10): scheme, cycle, self-evaluation, appraisal file, result."""

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, Numeric, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import REGION, Base, TableClass, Versioned, declare, one_of


class EvaluationScheme(Base):
    """An evaluation method (评估办法) as data, frozen by hash once a cycle uses it. What ships is 示例."""

    __tablename__ = "evaluation_schemes"
    __table_args__ = (UniqueConstraint("code", "version"), declare(TableClass.REFERENCE))
    id: Mapped[UUID] = mapped_column(primary_key=True)
    code: Mapped[str]
    version: Mapped[int]
    title: Mapped[str]
    is_example: Mapped[bool]
    content: Mapped[dict[str, Any]]
    content_sha256: Mapped[str]
    adopted_at: Mapped[datetime]


class CyclePhase(StrEnum):
    OPEN = "open"
    REVIEWING = "reviewing"
    CLOSED = "closed"
    PUBLISHED = "published"


class EvaluationCycle(Versioned, Base):
    """One year's evaluation: of the year before it (Art. 9). The calendar is everybody's to know."""

    __tablename__ = "evaluation_cycles"
    __table_args__ = (
        one_of("phase", CyclePhase),
        CheckConstraint("assessment_year = submission_year - 1", name="previous_year"),
        UniqueConstraint("assessment_year"),
        declare(TableClass.REFERENCE),
    )
    id: Mapped[UUID] = mapped_column(primary_key=True)
    assessment_year: Mapped[int]
    submission_year: Mapped[int]
    scheme_id: Mapped[UUID] = mapped_column(ForeignKey("evaluation_schemes.id"))
    scheme_sha256: Mapped[str]
    due_on: Mapped[date]
    phase: Mapped[str]


class EvaluationState(StrEnum):
    DRAFT = "draft"
    AWAITING_SIGNATURE = "awaiting_signature"
    SUBMITTED = "submitted"
    ACCEPTED = "accepted"
    RETURNED = "returned"


class Evaluation(Versioned, Base):
    """A region's self-evaluation (自查自评) in a cycle."""

    __tablename__ = "evaluations"
    __table_args__ = (
        one_of("state", EvaluationState),
        UniqueConstraint("cycle_id", "region_code"),
        UniqueConstraint("id", "region_code"),
        Index("ix_evaluations_updated_at", "updated_at", "id"),
        declare(TableClass.DOSSIER, REGION),
    )
    id: Mapped[UUID] = mapped_column(primary_key=True)
    cycle_id: Mapped[UUID] = mapped_column(ForeignKey("evaluation_cycles.id"))
    region_code: Mapped[str] = mapped_column(ForeignKey("regions.code"))
    assessment_year: Mapped[int]
    state: Mapped[str]
    latest_version: Mapped[int | None]
    submitted_by: Mapped[UUID | None] = mapped_column(ForeignKey("people.id"))
    submitted_at: Mapped[datetime | None]
    send_back_reason: Mapped[str | None]


class EvaluationItem(Versioned, Base):
    """One criterion's part: pre-filled from plan and library, completed by the region. The region's own."""

    __tablename__ = "evaluation_items"
    __table_args__ = (
        UniqueConstraint("evaluation_id", "criterion_code"),
        ForeignKeyConstraint(["evaluation_id", "region_code"], ["evaluations.id", "evaluations.region_code"]),
        declare(TableClass.DOSSIER, REGION),
    )
    id: Mapped[UUID] = mapped_column(primary_key=True)
    evaluation_id: Mapped[UUID]
    region_code: Mapped[str]
    criterion_code: Mapped[str]
    position: Mapped[int]
    prefilled: Mapped[dict[str, Any]]
    reported_value: Mapped[Decimal | None]
    statement: Mapped[str | None]
    evidence: Mapped[list[Any]]


class EvaluationVersion(Base):
    """What the region signed and sent: immutable, hashed."""

    __tablename__ = "evaluation_versions"
    __table_args__ = (
        ForeignKeyConstraint(["evaluation_id", "region_code"], ["evaluations.id", "evaluations.region_code"]),
        declare(TableClass.DOSSIER, REGION),
    )
    evaluation_id: Mapped[UUID] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    region_code: Mapped[str]
    content: Mapped[dict[str, Any]]
    content_sha256: Mapped[str]
    submitted_by: Mapped[UUID] = mapped_column(ForeignKey("people.id"))
    signed_by: Mapped[UUID] = mapped_column(ForeignKey("people.id"))
    signed_at: Mapped[datetime]


class EvaluationDecision(Base):
    """The office's answer to a version: accepted, or returned with reasons per item."""

    __tablename__ = "evaluation_decisions"
    __table_args__ = (
        one_of("outcome", ("accepted", "returned")),
        UniqueConstraint("evaluation_id", "version_number"),
        ForeignKeyConstraint(["evaluation_id", "region_code"], ["evaluations.id", "evaluations.region_code"]),
        declare(TableClass.PROCEEDING, REGION),
    )
    id: Mapped[UUID] = mapped_column(primary_key=True)
    evaluation_id: Mapped[UUID]
    region_code: Mapped[str]
    version_number: Mapped[int]
    outcome: Mapped[str]
    remarks: Mapped[list[Any]]
    note: Mapped[str | None]
    decided_by: Mapped[UUID] = mapped_column(ForeignKey("people.id"))
    decided_at: Mapped[datetime]


class FileState(StrEnum):
    UNDER_REVIEW = "under_review"
    APPRAISED = "appraised"
    GRADED = "graded"
    APPROVED = "approved"
    PUBLISHED = "published"


class AppraisalFile(Versioned, Base):
    """The judgement on one region's year, one to one with its evaluation; no region ever sees its state."""

    __tablename__ = "appraisal_files"
    __table_args__ = (
        one_of("state", FileState),
        UniqueConstraint("evaluation_id"),
        UniqueConstraint("id", "region_code"),
        declare(TableClass.JUDGEMENT, REGION),
    )
    id: Mapped[UUID] = mapped_column(primary_key=True)
    evaluation_id: Mapped[UUID]
    cycle_id: Mapped[UUID] = mapped_column(ForeignKey("evaluation_cycles.id"))
    region_code: Mapped[str]
    state: Mapped[str]
    stale: Mapped[bool]
    blocked_quorum: Mapped[bool]
    under_correction: Mapped[bool]
    appraisal_score: Mapped[Decimal | None] = mapped_column(Numeric(9, 4))
    appraisal_reason: Mapped[str | None]
    # Into the hash that the audit keeps, so that it gives no score away.
    appraisal_salt: Mapped[UUID | None]
    appraised_by: Mapped[UUID | None] = mapped_column(ForeignKey("people.id"))
    approved_by: Mapped[UUID | None] = mapped_column(ForeignKey("people.id"))
    latest_result: Mapped[int | None]
    # Appraisals and approvals by who was recused later (评议意见无效): kept, never counted. Written by the gate.
    voided: Mapped[list[Any]] = mapped_column(default=list)


class ResultVersion(Base):
    """A computed result with everything needed to compute it again. Immutable; numbers never leave the house."""

    __tablename__ = "result_versions"
    __table_args__ = (
        ForeignKeyConstraint(["file_id", "region_code"], ["appraisal_files.id", "appraisal_files.region_code"]),
        declare(TableClass.JUDGEMENT, REGION),
    )
    file_id: Mapped[UUID] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    region_code: Mapped[str]
    total: Mapped[Decimal] = mapped_column(Numeric(9, 4))
    grade: Mapped[str]
    explanation: Mapped[dict[str, Any]]
    explanation_sha256: Mapped[str]
    computed_at: Mapped[datetime]


class DisclosedExplanation(Base):
    """What the region itself is told with a publication (反馈): how its result comes about, frozen. Never a seat,
    an author, a sheet that does not count or an internal number.
    """

    __tablename__ = "disclosed_explanations"
    __table_args__ = (
        ForeignKeyConstraint(["file_id", "region_code"], ["appraisal_files.id", "appraisal_files.region_code"]),
        Index("ix_disclosed_explanations_evaluation_id", "evaluation_id"),
        declare(TableClass.JUDGEMENT, REGION),
    )
    file_id: Mapped[UUID] = mapped_column(primary_key=True)
    publication_number: Mapped[int] = mapped_column(primary_key=True)
    evaluation_id: Mapped[UUID]
    region_code: Mapped[str]
    content: Mapped[dict[str, Any]]
    content_sha256: Mapped[str]
    disclosed_at: Mapped[datetime]
