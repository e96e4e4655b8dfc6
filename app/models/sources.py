"""Several systems, one project: pairs that a person decides on, who owns which member, what was withheld (Art. 3)."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import (
    ORGANISATION_IF_ANY,
    PROJECT,
    REGION,
    Base,
    Subject,
    SubjectKind,
    TableClass,
    Versioned,
    declare,
    one_of,
)

OTHER_REGION = Subject(SubjectKind.REGION, "other_region_code")
OTHER_PROJECT = Subject(SubjectKind.PROJECT, "other_project_id")
OTHER_ORGANISATION = Subject(SubjectKind.ORGANISATION, "other_organisation_id", nullable=True)


def _both() -> tuple[ForeignKeyConstraint, ForeignKeyConstraint]:
    """Each side repeats its project's region, bound by its key."""
    return (
        ForeignKeyConstraint(["project_id", "region_code"], ["projects.id", "projects.region_code"]),
        ForeignKeyConstraint(["other_project_id", "other_region_code"], ["projects.id", "projects.region_code"]),
    )


class ProjectMatch(Versioned, Base):
    """Two projects of different source systems that may be one (疑似重复): the same national code, or the same name in
    one region with one entity. Found by the worker over all rows; only a person says what they are.

    The one with the lesser id stands first. `kept_project_id`: of a pair that is `same`, the one that counts; the other
    stays as its source's version. `withdrawn`: neither ground holds any more.
    """

    __tablename__ = "project_matches"
    __table_args__ = (
        one_of("basis", ("national_code", "name")),
        one_of("state", ("open", "same", "distinct", "withdrawn")),
        CheckConstraint("project_id < other_project_id", name="in_order"),
        CheckConstraint("(state = 'same') = (kept_project_id IS NOT NULL)", name="kept_when_same"),
        CheckConstraint("kept_project_id IN (project_id, other_project_id)", name="kept_is_one_of_both"),
        UniqueConstraint("project_id", "other_project_id"),
        *_both(),
        Index("ix_project_matches_found_at", "found_at", "id"),
        Index("ix_project_matches_other_project_id", "other_project_id"),
        declare(TableClass.DOSSIER, REGION, PROJECT, OTHER_REGION, OTHER_PROJECT),
    )
    id: Mapped[UUID] = mapped_column(primary_key=True)
    project_id: Mapped[UUID]
    region_code: Mapped[str]
    other_project_id: Mapped[UUID]
    other_region_code: Mapped[str]
    basis: Mapped[str]
    state: Mapped[str]
    kept_project_id: Mapped[UUID | None]
    found_at: Mapped[datetime]
    import_run_id: Mapped[UUID | None]


class ProjectMatchDecision(Base):
    """The office's act on a pair, with the subjects of both sides as they were. `moved_from`: the membership that the
    version which does not count had, where the act ended it."""

    __tablename__ = "project_match_decisions"
    __table_args__ = (
        one_of("outcome", ("same", "distinct", "reopened")),
        *_both(),
        Index("ix_project_match_decisions_match_id", "match_id", "decided_at"),
        declare(
            TableClass.PROCEEDING,
            REGION,
            ORGANISATION_IF_ANY,
            PROJECT,
            OTHER_REGION,
            OTHER_ORGANISATION,
            OTHER_PROJECT,
        ),
    )
    id: Mapped[UUID] = mapped_column(primary_key=True)
    match_id: Mapped[UUID] = mapped_column(ForeignKey("project_matches.id"))
    project_id: Mapped[UUID]
    region_code: Mapped[str]
    organisation_id: Mapped[UUID | None]
    other_project_id: Mapped[UUID]
    other_region_code: Mapped[str]
    other_organisation_id: Mapped[UUID | None]
    outcome: Mapped[str]
    kept_project_id: Mapped[UUID | None]
    moved_from: Mapped[str | None]
    reason: Mapped[str]
    decided_by: Mapped[UUID] = mapped_column(ForeignKey("people.id"))
    decided_at: Mapped[datetime]


class ProjectWithheldWord(Base):
    """What a source said of a member that another source owns: the project does not say it, and it is not lost."""

    __tablename__ = "project_withheld_words"
    __table_args__ = (
        ForeignKeyConstraint(["project_id", "region_code"], ["projects.id", "projects.region_code"]),
        declare(TableClass.DOSSIER, REGION, PROJECT),
    )
    project_id: Mapped[UUID] = mapped_column(primary_key=True)
    member: Mapped[str] = mapped_column(primary_key=True)
    region_code: Mapped[str]
    said: Mapped[dict[str, Any]]
    import_run_id: Mapped[UUID]
    said_at: Mapped[datetime]


class FieldOwnership(Base):
    """Which source owns which member of a project that several tell of: configuration, a version for each change. The
    latest counts. `rules`: `{member, source_system, region_code or null}`."""

    __tablename__ = "field_ownerships"
    __table_args__ = (CheckConstraint("version >= 1", name="version_counts"), declare(TableClass.REFERENCE))
    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    rules: Mapped[list[Any]]
    reason: Mapped[str]
    decided_by: Mapped[UUID] = mapped_column(ForeignKey("people.id"))
    decided_at: Mapped[datetime]
