"""Who may see and add files.

| caller                            | sees                          | adds and takes away                            |
|-----------------------------------|-------------------------------|------------------------------------------------|
| staff of the owner's region       | all of its files              | as `rules.RULES` says, until they are released |
| who sees the owner for the league | what was released with it     | –                                              |
| everybody else                    | 404                           | –                                              |
"""

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Query, Request
from pydantic import ValidationError
from sqlalchemy.ext.asyncio import AsyncSession

from app.attachments import repository
from app.attachments.receiving import MALFORMED, MAX_BODY_BYTES, MULTIPART, Received, ReceivedFile, receive
from app.attachments.repository import Owner
from app.attachments.rules import READING, RELEASED, RULES, UPLOADING, OwnerKind
from app.attachments.schemas import AttachmentFields, AttachmentFilters, AttachmentOut, AttachmentSummary
from app.auth.dependencies import AnyCaller, Session, acts, requires
from app.auth.principal import Caller
from app.core import errors as e
from app.core.actions import insist, shown
from app.core.errors import SCOPE_MISSING, Reason
from app.core.etag import IfMatch
from app.core.problems import field_errors
from app.core.routing import answers
from app.core.workflow import OUTSIDE_GRANT, Verdict
from app.models.attachments import Attachment

Reader = Annotated[Caller, requires(*READING)]
Uploader = Annotated[Caller, acts(*UPLOADING)]
Remover = Annotated[Caller, requires(*UPLOADING)]

# In the route's `dependencies`, so that the body is there before the session opens.
RECEIVED = Depends(receive, scope="function")


class SentParts:
    """The upload's parts, with their text checked. Which owner they are for stands in them: 422 comes before 404."""

    media_types = frozenset({MULTIPART})
    max_body_bytes = MAX_BODY_BYTES
    problems = (e.PAYLOAD_TOO_LARGE, e.UNSUPPORTED_MEDIA_TYPE)

    async def __call__(self, request: Request) -> tuple[AttachmentFields, ReceivedFile]:
        received: Received = request.state.received
        if received.faults == (MALFORMED,):
            raise e.Invalid(MALFORMED)
        faults = list(received.faults)
        try:
            stated = AttachmentFields.model_validate(received.fields)
        except ValidationError as error:
            found = field_errors([dict(item) for item in error.errors()], base=("body",))
            raise e.Invalid(*faults, *found) from error
        faults += [e.FieldError(f"/{name}", "required") for name in stated.missing()]
        if faults or received.file is None:
            raise e.Invalid(*faults)
        return stated, received.file


Sent = Annotated[tuple[AttachmentFields, ReceivedFile], Depends(SentParts())]


def _authority(caller: Caller, kind: OwnerKind, region_code: str, *, sealed: bool) -> Reason | None:
    scopes = RULES[kind].scopes(sealed=sealed)
    if caller.scopes.isdisjoint(scopes):
        return SCOPE_MISSING
    within = region_code in caller.regions and not caller.scopes_in(region_code).isdisjoint(scopes)
    return None if within else OUTSIDE_GRANT


@answers(e.NOT_FOUND, e.FORBIDDEN, e.STATE_CONFLICT, e.CONFLICT)
async def owner_to_fill(session: Session, caller: AnyCaller, sent: Sent) -> Owner:
    """The owner that the upload names: visible, the caller's to fill, and held in a state in which its files change."""
    stated, _ = sent
    kind, sealed = stated.owner_kind, stated.sealed_scan
    owner = await repository.owner(session, kind, stated.owner_id)
    if owner is None:
        raise e.NotFound
    needed = RULES[kind].scopes(sealed=sealed)
    insist(Verdict("attach", _authority(caller, kind, owner.region_code, sealed=sealed)), *sorted(needed))
    held = await repository.owner(session, kind, stated.owner_id, lock=True)
    if held is None:
        raise e.NotFound
    insist(Verdict("attach", RULES[kind].refusal(held.state, sealed=sealed)))
    return held


@answers(e.NOT_FOUND)
async def visible_attachment(session: Session, caller: AnyCaller, attachment_id: UUID) -> Attachment:
    """What the policies show, of a kind that the caller reads at all."""
    attachment = await repository.one(session, attachment_id)
    if attachment is None or RULES[OwnerKind(attachment.owner_kind)].read not in caller.scopes:
        raise e.NotFound
    return attachment


@answers(e.NOT_FOUND)
async def files_of_owner(
    session: Session, caller: AnyCaller, filters: Annotated[AttachmentFilters, Query()]
) -> AttachmentFilters:
    """A list names its owner, which must be visible; its kind's read scope is asked for first."""
    if RULES[filters.owner_kind].read not in caller.scopes:
        raise e.InsufficientScope(RULES[filters.owner_kind].read)
    if await repository.owner(session, filters.owner_kind, filters.owner_id) is None:
        raise e.NotFound
    return filters


async def _removal(session: AsyncSession, caller: Caller, attachment: Attachment, *, lock: bool) -> Reason | None:
    """Why the caller may not take it away, if so; `lock` holds the owner in the state that was judged."""
    kind, sealed = OwnerKind(attachment.owner_kind), attachment.sealed_scan
    refusal = _authority(caller, kind, attachment.region_code, sealed=sealed)
    if refusal is not None:
        return refusal
    if attachment.released_at is not None:
        return RELEASED
    owner = await repository.owner(session, kind, attachment.owner_id, lock=lock)
    if owner is None:
        raise e.NotFound
    return RULES[kind].refusal(owner.state, sealed=sealed)


@answers(e.NOT_FOUND, e.FORBIDDEN, e.STATE_CONFLICT)
async def attachment_to_remove(
    session: Session, caller: AnyCaller, attachment: Annotated[Attachment, Depends(visible_attachment)], match: IfMatch
) -> Attachment:
    """Not released, of an owner that is held editable, and as the caller saw it. Files have one version."""
    needed = RULES[OwnerKind(attachment.owner_kind)].scopes(sealed=attachment.sealed_scan)
    insist(Verdict("delete", await _removal(session, caller, attachment, lock=True)), *sorted(needed))
    locked = await repository.locked(session, attachment.id)
    if locked is None:
        raise e.NotFound
    if locked.released_at is not None:
        raise e.StateConflict(RELEASED)
    match.check(1)
    return locked


class Shows:
    """Renders a file's metadata with what its viewer may do."""

    def __init__(self, session: Session, caller: AnyCaller) -> None:
        self._session = session
        self._caller = caller

    async def __call__(self, attachment: Attachment) -> AttachmentOut:
        refusal = await _removal(self._session, self._caller, attachment, lock=False)
        actions = shown([Verdict("delete", refusal)])
        return AttachmentOut(**AttachmentSummary.model_validate(attachment).model_dump(), allowed_actions=actions)


OwnerToFill = Annotated[Owner, Depends(owner_to_fill)]
VisibleAttachment = Annotated[Attachment, Depends(visible_attachment)]
AttachmentToRemove = Annotated[Attachment, Depends(attachment_to_remove)]
FilesOfOwner = Annotated[AttachmentFilters, Depends(files_of_owner)]
Show = Annotated[Shows, Depends(Shows)]
