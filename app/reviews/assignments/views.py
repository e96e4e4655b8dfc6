"""An assignment as one caller meets it: one's own, told step by step, or the office's."""

from app.auth.principal import Caller
from app.core.actions import shown
from app.core.workflow import Actor, Side
from app.models.reviews import Assignment, AssignmentState, Panel, SubjectOfReview
from app.reviews.assignments.schemas import AssignmentDetail, AssignmentOut
from app.reviews.rules import ASSIGNMENT, OPENED

# Those who know what it is about: they must, or they could not declare.
_TOLD = OPENED | {AssignmentState.ACCEPTED}


def actor_of(caller: Caller, assignment: Assignment) -> Actor:
    """Only the person assigned acts on an assignment. Whoever is walled from it does not get here: it is hidden."""
    own = caller.id == assignment.person_id
    return Actor(caller.id, caller.scopes, frozenset({Side.LEAGUE} if own else ()), recused=False)


def show(caller: Caller, assignment: Assignment, panel: Panel, person_name: str | None) -> AssignmentOut:
    own = caller.id == assignment.person_id
    told = not own or assignment.state in _TOLD
    return AssignmentOut.model_validate(
        {
            "id": assignment.id,
            "subject_kind": assignment.subject_kind,
            "year": panel.year,
            "due_on": panel.due_on,
            "state": assignment.state,
            "region_code": assignment.region_code if told else None,
            "title": panel.title if told else None,
            "panel_id": None if own else assignment.panel_id,
            "person_id": None if own else assignment.person_id,
            "person_name": None if own else person_name,
            "position": None if own else assignment.position,
            "is_reserve": None if own else assignment.is_reserve,
            "method": None if own else assignment.method,
            "reason": None if own else assignment.reason,
            "decline_reason": None if own else assignment.decline_reason,
            "version": assignment.version,
            "created_at": assignment.created_at,
            "updated_at": assignment.updated_at,
        }
    )


def show_detail(caller: Caller, assignment: Assignment, panel: Panel, person_name: str | None) -> AssignmentDetail:
    workflow = ASSIGNMENT[SubjectOfReview(assignment.subject_kind)]
    actions = shown(workflow.verdicts(assignment.state, actor_of(caller, assignment)))
    shown_so_far = show(caller, assignment, panel, person_name).model_dump()
    return AssignmentDetail(**shown_so_far, allowed_actions=actions)
