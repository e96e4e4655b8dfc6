"""The key-project library (重点项目库, Art. 3): membership and building stage are two things."""

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Numeric,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import Text

from app.models.base import (
    ORGANISATION_IF_ANY,
    PROJECT,
    PROJECT_ITSELF,
    REGION,
    Base,
    TableClass,
    Versioned,
    declare,
    one_of,
)


class Membership(StrEnum):
    DRAFT = "draft"
    PROPOSED = "proposed"
    IN_LIBRARY = "in_library"
    DECLINED = "declined"
    LEFT = "left"


class BuildingStage(StrEnum):
    RESERVE = "reserve"
    PREPARATION = "preparation"
    CONSTRUCTION = "construction"
    COMPLETED = "completed"
    OPERATION = "operation"
    SUSPENDED = "suspended"


class Axis(StrEnum):
    """The regulation's own pair (Art. 4)."""

    ECOLOGY_TO_INDUSTRY = "ecology_to_industry"
    INDUSTRY_TO_ECOLOGY = "industry_to_ecology"


class Project(Versioned, Base):
    """A project with the four facts of Art. 3: content, investment entity, expected benefits, mode.

    `same_as`: this row is only a source's version of that project, which the office keeps. `owned_elsewhere`: members
    that a push of the project's own source does not change, because another source owns them; the worker's to write.
    """

    __tablename__ = "projects"
    __table_args__ = (
        one_of("membership", Membership),
        one_of("building_stage", BuildingStage),
        CheckConstraint("axis IN ('ecology_to_industry', 'industry_to_ecology')", name="axis_known"),
        CheckConstraint("ends_on IS NULL OR starts_on IS NULL OR ends_on >= starts_on", name="dates_in_order"),
        UniqueConstraint("id", "region_code"),
        Index("ix_projects_updated_at", "updated_at", "id"),
        Index("ix_projects_region_code", "region_code", "updated_at", "id"),
        Index("ix_projects_organisation_id", "organisation_id"),
        Index("ix_projects_national_code", "national_code", postgresql_where=text("national_code IS NOT NULL")),
        Index("ix_projects_same_as", "same_as", postgresql_where=text("same_as IS NOT NULL")),
        CheckConstraint("same_as <> id", name="same_as_another"),
        declare(TableClass.DOSSIER, REGION, ORGANISATION_IF_ANY, PROJECT_ITSELF),
    )
    id: Mapped[UUID] = mapped_column(primary_key=True)
    region_code: Mapped[str] = mapped_column(ForeignKey("regions.code"))
    organisation_id: Mapped[UUID | None] = mapped_column(ForeignKey("organisations.id"))
    practice_area_id: Mapped[UUID | None] = mapped_column(ForeignKey("practice_areas.id"))
    source_system: Mapped[str | None]
    name: Mapped[str]
    national_code: Mapped[str | None]
    construction_content: Mapped[str | None]
    primary_mode: Mapped[str | None] = mapped_column(ForeignKey("conversion_modes.code"))
    secondary_modes: Mapped[list[str]] = mapped_column(ARRAY(Text), default=list)
    axis: Mapped[str | None]
    membership: Mapped[str]
    building_stage: Mapped[str]
    starts_on: Mapped[date | None]
    ends_on: Mapped[date | None]
    expected_jobs: Mapped[int | None]
    expected_households: Mapped[int | None]
    expected_household_income_increase: Mapped[Decimal | None]
    expected_collective_income: Mapped[Decimal | None]
    expected_restored_area_mu: Mapped[Decimal | None]
    longitude: Mapped[Decimal | None] = mapped_column(Numeric(9, 6))
    latitude: Mapped[Decimal | None] = mapped_column(Numeric(9, 6))
    same_as: Mapped[UUID | None] = mapped_column(ForeignKey("projects.id"))
    owned_elsewhere: Mapped[list[str]] = mapped_column(ARRAY(Text), default=list, server_default=text("'{}'"))


def _child_args(*more: Any) -> tuple[Any, ...]:
    return (
        *more,
        ForeignKeyConstraint(["project_id", "region_code"], ["projects.id", "projects.region_code"]),
        declare(TableClass.DOSSIER, REGION, PROJECT),
    )


class ProjectExternalId(Base):
    """What another system calls the project: the key that a push matches by."""

    __tablename__ = "project_external_ids"
    __table_args__ = _child_args(Index("ix_project_external_ids_project_id", "project_id"))
    source_system: Mapped[str] = mapped_column(primary_key=True)
    external_id: Mapped[str] = mapped_column(primary_key=True)
    project_id: Mapped[UUID]
    region_code: Mapped[str]


class ProjectFunding(Base):
    """Money by source and year, in yuan; no year means the whole life of the project."""

    __tablename__ = "project_funding"
    __table_args__ = _child_args(
        UniqueConstraint("project_id", "source", "year", postgresql_nulls_not_distinct=True),
        CheckConstraint("planned >= 0 AND done >= 0", name="not_negative"),
    )
    id: Mapped[UUID] = mapped_column(primary_key=True)
    project_id: Mapped[UUID]
    region_code: Mapped[str]
    source: Mapped[str] = mapped_column(ForeignKey("funding_sources.code"))
    year: Mapped[int | None]
    planned: Mapped[Decimal]
    done: Mapped[Decimal]


class ProjectChange(Base):
    """The project's history (入库、调整、退库): every act with who, when, why and what changed.

    `version` is the project's after the act: the order of acts, even of those that share a moment.
    """

    __tablename__ = "project_changes"
    __table_args__ = _child_args(Index("ix_project_changes_project_id", "project_id", "version", "id"))
    id: Mapped[UUID] = mapped_column(primary_key=True)
    project_id: Mapped[UUID]
    region_code: Mapped[str]
    version: Mapped[int]
    occurred_at: Mapped[datetime]
    action: Mapped[str]
    actor_kind: Mapped[str]
    actor_id: Mapped[UUID]
    import_run_id: Mapped[UUID | None]
    reason: Mapped[str | None]
    changes: Mapped[dict[str, Any]]


class ProjectProposal(Versioned, Base):
    """What a source would have a member of the library say (Art. 3): it waits for the office, and the project stands.

    `after`: the public members that would change, as they would be. One of a source waits for a project at a time:
    the next takes its place (`superseded`), or says what stands already (`withdrawn`).
    """

    __tablename__ = "project_proposals"
    __table_args__ = (
        one_of("state", ("pending", "accepted", "declined", "superseded", "withdrawn")),
        ForeignKeyConstraint(["project_id", "region_code"], ["projects.id", "projects.region_code"]),
        Index(
            "uq_project_proposals_pending",
            "project_id",
            "source_system",
            unique=True,
            postgresql_where=text("state = 'pending'"),
        ),
        Index("ix_project_proposals_created_at", "created_at", "id", postgresql_where=text("state = 'pending'")),
        Index("ix_project_proposals_import_run_id", "import_run_id"),
        declare(TableClass.DOSSIER, REGION, ORGANISATION_IF_ANY, PROJECT),
    )
    id: Mapped[UUID] = mapped_column(primary_key=True)
    project_id: Mapped[UUID]
    region_code: Mapped[str]
    organisation_id: Mapped[UUID | None]
    source_system: Mapped[str]
    import_run_id: Mapped[UUID]
    proposed_by: Mapped[UUID]
    proposed_kind: Mapped[str]
    state: Mapped[str]
    after: Mapped[dict[str, Any]]


class ProjectDecision(Base):
    """The office's act (入库审定) on a project's membership, or on a change of a member that a source proposes."""

    __tablename__ = "project_decisions"
    __table_args__ = (
        one_of("outcome", ("admitted", "declined", "removed", "change_accepted", "change_declined")),
        CheckConstraint("outcome IN ('admitted', 'change_accepted') OR reason IS NOT NULL", name="reason_given"),
        CheckConstraint(
            "(outcome IN ('change_accepted', 'change_declined')) = (proposal_id IS NOT NULL)", name="of_what"
        ),
        ForeignKeyConstraint(["project_id", "region_code"], ["projects.id", "projects.region_code"]),
        Index("ix_project_decisions_project_id", "project_id"),
        declare(TableClass.PROCEEDING, REGION, ORGANISATION_IF_ANY, PROJECT),
    )
    id: Mapped[UUID] = mapped_column(primary_key=True)
    project_id: Mapped[UUID]
    region_code: Mapped[str]
    organisation_id: Mapped[UUID | None]
    outcome: Mapped[str]
    proposal_id: Mapped[UUID | None] = mapped_column(ForeignKey("project_proposals.id"))
    reason: Mapped[str | None]
    decided_by: Mapped[UUID] = mapped_column(ForeignKey("people.id"))
    decided_at: Mapped[datetime]
