"""Projects' SQL. What a caller may see is the policies' business; here it is only narrowed."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Select, Text, Uuid, any_, delete, func, literal, or_, select, text, update
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.db import clock_of
from app.core.pagination import Order
from app.models.directory import ConversionMode, FundingSource, Organisation, PracticeArea
from app.models.projects import (
    Membership,
    Project,
    ProjectChange,
    ProjectDecision,
    ProjectExternalId,
    ProjectFunding,
    ProjectProposal,
)
from app.projects import content
from app.projects.content import FundingLine, Values
from app.projects.schemas import ProjectFilters, ProjectNarrowing, ProjectSort

_SORTS = {
    ProjectSort.UPDATED: Order((Project.updated_at.expression, Project.id.expression)),
    ProjectSort.UPDATED_DESCENDING: Order((Project.updated_at.expression, Project.id.expression), descending=True),
    ProjectSort.NAME: Order((Project.name.expression, Project.id.expression)),
    ProjectSort.NAME_DESCENDING: Order((Project.name.expression, Project.id.expression), descending=True),
}
HISTORY_ORDER = Order((ProjectChange.version.expression, ProjectChange.id.expression), descending=True)
DECISION_ORDER = Order((ProjectDecision.decided_at.expression, ProjectDecision.id.expression), descending=True)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a project's detail shows beside its own row."""

    entity: Organisation | None
    funding: list[FundingLine]
    external_ids: list[ProjectExternalId]
    proposer: UUID | None
    same_as: UUID | None


@dataclass(frozen=True, slots=True)
class Held:
    """A project that a pushed row matches, as it stands, locked."""

    id: UUID
    region_code: str
    version: int
    values: Values


class Left(NamedTuple):
    """A member that left, with the version that this made."""

    id: UUID
    region_code: str
    version: int
    organisation_id: UUID | None


def order(sort: ProjectSort) -> Order:
    return _SORTS[sort]


def listed(filters: ProjectFilters) -> Select[Project]:
    """Projects with their entity and the sums of their funding; all in one statement."""
    planned, done = (
        select(func.coalesce(func.sum(column), 0))
        .where(ProjectFunding.project_id == Project.id)
        .correlate(Project)
        .scalar_subquery()
        for column in (ProjectFunding.planned, ProjectFunding.done)
    )
    known = func.jsonb_build_object(
        "source_system", ProjectExternalId.source_system, "external_id", ProjectExternalId.external_id
    )
    external_ids = (
        select(func.coalesce(func.jsonb_agg(known), func.jsonb_build_array()))
        .where(ProjectExternalId.project_id == Project.id)
        .correlate(Project)
        .scalar_subquery()
    )
    statement = select(
        Project,
        Organisation.name.label("entity_name"),
        Organisation.credit_code.label("entity_code"),
        planned.label("funding_planned"),
        done.label("funding_done"),
        external_ids.label("external_ids"),
    ).outerjoin(Organisation, Organisation.id == Project.organisation_id)
    return narrowed(statement, filters)


def narrowed(statement: Select[Any], filters: ProjectNarrowing) -> Select[Any]:
    """The statement over projects, with the filters' conditions."""
    for name in ("region_code", "building_stage", "membership", "organisation_id", "source_system"):
        value = getattr(filters, name)
        if value is not None:
            statement = statement.where(getattr(Project, name) == value)
    if filters.mode is not None:
        statement = statement.where(
            or_(Project.primary_mode == filters.mode, Project.secondary_modes.contains([filters.mode]))
        )
    if filters.year is not None:
        funded = select(ProjectFunding.id).where(
            ProjectFunding.project_id == Project.id, ProjectFunding.year == filters.year
        )
        running = (Project.starts_on <= date(filters.year, 12, 31)) & (
            Project.ends_on.is_(None) | (Project.ends_on >= date(filters.year, 1, 1))
        )
        statement = statement.where(or_(funded.exists(), running))
    if filters.updated_since is not None:
        statement = statement.where(Project.updated_at >= filters.updated_since)
    return statement


async def one(session: AsyncSession, project_id: UUID, *, lock: bool = False) -> Project | None:
    statement = select(Project).where(Project.id == project_id)
    if lock:
        # As it stands under the lock, whatever this session read before (`Session.get` would call that stale).
        statement = statement.with_for_update().execution_options(populate_existing=True)
    found: Project | None = await session.scalar(statement)
    return found


async def some(session: AsyncSession, ids: Sequence[UUID], *, lock: bool = False) -> dict[UUID, Project]:
    """Those of them that are visible, locked in one order."""
    statement = select(Project).where(Project.id == any_(literal(list(ids), ARRAY(Uuid)))).order_by(Project.id)
    if lock:
        statement = statement.with_for_update().execution_options(populate_existing=True)
    return {project.id: project for project in await session.scalars(statement)}


async def visible(session: AsyncSession, project_id: UUID | None) -> UUID | None:
    """The id, where the caller may see the project."""
    if project_id is None:
        return None
    found: UUID | None = await session.scalar(select(Project.id).where(Project.id == project_id))
    return found


async def surroundings(session: AsyncSession, project: Project) -> Surroundings:
    entity = await session.get(Organisation, project.organisation_id) if project.organisation_id else None
    external_ids = await session.scalars(
        select(ProjectExternalId)
        .where(ProjectExternalId.project_id == project.id)
        .order_by(ProjectExternalId.source_system, ProjectExternalId.external_id)
    )
    return Surroundings(
        entity,
        await funding(session, project.id),
        list(external_ids),
        await proposer(session, project.id),
        await visible(session, project.same_as),
    )


async def funding(session: AsyncSession, project_id: UUID) -> list[FundingLine]:
    return (await funding_of(session, [project_id])).get(project_id, [])


async def funding_of(session: AsyncSession, project_ids: Sequence[UUID]) -> dict[UUID, list[FundingLine]]:
    """Each project's lines, by source and year."""
    rows = await session.execute(
        select(
            ProjectFunding.project_id,
            ProjectFunding.source,
            ProjectFunding.year,
            ProjectFunding.planned,
            ProjectFunding.done,
        )
        .where(ProjectFunding.project_id == any_(literal(list(project_ids), ARRAY(Uuid))))
        .order_by(ProjectFunding.source, ProjectFunding.year.nulls_first())
    )
    found: dict[UUID, list[FundingLine]] = {}
    for row in rows:
        line = FundingLine(row.source, row.year, row.planned, row.done)
        found.setdefault(row.project_id, []).append(line)
    return found


async def replace_funding(session: AsyncSession, project: Project, lines: Iterable[tuple[UUID, FundingLine]]) -> None:
    await session.execute(delete(ProjectFunding).where(ProjectFunding.project_id == project.id))
    session.add_all(
        ProjectFunding(id=key, project_id=project.id, region_code=project.region_code, **line._asdict())
        for key, line in lines
    )
    await session.flush()


async def proposer(session: AsyncSession, project_id: UUID) -> UUID | None:
    """Who proposed it last: that person does not decide on it."""
    found: UUID | None = await session.scalar(
        select(ProjectChange.actor_id)
        .where(ProjectChange.project_id == project_id, ProjectChange.action.in_(("propose", "re-enter")))
        .order_by(ProjectChange.version.desc(), ProjectChange.id.desc())
        .limit(1)
    )
    return found


def history(project_id: UUID) -> Select[ProjectChange]:
    return select(ProjectChange).where(ProjectChange.project_id == project_id)


def decisions(project_id: UUID) -> Select[ProjectDecision]:
    return select(ProjectDecision).where(ProjectDecision.project_id == project_id)


async def known_modes(session: AsyncSession, codes: Iterable[str]) -> set[str]:
    return set(await session.scalars(select(ConversionMode.code).where(ConversionMode.code.in_(list(codes)))))


async def known_sources(session: AsyncSession, codes: Iterable[str]) -> set[str]:
    return set(await session.scalars(select(FundingSource.code).where(FundingSource.code.in_(list(codes)))))


async def organisation_exists(session: AsyncSession, organisation_id: UUID) -> bool:
    return await session.get(Organisation, organisation_id) is not None


async def practice_area_exists(session: AsyncSession, area_id: UUID) -> bool:
    return await session.get(PracticeArea, area_id) is not None


async def held(session: AsyncSession, source: str, external_ids: Sequence[str]) -> dict[str, Held]:
    """Visible projects by their id in the source system, locked in one order, so that pushes do not deadlock."""
    columns = [getattr(Project, name) for name in ("id", "region_code", "version", *content.COLUMNS)]
    rows = (
        await session.execute(
            select(ProjectExternalId.external_id, *columns)
            .join(Project, Project.id == ProjectExternalId.project_id)
            .where(
                ProjectExternalId.source_system == source,
                ProjectExternalId.external_id == any_(literal(list(external_ids), ARRAY(Text))),
            )
            .order_by(Project.id)
            .with_for_update(of=Project)
        )
    ).all()
    lines = await funding_of(session, [row.id for row in rows]) if rows else {}
    return {
        row.external_id: Held(row.id, row.region_code, row.version, content.of(row, lines.get(row.id, [])))
        for row in rows
    }


async def delete_funding(session: AsyncSession, project_ids: Sequence[UUID]) -> None:
    if project_ids:
        mine = ProjectFunding.project_id == any_(literal(list(project_ids), ARRAY(Uuid)))
        await session.execute(delete(ProjectFunding).where(mine).execution_options(synchronize_session=False))


async def leave(
    session: AsyncSession, source: str, regions: Sequence[str], kept: Sequence[str], now: datetime
) -> list[Left]:
    """Take out members of the source in these regions that have none of the kept external ids."""
    named = select(ProjectExternalId.project_id).where(
        ProjectExternalId.project_id == Project.id,
        ProjectExternalId.source_system == source,
        ProjectExternalId.external_id == any_(literal(list(kept), ARRAY(Text))),
    )
    rows = await session.execute(
        update(Project)
        .where(
            Project.source_system == source,
            Project.region_code == any_(literal(list(regions), ARRAY(Text))),
            Project.membership == Membership.IN_LIBRARY,
            ~named.exists(),
        )
        .values(membership=Membership.LEFT, version=Project.version + 1, updated_at=now)
        .returning(Project.id, Project.region_code, Project.version, Project.organisation_id)
        .execution_options(synchronize_session=False)
    )
    return [Left(*row) for row in rows]


async def withdraw_proposals(session: AsyncSession, project_id: UUID) -> None:
    """What waits to change a member, when it is none any more."""
    waiting = update(ProjectProposal).where(
        ProjectProposal.project_id == project_id, ProjectProposal.state == "pending"
    )
    moved = {"state": "withdrawn", "version": ProjectProposal.version + 1, "updated_at": clock_of(session).now()}
    await session.execute(waiting.values(moved))


async def extend_reach(session: AsyncSession, project_id: UUID) -> list[UUID]:
    """The recusals that reach the project's region from now on: walls and all that stands on them are in force when
    this returns. For the audit."""
    statement = text("SELECT gate.extend_reach(:project, :at)")
    found = await session.scalar(statement, {"project": project_id, "at": clock_of(session).now()})
    return list(found or ())
