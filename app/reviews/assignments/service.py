"""Answering an assignment: accept or decline, then declare, and only then see (先申报、后阅卷)."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.auth.principal import Caller
from app.core import errors as e
from app.core.audit import Resource, record
from app.core.db import ids_of, league_today
from app.core.errors import FieldError, Invalid
from app.declarations import service as declarations
from app.declarations.schemas import DeclarationIn
from app.models.reviews import Assignment, AssignmentState, Panel
from app.reviews import repository as reviews
from app.reviews import service as panels
from app.reviews.assignments import repository
from app.reviews.assignments.schemas import InterestsIn, NamedIn
from app.reviews.rules import INELIGIBLE, NO_OPEN_SEAT


def resource(assignment: Assignment) -> Resource:
    return Resource("assignment", assignment.id, region_code=assignment.region_code, case_id=assignment.case_id)


async def accept(session: AsyncSession, assignment: Assignment) -> None:
    """Raises `Conflict` (`ineligible`) where what was right at the draw is not any more."""
    await panels.insist_on_eligibility(session, assignment)
    await _move(session, assignment, AssignmentState.ACCEPTED, "accept")


async def decline(session: AsyncSession, assignment: Assignment, panel: Panel, reason: str) -> None:
    """A sheet that was begun is void; the worker seats the next one."""
    await reviews.void_draft(session, assignment.id)
    assignment.decline_reason = reason
    await _move(session, assignment, AssignmentState.DECLINED, "decline")
    await panels.ask_for(session, "reviews.repair", panel, cause=f"decline:{assignment.id}")


async def declare(session: AsyncSession, caller: Caller, assignment: Assignment, body: InterestsIn) -> bool:
    """The declaration for this assignment. With interests it is a recusal (自行回避): then nothing of the subject is
    left to see, and the answer is False. Raises `Invalid` for what contradicts itself or is unknown, `Conflict`."""
    unknown = await repository.unknown_relations(session, [interest.relation_code for interest in body.interests])
    faults = [
        FieldError(f"/interests/{index}/relation_code", "unknown_reference")
        for index, interest in enumerate(body.interests)
        if interest.relation_code in unknown
    ]
    if faults:
        raise Invalid(*faults)
    stated = bool(body.has_interests or body.interests)
    if not stated and await repository.is_declared(session, assignment):
        # The recusal that followed from it was rejected (不予回避): what was declared stands, and bars from nothing.
        await panels.insist_on_eligibility(session, assignment)
        await _move(session, assignment, AssignmentState.DECLARED, "declare")
        return True
    year = league_today(session).year
    whole = DeclarationIn(year=year, assignment_id=assignment.id, **dict(body))
    await declarations.declare(session, caller, whole)
    return not stated


async def assign(session: AsyncSession, panel: Panel, body: NamedIn) -> UUID:
    """By name, as a reasoned exception. Raises `Conflict` (`ineligible`) alike for whoever cannot sit there."""
    assignment_id = ids_of(session).random()
    outcome = await repository.assign(
        session,
        assignment_id=assignment_id,
        panel_id=panel.id,
        person_id=body.person_id,
        reason=body.reason,
        today=league_today(session),
    )
    match outcome:
        case "assigned":
            about = panels.of_assignment(assignment_id, panel)
            await record(session, "assignments.invite", about, reason=body.reason)
            await panels.ask_for(session, "reviews.settle", panel, cause=f"assign:{assignment_id}")
            return assignment_id
        case "ineligible":
            raise e.Conflict(INELIGIBLE)
        case "full":
            raise e.StateConflict(NO_OPEN_SEAT)
        case _:
            raise e.NotFound


async def _move(session: AsyncSession, assignment: Assignment, state: AssignmentState, action: str) -> None:
    before, assignment.state = assignment.state, state
    await session.flush()
    await record(session, f"assignments.{action}", resource(assignment), changes={"state": [before, state]})
