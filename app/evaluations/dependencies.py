"""Who may do what to which self-evaluation, before the payload is looked at.

| caller                              | sees it    | acts                                          |
|-------------------------------------|------------|-----------------------------------------------|
| staff of the region                 | always     | as the workflow says                          |
| league office, committee, inspector | once sent  | the office: accept, return; recused: 403      |
| other regions, experts, clients     | 404        | –                                             |
"""

from typing import Annotated
from uuid import UUID

from fastapi import Depends

from app.auth.dependencies import AnyCaller, Session, acts, requires
from app.auth.principal import Caller
from app.core import errors as e
from app.core.actions import insist, refusals
from app.core.etag import IfMatch
from app.core.routing import answers
from app.evaluations import repository, views
from app.evaluations.cycles import repository as cycles
from app.evaluations.cycles.rules import SENDING as SENDING_PHASES
from app.evaluations.cycles.rules import SENDING_ENDED
from app.evaluations.rules import SENDING, WORKFLOW, judge_person
from app.models.evaluations import Evaluation

Reader = Annotated[Caller, requires("evaluations:read")]
Writer = Annotated[Caller, requires("evaluations:write")]
# For POSTs: these claim the Idempotency-Key.
Drafter = Annotated[Caller, acts("evaluations:write")]
Submitter = Annotated[Caller, acts("evaluations:submit")]
Signer = Annotated[Caller, acts("evaluations:sign")]
Handler = Annotated[Caller, acts("evaluations:manage")]


@answers(e.NOT_FOUND)
async def visible_evaluation(session: Session, evaluation_id: UUID) -> Evaluation:
    evaluation = await repository.one(session, evaluation_id)
    if evaluation is None:
        raise e.NotFound
    return evaluation


VisibleEvaluation = Annotated[Evaluation, Depends(visible_evaluation)]


async def lock_for(
    session: Session, caller: Caller, evaluation: Evaluation, action: str, *, share: bool = False
) -> Evaluation:
    """The self-evaluation under its lock, in a state in which the caller may do `action`.

    Who the caller is comes first: the wall hides the row from a recused officer's lock, and would make a 404
    of what must be a 403.
    """
    actor = await views.actor_of(session, caller, evaluation.region_code)
    scope = WORKFLOW.transitions[action].scope
    insist(judge_person(action, actor), scope)
    locked = await repository.locked(session, evaluation.id, share=share)
    if locked is None:
        raise e.NotFound
    insist(WORKFLOW.judge(action, locked.state, actor, await views.authors(session, locked, caller)), scope)
    if action in SENDING:
        cycle = await cycles.hold_phase(session, locked.cycle_id)
        if cycle is None or cycle.phase not in SENDING_PHASES:
            raise e.StateConflict(SENDING_ENDED)
    return locked


class EvaluationFor:
    """The self-evaluation, locked for a transition: visible, the caller's to move, in the right state, unchanged."""

    def __init__(self, action: str) -> None:
        self.action = action
        self.problems = (e.NOT_FOUND, *refusals(WORKFLOW.transitions[action]))

    async def __call__(
        self, session: Session, caller: AnyCaller, evaluation: VisibleEvaluation, precondition: IfMatch
    ) -> Evaluation:
        locked = await lock_for(session, caller, evaluation, self.action)
        precondition.check(locked.version)
        return locked


ToSubmit = Annotated[Evaluation, Depends(EvaluationFor("submit"))]
ToSendBack = Annotated[Evaluation, Depends(EvaluationFor("send-back"))]
ToSign = Annotated[Evaluation, Depends(EvaluationFor("sign"))]
ToAccept = Annotated[Evaluation, Depends(EvaluationFor("accept"))]
ToReturn = Annotated[Evaluation, Depends(EvaluationFor("return"))]
