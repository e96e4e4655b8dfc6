"""Assignments' SQL. An assignment without a visible panel is not shown: both are hidden together."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from sqlalchemy import Select, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.core import db
from app.core.db import clock_of
from app.core.pagination import Order
from app.models.declarations import Declaration
from app.models.directory import Relation
from app.models.identity import Person
from app.models.reviews import Assignment, Panel

ORDER = Order((Assignment.created_at.expression, Assignment.id.expression), descending=True)

_WITH_PANEL: Select[*tuple[Any, ...]] = (
    select(Assignment, Panel, Person.name.label("person_name"))
    .join(Panel, Panel.id == Assignment.panel_id)
    .join(Person, Person.id == Assignment.person_id, isouter=True)
)


def listed(
    *, person_id: UUID | None, state: str | None, subject_kind: str | None, panel_id: UUID | None
) -> Select[*tuple[Any, ...]]:
    statement = _WITH_PANEL
    if person_id is not None:
        statement = statement.where(Assignment.person_id == person_id)
    if state is not None:
        statement = statement.where(Assignment.state == state)
    if subject_kind is not None:
        statement = statement.where(Assignment.subject_kind == subject_kind)
    if panel_id is not None:
        statement = statement.where(Assignment.panel_id == panel_id)
    return statement


async def one(session: AsyncSession, assignment_id: UUID) -> tuple[Assignment, Panel, str | None] | None:
    """With its panel, and the name of the person."""
    row = (await session.execute(_WITH_PANEL.where(Assignment.id == assignment_id))).one_or_none()
    return (row[0], row[1], row[2]) if row else None


async def locked(session: AsyncSession, assignment_id: UUID) -> Assignment | None:
    return await db.locked(session, Assignment, assignment_id)


async def assign(
    session: AsyncSession, *, assignment_id: UUID, panel_id: UUID, person_id: UUID, reason: str, today: object
) -> str:
    """`assigned`, `ineligible`, `full` or `hidden`, as the gate found under the person's lock."""
    statement = text("SELECT gate.assign(:assignment, :panel, :person, :reason, :at, :today)")
    outcome = await session.scalar(
        statement,
        {
            "assignment": assignment_id,
            "panel": panel_id,
            "person": person_id,
            "reason": reason,
            "at": clock_of(session).now(),
            "today": today,
        },
    )
    return str(outcome)


async def is_declared(session: AsyncSession, assignment: Assignment) -> bool:
    """Whether the person has declared for this assignment before."""
    statement = select(Declaration.id).where(
        Declaration.person_id == assignment.person_id, Declaration.assignment_id == assignment.id
    )
    return (await session.scalars(statement.limit(1))).first() is not None


async def unknown_relations(session: AsyncSession, codes: Iterable[str]) -> set[str]:
    asked = set(codes)
    return asked - set(await session.scalars(select(Relation.code).where(Relation.code.in_(asked))))
