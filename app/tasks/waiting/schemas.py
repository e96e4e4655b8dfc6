"""What waits for somebody."""

from datetime import date
from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from app.core.fields import Code, Label
from app.core.pagination import PageParams


class WaitingKind(StrEnum):
    """What is to be done with the resource."""

    REPORT_PLAN = "report_plan"
    DRAFT_PLAN = "draft_plan"
    COMPLETE_PLAN = "complete_plan"
    AMEND_PLAN = "amend_plan"
    SIGN_PLAN = "sign_plan"
    FILE_PLAN = "file_plan"
    ADMIT_PROJECT = "admit_project"
    BEGIN_EVALUATION = "begin_evaluation"
    DRAFT_EVALUATION = "draft_evaluation"
    COMPLETE_EVALUATION = "complete_evaluation"
    SIGN_EVALUATION = "sign_evaluation"
    ACCEPT_EVALUATION = "accept_evaluation"
    APPRAISE_FILE = "appraise_file"
    GRADE_FILE = "grade_file"
    APPROVE_FILE = "approve_file"
    DRAFT_CASE = "draft_case"
    COMPLETE_CASE = "complete_case"
    RECOMMEND_CASE = "recommend_case"
    REVIEW_CASE = "review_case"
    COMMIT_SHARE = "commit_share"
    OPEN_SHARE = "open_share"
    DRAW_PANEL = "draw_panel"
    ANSWER_INVITATION = "answer_invitation"
    DECLARE_INTERESTS = "declare_interests"
    SCORE = "score"
    SIGN_COMMITMENT = "sign_commitment"
    MAKE_DECLARATION = "make_declaration"
    DECIDE_RECUSAL = "decide_recusal"
    LIFT_RECUSAL = "lift_recusal"


class WaitingItem(BaseModel):
    """One thing that waits for you. `resource` is where it is found; `due_on` is null where nothing sets a day.

    `region_code` is null for what is in no one region, and for an invitation to review: what it is about is told once
    it is accepted.
    """

    model_config = ConfigDict(
        from_attributes=True,
        json_schema_extra={
            "examples": [
                {
                    "kind": "sign_plan",
                    "title": "二连浩特市2026年度计划",
                    "due_on": "2026-03-31",
                    "resource": "/v1/plans/0197f3a0-5b1c-7c3d-9e2f-1a2b3c4d5e6f",
                    "region_code": "152501",
                }
            ]
        },
    )
    kind: WaitingKind
    title: Label
    due_on: date | None
    resource: Annotated[str, Field(max_length=200)]
    region_code: Code | None


class WaitingFilters(PageParams):
    kind: WaitingKind | None = None
    region_code: Annotated[str, Field(pattern=r"^[0-9]{6}$", max_length=6)] | None = None
