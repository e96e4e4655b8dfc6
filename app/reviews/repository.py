"""The SQL of panels, assignments and sheets. For a request the row policies decide what is there."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Row, func, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.core import db
from app.core.db import clock_of
from app.models.reviews import Assignment, AssignmentState, Draw, Panel, ReviewCopy, ScoreSheet, SheetState


async def panel(session: AsyncSession, panel_id: UUID) -> Panel | None:
    return await session.get(Panel, panel_id)


async def locked_panel(session: AsyncSession, panel_id: UUID) -> Panel | None:
    """As it stands under the lock. People are always locked before it."""
    return await db.locked(session, Panel, panel_id)


async def counts(session: AsyncSession, panel_id: UUID) -> dict[tuple[str, bool], int]:
    """How many assignments by state and whether in reserve."""
    rows = await session.execute(
        select(Assignment.state, Assignment.is_reserve, func.count())
        .where(Assignment.panel_id == panel_id)
        .group_by(Assignment.state, Assignment.is_reserve)
    )
    return {(state, is_reserve): count for state, is_reserve, count in rows}


async def draws(session: AsyncSession, panel_id: UUID) -> Sequence[Draw]:
    return (await session.scalars(select(Draw).where(Draw.panel_id == panel_id).order_by(Draw.number))).all()


async def members(session: AsyncSession, panel_id: UUID) -> Sequence[str]:
    """The states of all who have a seat."""
    statement = select(Assignment.state).where(Assignment.panel_id == panel_id, Assignment.is_reserve.is_(False))
    return (await session.scalars(statement)).all()


async def counted_sheets(session: AsyncSession, panel_id: UUID) -> list[dict[str, Decimal]]:
    """The sheets that count: submitted, by members whose assignment stands. Sorted, so that nothing in their order
    tells of seat or author. For jobs: a request's policies would leave some out."""
    rows = await session.scalars(
        select(ScoreSheet.scores)
        .join(Assignment, Assignment.id == ScoreSheet.assignment_id)
        .where(
            ScoreSheet.panel_id == panel_id,
            ScoreSheet.state == SheetState.SUBMITTED,
            Assignment.state == AssignmentState.DONE,
            Assignment.is_reserve.is_(False),
        )
    )
    sheets = [{code: Decimal(score) for code, score in scores.items()} for scores in rows]
    return sorted(sheets, key=lambda sheet: sorted(sheet.items()))


async def void_draft(session: AsyncSession, assignment_id: UUID) -> None:
    """Whoever declines leaves no sheet behind that could count."""
    await session.execute(
        update(ScoreSheet)
        .where(ScoreSheet.assignment_id == assignment_id, ScoreSheet.state == SheetState.DRAFT)
        .values(state=SheetState.VOIDED, version=ScoreSheet.version + 1, updated_at=clock_of(session).now())
    )


# From here on for jobs only: they see all rows.


@dataclass(frozen=True, slots=True)
class Pool:
    """Who may be drawn for a panel, and how many may not, by rule."""

    eligible: list[UUID]
    excluded: dict[str, int]


async def pool(session: AsyncSession, panel: Panel, people: Iterable[UUID], today: date, *, needed: int) -> Pool:
    """Everybody of the frozen list who has no assignment on this panel yet. Whom the region would rather leave out is
    left out as long as enough others are there for the places that are needed: it advises, and decides nothing."""
    rows = await session.execute(
        text(
            "SELECT person, array_agg(DISTINCT e.rule) FILTER (WHERE e.bars) AS rules, "
            "bool_or(e.rule IS NOT DISTINCT FROM 'named_by_region') AS named "
            "FROM unnest(CAST(:people AS uuid[])) AS person "
            "LEFT JOIN LATERAL gate.eligibility(person, 'reviewer', :region, :kase, :day, false) AS e ON true "
            "WHERE NOT EXISTS (SELECT FROM assignments AS a WHERE a.panel_id = :panel AND a.person_id = person) "
            "GROUP BY person ORDER BY person"
        ),
        {
            "region": panel.region_code,
            "kase": panel.case_id,
            "day": today,
            "panel": panel.id,
            "people": list(people),
        },
    )
    eligible: list[UUID] = []
    advised: list[UUID] = []
    excluded: Counter[str] = Counter()
    for person, rules, named in rows:
        excluded.update(rules or ())
        if not rules:
            (advised if named else eligible).append(person)
    if advised and len(eligible) < needed:
        return Pool(sorted([*eligible, *advised]), dict(excluded))
    excluded.update({"named_by_region": len(advised)} if advised else {})
    return Pool(eligible, dict(excluded))


async def waiting_reserves(session: AsyncSession, panel: Panel, today: date) -> Sequence[Row[Any]]:
    """(assignment, person) of the reserves who are still eligible, by position."""
    rows = await session.execute(
        text(
            "SELECT a.id, a.person_id FROM assignments AS a "
            "WHERE a.panel_id = :panel AND a.is_reserve AND a.state = 'invited' "
            "AND cardinality(gate.ineligibility(a.person_id, :region, :kase, :day, true)) = 0 ORDER BY a.position"
        ),
        {"region": panel.region_code, "kase": panel.case_id, "day": today, "panel": panel.id},
    )
    return rows.all()


async def lock_people(session: AsyncSession, people: Iterable[UUID]) -> None:
    """Alone with each, in the one order that everybody takes these locks in, so that nobody deadlocks."""
    await session.execute(
        text(
            "SELECT pg_advisory_xact_lock(key) FROM (SELECT gate.lock_key(person) AS key "
            "FROM unnest(CAST(:people AS uuid[])) AS person ORDER BY key OFFSET 0) AS ordered"
        ),
        {"people": list(people)},
    )


async def promote(session: AsyncSession, assignments: Sequence[UUID]) -> None:
    await session.execute(
        update(Assignment)
        .where(Assignment.id.in_(assignments))
        .values(is_reserve=False, version=Assignment.version + 1, updated_at=clock_of(session).now())
        .execution_options(synchronize_session=False)
    )


async def last_draw(session: AsyncSession, panel_id: UUID) -> int:
    statement = select(func.coalesce(func.max(Draw.number), 0)).where(Draw.panel_id == panel_id)
    return (await session.execute(statement)).scalar_one()


async def last_position(session: AsyncSession, panel_id: UUID) -> int:
    statement = select(func.coalesce(func.max(Assignment.position), 0)).where(Assignment.panel_id == panel_id)
    return (await session.execute(statement)).scalar_one()


async def copy(session: AsyncSession, panel_id: UUID) -> ReviewCopy | None:
    return await session.get(ReviewCopy, panel_id)
