"""Commitments, declarations and recusals (回避, Art. 11).

`recusals` is the deciders' own: the person it concerns never learns from it who started it, and reads
`recusal_notices` instead. Both are written by gate functions only, and so is the projection `walls`.
"""

from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import (
    CASE_IF_ANY,
    ORGANISATION_IF_ANY,
    PROJECT_IF_ANY,
    REGION,
    REGION_IF_ANY,
    Base,
    TableClass,
    Versioned,
    declare,
    one_of,
)


class Initiator(StrEnum):
    """Who starts a recusal: 自行回避, 申请回避, 提供情况, 决定（指令）回避, or a check that found a fact."""

    SELF = "self"
    INTERESTED_PARTY = "interested_party"
    INFORMANT = "informant"
    EX_OFFICIO = "ex_officio"
    DETECTED = "detected"


class RecusalState(StrEnum):
    PENDING = "pending"
    PROVISIONAL = "provisional"
    IN_FORCE = "in_force"
    REJECTED = "rejected"
    LIFTED = "lifted"


_SUBJECTS = (REGION_IF_ANY, ORGANISATION_IF_ANY, PROJECT_IF_ANY, CASE_IF_ANY)
_ONE_SUBJECT = "num_nonnulls(region_code, organisation_id, project_id, case_id) = 1"


class CommitmentText(Base):
    """The wording that people sign (承诺书), by version. What ships is an example (示例)."""

    __tablename__ = "commitment_texts"
    __table_args__ = declare(TableClass.REFERENCE)
    version: Mapped[int] = mapped_column(primary_key=True)
    text_zh: Mapped[str]
    sha256: Mapped[str]
    is_example: Mapped[bool]


class Commitment(Base):
    """A person's commitment to integrity for a year (廉洁自律承诺)."""

    __tablename__ = "commitments"
    __table_args__ = (
        UniqueConstraint("person_id", "year"),
        CheckConstraint("year BETWEEN 2000 AND 2100", name="year_range"),
        declare(TableClass.CONFLICT),
    )
    id: Mapped[UUID] = mapped_column(primary_key=True)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("people.id"))
    year: Mapped[int]
    text_version: Mapped[int] = mapped_column(ForeignKey("commitment_texts.version"))
    text_sha256: Mapped[str]
    signed_at: Mapped[datetime]


class Declaration(Base):
    """What a person declares of interests: for a year, and again for each assignment. Append-only."""

    __tablename__ = "declarations"
    __table_args__ = (
        UniqueConstraint("person_id", "year", "assignment_id", postgresql_nulls_not_distinct=True),
        CheckConstraint("year BETWEEN 2000 AND 2100", name="year_range"),
        declare(TableClass.CONFLICT),
    )
    id: Mapped[UUID] = mapped_column(primary_key=True)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("people.id"))
    year: Mapped[int]
    assignment_id: Mapped[UUID | None]
    has_interests: Mapped[bool]
    interests: Mapped[list[Any]]
    declared_at: Mapped[datetime]


class Recusal(Versioned, Base):
    """A recusal from one subject, from its start to its end."""

    __tablename__ = "recusals"
    __table_args__ = (
        one_of("initiator", Initiator),
        one_of("state", RecusalState),
        CheckConstraint(_ONE_SUBJECT, name="one_subject"),
        Index("ix_recusals_person_id", "person_id"),
        Index("ix_recusals_region_code", "region_code"),
        declare(TableClass.CONFLICT, *_SUBJECTS),
    )
    id: Mapped[UUID] = mapped_column(primary_key=True)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("people.id"))
    region_code: Mapped[str | None] = mapped_column(ForeignKey("regions.code"))
    organisation_id: Mapped[UUID | None] = mapped_column(ForeignKey("organisations.id"))
    project_id: Mapped[UUID | None] = mapped_column(ForeignKey("projects.id"))
    case_id: Mapped[UUID | None]
    # What else it bars from, by walls' subjects: kept once reached, until the recusal ends.
    reaches: Mapped[list[str]]
    initiator: Mapped[str]
    initiated_by: Mapped[UUID | None] = mapped_column(ForeignKey("people.id"))
    relation_code: Mapped[str] = mapped_column(ForeignKey("relations.code"))
    statement: Mapped[str]
    # By whose act a check found it, where nobody started it: a principal, of either kind.
    attributed_to: Mapped[UUID | None]
    state: Mapped[str]
    declared_at: Mapped[datetime]
    # By when it is to be decided; set by the database from the calendar, at its start.
    due_on: Mapped[date | None]


class RecusalDecision(Base):
    """A decision with its reason (回避决定): append-only. Lifting takes two, by two people."""

    __tablename__ = "recusal_decisions"
    __table_args__ = (
        one_of("outcome", ("in_force", "rejected", "lift_proposed", "lifted")),
        CheckConstraint("length(reason) >= 2", name="reason_given"),
        UniqueConstraint("recusal_id", "number"),
        declare(TableClass.CONFLICT, *_SUBJECTS),
    )
    id: Mapped[UUID] = mapped_column(primary_key=True)
    recusal_id: Mapped[UUID] = mapped_column(ForeignKey("recusals.id"))
    number: Mapped[int]
    person_id: Mapped[UUID]
    region_code: Mapped[str | None]
    organisation_id: Mapped[UUID | None]
    project_id: Mapped[UUID | None]
    case_id: Mapped[UUID | None]
    outcome: Mapped[str]
    reason: Mapped[str]
    legal_basis: Mapped[str | None]
    legal_basis_version: Mapped[int | None]
    decided_by: Mapped[UUID] = mapped_column(ForeignKey("people.id"))
    decided_at: Mapped[datetime]


class SuperiorDecision(Base):
    """What the superior authority has written (上级机关决定) where nobody in the league may decide: recorded by one,
    confirmed by another; one that was put right before is withdrawn.
    """

    __tablename__ = "superior_decisions"
    __table_args__ = (
        one_of("outcome", ("in_force", "rejected")),
        CheckConstraint("confirmed_by <> recorded_by", name="two_people"),
        declare(TableClass.CONFLICT, *_SUBJECTS),
    )
    id: Mapped[UUID] = mapped_column(primary_key=True)
    recusal_id: Mapped[UUID] = mapped_column(ForeignKey("recusals.id"), index=True)
    region_code: Mapped[str | None]
    organisation_id: Mapped[UUID | None]
    project_id: Mapped[UUID | None]
    case_id: Mapped[UUID | None]
    authority: Mapped[str]
    document_number: Mapped[str]
    issued_on: Mapped[date]
    outcome: Mapped[str]
    reason: Mapped[str]
    legal_basis: Mapped[str | None]
    recorded_by: Mapped[UUID] = mapped_column(ForeignKey("people.id"))
    recorded_at: Mapped[datetime]
    confirmed_by: Mapped[UUID | None] = mapped_column(ForeignKey("people.id"))
    confirmed_at: Mapped[datetime | None]
    withdrawn_at: Mapped[datetime | None]


class RecusalNotice(Base):
    """What the person concerned may know: subject, state, since when, and the reason once decided.

    Never the initiator; a pending application is not told at all.
    """

    __tablename__ = "recusal_notices"
    __table_args__ = (one_of("state", RecusalState), declare(TableClass.CONFLICT))
    recusal_id: Mapped[UUID] = mapped_column(ForeignKey("recusals.id"), primary_key=True)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("people.id"), index=True)
    subject_kind: Mapped[str]
    subject_key: Mapped[str]
    state: Mapped[str]
    since: Mapped[datetime]
    reason: Mapped[str | None]
    legal_basis: Mapped[str | None]
    legal_basis_version: Mapped[int | None]
    updated_at: Mapped[datetime]


class ExclusionName(Base):
    """Whom a region asks not to be reviewed by: three at most, with a reason, and advisory (列名回避建议)."""

    __tablename__ = "exclusion_names"
    __table_args__ = (
        CheckConstraint("position BETWEEN 1 AND 3", name="three_at_most"),
        UniqueConstraint("evaluation_id", "position"),
        ForeignKeyConstraint(["evaluation_id", "region_code"], ["evaluations.id", "evaluations.region_code"]),
        declare(TableClass.CONFLICT, REGION),
    )
    id: Mapped[UUID] = mapped_column(primary_key=True)
    evaluation_id: Mapped[UUID]
    region_code: Mapped[str]
    position: Mapped[int]
    name: Mapped[str]
    organisation: Mapped[str | None]
    reason: Mapped[str]
    named_by: Mapped[UUID] = mapped_column(ForeignKey("people.id"))
    named_at: Mapped[datetime]
