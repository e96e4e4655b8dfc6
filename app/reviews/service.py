"""What evaluations and cases ask of the reviews: a panel on one subject, and word when its members change."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.audit import Resource, record
from app.core.canonical import digest
from app.core.db import clock_of, ids_of, league_today
from app.core.errors import Conflict
from app.core.jobs import ask
from app.declarations import repository as declarations
from app.models.reviews import Assignment, Panel, ReviewCopy, SubjectOfReview
from app.reviews import rules


def resource(panel: Panel) -> Resource:
    return Resource("panel", panel.id, region_code=panel.region_code, case_id=panel.case_id)


def of_assignment(assignment_id: UUID, panel: Panel) -> Resource:
    return Resource("assignment", assignment_id, region_code=panel.region_code, case_id=panel.case_id)


async def open_panel(
    session: AsyncSession,
    *,
    kind: SubjectOfReview,
    subject_id: UUID,
    occasion_id: UUID,
    region_code: str,
    case_id: UUID | None,
    year: int,
    criteria: Sequence[Mapping[str, str]],
    seats: int,
    reserves: int,
    quorum: int,
    content: dict[str, Any],
    due_on: date | None = None,
) -> Panel:
    """A panel without members, and the frozen copy (JSON-ready `content`) that its members will judge.

    In the transaction of an officer who is not walled. `occasion_id`: the cycle or round by whose seed members are
    drawn. `criteria`: code, name, max, weight, the numbers as decimal
    strings. A `title` in the content is what members are told of the subject once they have accepted. Raises
    `ValueError` for criteria that no total can be made of.
    """
    rules.criteria_of(criteria)
    panel = Panel(
        id=ids_of(session).random(),
        subject_kind=kind,
        subject_id=subject_id,
        occasion_id=occasion_id,
        region_code=region_code,
        case_id=case_id,
        year=year,
        title=title if isinstance(title := content.get("title"), str) else None,
        due_on=due_on,
        criteria=[dict(criterion) for criterion in criteria],
        seats=seats,
        reserves=reserves,
        quorum=quorum,
        state=rules.PanelState.FORMING,
    )
    session.add(panel)
    await session.flush()
    copy = ReviewCopy(
        panel_id=panel.id,
        region_code=region_code,
        case_id=case_id,
        content=content,
        content_sha256=digest(content),
        frozen_at=clock_of(session).now(),
    )
    session.add(copy)
    await session.flush()
    await record(session, "panels.open", resource(panel), changes={"content_sha256": copy.content_sha256})
    return panel


async def insist_on_eligibility(session: AsyncSession, assignment: Assignment) -> None:
    """Checked again under the lock at every step of the caller's own. Raises `Conflict`, which does not say why."""
    if not await declarations.may_review(session, assignment.id, league_today(session)):
        raise Conflict(rules.INELIGIBLE)


async def ask_for(session: AsyncSession, work: str, panel: Panel, *, cause: str) -> None:
    """Ask the worker for `reviews.draw`, `.repair` or `.settle`, once for the same cause."""
    await ask(session, work, key=f"{work}:{cause}", about=resource(panel), payload={"panel_id": str(panel.id)})
