"""Pure rules of the review: criteria and totals, seats, quorum, what may be done to an assignment."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from typing import Any
from uuid import UUID

from app.core.errors import FieldError, Reason, pointer
from app.core.workflow import Side, Transition, Workflow
from app.models.reviews import LIVE, AssignmentState, SubjectOfReview

INELIGIBLE = Reason("ineligible", "该人员不能担任本次评审", "This person cannot sit on this panel")
NO_OPEN_SEAT = Reason("no_open_seat", "评审组席位已满", "Every seat of the panel is taken")

# A total is on this scale whatever the criteria's own maxima and the sum of their weights.
SCALE = 100
TOTAL_PLACES = Decimal("0.0001")


@dataclass(frozen=True, slots=True)
class Criterion:
    """What a reviewer scores from 0 to `max`; `weight` is its share, whatever the weights sum up to."""

    code: str
    name: str
    max: Decimal
    weight: Decimal


def criteria_of(stated: Iterable[Mapping[str, Any]]) -> tuple[Criterion, ...]:
    """The frozen criteria of a panel. Raises `ValueError` for a set that no total can be made of."""
    found = tuple(Criterion(c["code"], c["name"], Decimal(c["max"]), Decimal(c["weight"])) for c in stated)
    if len({c.code for c in found}) != len(found) or any(c.max <= 0 or c.weight < 0 for c in found):
        raise ValueError("criteria need codes of their own, positive maxima and weights that are not negative")
    if not sum(c.weight for c in found):
        raise ValueError("criteria need a weight")
    return found


def total(scores: Mapping[str, Decimal], criteria: Iterable[Criterion]) -> Decimal:
    """The weighted mean of the shares reached, on a scale of 100.

    Exact up to the end and rounded once there: half up, to four places.
    """
    listed = list(criteria)
    reached = sum((Fraction(c.weight) * Fraction(scores[c.code]) / Fraction(c.max) for c in listed), Fraction(0))
    exact = SCALE * reached / sum((Fraction(c.weight) for c in listed), Fraction(0))
    # In units of the last place, so that the one rounding is made on the exact value.
    units = exact / Fraction(TOTAL_PLACES)
    whole, rest = divmod(units.numerator, units.denominator)
    return (whole + (2 * rest >= units.denominator)) * TOTAL_PLACES


def score_faults(scores: Mapping[str, Decimal], criteria: Iterable[Criterion], *, whole: bool) -> list[FieldError]:
    """Every fault of a sheet, with its pointer. `whole`: as for signing, when no criterion may be missing."""
    known = {criterion.code: criterion for criterion in criteria}
    faults = []
    for code, score in scores.items():
        if code not in known:
            faults.append(FieldError(_score_pointer(code), "unknown_field"))
        elif not 0 <= score <= known[code].max:
            faults.append(FieldError(_score_pointer(code), "out_of_range"))
    if whole:
        faults += [FieldError(_score_pointer(code), "required") for code in known if code not in scores]
    return faults


def _score_pointer(code: str) -> str:
    return pointer(["scores", code])


@dataclass(frozen=True, slots=True)
class Seating:
    """Who takes which place: `promoted` reserves (assignments) first, then people drawn, then new reserves."""

    promoted: tuple[UUID, ...] = ()
    seated: tuple[UUID, ...] = ()
    reserves: tuple[UUID, ...] = ()


def seating(*, vacant: int, wanted_reserves: int, waiting: Sequence[UUID], drawn: Sequence[UUID]) -> Seating:
    """`waiting`: eligible reserves by their position; `drawn`: eligible people in the order of the draw."""
    promoted = tuple(waiting[: max(vacant, 0)])
    open_seats = max(vacant - len(promoted), 0)
    missing = max(wanted_reserves - (len(waiting) - len(promoted)), 0)
    return Seating(promoted, tuple(drawn[:open_seats]), tuple(drawn[open_seats : open_seats + missing]))


class PanelState(StrEnum):
    FORMING = "forming"
    REVIEWING = "reviewing"
    COMPLETE = "complete"
    BLOCKED_QUORUM = "blocked_quorum"


def panel_state(*, seats: int, quorum: int, formed: bool, members: Iterable[str]) -> PanelState:
    """Where a panel stands. `members`: states of all who have a seat (no reserves); `formed`: drawn, or full once.

    Complete: every live member has submitted, and they are a quorum.
    """
    live = [state for state in members if state in LIVE]
    if not formed and len(live) < seats:
        return PanelState.FORMING
    if len(live) < quorum:
        return PanelState.BLOCKED_QUORUM
    if all(state == AssignmentState.DONE for state in live):
        return PanelState.COMPLETE
    return PanelState.REVIEWING


_INVITED = frozenset({AssignmentState.INVITED})
_ACCEPTED = frozenset({AssignmentState.ACCEPTED})
_DECLARED = frozenset({AssignmentState.DECLARED})
_OPEN = _INVITED | _ACCEPTED | _DECLARED

# From `declared` on the reviewer sees what is judged: declare before see (先申报、后阅卷).
OPENED = _DECLARED | {AssignmentState.DONE}


def _assignment_workflow(kind: SubjectOfReview) -> Workflow:
    respond, review = "assignments:respond", f"{kind}s:review"
    return Workflow(
        f"assignment on {kind}",
        (
            Transition("accept", _INVITED, AssignmentState.ACCEPTED, respond, Side.LEAGUE),
            Transition("decline", _OPEN, AssignmentState.DECLINED, respond, Side.LEAGUE),
            Transition("declare-conflict", _ACCEPTED, AssignmentState.DECLARED, respond, Side.LEAGUE),
            Transition("score", _DECLARED, None, review, Side.LEAGUE),
            Transition("submit", _DECLARED, AssignmentState.DONE, review, Side.LEAGUE),
        ),
    )


# Only the person assigned does any of it; suspended and voided ones are moved by the gate alone.
ASSIGNMENT = {kind: _assignment_workflow(kind) for kind in SubjectOfReview}

_NOT_COMPLETE = frozenset({PanelState.FORMING, PanelState.REVIEWING, PanelState.BLOCKED_QUORUM})

PANEL = {
    kind: Workflow(
        f"panel on {kind}",
        (
            Transition("draw", _NOT_COMPLETE, None, f"{kind}s:manage", Side.LEAGUE),
            Transition("assign", _NOT_COMPLETE, None, f"{kind}s:manage", Side.LEAGUE),
        ),
    )
    for kind in SubjectOfReview
}


def names(content: Any, identifier: str) -> bool:
    """Whether the text stands anywhere in the JSON as a value of its own."""
    if isinstance(content, Mapping):
        return any(names(value, identifier) for value in content.values())
    if isinstance(content, list):
        return any(names(value, identifier) for value in content)
    return bool(content == identifier)
