"""Identity's SQL: gate functions for everything secret, policies for the rest."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.models.identity import Account, Person

Found = Row[Any]


async def login(session: AsyncSession, username: str) -> Found | None:
    """person_id, password_hash, locked_until, disabled."""
    return (await session.execute(text("SELECT * FROM gate.login(:u)"), {"u": username})).first()


async def login_failed(session: AsyncSession, person: UUID, at: datetime) -> None:
    await session.execute(text("SELECT gate.login_failed(:p, :at)"), {"p": person, "at": at})


async def login_succeeded(
    session: AsyncSession, person: UUID, *, verified: str, rehashed: str | None, at: datetime
) -> bool:
    """False where the account was locked, or its password changed, since `verified` was read."""
    statement = text("SELECT gate.login_succeeded(:p, :v, CAST(:h AS text), :at)")
    return bool(await session.scalar(statement, {"p": person, "v": verified, "h": rehashed, "at": at}))


async def set_password(
    session: AsyncSession, person: UUID, hashed: str, at: datetime, *, kept_family: UUID | None = None
) -> None:
    """Every login of the person ends, but the kept one."""
    await session.execute(
        text("SELECT gate.set_password(:p, :h, :at, CAST(:f AS uuid))"),
        {"p": person, "h": hashed, "at": at, "f": kept_family},
    )


async def store_refresh(
    session: AsyncSession,
    *,
    token: UUID,
    family: UUID,
    person: UUID,
    digest: str,
    scopes: list[str] | None,
    at: datetime,
    until: datetime,
) -> None:
    await session.execute(
        text("SELECT gate.store_refresh(:token, :family, :person, :digest, CAST(:scopes AS text[]), :at, :until)"),
        {
            "token": token,
            "family": family,
            "person": person,
            "digest": digest,
            "scopes": scopes,
            "at": at,
            "until": until,
        },
    )


async def refresh_holder(session: AsyncSession, digest: str) -> UUID | None:
    """Whose token it is, used and revoked ones too."""
    holder: UUID | None = await session.scalar(text("SELECT gate.refresh_holder(:d)"), {"d": digest})
    return holder


async def use_refresh(session: AsyncSession, digest: str, at: datetime) -> Found:
    """outcome (`accepted`, `reused`, `revoked`, `expired`), family, bounded_to."""
    return (await session.execute(text("SELECT * FROM gate.use_refresh(:d, :at)"), {"d": digest, "at": at})).one()


async def revoke_refresh(session: AsyncSession, digest: str, at: datetime) -> None:
    await session.execute(text("SELECT gate.revoke_refresh(:d, :at)"), {"d": digest, "at": at})


async def revoke_family(session: AsyncSession, family: UUID, at: datetime) -> None:
    await session.execute(text("SELECT gate.revoke_family(:f, :at)"), {"f": family, "at": at})


async def client_login(session: AsyncSession, client_id: str) -> Found | None:
    """id, digests, disabled."""
    return (await session.execute(text("SELECT * FROM gate.client_login(:c)"), {"c": client_id})).first()


async def person_with_account(session: AsyncSession, person: UUID) -> Row[str, str] | None:
    """name and username of a person, as far as the caller may see them."""
    return (
        await session.execute(
            select(Person.name, Account.username)
            .outerjoin(Account, Account.person_id == Person.id)
            .where(Person.id == person)
        )
    ).first()
