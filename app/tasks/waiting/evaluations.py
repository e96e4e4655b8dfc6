"""The year's evaluation (Art. 9, 10): what waits for the region, for the office, and for those who judge.

Appraisal files and panels are there for whom the row policies show them: never for the region's own staff, never for
whoever is recused. What is held up (a repair, a quorum, an undecided application) waits for nobody.
"""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Select, Text, case, cast, func, literal, null, or_, select
from sqlalchemy.sql import ColumnElement

from app.auth.principal import Caller
from app.models.directory import Region
from app.models.evaluations import (
    AppraisalFile,
    CyclePhase,
    Evaluation,
    EvaluationCycle,
    EvaluationState,
    EvaluationVersion,
    FileState,
)
from app.models.reviews import Assignment, Panel, SubjectOfReview
from app.tasks.waiting.parts import handles, not_own, not_walled, part, regions_with
from app.tasks.waiting.schemas import WaitingKind

_TO_EDIT = {
    EvaluationState.DRAFT: WaitingKind.DRAFT_EVALUATION,
    EvaluationState.RETURNED: WaitingKind.COMPLETE_EVALUATION,
}
# While something may still be sent.
_SENDING = (CyclePhase.OPEN, CyclePhase.REVIEWING)

_YEAR = cast(EvaluationCycle.assessment_year, Text)
_EVALUATION_TITLE = Region.name_zh + _YEAR + literal("年度自评估", Text)
_FILE_TITLE = Region.name_zh + _YEAR + literal("年度评估", Text)


def parts(caller: Caller) -> Iterable[Select[Any]]:
    if editing := regions_with(caller, "evaluations:write"):
        yield _to_begin(editing)
        yield _to_edit(editing)
    if signing := regions_with(caller, "evaluations:sign"):
        yield _to_sign(caller, signing)
    if handles(caller, "evaluations:manage"):
        yield _to_accept(caller)
        yield _files(WaitingKind.GRADE_FILE, FileState.APPRAISED)
    if handles(caller, "evaluations:appraise"):
        yield _files(WaitingKind.APPRAISE_FILE, FileState.UNDER_REVIEW).where(_no_hand_in(caller))
    if handles(caller, "evaluations:approve"):
        yield _files(WaitingKind.APPROVE_FILE, FileState.GRADED).where(
            _no_hand_in(caller), AppraisalFile.appraised_by.is_distinct_from(caller.id)
        )


def _to_begin(regions: list[str]) -> Select[Any]:
    """An open cycle in which the region has no self-evaluation."""
    begun = select(Evaluation.id).where(
        Evaluation.cycle_id == EvaluationCycle.id, Evaluation.region_code == Region.code
    )
    found = part(
        WaitingKind.BEGIN_EVALUATION,
        EvaluationCycle.id.expression,
        _EVALUATION_TITLE,
        "/v1/evaluation-cycles/",
        Region.code.expression,
        EvaluationCycle.due_on.expression,
    )
    return found.join_from(EvaluationCycle, Region, literal(True)).where(
        EvaluationCycle.phase == CyclePhase.OPEN, Region.assessed, Region.code.in_(regions), ~begun.exists()
    )


def _evaluations(kind: ColumnElement[str] | str, due_on: ColumnElement[Any] | None) -> Select[Any]:
    found = part(
        kind,
        Evaluation.id.expression,
        _EVALUATION_TITLE,
        "/v1/evaluations/",
        Evaluation.region_code.expression,
        due_on,
    )
    cycle = EvaluationCycle.id == Evaluation.cycle_id
    return found.join_from(Evaluation, EvaluationCycle, cycle).join(Region, Region.code == Evaluation.region_code)


def _to_edit(regions: list[str]) -> Select[Any]:
    kind = case({state.value: literal(kind.value, Text) for state, kind in _TO_EDIT.items()}, value=Evaluation.state)
    return _evaluations(kind, EvaluationCycle.due_on.expression).where(
        Evaluation.region_code.in_(regions),
        Evaluation.state.in_(_TO_EDIT),
        EvaluationCycle.phase.in_(_SENDING),
    )


def _to_sign(caller: Caller, regions: list[str]) -> Select[Any]:
    """Not what the approver submitted (four eyes)."""
    return _evaluations(WaitingKind.SIGN_EVALUATION, EvaluationCycle.due_on.expression).where(
        Evaluation.region_code.in_(regions),
        Evaluation.state == EvaluationState.AWAITING_SIGNATURE,
        Evaluation.submitted_by.is_distinct_from(caller.id),
        EvaluationCycle.phase.in_(_SENDING),
    )


def _to_accept(caller: Caller) -> Select[Any]:
    region = Evaluation.region_code.expression
    return _evaluations(WaitingKind.ACCEPT_EVALUATION, None).where(
        Evaluation.state == EvaluationState.SUBMITTED,
        not_own(region),
        not_walled("region", region),
        ~_hand_in(caller, Evaluation.id.expression),
    )


def _files(kind: WaitingKind, state: FileState) -> Select[Any]:
    region = AppraisalFile.region_code.expression
    found = part(kind, AppraisalFile.id.expression, _FILE_TITLE, "/v1/appraisal-files/", region, None)
    return (
        found.join_from(AppraisalFile, EvaluationCycle, EvaluationCycle.id == AppraisalFile.cycle_id)
        .join(Region, Region.code == region)
        .join(
            Panel,
            (Panel.subject_kind == SubjectOfReview.EVALUATION) & (Panel.subject_id == AppraisalFile.evaluation_id),
        )
        .where(
            AppraisalFile.state == state,
            not_own(region),
            ~AppraisalFile.stale,
            ~AppraisalFile.blocked_quorum,
            Panel.state == "complete",
            ~func.gate.pending_on(region, null()),
        )
    )


def _hand_in(caller: Caller, evaluation_id: ColumnElement[Any]) -> ColumnElement[bool]:
    """Whether the caller submitted or signed any version of it."""
    return (
        select(EvaluationVersion.number)
        .where(
            EvaluationVersion.evaluation_id == evaluation_id,
            or_(EvaluationVersion.submitted_by == caller.id, EvaluationVersion.signed_by == caller.id),
        )
        .exists()
    )


def _no_hand_in(caller: Caller) -> ColumnElement[bool]:
    """Nor a place on the panel: who reviews neither appraises nor approves."""
    seat = select(Assignment.id).where(
        Assignment.subject_kind == SubjectOfReview.EVALUATION,
        Assignment.subject_id == AppraisalFile.evaluation_id,
        Assignment.person_id == caller.id,
    )
    return ~_hand_in(caller, AppraisalFile.evaluation_id.expression) & ~seat.exists()
