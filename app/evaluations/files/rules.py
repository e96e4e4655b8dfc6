"""Rules of the judgement on one region's year (综合评议、审定, Art. 9, 10): who appraises and approves, what holds it
up, how a result comes about and is told, and what a recusal after the fact leaves of it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from app.core.errors import Reason
from app.core.workflow import Side, Transition, Workflow
from app.evaluations.schemes.rules import grade_of, plain, scheme_of, total_of, worth
from app.models.evaluations import FileState

STALE = Reason("stale", "回避后的处理尚未完成", "What a recusal changed is still being repaired")
BLOCKED_QUORUM = Reason("blocked_quorum", "评审专家不足法定人数", "The panel is below its quorum")
PANEL_INCOMPLETE = Reason("panel_incomplete", "专家评审尚未完成", "The panel has not finished")
APPLICATION_PENDING = Reason("application_pending", "有回避申请待决定", "An application for recusal is undecided")

# `grade` is mechanical: the worker computes the result and moves the state; `publish` belongs to the whole cycle.
WORKFLOW = Workflow(
    "appraisal file",
    (
        Transition(
            "appraise",
            frozenset({FileState.UNDER_REVIEW}),
            FileState.APPRAISED,
            "evaluations:appraise",
            Side.LEAGUE,
            ("submit", "sign", "review"),
        ),
        Transition("grade", frozenset({FileState.APPRAISED}), FileState.GRADED, "evaluations:manage", Side.LEAGUE),
        Transition(
            "approve",
            frozenset({FileState.GRADED}),
            FileState.APPROVED,
            "evaluations:approve",
            Side.LEAGUE,
            ("submit", "sign", "review", "appraise"),
        ),
    ),
)

# In these a result stands: what was computed is still what its inputs give.
RESULT_STANDS = frozenset({FileState.GRADED, FileState.APPROVED, FileState.PUBLISHED})


@dataclass(frozen=True, slots=True)
class Gates:
    """What must not be in the way of a judgement, whatever the act."""

    stale: bool
    blocked_quorum: bool
    panel_complete: bool
    application_pending: bool

    @property
    def refusal(self) -> Reason | None:
        if self.stale:
            return STALE
        # What a decision would settle is said before what it may have caused.
        if self.application_pending:
            return APPLICATION_PENDING
        if self.blocked_quorum:
            return BLOCKED_QUORUM
        return None if self.panel_complete else PANEL_INCOMPLETE


def explain(
    content: Mapping[str, Any],
    *,
    scheme_sha256: str,
    region_code: str,
    assessment_year: int,
    inputs: Sequence[Mapping[str, Any]],
    sheets: Sequence[Mapping[str, Decimal]],
    appraisal: Decimal,
) -> dict[str, Any]:
    """A result with everything needed to compute it again, and nothing else: the sheets as a sorted multiset, without
    seat, author or time. The same sheets in any order give the same explanation.
    """
    scheme = scheme_of(content)
    total = total_of(scheme, sheets, appraisal)
    codes = [criterion.code for criterion in scheme.criteria]
    ordered = sorted(sheets, key=lambda sheet: [sheet[code] for code in codes])
    return {
        "region_code": region_code,
        "assessment_year": assessment_year,
        "scheme": {**content, "sha256": scheme_sha256},
        "inputs": [dict(stated) for stated in inputs],
        "sheets": [
            {"scores": {code: plain(sheet[code]) for code in codes}, "worth": plain(worth(scheme, sheet))}
            for sheet in ordered
        ],
        "appraisal": plain(appraisal),
        "total": format(total, "f"),
        "grade": grade_of(total, scheme.bands).code,
    }


def recompute(explanation: Mapping[str, Any]) -> tuple[Decimal, str]:
    """Total and grade from the explanation alone, as anybody may do who has it."""
    scheme = scheme_of(explanation["scheme"])
    sheets = [{code: Decimal(s) for code, s in sheet["scores"].items()} for sheet in explanation["sheets"]]
    total = total_of(scheme, sheets, Decimal(explanation["appraisal"]))
    return total, grade_of(total, scheme.bands).code


@dataclass(frozen=True, slots=True)
class Settlement:
    """What a file is left with once its panel moved. `compute`: the result is to be computed anew."""

    state: FileState
    compute: bool


def settle(state: FileState, *, touched: bool, had_result: bool, whole: bool) -> Settlement:
    """`touched`: a recusal marked the file. `whole`: the panel is complete and no application is undecided.

    A result stands only on whole inputs: it is computed anew at once where it can be, else it is withdrawn until it
    can. What was approved is approved again. A publication stands as it is; it is under correction. (An appraisal by
    who is recused the gate has taken back already: another one is asked for.)
    """
    match state:
        case FileState.PUBLISHED:
            return Settlement(state, compute=touched and whole)
        case FileState.APPRAISED if had_result and whole:
            return Settlement(FileState.GRADED, compute=True)
        case FileState.GRADED | FileState.APPROVED if touched:
            return Settlement(FileState.GRADED if whole else FileState.APPRAISED, compute=whole)
        case _:
            return Settlement(state, compute=False)
