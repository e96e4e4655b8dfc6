"""What a reviewer reads and writes: the frozen dossier and the score sheet (Art. 9, 13)."""

from fastapi import Response

from app.attachments.content import BYTES, Contents
from app.auth.dependencies import Session
from app.core.etag import Replies
from app.core.routing import router
from app.reviews.dependencies import CHANGES_SELF
from app.reviews.sheets import service
from app.reviews.sheets.dependencies import (
    CopiedFile,
    OpenedCopy,
    OpenedSeat,
    Reviewer,
    SheetReader,
    SheetToSave,
    SheetToSubmit,
    Signer,
    VisibleSheet,
)
from app.reviews.sheets.schemas import DossierOut, SheetIn, SheetOut
from app.reviews.sheets.views import show, show_dossier

routes = router("/v1/assignments/{assignment_id}", tag="reviews")


@routes.get("/dossier", response_model=DossierOut, summary="Get the dossier to review")
async def get_dossier(_caller: Reviewer, seat: OpenedSeat, copy: OpenedCopy, reply: Replies) -> Response:
    """The frozen copy, from `declared` on and as long as you are not recused; 404 otherwise."""
    return reply(show_dossier(seat, copy))


@routes.get(
    "/dossier/attachments/{attachment_id}/content",
    response_class=Response,
    responses=BYTES,
    summary="Download a file of the dossier to review",
)
async def get_dossier_attachment(
    _caller: Reviewer, attachment: CopiedFile, session: Session, content: Contents
) -> Response:
    """A file whose id the frozen copy names (`evidence[].attachment_id`, `attachments[].id`). As with the copy itself:
    from `declared` on and as long as you are not recused, also while a large file is on its way."""
    return await content(session, attachment)


@routes.get("/score-sheet", response_model=SheetOut, summary="Get a score sheet")
async def get_score_sheet(caller: SheetReader, own: VisibleSheet, reply: Replies) -> Response:
    """Your own from `declared` on, blank (version 0) until it is saved. The office reads a sheet once all are in."""
    return reply(show(caller, own.seat, own.sheet), version=own.version)


@routes.put("/score-sheet", response_model=SheetOut, summary="Save a score sheet")
async def save_score_sheet(
    caller: Reviewer, own: SheetToSave, session: Session, reply: Replies, body: SheetIn
) -> Response:
    """The whole draft, as often as you like; it may have gaps. `If-Match` with the ETag of the last GET or PUT, the
    blank sheet's at first."""
    sheet = await service.save(session, own.seat.assignment, own.seat.panel, own.sheet, body)
    return reply(show(caller, own.seat, sheet), version=sheet.version)


@routes.post(
    "/score-sheet/submit", response_model=SheetOut, summary="Submit a score sheet", dependencies=[CHANGES_SELF]
)
async def submit_score_sheet(
    caller: Signer, own: SheetToSubmit, copy: OpenedCopy, session: Session, reply: Replies
) -> Response:
    """Signs what was saved last; nobody changes it afterwards. 422 points to every criterion without a score."""
    sheet = await service.submit(session, own.seat.assignment, own.seat.panel, copy, own.sheet)
    location = f"/v1/assignments/{own.seat.assignment.id}/score-sheet"
    return reply(show(caller, own.seat, sheet), version=sheet.version, location=location)
