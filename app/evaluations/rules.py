"""Rules of the self-evaluation (自查自评, Art. 9): its workflow, when it is complete, how it is frozen."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from app.core.errors import FieldError, Reason
from app.core.workflow import Actor, Side, Transition, Verdict, Workflow
from app.models.evaluations import EvaluationState

EDITABLE = frozenset({EvaluationState.DRAFT, EvaluationState.RETURNED})
_WAITING = frozenset({EvaluationState.AWAITING_SIGNATURE})
_SENT = frozenset({EvaluationState.SUBMITTED})
_HANDS = ("submit", "sign")

# 经办 → 审核、签发 inside the region, then the office takes it up for review or returns it. `send-back` returns to
# where it came from (`origin`).
WORKFLOW = Workflow(
    "self-evaluation",
    (
        Transition("edit", EDITABLE, None, "evaluations:write", Side.REGION),
        Transition("submit", EDITABLE, EvaluationState.AWAITING_SIGNATURE, "evaluations:submit", Side.REGION),
        Transition("send-back", _WAITING, None, "evaluations:sign", Side.REGION),
        Transition("sign", _WAITING, EvaluationState.SUBMITTED, "evaluations:sign", Side.REGION, ("submit",)),
        Transition("accept", _SENT, EvaluationState.ACCEPTED, "evaluations:manage", Side.LEAGUE, _HANDS),
        Transition("return", _SENT, EvaluationState.RETURNED, "evaluations:manage", Side.LEAGUE, _HANDS),
    ),
)

# Acts by which material leaves the region: they end with the cycle's phases.
SENDING = frozenset({"submit", "sign"})

INCOMPLETE = Reason("incomplete", "自评估材料尚不齐全", "Parts of the self-evaluation are missing")


def judge_person(action: str, actor: Actor) -> Verdict:
    """The verdict as far as it depends on who the caller is: as if the state were right and nobody had acted before."""
    return WORKFLOW.judge(action, next(iter(WORKFLOW.transitions[action].sources)), actor)


def origin(latest_version: int | None) -> EvaluationState:
    """The editable state that what awaits signature came from: nothing but a return follows a version."""
    return EvaluationState.DRAFT if latest_version is None else EvaluationState.RETURNED


@dataclass(frozen=True, slots=True)
class Part:
    """What an item has been completed to."""

    criterion_code: str
    value_required: bool
    reported_value: Decimal | None
    statement: str | None


def missing_parts(parts: Iterable[Part]) -> list[FieldError]:
    """A pointer to each figure and statement that is missing: `/items/grassland/reported_value`."""
    missing = []
    for part in parts:
        if part.value_required and part.reported_value is None:
            missing.append(FieldError(f"/items/{part.criterion_code}/reported_value", "required"))
        if not part.statement:
            missing.append(FieldError(f"/items/{part.criterion_code}/statement", "required"))
    return missing


def freeze(
    *, region_code: str, region_name: str, assessment_year: int, scheme_sha256: str, items: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """The content of a version: JSON-ready, items in their order. It is what the reviewers get, title and all."""
    return {
        "title": f"{region_name}{assessment_year}年度自评估",
        "region_code": region_code,
        "assessment_year": assessment_year,
        "scheme_sha256": scheme_sha256,
        "items": sorted(items, key=lambda item: (item["position"], item["id"])),
    }


def remark_faults(items: Sequence[Mapping[str, Any]], stated: Sequence[str]) -> list[FieldError]:
    """Remarks on items that the version does not hold."""
    known = {item["id"] for item in items}
    return [
        FieldError(f"/remarks/{index}/item_id", "unknown_reference")
        for index, item_id in enumerate(stated)
        if item_id not in known
    ]
