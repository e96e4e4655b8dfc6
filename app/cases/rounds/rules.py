"""The calendar of a year's selection (遴选, Art. 12), its criteria, and what decides which cases are selected."""

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from app.core.errors import FieldError, Reason
from app.core.workflow import Side, Transition, Workflow
from app.models.cases import CaseState, RoundPhase

NOT_OPEN = Reason("round_not_open", "本年度遴选不再受理新的案例", "The round takes no new case")
RECOMMENDING_ENDED = Reason("round_closed", "本年度遴选已截止推荐", "The round takes no recommendation any more")
UNDECIDED = Reason("undecided", "尚有推荐案例待组织评审或退回", "A recommended case is neither reviewed nor returned")

_TAKING = frozenset({RoundPhase.OPEN, RoundPhase.REVIEWING})

# `select` and `publish` are mechanical: the worker does them over all cases. Asking for a selection ends the
# recommending; it may be asked for again until the publication, which moves the last phase.
WORKFLOW = Workflow(
    "case round",
    (
        Transition("close", frozenset({RoundPhase.OPEN}), RoundPhase.REVIEWING, "cases:manage", Side.LEAGUE),
        Transition("select", _TAKING | {RoundPhase.CLOSED}, RoundPhase.CLOSED, "cases:manage", Side.LEAGUE),
        Transition("publish", frozenset({RoundPhase.CLOSED}), RoundPhase.PUBLISHED, "cases:manage", Side.LEAGUE),
    ),
)

# What leaves the region when: once the round is under review, only what the office returned comes back.
RECOMMENDING: Mapping[CaseState, frozenset[RoundPhase]] = {
    CaseState.DRAFT: frozenset({RoundPhase.OPEN}),
    CaseState.RETURNED: _TAKING | {RoundPhase.CLOSED},
}
# Cases are taken up, or returned, until the publication: a selection that somebody asked for too early (who is recused
# from a case cannot know) shuts nothing out, and is made again.
HANDLING = _TAKING | {RoundPhase.CLOSED}

# Art. 12's four, in its order.
CRITERIA = {
    "innovation": "模式创新性",
    "results": "实际成效显著性",
    "transferability": "经验可推广性",
    "regularity": "运作规范性",
}
FULL = Decimal(100)


def criteria_of(weights: Mapping[str, Decimal]) -> list[dict[str, str]]:
    """The frozen criteria, as a panel takes them: each is scored from 0 to 100."""
    return [
        {"code": code, "name": name, "max": "100", "weight": format(weights[code].normalize(), "f")}
        for code, name in CRITERIA.items()
    ]


def faults(*, year: int, due_on: date, weights: Mapping[str, Decimal], seats: int, quorum: int) -> list[FieldError]:
    found = []
    if due_on.year < year:
        found.append(FieldError("/due_on", "out_of_range"))
    if sum(weights.values()) != FULL:
        found.append(FieldError("/weights", "invalid_value"))
    if quorum > seats:
        found.append(FieldError("/quorum", "out_of_range"))
    return found


def selected(totals: Sequence[tuple[UUID, Decimal]], at_most: int) -> frozenset[UUID]:
    """The best, at most so many. Equal totals are treated alike: where the last place is shared by more cases than
    there is room for, none of these is selected.
    """
    ranked = sorted((total for _, total in totals), reverse=True)
    if len(ranked) <= at_most:
        return frozenset(case for case, _ in totals)
    first_out = ranked[at_most]
    return frozenset(case for case, total in totals if total > first_out)


def document(criteria_sha256: str, cases: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What everybody is told: the cases in the order of the regions' codes, by title. No score, no rank."""
    names = ("case_id", "region_code", "region_name", "title", "mode_code", "mode_name", "summary")
    listed = [{name: case[name] for name in names} for case in cases]
    return {
        "criteria_sha256": criteria_sha256,
        "cases": sorted(listed, key=lambda case: (case["region_code"], case["title"], case["case_id"])),
    }
