"""The queue's SQL: proposed projects and pending proposals in one order."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, Uuid, any_, cast, literal, null, select, union_all
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.pagination import Order
from app.models.projects import Membership, Project, ProjectProposal
from app.projects.admission.schemas import ProposalFilters, QueueFilters, QueueKind

PROPOSAL_ORDER = Order((ProjectProposal.created_at.expression, ProjectProposal.id.expression), descending=True)


def queue(filters: QueueFilters) -> tuple[Select[Any], Order]:
    """Who waits longest comes first. A proposal's version counts the project's, too: whichever moves, it moves."""
    new = select(
        literal(QueueKind.NEW.value).label("kind"),
        Project.id.label("project_id"),
        cast(null(), Uuid).label("proposal_id"),
        Project.region_code,
        Project.name,
        Project.source_system,
        cast(null(), Uuid).label("import_run_id"),
        Project.updated_at.label("waiting_since"),
        Project.version,
        Project.id.label("number"),
    ).where(Project.membership == Membership.PROPOSED)
    change = (
        select(
            literal(QueueKind.CHANGE.value).label("kind"),
            ProjectProposal.project_id,
            ProjectProposal.id.label("proposal_id"),
            Project.region_code,
            Project.name,
            ProjectProposal.source_system,
            ProjectProposal.import_run_id,
            ProjectProposal.created_at.label("waiting_since"),
            (Project.version + ProjectProposal.version).label("version"),
            ProjectProposal.id.label("number"),
        )
        .join(Project, Project.id == ProjectProposal.project_id)
        .where(ProjectProposal.state == "pending", Project.membership == Membership.IN_LIBRARY)
    )
    parts = [part for kind, part in ((QueueKind.NEW, new), (QueueKind.CHANGE, change)) if filters.kind in {None, kind}]
    waiting = union_all(*parts).subquery("waiting")
    statement = select(waiting)
    for name in ("region_code", "source_system", "import_run_id"):
        value = getattr(filters, name)
        if value is not None:
            statement = statement.where(waiting.c[name] == value)
    return statement, Order((waiting.c.waiting_since, waiting.c.number))


def proposals(filters: ProposalFilters) -> Select[ProjectProposal]:
    statement = select(ProjectProposal)
    for name in ("state", "region_code", "project_id", "import_run_id"):
        value = getattr(filters, name)
        if value is not None:
            statement = statement.where(getattr(ProjectProposal, name) == value)
    return statement


async def pending(session: AsyncSession, ids: Sequence[UUID]) -> dict[UUID, ProjectProposal]:
    """Those that wait, locked; the projects are locked before."""
    statement = (
        select(ProjectProposal)
        .where(_one_of(ProjectProposal.id.expression, ids), ProjectProposal.state == "pending")
        .order_by(ProjectProposal.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return {proposal.id: proposal for proposal in await session.scalars(statement)}


async def after_of(session: AsyncSession, ids: Sequence[UUID]) -> dict[UUID, dict[str, Any]]:
    statement = select(ProjectProposal.id, ProjectProposal.after).where(_one_of(ProjectProposal.id.expression, ids))
    return {row.id: row.after for row in await session.execute(statement)}


def _one_of(column: ColumnElement[Any], ids: Sequence[UUID]) -> ColumnElement[bool]:
    return column == any_(literal(list(ids), ARRAY(Uuid)))
