"""What evaluations and cases share: experts, panels, assignments, frozen copies, score sheets (Art. 9, 11, 13)."""

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, Numeric, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import CASE_IF_ANY, REGION, Base, TableClass, Versioned, declare, one_of


class SubjectOfReview(StrEnum):
    EVALUATION = "evaluation"
    CASE = "case"


class AssignmentState(StrEnum):
    INVITED = "invited"
    ACCEPTED = "accepted"
    DECLARED = "declared"
    DONE = "done"
    DECLINED = "declined"
    SUSPENDED = "suspended"
    VOIDED = "voided"


LIVE = (AssignmentState.INVITED, AssignmentState.ACCEPTED, AssignmentState.DECLARED, AssignmentState.DONE)


class SheetState(StrEnum):
    DRAFT = "draft"
    SUBMITTED = "submitted"
    SEALED = "sealed"
    VOIDED = "voided"


class Expert(Versioned, Base):
    """A member of the expert pool (专家库)."""

    __tablename__ = "experts"
    __table_args__ = declare(TableClass.IDENTITY)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("people.id"), primary_key=True)
    specialties: Mapped[list[str]]
    active: Mapped[bool]
    term_ends_on: Mapped[date | None]


class Panel(Versioned, Base):
    """The panel on one subject: how many seats, how many sheets it takes, and how far it is."""

    __tablename__ = "panels"
    __table_args__ = (
        one_of("subject_kind", SubjectOfReview),
        one_of("state", ("forming", "reviewing", "complete", "blocked_quorum")),
        CheckConstraint("seats >= 1 AND reserves >= 0 AND quorum BETWEEN 1 AND seats", name="seats_in_order"),
        UniqueConstraint("subject_kind", "subject_id"),
        UniqueConstraint("id", "region_code"),
        declare(TableClass.JUDGEMENT, REGION, CASE_IF_ANY),
    )
    id: Mapped[UUID] = mapped_column(primary_key=True)
    subject_kind: Mapped[str]
    subject_id: Mapped[UUID]
    # The cycle or the case round by whose seed members are drawn.
    occasion_id: Mapped[UUID]
    region_code: Mapped[str] = mapped_column(ForeignKey("regions.code"))
    case_id: Mapped[UUID | None]
    year: Mapped[int]
    title: Mapped[str | None]
    due_on: Mapped[date | None]
    criteria: Mapped[list[Any]]
    seats: Mapped[int]
    reserves: Mapped[int]
    quorum: Mapped[int]
    state: Mapped[str]


class Draw(Base):
    """A draw (随机抽取) of a panel: its list and what came of it, as pseudonyms that are the panel's own."""

    __tablename__ = "draws"
    __table_args__ = (
        UniqueConstraint("panel_id", "number"),
        ForeignKeyConstraint(["panel_id", "region_code"], ["panels.id", "panels.region_code"]),
        declare(TableClass.JUDGEMENT, REGION, CASE_IF_ANY),
    )
    id: Mapped[UUID] = mapped_column(primary_key=True)
    panel_id: Mapped[UUID]
    region_code: Mapped[str]
    case_id: Mapped[UUID | None]
    number: Mapped[int]
    # Of draws from before there was a seed of the cycle or the round: made in the worker, each its own.
    seed: Mapped[str | None]
    candidates: Mapped[list[Any]]
    candidates_sha256: Mapped[str]
    excluded: Mapped[dict[str, Any]]
    # In the order of the draw: as many as took a seat, then the reserves.
    drawn: Mapped[list[Any]]
    seated: Mapped[int]
    drawn_at: Mapped[datetime]


class Assignment(Versioned, Base):
    """One person on one panel. A reserve sits only once promoted; `resume_to` is where a suspension returns."""

    __tablename__ = "assignments"
    __table_args__ = (
        one_of("state", AssignmentState),
        one_of("method", ("drawn", "named")),
        UniqueConstraint("panel_id", "person_id"),
        UniqueConstraint("id", "region_code"),
        ForeignKeyConstraint(["panel_id", "region_code"], ["panels.id", "panels.region_code"]),
        Index("ix_assignments_person_id", "person_id"),
        declare(TableClass.JUDGEMENT, REGION, CASE_IF_ANY),
    )
    id: Mapped[UUID] = mapped_column(primary_key=True)
    panel_id: Mapped[UUID]
    subject_kind: Mapped[str]
    subject_id: Mapped[UUID]
    region_code: Mapped[str]
    case_id: Mapped[UUID | None]
    person_id: Mapped[UUID] = mapped_column(ForeignKey("people.id"))
    position: Mapped[int]
    is_reserve: Mapped[bool]
    method: Mapped[str]
    reason: Mapped[str | None]
    decline_reason: Mapped[str | None]
    state: Mapped[str]
    resume_to: Mapped[str | None]


class ReviewCopy(Base):
    """The frozen copy of the dossier that the panel judges: what the reviewers see, and nothing else."""

    __tablename__ = "review_copies"
    __table_args__ = (
        ForeignKeyConstraint(["panel_id", "region_code"], ["panels.id", "panels.region_code"]),
        declare(TableClass.JUDGEMENT, REGION, CASE_IF_ANY),
    )
    panel_id: Mapped[UUID] = mapped_column(primary_key=True)
    region_code: Mapped[str]
    case_id: Mapped[UUID | None]
    content: Mapped[dict[str, Any]]
    content_sha256: Mapped[str]
    frozen_at: Mapped[datetime]


class ScoreSheet(Versioned, Base):
    """A reviewer's sheet: raw scores by criterion, signed on submission; voided, never deleted (评审意见无效)."""

    __tablename__ = "score_sheets"
    __table_args__ = (
        one_of("state", SheetState),
        UniqueConstraint("assignment_id"),
        ForeignKeyConstraint(["assignment_id", "region_code"], ["assignments.id", "assignments.region_code"]),
        Index("ix_score_sheets_panel_id", "panel_id"),
        Index("ix_score_sheets_person_id", "person_id"),
        declare(TableClass.JUDGEMENT, REGION, CASE_IF_ANY),
    )
    id: Mapped[UUID] = mapped_column(primary_key=True)
    assignment_id: Mapped[UUID]
    panel_id: Mapped[UUID]
    region_code: Mapped[str]
    case_id: Mapped[UUID | None]
    person_id: Mapped[UUID] = mapped_column(ForeignKey("people.id"))
    scores: Mapped[dict[str, Any]]
    opinion: Mapped[str | None]
    state: Mapped[str]
    total: Mapped[Decimal | None] = mapped_column(Numeric(9, 4))
    # Into the signature, so that its hash in the audit gives no score away to who tries them all.
    salt: Mapped[UUID]
    signature: Mapped[str | None]
    submitted_at: Mapped[datetime | None]
