"""Storing, taking away and releasing files. What an act needs of the owner is settled by `dependencies`."""

from typing import Any, Protocol
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.attachments import files, repository
from app.attachments.repository import Owner
from app.attachments.rules import MAX_FILES, RULES, TOO_LARGE, TOO_MANY, UNKNOWN_TYPE, OwnerKind
from app.attachments.schemas import AttachmentFields
from app.auth.principal import Caller
from app.core.audit import Resource, record
from app.core.db import clock_of, ids_of
from app.core.errors import Conflict, FieldError, Invalid, PayloadTooLarge, UnsupportedMediaType
from app.core.jobs import ask
from app.models.attachments import Attachment

SWEEP = "attachments.sweep"


class SentFile(Protocol):
    """A file as it arrived: its sender's name and type for it, and what its bytes were measured to be."""

    @property
    def name(self) -> str: ...
    @property
    def declared(self) -> str: ...
    @property
    def size(self) -> int: ...
    @property
    def sha256(self) -> str: ...
    async def content(self) -> bytes: ...


async def attach(
    session: AsyncSession, caller: Caller, owner: Owner, stated: AttachmentFields, file: SentFile
) -> Attachment:
    """Keep the bytes as they were sent. The answer is the same whether they were known or not.

    Raises `PayloadTooLarge`, `UnsupportedMediaType` for what is not on the list, `Invalid` (`type_mismatch`),
    `Conflict` (`too_many_attachments`).
    """
    if await repository.count(session, owner) >= MAX_FILES:
        raise Conflict(TOO_MANY)
    if file.size > files.MAX_BYTES:
        raise PayloadTooLarge(TOO_LARGE)
    content = await file.content()
    kind = files.type_of(content)
    if kind is None:
        raise UnsupportedMediaType(UNKNOWN_TYPE)
    kept_name = files.clean_name(file.name)
    if kind.is_contradicted_by(file.declared, kept_name):
        raise Invalid(FieldError("/file", "type_mismatch"))
    await repository.keep_blob(session, sha256=file.sha256, media_type=kind.media_type, content=content)
    now = clock_of(session).now()
    attachment = Attachment(
        id=ids_of(session).random(),
        owner_kind=owner.kind,
        owner_id=owner.id,
        region_code=owner.region_code,
        project_id=owner.project_id,
        name=files.named(kept_name, kind),
        media_type=kind.media_type,
        size=file.size,
        sha256=file.sha256,
        sealed_scan=stated.sealed_scan,
        document_number=stated.document_number,
        document_date=stated.document_date,
        uploaded_by=caller.id,
        uploaded_at=now,
        released_at=now if owner.state in RULES[owner.kind].sent else None,
    )
    session.add(attachment)
    await session.flush()
    await record(session, "attachments.create", resource_of(attachment), changes=_noted(attachment))
    return attachment


async def take_away(session: AsyncSession, attachment: Attachment) -> None:
    """Delete it, and have the worker sweep its bytes unless another file is made of the same."""
    resource = resource_of(attachment)
    noted = _noted(attachment)
    await session.delete(attachment)
    await session.flush()
    await record(session, "attachments.delete", resource, changes=noted)
    await ask(session, SWEEP, key=f"{SWEEP}:{attachment.id}", about=resource, payload={"sha256": attachment.sha256})


async def release(session: AsyncSession, owner_kind: str, owner_id: UUID) -> list[dict[str, Any]]:
    """The owner is signed and sent: so are its files. In the signing's own transaction, under the owner's lock.

    Returns what was sent (id, name, sha256), for the signing's audit entry or frozen content.
    """
    sent = await repository.release(session, OwnerKind(owner_kind), owner_id, clock_of(session).now())
    return [
        {"id": str(attachment.id), "name": attachment.name, "sha256": attachment.sha256}
        for attachment in sorted(sent, key=lambda attachment: (attachment.uploaded_at, attachment.id))
    ]


def resource_of(attachment: Attachment) -> Resource:
    return Resource("attachment", attachment.id, region_code=attachment.region_code, project_id=attachment.project_id)


def _noted(attachment: Attachment) -> dict[str, Any]:
    names = ("owner_kind", "name", "media_type", "size", "sha256", "sealed_scan", "document_number")
    date = attachment.document_date
    return {
        **{name: getattr(attachment, name) for name in names},
        "owner_id": str(attachment.owner_id),
        "document_date": date.isoformat() if date else None,
    }
