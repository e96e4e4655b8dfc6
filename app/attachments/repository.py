"""Attachments' SQL. The policies show a file to the region, and once it is released to whoever sees its dossier."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, delete, func, null, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from app.attachments.rules import OwnerKind
from app.core.pagination import Order
from app.models.attachments import Attachment, Blob
from app.models.cases import Case
from app.models.evaluations import Evaluation
from app.models.plans import Plan
from app.models.projects import Project

ORDER = Order((Attachment.uploaded_at.expression, Attachment.id.expression))


@dataclass(frozen=True, slots=True)
class Owner:
    """The dossier that a file belongs to, as far as its files depend on it."""

    kind: OwnerKind
    id: UUID
    region_code: str
    state: str
    project_id: UUID | None


_STATES: dict[OwnerKind, tuple[type[Plan | Project | Evaluation | Case], InstrumentedAttribute[str]]] = {
    OwnerKind.PLAN: (Plan, Plan.state),
    OwnerKind.PROJECT: (Project, Project.membership),
    OwnerKind.EVALUATION: (Evaluation, Evaluation.state),
    OwnerKind.CASE: (Case, Case.state),
}

_PROJECTS: dict[OwnerKind, ColumnElement[Any]] = {
    OwnerKind.PROJECT: Project.id.expression,
    OwnerKind.CASE: Case.project_id.expression,
}


async def owner(session: AsyncSession, kind: OwnerKind, owner_id: UUID, *, lock: bool = False) -> Owner | None:
    """`lock`: held as it is, while its files change. Signing takes the row alone, so it waits, or we do."""
    table, state = _STATES[kind]
    project = _PROJECTS.get(kind, null())
    statement = select(table.region_code, state, project).where(table.id == owner_id)
    found = (await session.execute(statement.with_for_update(read=True, of=table) if lock else statement)).one_or_none()
    return Owner(kind, owner_id, *found) if found else None


def listed(kind: OwnerKind, owner_id: UUID, sealed_scan: bool | None) -> Select[Attachment]:
    statement = select(Attachment).where(Attachment.owner_kind == kind, Attachment.owner_id == owner_id)
    return statement if sealed_scan is None else statement.where(Attachment.sealed_scan == sealed_scan)


async def one(session: AsyncSession, attachment_id: UUID) -> Attachment | None:
    return await session.get(Attachment, attachment_id)


async def locked(session: AsyncSession, attachment_id: UUID) -> Attachment | None:
    statement = select(Attachment).where(Attachment.id == attachment_id).with_for_update()
    return await session.scalar(statement.execution_options(populate_existing=True))


async def count(session: AsyncSession, of: Owner) -> int:
    statement = select(func.count()).where(Attachment.owner_kind == of.kind, Attachment.owner_id == of.id)
    return int(await session.scalar(statement) or 0)


async def keep_blob(session: AsyncSession, *, sha256: str, media_type: str, content: bytes) -> None:
    """Store the bytes, in the same way and time whether they are known or not, and without learning which."""
    await hold_blob(session, sha256)
    statement = text("SELECT gate.keep_blob(:sha256, :kind, :content)")
    await session.execute(statement, {"sha256": sha256, "kind": media_type, "content": content})


async def hold_blob(session: AsyncSession, sha256: str, *, alone: bool = False) -> None:
    """Until the transaction ends the bytes are not swept away; `alone`, by who would sweep them."""
    take = "pg_advisory_xact_lock" if alone else "pg_advisory_xact_lock_shared"
    await session.execute(text(f"SELECT {take}(hashtextextended(:key, 0))"), {"key": f"blob:{sha256}"})


async def page(session: AsyncSession, attachment_id: UUID, start: int, length: int) -> bytes | None:
    """A part of the bytes, through the attachment that the caller sees; None where it is seen no more."""
    part = func.substring(Blob.content, start + 1, length)
    statement = select(part).join(Attachment, Attachment.sha256 == Blob.sha256).where(Attachment.id == attachment_id)
    found: bytes | None = await session.scalar(statement)
    return found


async def release(session: AsyncSession, kind: OwnerKind, owner_id: UUID, now: datetime) -> list[Attachment]:
    """Mark what is not yet released; returns it."""
    statement = (
        update(Attachment)
        .where(Attachment.owner_kind == kind, Attachment.owner_id == owner_id, Attachment.released_at.is_(None))
        .values(released_at=now)
        .returning(Attachment)
        .execution_options(populate_existing=True)
    )
    return list(await session.scalars(statement))


async def sweep_blob(session: AsyncSession, sha256: str) -> bool:
    """Delete bytes that no attachment names any more. Worker's session."""
    await hold_blob(session, sha256, alone=True)
    named = select(Attachment.id).where(Attachment.sha256 == sha256).exists()
    swept = await session.execute(delete(Blob).where(Blob.sha256 == sha256, ~named).returning(Blob.sha256))
    return swept.first() is not None
