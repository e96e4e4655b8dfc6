"""Publications as served."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from app.core.fields import Code, Label, QueryYear, Version
from app.core.pagination import PageParams


class PublicationKind(StrEnum):
    EVALUATION_RESULTS = "evaluation_results"
    CASES = "cases"


class PublicationSort(StrEnum):
    PUBLISHED = "published_at"
    PUBLISHED_LAST = "-published_at"


class PublicationFilters(PageParams):
    kind: PublicationKind | None = None
    year: QueryYear | None = Field(default=None, description="The year that it is about.")
    sort: PublicationSort = Field(default=PublicationSort.PUBLISHED_LAST, description="`-` for descending.")


class PublicationOut(BaseModel):
    """A publication. A correction has a number of its own; what was published before stands as it is.

    `content_sha256` is the SHA-256 of the bytes under `/content`, and their ETag.
    """

    model_config = ConfigDict(from_attributes=True)
    id: UUID
    kind: PublicationKind
    year: QueryYear
    number: Version
    title: Label
    media_type: Code = Field(examples=["application/json"])
    size: Annotated[int, Field(ge=0, le=2**53)]
    content_sha256: Code
    published_at: datetime
