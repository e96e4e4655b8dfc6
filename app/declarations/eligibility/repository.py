"""What the gate finds out about eligibility, and the names beside it."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.declarations.eligibility.rules import Capacity, Finding
from app.models.cases import Case
from app.models.directory import Region
from app.models.identity import Person

_CHECK = text(
    "SELECT person, rule, bars, is_unknown, facts "
    "FROM gate.check_eligibility(:people, :capacity, CAST(:region AS text), CAST(:case AS uuid), :day)"
)


async def findings(
    session: AsyncSession,
    people: Sequence[UUID],
    capacity: Capacity,
    *,
    region_code: str,
    case_id: UUID | None,
    on_day: date,
) -> dict[UUID, list[Finding]]:
    """By person, whoever is found by a rule or by none; empty where the caller is not clear of the subject."""
    values = {"people": list(people), "capacity": capacity, "region": region_code, "case": case_id, "day": on_day}
    found: dict[UUID, list[Finding]] = defaultdict(list)
    for row in await session.execute(_CHECK, values):
        of_person = found[row.person]
        if row.rule is not None:
            of_person.append(Finding(row.rule, row.bars, row.is_unknown, row.facts))
    return found


async def names(session: AsyncSession, people: Sequence[UUID]) -> dict[UUID, str]:
    rows = await session.execute(select(Person.id, Person.name).where(Person.id.in_(people)))
    return {row.id: row.name for row in rows}


async def region_of(session: AsyncSession, *, region_code: str | None, case_id: UUID | None) -> str | None:
    """The subject's assessed region, where there is one for the caller."""
    if case_id is not None:
        return await session.scalar(select(Case.region_code).where(Case.id == case_id))
    return await session.scalar(select(Region.code).where(Region.code == region_code, Region.assessed))
