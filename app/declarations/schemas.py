"""Commitments and declarations as sent and served."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from app.core.fields import Body, Code, LongText, QueryYear, Version, Year
from app.core.pagination import PageParams
from app.declarations.recusals.schemas import RelationCode, SubjectIn
from app.models.declarations import Commitment

Sha256 = Annotated[str, Field(max_length=64, pattern=r"^[0-9a-f]{64}$", examples=["0" * 64])]


class CommitmentTextOut(BaseModel):
    """The wording that is signed (承诺书). `sha256` is of `text_zh` in UTF-8."""

    model_config = ConfigDict(from_attributes=True)
    version: Version
    text_zh: Annotated[str, Field(max_length=20_000)]
    sha256: Sha256
    is_example: bool


class CommitmentIn(Body):
    """For the running year, on the latest text."""

    year: Year
    text_version: Annotated[int, Field(ge=1, le=2_000_000_000, strict=True, examples=[1])]


class CommitmentOut(BaseModel):
    """A signed commitment (廉洁自律承诺)."""

    model_config = ConfigDict(from_attributes=True)
    id: UUID
    person_id: UUID
    year: QueryYear
    text_version: Version
    text_sha256: Sha256
    signed_at: datetime

    @classmethod
    def of(cls, commitment: Commitment) -> "CommitmentOut":
        return cls.model_validate(commitment)


class CommitmentFilters(PageParams):
    year: QueryYear | None = None
    person_id: UUID | None = None


class InterestIn(SubjectIn):
    """A relation to one subject. For an assignment the subject may be left out: it is what the assignment is about."""

    relation_code: RelationCode
    statement: LongText = Field(examples=["配偶在该地区任职（示例）"])


class DeclarationIn(Body):
    """`has_interests: false` says that there are none; leaving it open is refused."""

    year: Year
    assignment_id: UUID | None = Field(default=None, description="For one assignment.", examples=[None])
    has_interests: Annotated[bool, Field(strict=True, examples=[False])]
    interests: list[InterestIn] = Field(default_factory=list, max_length=50, examples=[[]])


class InterestOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)
    region_code: Code | None = None
    organisation_id: UUID | None = None
    project_id: UUID | None = None
    case_id: UUID | None = None
    relation_code: Code
    statement: Annotated[str, Field(max_length=20_000)]


class DeclarationOut(BaseModel):
    """What you declared, for the year or for one assignment."""

    model_config = ConfigDict(from_attributes=True)
    id: UUID
    year: QueryYear
    assignment_id: UUID | None
    has_interests: bool
    interests: Annotated[list[InterestOut], Field(max_length=50)]
    declared_at: datetime


class DeclarationFilters(PageParams):
    year: QueryYear | None = None
    assignment_id: UUID | None = None


def stored(interests: list[InterestIn]) -> list[dict[str, Any]]:
    return [interest.model_dump(mode="json", exclude_none=True) for interest in interests]
