"""Clients' SQL; their secrets go through gate functions only."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import DateTime, Select, Uuid, column, func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.core import db
from app.core.pagination import Order
from app.models.directory import Organisation, Region
from app.models.identity import Client

ORDER = Order((Client.client_id.expression, Client.id.expression))


def listed(*, organisation_id: UUID | None, source_system: str | None) -> Select[Client]:
    statement = select(Client)
    if organisation_id is not None:
        statement = statement.where(Client.organisation_id == organisation_id)
    if source_system is not None:
        statement = statement.where(Client.source_system == source_system)
    return statement


async def one(session: AsyncSession, client_id: UUID, *, lock: bool = False) -> Client | None:
    return await (db.locked(session, Client, client_id) if lock else session.get(Client, client_id))


async def is_organisation(session: AsyncSession, organisation_id: UUID) -> bool:
    return await session.get(Organisation, organisation_id) is not None


async def assessed(session: AsyncSession, codes: Iterable[str]) -> set[str]:
    return set(await session.scalars(select(Region.code).where(Region.code.in_(list(codes)), Region.assessed)))


async def set_disabled(session: AsyncSession, client_id: UUID, disabled: datetime | None, at: datetime) -> None:
    """Ends the client's tokens at once; null lets it log in again."""
    await session.execute(
        text("SELECT gate.set_principal_state(:client, CAST(:disabled AS timestamptz), :at)"),
        {"client": client_id, "disabled": disabled, "at": at},
    )


def secrets(client_id: UUID) -> tuple[Select[Any], Order]:
    """(id, created_at, revoked_at), the latest first; never a digest."""
    found = func.gate.client_secrets(client_id).table_valued(
        column("id", Uuid()),
        column("created_at", DateTime(timezone=True)),
        column("revoked_at", DateTime(timezone=True)),
        name="secrets",
    )
    order = Order((found.c.created_at, found.c.id), descending=True)
    return select(found.c.id, found.c.created_at, found.c.revoked_at), order


async def live_secret(session: AsyncSession, client_id: UUID, secret_id: UUID) -> bool | None:
    """Whether it is accepted; None where there is none such."""
    statement, _ = secrets(client_id)
    found = (await session.execute(statement)).all()
    return next((row.revoked_at is None for row in found if row.id == secret_id), None)


async def add_secret(session: AsyncSession, secret_id: UUID, client_id: UUID, digest: str, at: datetime) -> None:
    await session.execute(
        text("SELECT gate.add_client_secret(:secret, :client, :digest, :at)"),
        {"secret": secret_id, "client": client_id, "digest": digest, "at": at},
    )


async def revoke_secret(session: AsyncSession, secret_id: UUID, client_id: UUID, at: datetime) -> None:
    """Ends the client's tokens, too."""
    await session.execute(
        text("SELECT gate.revoke_client_secret(:secret, :client, :at)"),
        {"secret": secret_id, "client": client_id, "at": at},
    )
