"""Accounts, and verified identities."""

import hashlib
import hmac
from uuid import UUID

from sqlalchemy import insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from app.auth import passwords
from app.auth import repository as credentials
from app.core import errors as e
from app.core.audit import Resource, record
from app.core.clock import league_date
from app.core.db import clock_of, sqlstate
from app.core.errors import CONSTRAINT_REASONS, FieldError, Invalid, Reason
from app.directory.people.accounts import repository
from app.directory.people.accounts.schemas import AccountIn, IdentityKeyOut, IdentityNumberIn
from app.directory.people.rules import identity_number_fault
from app.models.identity import Account, IdentityKey

ACCOUNT_EXISTS = Reason("account_exists", "该人员已有账号", "The person has an account")
IDENTITY_VERIFIED = Reason("identity_verified", "该人员身份已核验", "The person's identity is verified already")
CONSTRAINT_REASONS["uq_accounts_username"] = Reason("username_taken", "用户名已被使用", "The username is taken")


class SameIdentity(e.Conflict):
    """The number is another person's here: whose is not said, and the attempt leaves its trace.

    A second self would walk round every recusal of the first.
    """

    trace = True


async def open_account(session: AsyncSession, person_id: UUID, body: AccountIn) -> Account:
    """Raises `Invalid` (`weak_password`), `Conflict` (`username_taken`)."""
    if passwords.password_weakness(body.initial_password, body.username) is not None:
        raise Invalid(FieldError("/initial_password", "weak_password"))
    account = Account(person_id=person_id, username=body.username, is_demo=False, disabled_at=None)
    session.add(account)
    await session.flush()
    hashed = await passwords.hash_password(body.initial_password)
    await credentials.set_password(session, person_id, hashed, clock_of(session).now())
    await record(session, "accounts.create", Resource("person", person_id), changes={"username": body.username})
    return account


async def set_disabled(session: AsyncSession, account: Account, *, disabled: bool, reason: str) -> Account:
    now = clock_of(session).now()
    account.disabled_at = now if disabled else None
    await session.flush()
    await repository.set_principal_state(session, account.person_id, account.disabled_at, now)
    action = "accounts.disable" if disabled else "accounts.enable"
    await record(session, action, Resource("person", account.person_id), reason=reason)
    return account


async def verify_identity(
    session: AsyncSession, person_id: UUID, body: IdentityNumberIn, *, verifier: UUID, secret: bytes
) -> IdentityKeyOut:
    """Keep the number's keyed digest. Raises `Invalid`, `SameIdentity`."""
    now = clock_of(session).now()
    if fault := identity_number_fault(body.identity_number, league_date(now)):
        raise Invalid(FieldError("/identity_number", fault))
    digest = hmac.new(secret, body.identity_number.encode(), hashlib.sha256).hexdigest()
    try:
        await session.execute(
            insert(IdentityKey).values(person_id=person_id, digest=digest, verified_by=verifier, verified_at=now)
        )
    except IntegrityError as error:
        if sqlstate(error) != "23505":
            raise
        raise SameIdentity from error
    await record(session, "people.verify_identity", Resource("person", person_id))
    return IdentityKeyOut(person_id=person_id, verified_by=verifier, verified_at=now)
