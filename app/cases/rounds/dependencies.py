"""Rounds are reference data: everybody reads them, the office runs them, recused from a case or not."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends

from app.auth.dependencies import AnyCaller, Session, acts, requires
from app.auth.principal import Caller
from app.cases.rounds import repository, views
from app.cases.rounds.rules import WORKFLOW
from app.core import errors as e
from app.core.actions import insist
from app.core.etag import IfMatch
from app.core.routing import answers
from app.models.cases import CaseRound, RoundPhase
from app.models.draws import DrawRecord, OccasionKind
from app.reviews.seeds.dependencies import Ceremony, ceremony_for, record_of
from app.reviews.seeds.rules import Occasion

Reader = Annotated[Caller, requires("directory:read")]
Manager = Annotated[Caller, acts("cases:manage")]


@answers(e.NOT_FOUND)
async def visible_round(session: Session, round_id: UUID) -> CaseRound:
    found = await repository.one(session, round_id)
    if found is None:
        raise e.NotFound
    return found


VisibleRound = Annotated[CaseRound, Depends(visible_round)]


class RoundFor:
    """The round, locked, in a phase in which the caller may do `action`, with nothing in the way that the caller may
    know of, and as the caller saw it."""

    problems = (e.NOT_FOUND, e.FORBIDDEN, e.STATE_CONFLICT)

    def __init__(self, action: str) -> None:
        self.action = action

    async def __call__(
        self, session: Session, caller: AnyCaller, _visible: VisibleRound, round_id: UUID, precondition: IfMatch
    ) -> CaseRound:
        # Row first, then phase: regions take the phase alone.
        found = await repository.locked(session, round_id)
        if found is None:
            raise e.NotFound
        verdict = WORKFLOW.judge(self.action, found.phase, caller.league_actor())
        insist(verdict, WORKFLOW.transitions[self.action].scope)
        # Alone with the phase: what was recommended before is seen below, nothing more comes in between.
        await repository.hold_phase(session, found.id, share=False)
        insist(await views.held_up(session, found, verdict), WORKFLOW.transitions[self.action].scope)
        precondition.check(found.version)
        return found


async def occasion(found: VisibleRound) -> Occasion:
    return Occasion(OccasionKind.CASE_ROUND, found.id, published=found.phase == RoundPhase.PUBLISHED)


RoundToClose = Annotated[CaseRound, Depends(RoundFor("close"))]
RoundToSelect = Annotated[CaseRound, Depends(RoundFor("select"))]
RoundToPublish = Annotated[CaseRound, Depends(RoundFor("publish"))]
RoundOccasion = Annotated[Occasion, Depends(occasion)]
SeedToCommit = Annotated[Ceremony, ceremony_for("commit", occasion)]
SeedToOpen = Annotated[Ceremony, ceremony_for("open", occasion)]
RoundRecord = Annotated[DrawRecord, record_of(occasion)]
