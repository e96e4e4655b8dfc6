"""Security administrators, who hold nothing else, record on paper's word what nobody in the league may decide."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Request
from sqlalchemy import Row

from app.auth.dependencies import Session, acts, database_of, requires
from app.auth.principal import Caller
from app.core import errors as e
from app.core.db import Entry
from app.core.routing import answers
from app.declarations.escalations import repository

RECORD = "recusals:record"

Reader = Annotated[Caller, requires(RECORD)]
Recorder = Annotated[Caller, acts(RECORD)]


async def lock_concerned(request: Request, recusal_id: UUID) -> None:
    """A decision changes what the person concerned may see: nothing of theirs may be in flight."""
    claims = request.state.claims
    if RECORD not in claims.scopes:
        return
    entry = Entry(claims.kind, claims.subject, family=claims.family)
    async with database_of(request).transaction(entry) as session:
        person = await repository.concerned(session, recusal_id)
    if person is not None:
        request.state.targets = (person,)


# In a route's `dependencies=[…]`, so that it is settled before the session opens.
CHANGES_THE_CONCERNED = Depends(lock_concerned)


@answers(e.NOT_FOUND)
async def visible_escalation(session: Session, recusal_id: UUID) -> Row[Any]:
    found = await repository.one(session, recusal_id)
    if found is None:
        raise e.NotFound
    return found


VisibleEscalation = Annotated[Row[Any], Depends(visible_escalation)]
