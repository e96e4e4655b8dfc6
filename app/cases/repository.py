"""Cases' SQL. The row policies decide who sees what; nothing here widens them."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Select, func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.core import db
from app.core.pagination import Order
from app.models.attachments import Attachment
from app.models.cases import Case, CaseDecision, CaseFile, CaseState
from app.models.directory import ConversionMode, Region
from app.models.projects import Project
from app.models.published import Publication

_UPDATED = (Case.updated_at.expression, Case.id.expression)
ORDERS = {"updated_at": Order(_UPDATED), "-updated_at": Order(_UPDATED, descending=True)}
DECISIONS = Order((CaseDecision.decided_at.expression, CaseDecision.id.expression), descending=True)

_QUOTA = text("SELECT pg_advisory_xact_lock(hashtextextended('case-quota:' || :round || ':' || :region, 0))")


def listed(
    *, round_id: UUID | None, region_code: str | None, state: str | None, updated_since: datetime | None
) -> Select[Case]:
    statement = select(Case)
    if round_id is not None:
        statement = statement.where(Case.round_id == round_id)
    if region_code is not None:
        statement = statement.where(Case.region_code == region_code)
    if state is not None:
        statement = statement.where(Case.state == state)
    if updated_since is not None:
        statement = statement.where(Case.updated_at >= updated_since)
    return statement


async def one(session: AsyncSession, case_id: UUID) -> Case | None:
    return await session.get(Case, case_id)


async def locked(session: AsyncSession, case_id: UUID) -> Case | None:
    return await db.locked(session, Case, case_id)


async def recommended(session: AsyncSession, round_id: UUID, region_code: str) -> int:
    """How many cases the region has recommended in the round, alone with that number until the transaction ends."""
    await session.execute(_QUOTA, {"round": str(round_id), "region": region_code})
    statement = select(func.count()).where(
        Case.round_id == round_id, Case.region_code == region_code, Case.state == CaseState.RECOMMENDED
    )
    return int(await session.scalar(statement) or 0)


def decisions(case_id: UUID) -> Select[CaseDecision]:
    return select(CaseDecision).where(CaseDecision.case_id == case_id)


async def region(session: AsyncSession, code: str) -> Region | None:
    return await session.get(Region, code)


async def mode(session: AsyncSession, code: str) -> ConversionMode | None:
    return await session.get(ConversionMode, code)


async def project(session: AsyncSession, project_id: UUID) -> Project | None:
    return await session.get(Project, project_id)


async def file_of(session: AsyncSession, case_id: UUID) -> UUID | None:
    return (await files_of(session, [case_id])).get(case_id)


async def files_of(session: AsyncSession, cases: Collection[UUID]) -> dict[UUID, UUID]:
    """By case, the file that the caller sees; a hidden one is none."""
    found = await session.execute(select(CaseFile.case_id, CaseFile.id).where(CaseFile.case_id.in_(cases)))
    return {row.case_id: row.id for row in found}


async def published(session: AsyncSession, year: int) -> bytes | None:
    """What was published of the year's round last, as everybody may read it."""
    statement = select(Publication.content).where(Publication.kind == "cases", Publication.year == year)
    return await session.scalar(statement.order_by(Publication.number.desc()).limit(1))


async def released(session: AsyncSession, case_id: UUID) -> Sequence[dict[str, Any]]:
    """The files that were sent with the case."""
    statement = (
        select(Attachment.id, Attachment.name, Attachment.sha256)
        .where(Attachment.owner_kind == "case", Attachment.owner_id == case_id, Attachment.released_at.is_not(None))
        .order_by(Attachment.uploaded_at, Attachment.id)
    )
    rows = await session.execute(statement)
    return [{"id": str(row.id), "name": row.name, "sha256": row.sha256} for row in rows]
