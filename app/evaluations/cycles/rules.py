"""The calendar of a year's evaluation (Art. 9): which phase lets whom do what."""

from datetime import date

from app.core.errors import FieldError, Reason
from app.core.workflow import Side, Transition, Workflow
from app.models.evaluations import CyclePhase

NOT_OPEN = Reason("cycle_not_open", "本年度评估不再受理新的自评估", "The cycle takes no new self-evaluation")
SENDING_ENDED = Reason("cycle_closed", "本年度评估已截止报送", "The cycle takes no self-evaluation any more")
NOT_APPROVED = Reason("not_approved", "尚有评估结果未经审定", "A result of the cycle is not approved yet")
UNDECIDED = Reason("undecided", "尚有自评估待受理或退回", "A self-evaluation still waits for the office's answer")

# `close` ends the present phase: first no self-evaluation is opened any more, then none is sent any more. `publish`
# is mechanical: the worker publishes once every file is approved, and moves the phase.
WORKFLOW = Workflow(
    "evaluation cycle",
    (
        Transition(
            "close", frozenset({CyclePhase.OPEN, CyclePhase.REVIEWING}), None, "evaluations:manage", Side.LEAGUE
        ),
        Transition("publish", frozenset({CyclePhase.CLOSED}), CyclePhase.PUBLISHED, "evaluations:manage", Side.LEAGUE),
    ),
)

NEXT = {CyclePhase.OPEN: CyclePhase.REVIEWING, CyclePhase.REVIEWING: CyclePhase.CLOSED}

# Sent, or sent again after a return.
SENDING = frozenset({CyclePhase.OPEN, CyclePhase.REVIEWING})


def year_faults(assessment_year: int, due_on: date, today: date) -> list[FieldError]:
    """A year is evaluated once it is over, and its material is due after it (Art. 9: 上一年度)."""
    faults = []
    if assessment_year >= today.year:
        faults.append(FieldError("/assessment_year", "out_of_range"))
    if due_on.year <= assessment_year:
        faults.append(FieldError("/due_on", "out_of_range"))
    return faults
