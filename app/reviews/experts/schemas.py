"""The expert pool as sent and served."""

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from app.core.fields import Body, Day, Label, ShortText, Version
from app.core.pagination import PageParams

Specialties = Annotated[list[ShortText], Field(max_length=20, examples=[["草原生态（示例）"]])]


class ExpertIn(Body):
    """A person with an active grant as `expert`, taken into the pool."""

    person_id: UUID
    specialties: Specialties = Field(default=[])
    term_ends_on: Day | None = Field(default=None, description="The last day of the term.", examples=["2028-12-31"])


class ExpertPatch(Body):
    """A member that is absent stays as it is; null clears the end of the term."""

    specialties: Specialties | None = None
    active: bool | None = Field(default=None, description="Whether the expert may be drawn.", examples=[True])
    term_ends_on: Day | None = Field(default=None, examples=["2028-12-31"])


class ExpertFilters(PageParams):
    active: bool | None = None


class ExpertOut(BaseModel):
    """A member of the expert pool (专家库). Whether somebody may sit on a panel is decided panel by panel."""

    model_config = ConfigDict(from_attributes=True)
    person_id: UUID
    name: Label
    specialties: Annotated[list[Label], Field(max_length=20)]
    active: bool
    term_ends_on: date | None
    version: Version
    created_at: datetime
    updated_at: datetime
