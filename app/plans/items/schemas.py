"""Items as sent, served and frozen. What is frozen is the item itself, without its own version and times."""

from datetime import date, datetime
from enum import StrEnum
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from app.core.fields import Body, Code, Day, Label, LongText, Money, Position, Quantity, ShortText, Version

Prose = Annotated[str, Field(max_length=20_000)]
IndicatorCode = Annotated[str, Field(pattern=r"^[a-z0-9_]{1,60}$", max_length=60, examples=["grassland_cover"])]


class SafeguardKind(StrEnum):
    ORGANISATION = "organisation"
    FUNDING = "funding"
    POLICY = "policy"
    TECHNOLOGY = "technology"
    LAND = "land"
    OTHER = "other"


class ItemIn(Body):
    """`position` orders the items of one kind; `responsible_organisation_id` is the body that answers for it."""

    position: Position = 0
    responsible_organisation_id: UUID | None = Field(default=None, examples=[None])


class ItemPatch(Body):
    """A member that is absent stays as it is; null clears what may be empty."""

    position: Position | None = None
    responsible_organisation_id: UUID | None = Field(default=None, examples=[None])


class ItemContent(BaseModel):
    model_config = ConfigDict(from_attributes=True)
    id: UUID
    position: Position
    responsible_organisation_id: UUID | None


class Kept(BaseModel):
    """Null where the item is read from a frozen version: there it has none of its own."""

    version: Version | None
    created_at: datetime | None
    updated_at: datetime | None


class TargetIn(ItemIn):
    """A yearly target (年度目标) on a shared indicator; values in the indicator's unit."""

    indicator_code: IndicatorCode
    baseline_value: Quantity | None = None
    target_value: Quantity
    note: ShortText | None = Field(default=None, examples=["较上年提高（示例）"])


class TargetPatch(ItemPatch):
    indicator_code: IndicatorCode | None = None
    baseline_value: Quantity | None = None
    target_value: Quantity | None = None
    note: ShortText | None = None


class TargetContent(ItemContent):
    indicator_code: Code
    baseline_value: Quantity | None
    target_value: Quantity
    note: Label | None


class TargetOut(Kept, TargetContent):
    """A target as it stands in the working copy or the latest version."""


class TaskIn(ItemIn):
    """A key task (重点任务)."""

    title: ShortText = Field(examples=["退化打草场改良（示例）"])
    content: LongText = Field(examples=["改良退化打草场二万亩（示例）"])
    due_on: Day | None = None


class TaskPatch(ItemPatch):
    title: ShortText | None = None
    content: LongText | None = None
    due_on: Day | None = None


class TaskContent(ItemContent):
    title: Label
    content: Prose
    due_on: date | None


class TaskOut(Kept, TaskContent):
    """A task as it stands in the working copy or the latest version."""


class ArrangementIn(ItemIn):
    """A project arrangement (项目安排). `project_id`: a project of the region's library, where there is one yet."""

    project_id: UUID | None = Field(default=None, examples=[None])
    name: ShortText = Field(examples=["有机奶加工项目（示例）"])
    content: LongText = Field(examples=["新建加工车间一座（示例）"])
    planned_investment: Money | None = None
    starts_on: Day | None = None
    ends_on: Day | None = Field(default=None, examples=["2026-11-30"])


class ArrangementPatch(ItemPatch):
    project_id: UUID | None = Field(default=None, examples=[None])
    name: ShortText | None = None
    content: LongText | None = None
    planned_investment: Money | None = None
    starts_on: Day | None = None
    ends_on: Day | None = Field(default=None, examples=["2026-11-30"])


class ArrangementContent(ItemContent):
    project_id: UUID | None
    name: Label
    content: Prose
    planned_investment: Money | None
    starts_on: date | None
    ends_on: date | None


class ArrangementOut(Kept, ArrangementContent):
    """An arrangement as it stands in the working copy or the latest version."""


class SafeguardIn(ItemIn):
    """A safeguard (保障措施)."""

    kind: SafeguardKind
    content: LongText = Field(examples=["成立工作专班（示例）"])


class SafeguardPatch(ItemPatch):
    kind: SafeguardKind | None = None
    content: LongText | None = None


class SafeguardContent(ItemContent):
    kind: SafeguardKind
    content: Prose


class SafeguardOut(Kept, SafeguardContent):
    """A safeguard as it stands in the working copy or the latest version."""


class PreparerIn(ItemIn):
    """Who wrote the plan (编制单位、人员): a body, a person of the directory, or a name."""

    organisation_id: UUID | None = Field(default=None, examples=[None])
    person_id: UUID | None = Field(default=None, examples=[None])
    name: ShortText | None = Field(default=None, examples=["示例编制单位（示例）"])


class PreparerPatch(ItemPatch):
    organisation_id: UUID | None = Field(default=None, examples=[None])
    person_id: UUID | None = Field(default=None, examples=[None])
    name: ShortText | None = None


class PreparerContent(ItemContent):
    organisation_id: UUID | None
    person_id: UUID | None
    name: Label | None


class PreparerOut(Kept, PreparerContent):
    """A preparer as it stands in the working copy or the latest version."""
