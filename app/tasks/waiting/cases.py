"""Typical cases (Art. 13): what waits for the region, and for the office."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Select, all_, and_, func, literal, or_, select
from sqlalchemy.sql import ColumnElement

from app.auth.principal import Caller
from app.models.cases import Case, CaseDecision, CaseFile, CaseRound, CaseState, RoundPhase
from app.models.projects import Project
from app.tasks.waiting.parts import handles, not_own, not_walled, part, regions_with
from app.tasks.waiting.schemas import WaitingKind

# While a case may still be returned, come back, or be taken into review.
_HANDLING = (RoundPhase.OPEN, RoundPhase.REVIEWING, RoundPhase.CLOSED)

# As a recommendation asks for them.
_COMPLETE = and_(
    *(
        func.coalesce(text, "") != ""
        for text in (Case.summary, Case.innovation, Case.results, Case.transferability, Case.regularity)
    )
)

_RETURNED_AT = (
    select(func.max(CaseDecision.decided_at)).where(CaseDecision.case_id == Case.id).correlate(Case).scalar_subquery()
)


def parts(caller: Caller) -> Iterable[Select[Any]]:
    if editing := regions_with(caller, "cases:write"):
        yield _cases(WaitingKind.DRAFT_CASE, CaseRound.due_on.expression).where(
            Case.region_code.in_(editing),
            Case.state == CaseState.DRAFT,
            CaseRound.phase == RoundPhase.OPEN,
            ~_COMPLETE,
        )
        yield _cases(WaitingKind.COMPLETE_CASE, CaseRound.due_on.expression).where(
            Case.region_code.in_(editing), Case.state == CaseState.RETURNED, CaseRound.phase.in_(_HANDLING)
        )
    if recommending := regions_with(caller, "cases:recommend"):
        yield _to_recommend(caller, recommending)
    if handles(caller, "cases:manage"):
        yield _to_review(caller)


def _cases(kind: WaitingKind, due_on: ColumnElement[Any] | None) -> Select[Any]:
    found = part(kind, Case.id.expression, Case.title.expression, "/v1/cases/", Case.region_code.expression, due_on)
    return found.join_from(Case, CaseRound, CaseRound.id == Case.round_id)


def _to_recommend(caller: Caller, regions: list[str]) -> Select[Any]:
    """Complete, and by somebody else; what was returned, once it was changed; while the region's quota has room."""
    other = Case.__table__.alias("recommended")
    taken = (
        select(func.count())
        .where(
            other.c.round_id == Case.round_id,
            other.c.region_code == Case.region_code,
            other.c.state == CaseState.RECOMMENDED,
        )
        .correlate(Case)
        .scalar_subquery()
    )
    ready = or_(
        and_(Case.state == CaseState.DRAFT, CaseRound.phase == RoundPhase.OPEN),
        and_(Case.state == CaseState.RETURNED, CaseRound.phase.in_(_HANDLING), Case.updated_at > _RETURNED_AT),
    )
    return _cases(WaitingKind.RECOMMEND_CASE, CaseRound.due_on.expression).where(
        Case.region_code.in_(regions), ready, _COMPLETE, _not_by(caller), taken < CaseRound.quota
    )


def _to_review(caller: Caller) -> Select[Any]:
    """Recommended, and neither under review nor returned: to be taken into review by who is free to handle it."""
    region, case, project = Case.region_code.expression, Case.id.expression, Case.project_id.expression
    return (
        _cases(WaitingKind.REVIEW_CASE, None)
        .join(Project, Project.id == project, isouter=True)
        .where(
            Case.state == CaseState.RECOMMENDED,
            CaseRound.phase.in_(_HANDLING),
            not_own(region),
            not_walled("region", region),
            not_walled("case", case),
            or_(project.is_(None), not_walled("project", project)),
            or_(Project.organisation_id.is_(None), not_walled("organisation", Project.organisation_id.expression)),
            _not_by(caller),
            Case.recommended_by.is_distinct_from(caller.id),
            ~select(CaseFile.id).where(CaseFile.case_id == case).exists(),
        )
    )


def _not_by(caller: Caller) -> ColumnElement[bool]:
    """Not by who had a hand in the text at any time (four eyes)."""
    return and_(Case.prepared_by != caller.id, literal(caller.id) != all_(Case.edited_by.expression))
