"""Files of dossiers (附件)."""

from typing import Any

from fastapi import Response

from app.attachments import repository, service
from app.attachments.content import BYTES, Contents
from app.attachments.dependencies import (
    RECEIVED,
    AttachmentToRemove,
    FilesOfOwner,
    OwnerToFill,
    Reader,
    Remover,
    Sent,
    Show,
    Uploader,
    VisibleAttachment,
)
from app.attachments.receiving import MULTIPART
from app.attachments.schemas import AttachmentForm, AttachmentOut, AttachmentSummary
from app.auth.dependencies import Session
from app.core.etag import Replies
from app.core.openapi import body_schema
from app.core.pagination import Page, Paging
from app.core.routing import router

routes = router("/v1/attachments", tag="attachments")

_FORM: dict[str, Any] = {
    "requestBody": {"required": True, "content": {MULTIPART: {"schema": body_schema(AttachmentForm)}}}
}


@routes.get("", summary="List an owner's files")
async def list_attachments(
    _caller: Reader, session: Session, pages: Paging, filters: FilesOfOwner
) -> Page[AttachmentSummary]:
    """`owner_kind` and `owner_id` are required. The region's staff see all files, others those that were sent with
    the dossier (`released_at`). 404 where you do not see the owner."""
    statement = repository.listed(filters.owner_kind, filters.owner_id, filters.sealed_scan)
    return (await pages.of(session, statement, filters, repository.ORDER)).show(AttachmentSummary.model_validate)


@routes.post(
    "",
    status_code=201,
    response_model=AttachmentOut,
    openapi_extra=_FORM,
    dependencies=[RECEIVED],
    summary="Upload a file",
)
async def create_attachment(
    caller: Uploader, session: Session, sent: Sent, owner: OwnerToFill, show: Show, reply: Replies
) -> Response:
    """As staff of the owner's region: ordinary files while the owner is editable (its write scope), sealed scans
    while its signature is due or just given (write or sign scope). At most 20 MB and 100 files for one owner.

    What a file is, is told by its bytes: PDF, OFD, PNG, JPEG, DOCX, XLSX; 415 for the rest
    (reason `file_type_refused`), 422 `type_mismatch` where the declared type or the name's extension says otherwise.
    The name is kept without path and unseen characters. Repeating the request with its key has one effect, whatever
    its boundary."""
    stated, file = sent
    attachment = await service.attach(session, caller, owner, stated, file)
    return reply(await show(attachment), location=f"/v1/attachments/{attachment.id}", created=True)


@routes.get("/{attachment_id}", response_model=AttachmentOut, summary="Get a file's metadata")
async def get_attachment(_caller: Reader, attachment: VisibleAttachment, show: Show, reply: Replies) -> Response:
    """Name, type, size, SHA-256, and the document that it is a scan of."""
    return reply(await show(attachment))


@routes.get("/{attachment_id}/content", response_class=Response, responses=BYTES, summary="Download a file")
async def get_attachment_content(
    _caller: Reader, attachment: VisibleAttachment, session: Session, content: Contents
) -> Response:
    """The bytes as they were sent, to be saved and never shown in place. The ETag is their SHA-256; `If-None-Match`
    gives 304. You are authorised again for each request, and while a large file is on its way."""
    return await content(session, attachment)


@routes.delete("/{attachment_id}", status_code=204, summary="Take a file away")
async def delete_attachment(_caller: Remover, attachment: AttachmentToRemove, session: Session) -> None:
    """As whoever may add it, until it was sent with its dossier (409 `state_conflict`, reason
    `attachment_released`)."""
    await service.take_away(session, attachment)
