"""SQL of pairs, ownership and versions, as the caller's policies show them."""

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Select, Uuid, any_, func, literal, or_, select, text, true, update
from sqlalchemy.dialects.postgresql import ARRAY, distinct_on
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from app.core.db import clock_of
from app.core.pagination import Order
from app.models.directory import Region
from app.models.imports import ImportRun
from app.models.projects import Project, ProjectChange, ProjectExternalId, ProjectProposal
from app.models.sources import FieldOwnership, ProjectMatch, ProjectMatchDecision, ProjectWithheldWord
from app.projects.sources.schemas import MatchFilters

MATCH_ORDER = Order((ProjectMatch.found_at.expression, ProjectMatch.id.expression), descending=True)
OWNERSHIP_ORDER = Order((FieldOwnership.version.expression,), descending=True)
MOST_VERSIONS = 100


def matches(filters: MatchFilters) -> Select[ProjectMatch]:
    statement = select(ProjectMatch)
    if filters.state is not None:
        statement = statement.where(ProjectMatch.state == filters.state)
    if filters.basis is not None:
        statement = statement.where(ProjectMatch.basis == filters.basis)
    if filters.region_code is not None:
        statement = statement.where(
            or_(ProjectMatch.region_code == filters.region_code, ProjectMatch.other_region_code == filters.region_code)
        )
    if filters.project_id is not None:
        statement = statement.where(
            or_(ProjectMatch.project_id == filters.project_id, ProjectMatch.other_project_id == filters.project_id)
        )
    if filters.source_system is not None:
        side = aliased(Project)
        statement = statement.where(
            select(side.id)
            .where(
                side.id.in_([ProjectMatch.project_id, ProjectMatch.other_project_id]),
                side.source_system == filters.source_system,
            )
            .exists()
        )
    return statement


async def match(session: AsyncSession, match_id: UUID, *, lock: bool = False) -> ProjectMatch | None:
    statement = select(ProjectMatch).where(ProjectMatch.id == match_id)
    if lock:
        statement = statement.with_for_update().execution_options(populate_existing=True)
    found: ProjectMatch | None = await session.scalar(statement)
    return found


async def walled(session: AsyncSession) -> set[str]:
    """The subjects that the caller is recused from."""
    return set(await session.scalars(text("SELECT unnest(gate.walls())")))


async def external_ids(session: AsyncSession, ids: Sequence[UUID]) -> dict[UUID, list[ProjectExternalId]]:
    found: dict[UUID, list[ProjectExternalId]] = {}
    for known in await session.scalars(
        select(ProjectExternalId)
        .where(ProjectExternalId.project_id == any_(literal(list(ids), ARRAY(Uuid))))
        .order_by(ProjectExternalId.source_system, ProjectExternalId.external_id)
    ):
        found.setdefault(known.project_id, []).append(known)
    return found


async def proposers(session: AsyncSession, ids: Sequence[UUID]) -> dict[UUID, UUID]:
    """Who proposed each last, as `repository.proposer` says of one."""
    rows = await session.execute(
        select(ProjectChange.project_id, ProjectChange.actor_id)
        .ext(distinct_on(ProjectChange.project_id))
        .where(
            ProjectChange.project_id == any_(literal(list(ids), ARRAY(Uuid))),
            ProjectChange.action.in_(("propose", "re-enter")),
        )
        .order_by(ProjectChange.project_id, ProjectChange.version.desc(), ProjectChange.id.desc())
    )
    return {row.project_id: row.actor_id for row in rows}


async def last_decisions(session: AsyncSession, ids: Sequence[UUID]) -> dict[UUID, ProjectMatchDecision]:
    rows = await session.scalars(
        select(ProjectMatchDecision)
        .ext(distinct_on(ProjectMatchDecision.match_id))
        .where(ProjectMatchDecision.match_id == any_(literal(list(ids), ARRAY(Uuid))))
        .order_by(ProjectMatchDecision.match_id, ProjectMatchDecision.decided_at.desc(), ProjectMatchDecision.id.desc())
    )
    return {row.match_id: row for row in rows}


async def has_versions(session: AsyncSession, project_id: UUID) -> bool:
    return bool(await session.scalar(select(select(Project.id).where(Project.same_as == project_id).exists())))


async def withdraw_proposals(session: AsyncSession, project_id: UUID) -> None:
    await session.execute(
        update(ProjectProposal)
        .where(ProjectProposal.project_id == project_id, ProjectProposal.state == "pending")
        .values(state="withdrawn", version=ProjectProposal.version + 1, updated_at=clock_of(session).now())
        .execution_options(synchronize_session=False)
    )


async def versions(session: AsyncSession, project: Project) -> list[Project]:
    """Those of one project that the caller sees, the kept one first."""
    root = project.same_as or project.id
    return list(
        await session.scalars(
            select(Project)
            .where(or_(Project.id == root, Project.same_as == root))
            .order_by(Project.same_as.is_not(None), Project.source_system.nulls_first(), Project.id)
            .limit(MOST_VERSIONS)
        )
    )


async def withheld(session: AsyncSession, ids: Sequence[UUID]) -> dict[UUID, list[ProjectWithheldWord]]:
    found: dict[UUID, list[ProjectWithheldWord]] = {}
    for word in await session.scalars(
        select(ProjectWithheldWord)
        .where(ProjectWithheldWord.project_id == any_(literal(list(ids), ARRAY(Uuid))))
        .order_by(ProjectWithheldWord.member)
    ):
        found.setdefault(word.project_id, []).append(word)
    return found


async def last_said(session: AsyncSession, ids: Sequence[UUID]) -> dict[UUID, Row[Any]]:
    """By project: the last run of its own source that changed it, or proposed to."""
    mine = any_(literal(list(ids), ARRAY(Uuid)))
    changed = select(
        ProjectChange.project_id, ProjectChange.occurred_at.label("at"), ProjectChange.import_run_id
    ).where(
        ProjectChange.project_id == mine,
        ProjectChange.import_run_id.is_not(None),
        ProjectChange.action.in_(("create", "update", "reported")),
    )
    proposed = (
        select(ProjectProposal.project_id, ProjectProposal.created_at, ProjectProposal.import_run_id)
        .join(Project, Project.id == ProjectProposal.project_id)
        .where(ProjectProposal.project_id == mine, ProjectProposal.source_system == Project.source_system)
    )
    said = changed.union_all(proposed).subquery()
    rows = await session.execute(
        select(said)
        .ext(distinct_on(said.c.project_id))
        .order_by(said.c.project_id, said.c.at.desc(), said.c.import_run_id)
    )
    return {row.project_id: row for row in rows}


async def last_writers(session: AsyncSession, project_id: UUID) -> Sequence[Row[Any]]:
    """For each member the last act that changed it; the source, where the caller sees the run."""
    key = func.jsonb_object_keys(ProjectChange.changes).table_valued("value").render_derived(name="key")
    statement = (
        select(
            key.c.value.label("member"),
            ProjectChange.occurred_at.label("written_at"),
            ProjectChange.action,
            ProjectChange.actor_kind,
            ProjectChange.actor_id,
            ProjectChange.import_run_id,
            ImportRun.source_system,
        )
        .select_from(ProjectChange)
        .join(key, true())
        .outerjoin(ImportRun, ImportRun.id == ProjectChange.import_run_id)
        .ext(distinct_on(key.c.value))
        .where(ProjectChange.project_id == project_id)
        .order_by(key.c.value, ProjectChange.version.desc(), ProjectChange.id.desc())
    )
    return (await session.execute(statement)).all()


async def ownership(session: AsyncSession) -> FieldOwnership | None:
    """The table that counts."""
    return await session.scalar(select(FieldOwnership).order_by(FieldOwnership.version.desc()).limit(1))


def ownerships() -> Select[FieldOwnership]:
    return select(FieldOwnership)


async def one_table_at_a_time(session: AsyncSession) -> None:
    await session.execute(text("SELECT pg_advisory_xact_lock(7204811024)"))


async def known_regions(session: AsyncSession, codes: Iterable[str]) -> set[str]:
    return set(await session.scalars(select(Region.code).where(Region.code.in_(list(codes)))))
