"""Versions, their differences and the office's answers, as served."""

from datetime import date, datetime
from typing import Annotated, Generic, TypeVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from app.core.fields import Code, Label, QueryYear, Version
from app.core.pagination import PageParams
from app.models.plans import PlanVersion
from app.plans.items.schemas import (
    ArrangementContent,
    ItemContent,
    PreparerContent,
    Prose,
    SafeguardContent,
    TargetContent,
    TaskContent,
)
from app.plans.rules import Comparison, Section, SectionChanges
from app.plans.schemas import RemarkSection

Item = TypeVar("Item", bound=ItemContent)
_MANY = 1000


class PlanContent(BaseModel):
    """What was signed. Items stand in their order; decimals are strings."""

    region_code: Code
    year: QueryYear
    resource_assessment: Prose | None
    overview: Prose | None
    targets: Annotated[list[TargetContent], Field(max_length=_MANY)]
    tasks: Annotated[list[TaskContent], Field(max_length=_MANY)]
    arrangements: Annotated[list[ArrangementContent], Field(max_length=_MANY)]
    safeguards: Annotated[list[SafeguardContent], Field(max_length=_MANY)]
    preparers: Annotated[list[PreparerContent], Field(max_length=_MANY)]


class VersionSummary(BaseModel):
    """A version without its content. `amendment_reason`: why the filed plan was changed, where it was."""

    model_config = ConfigDict(from_attributes=True)
    number: Version
    content_hash: Code
    submitted_by: UUID
    signed_by: UUID
    signed_at: datetime
    document_number: Label
    document_date: date
    amendment_reason: Prose | None


class VersionOut(VersionSummary):
    """`content_hash` is the SHA-256 of `content` as canonical JSON (RFC 8785): anybody can recompute it."""

    plan_id: UUID
    content: PlanContent


class TextChange(BaseModel):
    field: Code
    before: Prose | None
    after: Prose | None


class ItemChange(BaseModel, Generic[Item]):
    """An item of both versions; `fields` names what differs."""

    id: UUID
    fields: Annotated[list[Code], Field(max_length=20)]
    before: Item
    after: Item


class SectionDifference(BaseModel, Generic[Item]):
    added: Annotated[list[Item], Field(max_length=_MANY)]
    removed: Annotated[list[Item], Field(max_length=_MANY)]
    changed: Annotated[list[ItemChange[Item]], Field(max_length=_MANY)]


class ComparisonOut(BaseModel):
    """What version `number` has, against the version `with`: before is `with`, after is `number`."""

    plan_id: UUID
    number: Version
    compared_with: Version
    identical: bool
    texts: Annotated[list[TextChange], Field(max_length=10)]
    targets: SectionDifference[TargetContent]
    tasks: SectionDifference[TaskContent]
    arrangements: SectionDifference[ArrangementContent]
    safeguards: SectionDifference[SafeguardContent]
    preparers: SectionDifference[PreparerContent]

    @classmethod
    def of(cls, before: PlanVersion, after: PlanVersion, found: Comparison) -> "ComparisonOut":
        return cls.model_validate(
            {
                "plan_id": after.plan_id,
                "number": after.number,
                "compared_with": before.number,
                "identical": found.identical,
                "texts": [dict(zip(("field", "before", "after"), text, strict=True)) for text in found.texts],
                **{str(section): _section(found.sections[section]) for section in Section},
            }
        )


def _section(changes: SectionChanges) -> dict[str, object]:
    return {
        "added": changes.added,
        "removed": changes.removed,
        "changed": [
            {"id": item.after["id"], "fields": item.fields, "before": item.before, "after": item.after}
            for item in changes.changed
        ],
    }


class ComparisonParams(BaseModel):
    model_config = ConfigDict(extra="forbid")
    compared_with: Version = Field(alias="with", description="The number of the version to compare with.")


class Remark(BaseModel):
    section: RemarkSection
    item_id: UUID | None
    text: Prose


class FilingOut(BaseModel):
    """The office's answer to a version: filed (备案) under a number, or returned for completion (退回补正)."""

    model_config = ConfigDict(from_attributes=True)
    id: UUID
    version_number: Version
    outcome: Code = Field(examples=["returned"])
    filing_number: Label | None
    decided_by: UUID
    decided_at: datetime
    note: Prose | None
    remarks: Annotated[list[Remark], Field(max_length=200)]


class SentPage(PageParams):
    """Latest first."""
