"""People and their employment as sent and served."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from app.core.actions import AllowedAction
from app.core.fields import Body, Code, Day, Label, RegionCode, ShortText, Version
from app.core.pagination import PageParams
from app.models.identity import Employment, EmploymentKind, Person


class PersonIn(Body):
    """A natural person. Name only: nothing is kept that the programme does not need."""

    name: ShortText = Field(examples=["示例人员"])


class PersonPatch(Body):
    """What may be changed; a member that is absent stays as it is."""

    name: ShortText | None = Field(default=None, examples=["示例人员"])


class UnitOut(BaseModel):
    """Where a person works now. `posted_region`: the region of the post (挂职 too), whoever employs."""

    model_config = ConfigDict(from_attributes=True)
    organisation_id: UUID
    organisation_name: Label
    kind: EmploymentKind
    posted_region: Code | None
    position: Label | None


class PersonOut(BaseModel):
    """A person's name and present units."""

    id: UUID
    name: Label
    units: Annotated[list[UnitOut], Field(max_length=1000)]
    version: Version
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, person: Person, units: Sequence[UnitOut]) -> "PersonOut":
        return cls(
            id=person.id,
            name=person.name,
            units=list(units),
            version=person.version,
            created_at=person.created_at,
            updated_at=person.updated_at,
        )


class PersonFilters(PageParams):
    """`organisation_id` and `region_code` look at present employment only."""

    organisation_id: UUID | None = Field(default=None, description="People who work there now.")
    region_code: RegionCode | None = Field(default=None, description="People who are posted there now.")


def _in_order(ends_on: date | None, info: ValidationInfo) -> date | None:
    starts_on = info.data.get("starts_on")
    if ends_on is not None and starts_on is not None and ends_on < starts_on:
        raise PydanticCustomError("dates_out_of_order", "ends before it starts")
    return ends_on


class EmploymentIn(Body):
    """A dated tie to an organisation (任职、挂职、兼职). An ended one is entered with its end."""

    organisation_id: UUID
    kind: EmploymentKind = Field(examples=["staff"])
    posted_region: RegionCode | None = Field(
        default=None, description="Where the person works, if that is one region.", examples=["152501"]
    )
    position: ShortText | None = Field(default=None, examples=["科员（示例）"])
    starts_on: Day
    ends_on: Day | None = Field(default=None, examples=[None])

    _dates = field_validator("ends_on")(_in_order)


class EmploymentEnd(Body):
    """The last day of an employment."""

    ends_on: Day


class EmploymentOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)
    id: UUID
    person_id: UUID
    organisation_id: UUID
    kind: EmploymentKind
    posted_region: Code | None
    position: Label | None
    starts_on: date
    ends_on: date | None
    version: Version
    created_at: datetime
    updated_at: datetime


class EmploymentDetail(EmploymentOut):
    allowed_actions: Annotated[list[AllowedAction], Field(max_length=10)]

    @classmethod
    def of(cls, employment: Employment, actions: list[AllowedAction]) -> "EmploymentDetail":
        shown = EmploymentOut.model_validate(employment).model_dump()
        return cls(**shown, allowed_actions=actions)
