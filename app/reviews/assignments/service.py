"""Answering an assignment: accept or decline, then declare, and only then see (先申报、后阅卷)."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.core import errors as e
from app.core.audit import Resource, record
from app.core.clock import league_date
from app.core.db import clock_of, ids_of
from app.core.errors import FieldError, Invalid
from app.declarations.recusals import service as recusals
from app.declarations.recusals.rules import BarredFrom, Initiation
from app.models.base import SubjectKind
from app.models.declarations import Declaration
from app.models.reviews import Assignment, AssignmentState, Panel, SubjectOfReview
from app.reviews import repository as reviews
from app.reviews import service as panels
from app.reviews.assignments import repository
from app.reviews.assignments.schemas import DeclarationIn, NamedIn
from app.reviews.rules import INELIGIBLE


def resource(assignment: Assignment) -> Resource:
    return Resource("assignment", assignment.id, region_code=assignment.region_code)


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


async def declare(session: AsyncSession, assignment: Assignment, body: DeclarationIn) -> bool:
    """The declaration for this assignment. With interests it is a recusal (自行回避): then nothing of the subject is
    left to see, and the answer is False. Raises `Invalid` for relations that are not in the list."""
    unknown = await repository.unknown_relations(session, [interest.relation_code for interest in body.interests])
    faults = [
        FieldError(f"/interests/{index}/relation_code", "unknown_reference")
        for index, interest in enumerate(body.interests)
        if interest.relation_code in unknown
    ]
    if faults:
        raise Invalid(*faults)
    now = clock_of(session).now()
    session.add(
        Declaration(
            id=ids_of(session).random(),
            person_id=assignment.person_id,
            year=league_date(now).year,
            assignment_id=assignment.id,
            has_interests=body.has_interests,
            interests=body.model_dump(mode="json")["interests"],
            declared_at=now,
        )
    )
    await session.flush()
    if body.has_interests:
        await _recuse(session, assignment, body)
        return False
    await panels.insist_on_eligibility(session, assignment)
    await _move(session, assignment, AssignmentState.DECLARED, "declare-conflict")
    return True


async def assign(session: AsyncSession, panel: Panel, body: NamedIn) -> UUID:
    """By name, as a reasoned exception. Raises `Conflict` (`ineligible`) alike for whoever cannot sit there."""
    assignment_id = ids_of(session).random()
    outcome = await repository.assign(
        session,
        assignment_id=assignment_id,
        panel_id=panel.id,
        person_id=body.person_id,
        reason=body.reason,
        today=league_date(clock_of(session).now()),
    )
    match outcome:
        case "assigned":
            about = Resource("assignment", assignment_id, region_code=panel.region_code)
            await record(session, "assignments.invite", about, reason=body.reason)
            await panels.ask_for(session, "reviews.settle", panel, cause=f"assign:{assignment_id}")
            return assignment_id
        case "ineligible":
            raise e.Conflict(INELIGIBLE)
        case _:
            raise e.NotFound


async def _recuse(session: AsyncSession, assignment: Assignment, body: DeclarationIn) -> None:
    """From what the assignment is about: its case, or its region."""
    about = (
        BarredFrom(SubjectKind.CASE, assignment.subject_id)
        if assignment.subject_kind == SubjectOfReview.CASE
        else BarredFrom(SubjectKind.REGION, assignment.region_code)
    )
    await recusals.recuse(
        session,
        person_id=assignment.person_id,
        initiator=Initiation.SELF,
        subject=about,
        relation_code=body.interests[0].relation_code,
        statement="\n".join(interest.statement for interest in body.interests),
        base="/interests/0",
    )
    await record(session, "assignments.declare-conflict", resource(assignment))


async def _move(session: AsyncSession, assignment: Assignment, state: AssignmentState, action: str) -> None:
    before, assignment.state = assignment.state, state
    await session.flush()
    await record(session, f"assignments.{action}", resource(assignment), changes={"state": [before, state]})
