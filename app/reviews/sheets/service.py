"""Scoring: drafts that save themselves, and one signed submission that nobody changes afterwards."""

from decimal import Decimal

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.audit import Resource, record
from app.core.canonical import digest
from app.core.db import clock_of, ids_of
from app.core.errors import CONSTRAINT_REASONS, Invalid, Reason
from app.models.reviews import Assignment, AssignmentState, Panel, ReviewCopy, ScoreSheet, SheetState
from app.reviews import rules
from app.reviews import service as panels
from app.reviews.sheets.schemas import SheetIn

CONSTRAINT_REASONS["uq_score_sheets_assignment_id"] = Reason(
    "sheet_exists", "评分表已另行保存", "The sheet was saved meanwhile"
)


async def save(
    session: AsyncSession, assignment: Assignment, panel: Panel, sheet: ScoreSheet | None, body: SheetIn
) -> ScoreSheet:
    """Raises `Invalid` with a pointer to every score that is none of the panel's, or out of bounds."""
    faults = rules.score_faults(body.scores, rules.criteria_of(panel.criteria), whole=False)
    if faults:
        raise Invalid(*faults)
    scores = {code: format(score, "f") for code, score in sorted(body.scores.items())}
    if sheet is None:
        sheet = ScoreSheet(
            id=ids_of(session).random(),
            assignment_id=assignment.id,
            panel_id=assignment.panel_id,
            region_code=assignment.region_code,
            case_id=assignment.case_id,
            person_id=assignment.person_id,
            scores=scores,
            opinion=body.opinion,
            state=SheetState.DRAFT,
            salt=ids_of(session).random(),
        )
        session.add(sheet)
    elif (sheet.scores, sheet.opinion) == (scores, body.opinion):
        return sheet
    sheet.scores, sheet.opinion = scores, body.opinion
    await session.flush()
    # A draft is nobody's news, and its content nobody's but the author's.
    await record(session, "score-sheets.save", _resource(sheet), event=False)
    return sheet


async def submit(
    session: AsyncSession, assignment: Assignment, panel: Panel, copy: ReviewCopy, sheet: ScoreSheet | None
) -> ScoreSheet:
    """Signs the sheet: its hash binds person, panel, what was judged, the criteria, scores, opinion and time.

    Raises `Invalid` with a pointer to every criterion without a score, `Conflict` (`ineligible`).
    """
    criteria = rules.criteria_of(panel.criteria)
    scores = {code: Decimal(score) for code, score in sheet.scores.items()} if sheet else {}
    faults = rules.score_faults(scores, criteria, whole=True)
    if faults or sheet is None:
        raise Invalid(*faults)
    await panels.insist_on_eligibility(session, assignment)
    sheet.submitted_at = clock_of(session).now()
    sheet.total = rules.total(scores, criteria)
    sheet.signature = digest(signed_content(panel, copy, sheet))
    sheet.state = SheetState.SUBMITTED
    # The sheet first: it may be written only while the assignment is open.
    await session.flush()
    assignment.state = AssignmentState.DONE
    await session.flush()
    await record(session, "score-sheets.submit", _resource(sheet), changes={"signature": sheet.signature})
    await panels.ask_for(session, "reviews.settle", panel, cause=f"submit:{sheet.id}:{sheet.version}")
    return sheet


def signed_content(panel: Panel, copy: ReviewCopy, sheet: ScoreSheet) -> dict[str, object]:
    """What the signature is the hash of: JSON-ready."""
    return {
        "sheet_id": str(sheet.id),
        "assignment_id": str(sheet.assignment_id),
        "person_id": str(sheet.person_id),
        "subject_kind": panel.subject_kind,
        "subject_id": str(panel.subject_id),
        "content_sha256": copy.content_sha256,
        "criteria": panel.criteria,
        "scores": sheet.scores,
        "opinion": sheet.opinion,
        "salt": str(sheet.salt),
        "submitted_at": sheet.submitted_at.isoformat() if sheet.submitted_at else None,
    }


def _resource(sheet: ScoreSheet) -> Resource:
    return Resource("score_sheet", sheet.id, region_code=sheet.region_code, case_id=sheet.case_id)
