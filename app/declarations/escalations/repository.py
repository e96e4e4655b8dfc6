"""What the gate shows of the undecidable, and what was recorded of it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Date, DateTime, Row, Select, Text, Uuid, column, func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.pagination import Order
from app.declarations.escalations.schemas import SuperiorDecisionIn
from app.models.declarations import SuperiorDecision

_FOUND = func.gate.undecidable().table_valued(
    column("id", Uuid),
    column("person_name", Text),
    column("subject_kind", Text),
    column("subject_key", Text),
    column("state", Text),
    column("declared_at", DateTime(timezone=True)),
    column("due_on", Date),
    name="undecidable",
)
ORDER = Order((_FOUND.c.declared_at, _FOUND.c.id))

_RECORD = text(
    "SELECT gate.record_superior(:decision, :recusal, :authority, :document_number, :issued_on, :outcome, :reason, "
    ":legal_basis, :at)"
)
_CONCERNED = text("SELECT gate.who_is_concerned(:recusal)")


def listed() -> Select[*tuple[Any, ...]]:
    return select(*_FOUND.c)


async def one(session: AsyncSession, recusal_id: UUID) -> Row[Any] | None:
    return (await session.execute(listed().where(_FOUND.c.id == recusal_id))).one_or_none()


async def concerned(session: AsyncSession, recusal_id: UUID) -> UUID | None:
    """Whom the recusal is about, where the caller may record a decision on it."""
    person: UUID | None = await session.scalar(_CONCERNED, {"recusal": recusal_id})
    return person


async def recorded(session: AsyncSession, recusals: Sequence[UUID]) -> Sequence[SuperiorDecision]:
    statement = select(SuperiorDecision).where(SuperiorDecision.recusal_id.in_(recusals))
    return (await session.scalars(statement.order_by(SuperiorDecision.recorded_at))).all()


async def record(
    session: AsyncSession, decision_id: UUID, recusal_id: UUID, body: SuperiorDecisionIn, *, at: datetime
) -> str:
    """`recorded`, `decided`, `hidden`, `same_person`, `differs` or `unknown_basis`."""
    values = {"decision": decision_id, "recusal": recusal_id, "at": at, **body.model_dump()}
    return str(await session.scalar(_RECORD, values))
