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
from app.models.draws import DrawRecord, OccasionKind
from app.models.evaluations import CyclePhase, EvaluationCycle
from app.reviews.seeds.dependencies import Ceremony, ceremony_for, record_of
from app.reviews.seeds.rules import Occasion

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


async def occasion(cycle: VisibleCycle) -> Occasion:
    return Occasion(OccasionKind.EVALUATION_CYCLE, cycle.id, published=cycle.phase == CyclePhase.PUBLISHED)


CycleToClose = Annotated[EvaluationCycle, Depends(CycleFor("close"))]
CycleToPublish = Annotated[EvaluationCycle, Depends(CycleFor("publish"))]
CycleOccasion = Annotated[Occasion, Depends(occasion)]
SeedToCommit = Annotated[Ceremony, ceremony_for("commit", occasion)]
SeedToOpen = Annotated[Ceremony, ceremony_for("open", occasion)]
CycleRecord = Annotated[DrawRecord, record_of(occasion)]
