"""Panels and seats (Art. 9, 13), by the row policies: whoever is recused, or in reserve, finds none."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Select, Text, exists, func, literal
from sqlalchemy.sql import ColumnElement

from app.auth.principal import Caller
from app.models.draws import DrawSeed
from app.models.reviews import Assignment, AssignmentState, Panel, SubjectOfReview
from app.tasks.waiting.parts import NOWHERE, handles, not_own, part
from app.tasks.waiting.schemas import WaitingKind

# Before it is accepted an invitation says no more than that there is one.
_INVITATION = literal("评审邀请", Text)
_SUBJECT = func.coalesce(Panel.title, literal("评审任务", Text), type_=Text)
# Not drawn yet, or below its quorum: more members are to be found.
_TO_FILL = ("forming", "blocked_quorum")


def parts(caller: Caller) -> Iterable[Select[Any]]:
    if managed := [kind for kind in SubjectOfReview if handles(caller, f"{kind}s:manage")]:
        yield _to_draw(managed)
    if "assignments:respond" in caller.scopes:
        yield _seats(caller, WaitingKind.ANSWER_INVITATION, AssignmentState.INVITED, _INVITATION, NOWHERE)
        yield _told(caller, WaitingKind.DECLARE_INTERESTS, AssignmentState.ACCEPTED)
    if reviewed := [kind for kind in SubjectOfReview if f"{kind}s:review" in caller.scopes]:
        yield _told(caller, WaitingKind.SCORE, AssignmentState.DECLARED).where(Assignment.subject_kind.in_(reviewed))


def _to_draw(kinds: list[SubjectOfReview]) -> Select[Any]:
    region = Panel.region_code.expression
    found = part(WaitingKind.DRAW_PANEL, Panel.id.expression, _SUBJECT, "/v1/panels/", region, None)
    # Before the shares of the seed are open, the shares are what waits.
    drawable = exists().where(
        DrawSeed.occasion_id == Panel.occasion_id,
        DrawSeed.office_opened_at.is_not(None),
        DrawSeed.committee_opened_at.is_not(None),
    )
    return found.where(drawable, Panel.state.in_(_TO_FILL), Panel.subject_kind.in_(kinds), not_own(region))


def _told(caller: Caller, kind: WaitingKind, state: AssignmentState) -> Select[Any]:
    return _seats(caller, kind, state, _SUBJECT, Assignment.region_code.expression)


def _seats(
    caller: Caller,
    kind: WaitingKind,
    state: AssignmentState,
    title: ColumnElement[Any],
    region: ColumnElement[Any],
) -> Select[Any]:
    found = part(kind, Assignment.id.expression, title, "/v1/assignments/", region, Panel.due_on.expression)
    return found.join_from(Assignment, Panel, Panel.id == Assignment.panel_id).where(
        Assignment.person_id == caller.id, Assignment.state == state
    )
