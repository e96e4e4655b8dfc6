"""Who sees the dossier and the sheets.

| caller                                          | dossier (frozen copy) | sheet |
|-------------------------------------------------|-----------------------|-------|
| the person assigned, before declaring           | 404                   | 404   |
| the person assigned, once declared              | yes, with its files   | own: written until submitted |
| the person, walled                              | 404                   | 404   |
| office, committee, inspector, not walled        | 404                   | read, once the panel is complete |
| everybody else                                  | 404                   | 404   |
"""

from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

from fastapi import Depends

from app.attachments import repository as attachments
from app.auth.dependencies import AnyCaller, Session, acts, requires
from app.auth.principal import Caller
from app.core import errors as e
from app.core.etag import IfMatch
from app.core.routing import answers
from app.models.attachments import Attachment
from app.models.reviews import ReviewCopy, ScoreSheet
from app.reviews import repository as reviews
from app.reviews.assignments.dependencies import Seat, VisibleSeat, insist_on
from app.reviews.rules import OPENED, names
from app.reviews.sheets import repository

_REVIEW = ("evaluations:review", "cases:review")
Reviewer = Annotated[Caller, requires(*_REVIEW)]
SheetReader = Annotated[Caller, requires(*_REVIEW, "evaluations:manage", "cases:manage", "evaluations:appraise")]
Signer = Annotated[Caller, acts(*_REVIEW)]


@answers(e.NOT_FOUND, e.INSUFFICIENT_SCOPE)
async def opened_seat(caller: AnyCaller, seat: VisibleSeat) -> Seat:
    """The caller's own assignment, declared: before that nothing of it opens, whatever else the caller may see."""
    if caller.id != seat.assignment.person_id or seat.assignment.state not in OPENED:
        raise e.NotFound
    scope = f"{seat.assignment.subject_kind}s:review"
    if scope not in caller.scopes:
        raise e.InsufficientScope(scope)
    return seat


OpenedSeat = Annotated[Seat, Depends(opened_seat)]


@answers(e.NOT_FOUND)
async def opened_copy(session: Session, seat: OpenedSeat) -> ReviewCopy:
    copy = await reviews.copy(session, seat.panel.id)
    if copy is None:
        raise e.NotFound
    return copy


OpenedCopy = Annotated[ReviewCopy, Depends(opened_copy)]


@answers(e.NOT_FOUND)
async def copied_file(session: Session, copy: OpenedCopy, attachment_id: UUID) -> Attachment:
    """A file that the copy names: others of the same dossier are none of the reviewer's business."""
    if not names(copy.content, str(attachment_id)):
        raise e.NotFound
    attachment = await attachments.one(session, attachment_id)
    if attachment is None:
        raise e.NotFound
    return attachment


CopiedFile = Annotated[Attachment, Depends(copied_file)]


@dataclass(frozen=True, slots=True)
class OwnSheet:
    """A sheet with its assignment; None where nothing is saved yet."""

    seat: Seat
    sheet: ScoreSheet | None

    @property
    def version(self) -> int:
        return self.sheet.version if self.sheet else 0


@answers(e.NOT_FOUND, e.INSUFFICIENT_SCOPE)
async def visible_sheet(session: Session, caller: AnyCaller, seat: VisibleSeat) -> OwnSheet:
    own = caller.id == seat.assignment.person_id
    if own:
        await opened_seat(caller, seat)
    sheet = await repository.of_assignment(session, seat.assignment.id)
    if sheet is None and not own:
        raise e.NotFound
    return OwnSheet(seat, sheet)


VisibleSheet = Annotated[OwnSheet, Depends(visible_sheet)]


class SheetFor:
    """The caller's own sheet, locked, of an assignment that is declared and not done, as the caller saw it."""

    problems = (e.NOT_FOUND, e.FORBIDDEN, e.STATE_CONFLICT, e.CONFLICT)

    def __init__(self, action: str) -> None:
        self.action = action

    async def __call__(self, session: Session, caller: AnyCaller, seat: VisibleSeat, precondition: IfMatch) -> OwnSheet:
        # No lock on the assignment: whatever moves it is alone with the person, who is held by this transaction.
        insist_on(caller, seat.assignment, self.action)
        own = OwnSheet(seat, await repository.of_assignment(session, seat.assignment.id, lock=True))
        precondition.check(own.version)
        return own


SheetToSave = Annotated[OwnSheet, Depends(SheetFor("score"))]
SheetToSubmit = Annotated[OwnSheet, Depends(SheetFor("submit"))]
