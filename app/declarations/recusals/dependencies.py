"""Who may start and decide recusals, and on whom the transaction opens exclusively.

| caller                                  | sees the recusal | acts |
|-----------------------------------------|------------------|------|
| league office, committee, inspector     | yes              | decide, lift; what they began themselves: 409 |
| the same, walled from what it is about  | 404              | –    |
| the person concerned, a decider or not  | 404; a notice    | –    |
| everybody else                          | 403              | apply, inform |
"""

from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Request
from pydantic import ValidationError
from sqlalchemy import Row

from app.auth.dependencies import AnyCaller, Session, acts, database_of, requires
from app.auth.principal import Caller
from app.core import errors as e
from app.core.actions import insist
from app.core.db import Entry
from app.core.etag import IfMatch
from app.core.routing import answers
from app.declarations.recusals import repository
from app.declarations.recusals.rules import APPLY, DECIDE, Initiation
from app.declarations.recusals.schemas import RecusalDecisionOut, RecusalDetail, RecusalIn
from app.declarations.recusals.service import detail, judge

Reader = Annotated[Caller, requires(DECIDE)]
Decider = Annotated[Caller, acts(DECIDE)]


Starter = Annotated[Caller, acts(APPLY)]


@answers(e.INSUFFICIENT_SCOPE, e.RECUSED, e.FORBIDDEN, e.FOUR_EYES, e.STATE_CONFLICT)
async def lock_barred(request: Request) -> None:
    """One's own recusal and an order take effect at once: nothing of the person's may be in flight.

    An application locks nobody, or any applicant could end an officer's transactions; neither does a body that
    will be refused, nor a token that lacks the scope.
    """
    claims = request.state.claims
    try:
        body = RecusalIn.model_validate(await request.json())
    except ValidationError:
        return
    if body.initiator is Initiation.SELF and APPLY in claims.scopes:
        request.state.targets = (claims.subject,)
    elif body.initiator is Initiation.EX_OFFICIO and body.person_id is not None and DECIDE in claims.scopes:
        request.state.targets = (body.person_id,)


async def lock_concerned(request: Request, recusal_id: UUID) -> None:
    """The person whom the recusal concerns, read as the caller may see it; nobody where it is hidden: 404 later.

    Who lifts it relies on whoever proposed that: their own recusal waits, or is seen. (A proposal that is made after
    this look raises the version, and the caller's is out of date.)
    """
    claims = request.state.claims
    if DECIDE not in claims.scopes:
        return
    entry = Entry(claims.kind, claims.subject, family=claims.family)
    async with database_of(request).transaction(entry) as session:
        person = await repository.person_of(session, recusal_id)
        proposer = await repository.proposer_of(session, recusal_id)
    if person is not None:
        request.state.targets = (person,)
    if proposer is not None:
        request.state.relied_on = (proposer,)


# In a route's `dependencies=[…]`, so that they are settled before the session opens.
BARS_SOMEBODY = Depends(lock_barred)
CHANGES_THE_CONCERNED = Depends(lock_concerned)


@answers(e.NOT_FOUND)
async def visible_recusal(session: Session, caller: AnyCaller, recusal_id: UUID) -> RecusalDetail:
    return await detail(session, caller, recusal_id)


class RecusalFor:
    """The recusal, where the caller may do this to it now, as the caller saw it."""

    problems = (e.NOT_FOUND, e.STATE_CONFLICT, e.FOUR_EYES)

    def __init__(self, action: str) -> None:
        self._action = action

    async def __call__(self, session: Session, caller: AnyCaller, recusal_id: UUID, precondition: IfMatch) -> Row[Any]:
        recusal = await repository.one(session, recusal_id)
        if recusal is None:
            raise e.NotFound
        decisions = [RecusalDecisionOut.model_validate(row) for row in await repository.decisions(session, recusal_id)]
        insist(judge(self._action, caller, recusal, decisions), DECIDE)
        precondition.check(recusal.version)
        return recusal


@answers(e.NOT_FOUND)
async def own_notice(session: Session, recusal_id: UUID) -> Row[Any]:
    notice = await repository.notice(session, recusal_id)
    if notice is None:
        raise e.NotFound
    return notice


VisibleRecusal = Annotated[RecusalDetail, Depends(visible_recusal)]
OwnNotice = Annotated[Row[Any], Depends(own_notice)]
RecusalToDecide = Annotated[Row[Any], Depends(RecusalFor("decide"))]
RecusalToLift = Annotated[Row[Any], Depends(RecusalFor("lift"))]
