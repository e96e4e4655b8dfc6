"""Rules of a region's case (典型案例, Art. 13): its workflow, when it is complete, how it is frozen for the review."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from app.core.errors import FieldError, Reason
from app.core.workflow import Actor, Side, Transition, Verdict, Workflow
from app.models.cases import CaseState

EDITABLE = frozenset({CaseState.DRAFT, CaseState.RETURNED})
_SENT = frozenset({CaseState.RECOMMENDED})
_HANDS = ("prepare", "recommend")

# 推荐 by the region, then the office has it reviewed or returns it. A review leaves the case as it is: whether there
# is one, the region does not learn.
WORKFLOW = Workflow(
    "case",
    (
        Transition("edit", EDITABLE, None, "cases:write", Side.REGION),
        Transition("recommend", EDITABLE, CaseState.RECOMMENDED, "cases:recommend", Side.REGION, ("prepare",)),
        Transition("return", _SENT, CaseState.RETURNED, "cases:manage", Side.LEAGUE, _HANDS),
        Transition("start-review", _SENT, None, "cases:manage", Side.LEAGUE, _HANDS),
    ),
)

UNDER_REVIEW = Reason("under_review", "该案例已进入专家评审", "The case is under review")
QUOTA_REACHED = Reason("quota_reached", "本地区本年度推荐名额已满", "The region has recommended its quota")
INCOMPLETE = Reason("incomplete", "案例材料尚不齐全", "Parts of the case are missing")

# What a recommendation must say: the summary, and the four of Art. 12.
TEXTS = ("summary", "innovation", "results", "transferability", "regularity")


def judge_person(action: str, actor: Actor) -> Verdict:
    """The verdict as far as it depends on who the caller is: as if the state were right and nobody had acted before."""
    return WORKFLOW.judge(action, next(iter(WORKFLOW.transitions[action].sources)), actor)


def missing_parts(case: Mapping[str, Any]) -> list[FieldError]:
    return [FieldError(f"/{name}", "required") for name in TEXTS if not case[name]]


def is_named(content: bytes, case_id: str) -> bool:
    """Whether the published bytes name the case. All that its region learns of the judgement is what everybody may
    read: nothing is asked of a file."""
    return any(told["case_id"] == case_id for told in json.loads(content)["cases"])


def freeze(case: Mapping[str, Any], attachments: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What the reviewers judge, and what is published of it: JSON-ready."""
    names = ("title", "region_code", "region_name", "year", "mode_code", "mode_name", *TEXTS)
    return {**{name: case[name] for name in names}, "attachments": [dict(one) for one in attachments]}
