"""The regulation as served."""

from datetime import date
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from app.core.fields import Code, Label
from app.regulation.rules import Status

Words = Annotated[str, Field(max_length=1000)]
ArticleNumber = Annotated[int, Field(ge=1, le=17, examples=[3])]


class VersionInForce(BaseModel):
    """Which text governs. `in_force_since` is null while it is a draft."""

    code: Code
    title_zh: Label
    title_en: Label
    is_draft: bool
    on_trial: bool
    in_force_since: date | None
    expires_on: date | None
    interpreted_by_zh: Label
    interpreted_by_en: Label
    note_zh: Words
    note_en: Words


class CarrierOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)
    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
    path: Annotated[str, Field(max_length=300, examples=["/v1/plans"])]
    operation_id: Code
    summary: Label
    tag: Code


class Missing(BaseModel):
    zh: Label
    en: Label


class ArticleSummary(BaseModel):
    """One article in our own words. `left_open`: what the regulation leaves to be settled, which is data here."""

    number: ArticleNumber
    topic_zh: Label
    topic_en: Label
    summary_zh: Words
    summary_en: Words
    left_open_zh: Label | None
    left_open_en: Label | None
    status: Status = Field(description="Whether routes carry it, and whether something of it is not built yet.")
    routes: Annotated[int, Field(ge=0, le=10_000, description="How many routes carry it.")]
    not_built: Annotated[list[Missing], Field(max_length=20)]


class ArticleOut(BaseModel):
    version: VersionInForce
    article: ArticleSummary
    carried_by: Annotated[list[CarrierOut], Field(max_length=1000)]


class RegulationOut(BaseModel):
    version: VersionInForce
    articles: Annotated[list[ArticleSummary], Field(max_length=17)]
