"""Practice areas as sent and served."""

from datetime import date, datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, Field

from app.core.actions import AllowedAction
from app.core.fields import Body, Code, Day, Label, LongText, RegionCode, ShortText, Version
from app.core.pagination import PageParams
from app.directory.practice_areas.rules import MAX_POSITIONS, GeometryType
from app.models.directory import PracticeArea, PracticeAreaState

_EXAMPLE_RING = [[111.9, 43.6], [112.0, 43.6], [112.0, 43.7], [111.9, 43.6]]


class Geometry(Body):
    """A GeoJSON geometry (RFC 7946, WGS 84): longitude before latitude, no altitudes, at most 10,000 positions."""

    type: GeometryType = Field(examples=["Polygon"])
    coordinates: Annotated[
        list[Any],
        Field(
            min_length=1,
            max_length=MAX_POSITIONS,
            json_schema_extra={"items": {}},
            examples=[[_EXAMPLE_RING]],
        ),
    ]


EntityIds = Annotated[
    list[UUID],
    Field(max_length=50, description="The bodies that carry it out (实施单位), Art. 2.", examples=[[]]),
]
ModeCode = Annotated[str, Field(max_length=100, pattern=r"^[a-z0-9_]+$", examples=["ecological_agriculture"])]


class PracticeAreaIn(Body):
    """A practice area (实践区). Of a region, or of the league itself."""

    name: ShortText = Field(examples=["草原生态牧业实践区（示例）"])
    region_code: RegionCode
    function: LongText | None = Field(default=None, examples=["草畜平衡与有机畜牧（示例）"])
    mode_code: ModeCode | None = None
    entity_ids: EntityIds = Field(default_factory=list)
    geometry: Geometry | None = None
    established_on: Day | None = None


class PracticeAreaPatch(Body):
    """What may be changed; a member that is absent stays, null clears what may be empty. The region stays."""

    name: ShortText | None = Field(default=None, examples=["草原生态牧业实践区（示例）"])
    function: LongText | None = None
    mode_code: ModeCode | None = None
    entity_ids: EntityIds | None = None
    geometry: Geometry | None = None
    established_on: Day | None = None


class PracticeAreaSummary(BaseModel):
    """A practice area without its geometry, which may be large."""

    id: UUID
    region_code: Code
    name: Label
    mode_code: Code | None
    entity_ids: EntityIds
    state: PracticeAreaState
    established_on: date | None
    version: Version
    updated_at: datetime

    @classmethod
    def of(cls, area: PracticeArea) -> "PracticeAreaSummary":
        return cls(**{name: getattr(area, name) for name in cls.model_fields})


class PracticeAreaOut(PracticeAreaSummary):
    function: Annotated[str, Field(max_length=20_000)] | None
    geometry: Geometry | None
    state_reason: Annotated[str, Field(max_length=2000)] | None = Field(
        description="Why it was last adjusted, or withdrawn."
    )
    created_at: datetime
    allowed_actions: Annotated[list[AllowedAction], Field(max_length=10)]

    @classmethod
    def with_actions(cls, area: PracticeArea, actions: list[AllowedAction]) -> "PracticeAreaOut":
        stored = {name: getattr(area, name) for name in cls.model_fields if name != "allowed_actions"}
        return cls(**stored, allowed_actions=actions)


class PracticeAreaFilters(PageParams):
    region_code: RegionCode | None = None
    state: PracticeAreaState | None = None
    mode_code: ModeCode | None = None
