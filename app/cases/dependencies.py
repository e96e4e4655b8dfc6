"""Who may do what to which case, before the payload is looked at.

| caller                                           | sees it          | acts                                          |
|--------------------------------------------------|------------------|-----------------------------------------------|
| staff of the region                              | always           | as the workflow says                          |
| office, committee, inspector, league departments | once recommended | the office: return, start-review; recused: 403 |
| other regions, experts, clients                  | 404              | –                                             |
"""

from typing import Annotated
from uuid import UUID

from fastapi import Depends
from sqlalchemy.ext.asyncio import AsyncSession

from app.auth.dependencies import AnyCaller, Session, acts, requires
from app.auth.principal import Caller
from app.cases import repository, views
from app.cases.rounds import repository as rounds
from app.cases.rules import QUOTA_REACHED, WORKFLOW, judge_person
from app.core import errors as e
from app.core.actions import insist, refusals
from app.core.etag import IfMatch
from app.core.routing import answers
from app.models.cases import Case

Reader = Annotated[Caller, requires("cases:read")]
Writer = Annotated[Caller, requires("cases:write")]
# For POSTs: these claim the Idempotency-Key.
Drafter = Annotated[Caller, acts("cases:write")]
Recommender = Annotated[Caller, acts("cases:recommend")]
Handler = Annotated[Caller, acts("cases:manage")]


@answers(e.NOT_FOUND)
async def visible_case(session: Session, case_id: UUID) -> Case:
    case = await repository.one(session, case_id)
    if case is None:
        raise e.NotFound
    return case


VisibleCase = Annotated[Case, Depends(visible_case)]


class CaseFor:
    """The case, locked for an act: visible, the caller's to move, in the right state and phase, as the caller saw it.

    Who the caller is comes first: the wall hides the row from a recused officer's lock, and would make a 404 of what
    must be a 403.
    """

    def __init__(self, action: str) -> None:
        self.action = action
        self.problems = (e.NOT_FOUND, *refusals(WORKFLOW.transitions[action]))

    async def __call__(self, session: Session, caller: AnyCaller, case: VisibleCase, precondition: IfMatch) -> Case:
        scope = WORKFLOW.transitions[self.action].scope
        actor = await views.actor_of(session, caller, case)
        insist(judge_person(self.action, actor), scope)
        locked = await repository.locked(session, case.id)
        if locked is None:
            raise e.NotFound
        insist(WORKFLOW.judge(self.action, locked.state, actor, views.authors(locked, caller)), scope)
        await self._insist_on_room(session, locked)
        precondition.check(locked.version)
        return locked

    async def _insist_on_room(self, session: AsyncSession, case: Case) -> None:
        """In the round's phase, which stays until the transaction ends, and within the region's quota."""
        if self.action == "edit":
            return
        found = await rounds.hold_phase(session, case.round_id)
        assert found is not None  # noqa: S101 - a foreign key
        refusal = await views.hindrance(session, case, found, self.action)
        if refusal is not None:
            raise e.StateConflict(refusal)
        if self.action == "recommend":
            taken = await repository.recommended(session, case.round_id, case.region_code)
            if taken >= found.quota:
                raise e.StateConflict(QUOTA_REACHED)


CaseToEdit = Annotated[Case, Depends(CaseFor("edit"))]
CaseToRecommend = Annotated[Case, Depends(CaseFor("recommend"))]
CaseToReturn = Annotated[Case, Depends(CaseFor("return"))]
CaseToReview = Annotated[Case, Depends(CaseFor("start-review"))]
