"""Whom a region asks not to be reviewed by, as sent and served."""

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from app.core.fields import Body, Label, ReasonText, ShortText


class ExclusionIn(Body):
    """A name as people write it: it is compared, not looked up, and the answer does not tell whether anybody bears
    it."""

    name: ShortText = Field(examples=["示例专家（示例）"])
    organisation: ShortText | None = Field(default=None, examples=["示例研究院（示例）"])
    reason: ReasonText


class ExclusionsIn(Body):
    """The whole list: what it leaves out is taken back."""

    items: list[ExclusionIn] = Field(max_length=3)


class ExclusionOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)
    name: Label
    organisation: Label | None
    reason: Annotated[str, Field(max_length=2000)]
    named_at: datetime


class Exclusions(BaseModel):
    """Three at most, and advisory: whoever is named is drawn only where nobody else is left.

    参照国家自然科学基金条例第二十条。
    """

    items: Annotated[list[ExclusionOut], Field(max_length=3)]
