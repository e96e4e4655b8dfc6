"""Who may open, see and stop accounts, and who verifies identities.

Opening an account and verifying an identity carry a secret: no idempotency key is asked for, because its
record keeps a hash of the request, from which a short secret could be guessed. Twice is a clean 409.
"""

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Request

from app.auth.dependencies import AnyCaller, Session, requires
from app.auth.principal import Caller
from app.core import errors as e
from app.core.actions import insist, shown
from app.core.etag import IfMatch
from app.core.routing import answers
from app.core.workflow import SAME_PERSON
from app.directory.people.accounts import repository
from app.directory.people.accounts.rules import ACCOUNT_LIFE, ACTIVE, DISABLED
from app.directory.people.accounts.schemas import AccountOut, IdentityKeyOut
from app.directory.people.accounts.service import ACCOUNT_EXISTS, IDENTITY_VERIFIED
from app.directory.people.dependencies import VisiblePerson, administrator
from app.models.identity import Account, Person

Opener = Annotated[Caller, requires("people:write")]
Verifier = Annotated[Caller, requires("grants:write")]


def state_of(account: Account) -> str:
    return ACTIVE if account.disabled_at is None else DISABLED


def account_out(caller: Caller, account: Account) -> AccountOut:
    verdicts = ACCOUNT_LIFE.verdicts(state_of(account), administrator(caller), _authors(account))
    return AccountOut.of(account, state_of(account), shown(verdicts))


def _authors(account: Account) -> dict[str, UUID | None]:
    return {"hold": account.person_id}


@answers(e.CONFLICT)
async def person_without_account(session: Session, person: VisiblePerson) -> Person:
    if await repository.account(session, person.id) is not None:
        raise e.Conflict(ACCOUNT_EXISTS)
    return person


@answers(e.NOT_FOUND)
async def visible_account(session: Session, person_id: UUID) -> Account:
    """Administrators see every account, a person the own one."""
    account = await repository.account(session, person_id)
    if account is None:
        raise e.NotFound
    return account


class AccountTo:
    """The account, locked, where the caller may do this to it now."""

    problems = (e.NOT_FOUND, e.STATE_CONFLICT, e.FOUR_EYES)

    def __init__(self, action: str) -> None:
        self._action = action

    async def __call__(self, session: Session, caller: AnyCaller, person_id: UUID, precondition: IfMatch) -> Account:
        account = await repository.account(session, person_id, lock=True)
        if account is None:
            raise e.NotFound
        verdict = ACCOUNT_LIFE.judge(self._action, state_of(account), administrator(caller), _authors(account))
        insist(verdict, "people:write")
        precondition.check(account.version)
        return account


@answers(e.CONFLICT, e.FOUR_EYES)
async def person_to_verify(session: Session, caller: AnyCaller, person: VisiblePerson) -> Person:
    """Not verified yet, and not the caller."""
    if person.id == caller.id:
        raise e.FourEyes(SAME_PERSON)
    if await repository.identity_key(session, person.id) is not None:
        raise e.Conflict(IDENTITY_VERIFIED)
    return person


@answers(e.NOT_FOUND)
async def visible_identity_key(session: Session, person_id: UUID) -> IdentityKeyOut:
    found = await repository.identity_key(session, person_id)
    if found is None:
        raise e.NotFound
    return IdentityKeyOut.model_validate(found)


async def get_identity_secret(request: Request) -> bytes:
    secret: bytes = request.app.state.identity_secret
    return secret


PersonWithoutAccount = Annotated[Person, Depends(person_without_account)]
VisibleAccount = Annotated[Account, Depends(visible_account)]
AccountToDisable = Annotated[Account, Depends(AccountTo("disable"))]
AccountToEnable = Annotated[Account, Depends(AccountTo("enable"))]
PersonToVerify = Annotated[Person, Depends(person_to_verify)]
VisibleIdentityKey = Annotated[IdentityKeyOut, Depends(visible_identity_key)]
IdentitySecret = Annotated[bytes, Depends(get_identity_secret)]
