"""A person's account and verified identity."""

from typing import Annotated

from fastapi import Response

from app.auth.dependencies import CHANGES_PERSON, Session
from app.core.etag import Replies
from app.core.fields import ReasonBody
from app.core.routing import for_example, router
from app.directory.people.accounts import service
from app.directory.people.accounts.dependencies import (
    AccountToDisable,
    AccountToEnable,
    IdentitySecret,
    Opener,
    PersonToVerify,
    PersonWithoutAccount,
    Verifier,
    VisibleAccount,
    VisibleIdentityKey,
    account_out,
)
from app.directory.people.accounts.schemas import AccountIn, AccountOut, IdentityKeyOut, IdentityNumberIn
from app.directory.people.dependencies import Creator, Reader

routes = router("/v1/people/{person_id}", tag="people")


@routes.get("/account", response_model=AccountOut, summary="Get a person's account")
async def get_account(caller: Reader, account: VisibleAccount, reply: Replies) -> Response:
    """For administrators and the person self; 404 for everybody else."""
    return reply(account_out(caller, account), version=account.version)


@routes.post(
    "/account",
    status_code=201,
    response_model=AccountOut,
    summary="Open an account",
    dependencies=[CHANGES_PERSON],
)
async def create_account(
    caller: Opener, person: PersonWithoutAccount, session: Session, reply: Replies, body: AccountIn
) -> Response:
    """One account a person. It takes no Idempotency-Key, for it carries a password: a repetition is a 409
    `conflict`, reason `account_exists`."""
    account = await service.open_account(session, person.id, body)
    return reply(
        account_out(caller, account),
        version=account.version,
        location=f"/v1/people/{person.id}/account",
        created=True,
    )


@routes.post(
    "/account/disable",
    response_model=AccountOut,
    summary="Disable an account",
    dependencies=[CHANGES_PERSON],
)
async def disable_account(
    caller: Creator,
    account: AccountToDisable,
    session: Session,
    reply: Replies,
    body: Annotated[ReasonBody, for_example(reason="人员调离（示例）")],
) -> Response:
    """Every login and token of the person ends with this answer. Nobody disables the own account."""
    account = await service.set_disabled(session, account, disabled=True, reason=body.reason)
    return reply(
        account_out(caller, account), version=account.version, location=f"/v1/people/{account.person_id}/account"
    )


@routes.post(
    "/account/enable",
    response_model=AccountOut,
    summary="Enable an account",
    dependencies=[CHANGES_PERSON],
)
async def enable_account(
    caller: Creator,
    account: AccountToEnable,
    session: Session,
    reply: Replies,
    body: Annotated[ReasonBody, for_example(reason="人员返岗（示例）")],
) -> Response:
    """The person can log in again; old tokens stay dead."""
    account = await service.set_disabled(session, account, disabled=False, reason=body.reason)
    return reply(
        account_out(caller, account), version=account.version, location=f"/v1/people/{account.person_id}/account"
    )


@routes.get("/identity-key", response_model=IdentityKeyOut, summary="Get a person's verification")
async def get_identity_key(_caller: Verifier, key: VisibleIdentityKey, reply: Replies) -> Response:
    """That the identity was verified, by whom and when."""
    return reply(key)


@routes.post(
    "/identity-key",
    status_code=201,
    response_model=IdentityKeyOut,
    summary="Verify a person's identity",
    dependencies=[CHANGES_PERSON],
)
async def create_identity_key(
    caller: Verifier,
    person: PersonToVerify,
    session: Session,
    secret: IdentitySecret,
    reply: Replies,
    body: IdentityNumberIn,
) -> Response:
    """One natural person, one person here: a number that is known already is a 409 that says no more. Only an
    HMAC of the number is kept. It takes no Idempotency-Key, for it carries a personal number."""
    key = await service.verify_identity(session, person.id, body, verifier=caller.id, secret=secret)
    return reply(key, location=f"/v1/people/{person.id}/identity-key", created=True)
