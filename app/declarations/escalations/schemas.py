"""A recusal that nobody in the league may decide, and what the superior authority wrote on it."""

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from app.core.fields import Body, Code, Day, Label, ReasonText, ShortText
from app.declarations.recusals.rules import Decision
from app.declarations.recusals.schemas import BasisCode
from app.models.base import SubjectKind
from app.models.declarations import RecusalState


class SuperiorDecisionOut(BaseModel):
    """As it was recorded. `confirmed` once another administrator has entered the same; `withdrawn` where whoever
    recorded it has put it right."""

    model_config = ConfigDict(from_attributes=True)
    id: UUID
    authority: Label
    document_number: Label
    issued_on: date
    outcome: Decision
    reason: Annotated[str, Field(max_length=2000)]
    legal_basis: Label | None
    recorded_by: UUID
    recorded_at: datetime
    confirmed_by: UUID | None
    confirmed_at: datetime | None
    withdrawn_at: datetime | None


class EscalationOut(BaseModel):
    """What the letter to the superior authority needs, and no more: neither who began it nor what was said."""

    id: UUID = Field(description="The recusal's.")
    person_name: Label
    subject_kind: SubjectKind
    subject_key: Code = Field(examples=["152501"])
    state: RecusalState
    declared_at: datetime
    due_on: date | None
    recorded: Annotated[list[SuperiorDecisionOut], Field(max_length=200)] = Field(
        description="What you entered yourself: the second entry is made from the paper, not from the first."
    )
    awaits_second: bool = Field(description="Another administrator has entered it already.")


class SuperiorDecisionIn(Body):
    """From the paper, word for word: the second entry must equal the first."""

    authority: ShortText = Field(examples=["上级机关（示例）"])
    document_number: ShortText = Field(examples=["示例函〔2026〕1号"])
    issued_on: Day
    outcome: Decision
    reason: ReasonText
    legal_basis: BasisCode | None = None
