"""Exports' SQL: the library by the page, in an order that no change of a project alters."""

from typing import NamedTuple
from uuid import UUID

from sqlalchemy import func, literal, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from app.imports.reading.columns import FundingKey
from app.models.directory import Organisation
from app.models.projects import Project, ProjectExternalId, ProjectFunding
from app.projects import repository as projects
from app.projects.content import FundingLine
from app.projects.schemas import ProjectNarrowing

PAGE = 500


class Place(NamedTuple):
    """Where a page ends."""

    region_code: str
    id: UUID


class Exported(NamedTuple):
    """`entity`: name, kind and credit code of the investment entity."""

    project: Project
    entity: tuple[str | None, str | None, str | None]
    external_id: str | None
    funding: list[FundingLine]


async def page(session: AsyncSession, filters: ProjectNarrowing, after: Place | None) -> list[Exported]:
    """The next projects by region and id. The external id is that of the system asked for, else of the system that
    the project came from."""
    system = Project.source_system if filters.source_system is None else literal(filters.source_system)
    external_id = (
        select(func.min(ProjectExternalId.external_id))
        .where(ProjectExternalId.project_id == Project.id, ProjectExternalId.source_system == system)
        .correlate(Project)
        .scalar_subquery()
    )
    statement = projects.narrowed(
        select(Project, Organisation.name, Organisation.kind, Organisation.credit_code, external_id)
        .outerjoin(Organisation, Organisation.id == Project.organisation_id)
        .order_by(Project.region_code, Project.id)
        .limit(PAGE),
        filters,
    )
    if after is not None:
        keys = tuple_(Project.region_code, Project.id)
        statement = statement.where(keys > tuple_(literal(after.region_code), literal(after.id)))
    rows = (await session.execute(statement)).all()
    funding = await projects.funding_of(session, [row[0].id for row in rows]) if rows else {}
    return [
        Exported(project, (name, kind, code), known_as, funding.get(project.id, []))
        for project, name, kind, code, known_as in rows
    ]


async def funding_keys(session: AsyncSession, filters: ProjectNarrowing) -> set[FundingKey]:
    """Which sources and years the export's columns are."""
    chosen = projects.narrowed(select(Project.id), filters)
    rows = await session.execute(
        select(ProjectFunding.source, ProjectFunding.year).where(ProjectFunding.project_id.in_(chosen)).distinct()
    )
    return {FundingKey(*row) for row in rows}


async def count(session: AsyncSession, filters: ProjectNarrowing) -> int:
    return await session.scalar(projects.narrowed(select(func.count()).select_from(Project), filters)) or 0
