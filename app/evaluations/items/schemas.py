"""Items of a self-evaluation as sent, served and frozen."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from app.core.fields import Body, Code, Label, LongText, Position, Quantity, QueryYear, ShortText, Version
from app.imports.history.schemas import EntrySource

Prose = Annotated[str, Field(max_length=20_000)]


class EvidenceIn(Body):
    """What proves it: a label, and the file where it was uploaded to this self-evaluation."""

    label: ShortText = Field(examples=["年度监测报告（示例）"])
    attachment_id: UUID | None = Field(default=None, examples=[None])


class EvaluationItemPatch(Body):
    """A member that is absent stays as it is; null clears the figure or the statement."""

    reported_value: Quantity | None = None
    statement: LongText | None = Field(default=None, examples=["草原综合植被盖度较上年提高（示例）"])
    evidence: list[EvidenceIn] | None = Field(default=None, max_length=20)


class Evidence(BaseModel):
    label: Label
    attachment_id: UUID | None


class EarlierValue(BaseModel):
    """A value of the year before, entered later (补录) by `source_system` from the document `source`."""

    entered_later: Literal[True]
    year: QueryYear
    value: Code
    source_system: Code
    source: EntrySource


class PrefilledSource(BaseModel):
    """A figure that was known when the region began, and where it is from.

    `kind`: `plan_target` (the filed plan's target on the indicator `of`; `first_value` as it was filed first), `plan`
    (how many the filed plan holds), `library` (the project library). `value` is null where the source says nothing.
    `last_year`: what was entered later of the indicator's year before, one for each source system.
    """

    kind: Code
    of: Code
    unit: Label | None
    value: Code | None
    as_of: datetime
    baseline_value: Code | None = None
    first_value: Code | None = None
    filing_number: Label | None = None
    plan_version: Version | None = None
    last_year: list[EarlierValue] = Field(default_factory=list, max_length=20)


class Prefilled(BaseModel):
    sources: Annotated[list[PrefilledSource], Field(max_length=20)]


class EvaluationItemContent(BaseModel):
    """What is frozen of an item."""

    model_config = ConfigDict(from_attributes=True)
    id: UUID
    position: Position
    criterion_code: Code
    prefilled: Prefilled
    reported_value: Quantity | None
    statement: Prose | None
    evidence: Annotated[list[Evidence], Field(max_length=20)]


class EvaluationItemOut(EvaluationItemContent):
    """An item of the working copy, or of the latest version that was sent: then its own version and times are null."""

    version: Version | None
    updated_at: datetime | None

    @classmethod
    def frozen(cls, item: dict[str, Any]) -> "EvaluationItemOut":
        return cls.model_validate({**item, "version": None, "updated_at": None})


class EvaluationItems(BaseModel):
    """All items in the order of the method's criteria."""

    items: Annotated[list[EvaluationItemOut], Field(max_length=200)]
