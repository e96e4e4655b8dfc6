"""Who may see, give, confirm and end which grant."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends

from app.auth.dependencies import AnyCaller, Session, acts, requires
from app.auth.principal import Caller
from app.core import errors as e
from app.core.actions import insist, shown
from app.core.etag import IfMatch
from app.core.routing import answers
from app.core.workflow import SAME_PERSON
from app.directory.people.dependencies import VisiblePerson, administrator
from app.directory.people.grants import repository
from app.directory.people.grants.rules import GRANT_LIFE
from app.directory.people.grants.schemas import GrantDetail
from app.models.identity import Grant, Person

Reader = Annotated[Caller, requires("grants:read")]
Granter = Annotated[Caller, acts("grants:write")]


def version_of(grant: Grant) -> int:
    """A grant is made, confirmed and ended once each: its version counts them."""
    return 1 + (grant.confirmed_at is not None) + (grant.ended_at is not None)


def _authors(grant: Grant) -> dict[str, UUID | None]:
    return {"grant": grant.granted_by, "hold": grant.person_id}


def grant_detail(caller: Caller, grant: Grant) -> GrantDetail:
    return GrantDetail.with_actions(
        grant, shown(GRANT_LIFE.verdicts(grant.state, administrator(caller), _authors(grant)))
    )


@answers(e.FOUR_EYES, e.CONFLICT)
async def somebody_else(caller: AnyCaller, person: VisiblePerson) -> Person:
    """Nobody grants anything to themselves."""
    if person.id == caller.id:
        raise e.FourEyes(SAME_PERSON)
    return person


@answers(e.NOT_FOUND)
async def visible_grant(session: Session, person: VisiblePerson, grant_id: UUID) -> Grant:
    grant = await repository.one(session, person.id, grant_id)
    if grant is None:
        raise e.NotFound
    return grant


class GrantTo:
    """The grant, locked, where the caller may do this to it now."""

    problems = (e.NOT_FOUND, e.STATE_CONFLICT, e.FOUR_EYES, e.CONFLICT)

    def __init__(self, action: str) -> None:
        self._action = action

    async def __call__(
        self, session: Session, caller: AnyCaller, person: VisiblePerson, grant_id: UUID, precondition: IfMatch
    ) -> Grant:
        grant = await repository.one(session, person.id, grant_id, lock=True)
        if grant is None:
            raise e.NotFound
        insist(GRANT_LIFE.judge(self._action, grant.state, administrator(caller), _authors(grant)), "grants:write")
        precondition.check(version_of(grant))
        return grant


SomebodyElse = Annotated[Person, Depends(somebody_else)]
VisibleGrant = Annotated[Grant, Depends(visible_grant)]
GrantToConfirm = Annotated[Grant, Depends(GrantTo("confirm"))]
GrantToEnd = Annotated[Grant, Depends(GrantTo("end"))]
