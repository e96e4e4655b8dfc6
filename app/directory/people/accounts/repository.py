"""Accounts' and identity keys' SQL; secrets and login states go through gate functions only."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Row, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.core import db
from app.models.identity import Account, IdentityKey


async def account(session: AsyncSession, person_id: UUID, *, lock: bool = False) -> Account | None:
    return await (db.locked(session, Account, person_id) if lock else session.get(Account, person_id))


async def set_principal_state(session: AsyncSession, person: UUID, disabled: datetime | None, at: datetime) -> None:
    """Ends the person's logins and tokens at once; null lets the person log in again."""
    await session.execute(
        text("SELECT gate.set_principal_state(:person, CAST(:disabled AS timestamptz), :at)"),
        {"person": person, "disabled": disabled, "at": at},
    )


async def identity_key(session: AsyncSession, person_id: UUID) -> Row[UUID, UUID, datetime] | None:
    """Who verified the person, and when; never the digest."""
    found = await session.execute(
        select(IdentityKey.person_id, IdentityKey.verified_by, IdentityKey.verified_at).where(
            IdentityKey.person_id == person_id
        )
    )
    return found.first()
