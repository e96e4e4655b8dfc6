"""How often people are recused, and who asks for it."""

from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, Field

from app.core.fields import Count, Label, QueryYear
from app.core.pagination import PageParams


class StatisticsFilters(PageParams):
    year: QueryYear | None = Field(default=None, description="Of recusals that began in this year of the league's.")


class RecusalStatistics(BaseModel):
    """One person's, over the recusals and assignments that you may see (`population` says so): without your own, and
    without what you are recused from."""

    person_id: UUID
    person_name: Label
    by_self: Count = Field(description="Declared by the person. Many of these may be dodged work.")
    by_parties: Count = Field(description="Applied for by interested parties. Many of these may be a strict reviewer.")
    by_informants: Count
    by_officers: Count = Field(description="Ordered ex officio.")
    detected: Count = Field(description="Found by a check.")
    in_force: Count
    rejected: Count
    undecided: Count
    invited: Count = Field(description="Assignments in the same year, whatever became of them.")
    declined: Count


class StatisticsPage(BaseModel):
    """The people with most recusals first."""

    population: Annotated[str, Field(max_length=40)] = Field(
        description="`visible_to_you`: counted over what you may see, denominators too.", examples=["visible_to_you"]
    )
    items: Annotated[list[RecusalStatistics], Field(max_length=200)]
    next_cursor: Annotated[str, Field(max_length=2000)] | None
    total: Annotated[int, Field(ge=0, le=2**53)] | None
