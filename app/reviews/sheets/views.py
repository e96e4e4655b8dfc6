"""A score sheet as one caller meets it."""

from app.auth.principal import Caller
from app.core.actions import shown
from app.models.reviews import ReviewCopy, ScoreSheet, SheetState, SubjectOfReview
from app.reviews.assignments.dependencies import Seat
from app.reviews.assignments.views import actor_of
from app.reviews.rules import ASSIGNMENT
from app.reviews.sheets.schemas import DossierOut, SheetOut


def show(caller: Caller, seat: Seat, sheet: ScoreSheet | None) -> SheetOut:
    """`sheet` None: the person assigned has saved nothing yet."""
    workflow = ASSIGNMENT[SubjectOfReview(seat.assignment.subject_kind)]
    verdicts = workflow.verdicts(seat.assignment.state, actor_of(caller, seat.assignment))
    saved = {} if sheet is None else {name: getattr(sheet, name) for name in _SAVED}
    return SheetOut.model_validate(
        {
            "assignment_id": seat.assignment.id,
            "criteria": seat.panel.criteria,
            **_BLANK,
            **saved,
            "total": None if sheet is None or sheet.total is None else format(sheet.total, "f"),
            "allowed_actions": shown(v for v in verdicts if v.action in {"score", "submit"}),
        }
    )


_SAVED = ("state", "scores", "opinion", "salt", "signature", "submitted_at", "version", "updated_at")
_BLANK: dict[str, object] = {**dict.fromkeys(_SAVED), "state": SheetState.DRAFT, "scores": {}, "version": 0}


def show_dossier(seat: Seat, copy: ReviewCopy) -> DossierOut:
    panel = seat.panel
    return DossierOut.model_validate(
        {
            "assignment_id": seat.assignment.id,
            "subject_kind": panel.subject_kind,
            "year": panel.year,
            "due_on": panel.due_on,
            "region_code": panel.region_code,
            "title": panel.title,
            "criteria": panel.criteria,
            "content": copy.content,
            "content_sha256": copy.content_sha256,
            "frozen_at": copy.frozen_at,
        }
    )
