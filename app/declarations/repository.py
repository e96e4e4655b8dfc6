"""The SQL of commitments and declarations. Whose there are is the row policies' word."""

from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import Select, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.pagination import Order
from app.models.declarations import Commitment, CommitmentText, Declaration
from app.models.reviews import Assignment

TEXT_ORDER = Order((CommitmentText.version.expression,), descending=True)
COMMITMENT_ORDER = Order((Commitment.signed_at.expression, Commitment.id.expression), descending=True)
DECLARATION_ORDER = Order((Declaration.declared_at.expression, Declaration.id.expression), descending=True)


def texts() -> Select[Any]:
    return select(CommitmentText)


async def wording(session: AsyncSession, version: int) -> CommitmentText | None:
    return await session.get(CommitmentText, version)


async def latest_text(session: AsyncSession) -> CommitmentText | None:
    return await session.scalar(select(CommitmentText).order_by(CommitmentText.version.desc()).limit(1))


def commitments(*, year: int | None, person_id: UUID | None) -> Select[Any]:
    statement = select(Commitment)
    if year is not None:
        statement = statement.where(Commitment.year == year)
    if person_id is not None:
        statement = statement.where(Commitment.person_id == person_id)
    return statement


async def commitment(session: AsyncSession, commitment_id: UUID) -> Commitment | None:
    return await session.get(Commitment, commitment_id)


def declarations(*, year: int | None, assignment_id: UUID | None) -> Select[Any]:
    statement = select(Declaration)
    if year is not None:
        statement = statement.where(Declaration.year == year)
    if assignment_id is not None:
        statement = statement.where(Declaration.assignment_id == assignment_id)
    return statement


async def declaration(session: AsyncSession, declaration_id: UUID) -> Declaration | None:
    return await session.get(Declaration, declaration_id)


async def own_assignment(session: AsyncSession, person_id: UUID, assignment_id: UUID) -> Assignment | None:
    statement = select(Assignment).where(Assignment.id == assignment_id, Assignment.person_id == person_id)
    return await session.scalar(statement)


async def may_review(session: AsyncSession, assignment_id: UUID, today: date) -> bool:
    """Whether the caller is still eligible for this assignment of theirs: the gate looks again, under the lock."""
    return bool(await session.scalar(text("SELECT gate.may_review(:id, :day)"), {"id": assignment_id, "day": today}))


async def settle_applications(session: AsyncSession) -> None:
    """Before looking for applications, where the transaction then grades, approves or publishes: from here on none is
    taken until it ends, so what has been acknowledged is never passed over."""
    await session.execute(text("SELECT gate.settle_applications()"))
