"""Reporting tasks: their life, and how a region stands with one. Derived on every read, never stored."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from app.core.workflow import Side, Transition, Workflow


class TaskState(StrEnum):
    OPEN = "open"
    CLOSED = "closed"


TASK_LIFE = Workflow(
    "reporting task",
    [
        Transition("extend", frozenset({TaskState.OPEN}), None, "tasks:issue", Side.LEAGUE),
        Transition("close", frozenset({TaskState.OPEN}), TaskState.CLOSED, "tasks:issue", Side.LEAGUE),
    ],
)


class LineState(StrEnum):
    """How a region stands: the day it is due is still in time."""

    PENDING = "pending"
    LATE = "late"
    DONE = "done"
    DONE_LATE = "done_late"


@dataclass(frozen=True, slots=True)
class Standing:
    state: LineState
    days_late: int


def standing(*, due_on: date, done_on: date | None, today: date) -> Standing:
    """By the league's calendar: `done_on` is the day on which the region signed and sent what was asked for."""
    days_late = max(0, ((done_on or today) - due_on).days)
    if done_on is None:
        return Standing(LineState.LATE if days_late else LineState.PENDING, days_late)
    return Standing(LineState.DONE_LATE if days_late else LineState.DONE, days_late)
