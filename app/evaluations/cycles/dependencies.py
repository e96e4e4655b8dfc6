"""Cycles are reference data: everybody reads them, the office opens and closes them."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends

from app.auth.dependencies import AnyCaller, Session, acts, requires
from app.auth.principal import Caller
from app.core import errors as e
from app.core.actions import insist
from app.core.etag import IfMatch
from app.core.routing import answers
from app.evaluations.cycles import repository
from app.evaluations.cycles.rules import WORKFLOW
from app.evaluations.cycles.views import held_up
from app.models.evaluations import EvaluationCycle

Reader = Annotated[Caller, requires("directory:read")]
Manager = Annotated[Caller, acts("evaluations:manage")]


@answers(e.NOT_FOUND)
async def visible_cycle(session: Session, cycle_id: UUID) -> EvaluationCycle:
    cycle = await repository.one(session, cycle_id)
    if cycle is None:
        raise e.NotFound
    return cycle


VisibleCycle = Annotated[EvaluationCycle, Depends(visible_cycle)]


class CycleFor:
    """The cycle, locked, in a phase in which the caller may do `action`, as the caller saw it."""

    problems = (e.NOT_FOUND, e.FORBIDDEN, e.STATE_CONFLICT)

    def __init__(self, action: str) -> None:
        self.action = action

    async def __call__(
        self, session: Session, caller: AnyCaller, _visible: VisibleCycle, cycle_id: UUID, precondition: IfMatch
    ) -> EvaluationCycle:
        cycle = await repository.locked(session, cycle_id)
        if cycle is None:
            raise e.NotFound
        verdict = await held_up(session, cycle, WORKFLOW.judge(self.action, cycle.phase, caller.league_actor()))
        insist(verdict, WORKFLOW.transitions[self.action].scope)
        precondition.check(cycle.version)
        return cycle


CycleToClose = Annotated[EvaluationCycle, Depends(CycleFor("close"))]
CycleToPublish = Annotated[EvaluationCycle, Depends(CycleFor("publish"))]
