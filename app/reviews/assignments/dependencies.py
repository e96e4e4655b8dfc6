"""Who may do what to which assignment.

| caller                                   | sees the assignment                    | acts |
|------------------------------------------|----------------------------------------|------|
| the person assigned, not walled          | always; what it is about once accepted | all  |
| the person, in reserve, or walled        | 404                                    | –    |
| office, committee, inspector, not walled | always                                 | –    |
| everybody else                           | 404                                    | –    |
"""

from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

from fastapi import Depends

from app.auth.dependencies import AnyCaller, Session, acts, requires
from app.auth.principal import Caller
from app.core import errors as e
from app.core.actions import insist
from app.core.etag import IfMatch
from app.core.routing import answers
from app.models.reviews import Assignment, Panel, SubjectOfReview
from app.reviews.assignments import repository
from app.reviews.assignments.views import actor_of
from app.reviews.rules import ASSIGNMENT

Reader = Annotated[Caller, requires("assignments:respond", "evaluations:manage", "cases:manage")]
Responder = Annotated[Caller, acts("assignments:respond")]


@dataclass(frozen=True, slots=True)
class Seat:
    """An assignment with its panel, and the name of the person."""

    assignment: Assignment
    panel: Panel
    person_name: str | None


@answers(e.NOT_FOUND)
async def visible_seat(session: Session, assignment_id: UUID) -> Seat:
    found = await repository.one(session, assignment_id)
    if found is None:
        raise e.NotFound
    return Seat(*found)


VisibleSeat = Annotated[Seat, Depends(visible_seat)]


def insist_on(caller: Caller, assignment: Assignment, action: str) -> None:
    """Raise why the caller may not do `action` to the assignment now."""
    workflow = ASSIGNMENT[SubjectOfReview(assignment.subject_kind)]
    verdict = workflow.judge(action, assignment.state, actor_of(caller, assignment))
    insist(verdict, workflow.transitions[action].scope)


class SeatFor:
    """The caller's own assignment, locked, in a state in which `action` may be done, as the caller saw it."""

    problems = (e.NOT_FOUND, e.FORBIDDEN, e.STATE_CONFLICT, e.CONFLICT)

    def __init__(self, action: str) -> None:
        self.action = action

    async def __call__(self, session: Session, caller: AnyCaller, seat: VisibleSeat, precondition: IfMatch) -> Seat:
        insist_on(caller, seat.assignment, self.action)
        locked = await repository.locked(session, seat.assignment.id)
        if locked is None:
            raise e.NotFound
        insist_on(caller, locked, self.action)
        precondition.check(locked.version)
        return Seat(locked, seat.panel, seat.person_name)


SeatToAccept = Annotated[Seat, Depends(SeatFor("accept"))]
SeatToDecline = Annotated[Seat, Depends(SeatFor("decline"))]
SeatToDeclare = Annotated[Seat, Depends(SeatFor("declare-conflict"))]
