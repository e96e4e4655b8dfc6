"""Rows of earlier years as they are sent, and entries as they are served: marked, and with their source."""

from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationInfo
from pydantic_core import PydanticCustomError

from app.core.fields import (
    Body,
    Code,
    Day,
    Label,
    LongText,
    Quantity,
    QueryYear,
    RegionCode,
    ShortText,
    Version,
    Year,
)
from app.core.pagination import PageParams
from app.imports.history.rules import Words
from app.imports.rules import folded
from app.imports.schemas import PushMode, PushOptions


def _words(info: ValidationInfo) -> Words:
    assert isinstance(info.context, Words)  # noqa: S101 - rows are read in the context of one pusher
    return info.context


def _covered(value: str, info: ValidationInfo) -> str:
    if value not in _words(info).regions:
        raise PydanticCustomError("outside_regions", "not a region of this pusher")
    return value


def _earlier(value: int, info: ValidationInfo) -> int:
    if value >= _words(info).today.year:
        raise PydanticCustomError("out_of_range", "no earlier year")
    return value


def _past(value: date, info: ValidationInfo) -> date:
    if value > _words(info).today:
        raise PydanticCustomError("out_of_range", "a day to come")
    return value


def _indicator(value: str, info: ValidationInfo) -> str:
    found = _words(info).indicators.get(folded(value))
    if found is None:
        raise PydanticCustomError("invalid_choice", "not in the list")
    return found


_Region = Annotated[RegionCode, AfterValidator(_covered)]
_EarlierYear = Annotated[Year, AfterValidator(_earlier), Field(description="A year before this one.", examples=[2024])]
_Indicator = Annotated[
    str,
    Field(min_length=1, max_length=100, description="Code or Chinese name.", examples=["grassland_cover"]),
    AfterValidator(_indicator),
]


class SourceIn(Body):
    """The document that the row is taken from (来源文件)."""

    title: ShortText = Field(examples=["2024年国民经济和社会发展统计公报（示例）"])
    number: ShortText | None = Field(default=None, description="文号, where it has one.", examples=[None])
    date: Annotated[Day, AfterValidator(_past)] = Field(examples=["2025-03-20"])


class PublicSourceIn(SourceIn):
    """The document that a result was published by: it has a number."""

    title: ShortText = Field(examples=["关于2024年度评估结果的通报（示例）"])
    number: ShortText = Field(examples=["示例两山办发〔2025〕6号"])


class IndicatorValueRow(Body):
    """An indicator's value of an earlier year, in the indicator's unit."""

    region_code: _Region
    year: _EarlierYear
    indicator_code: _Indicator
    value: Quantity
    source: SourceIn


class EarlierTarget(Body):
    indicator_code: _Indicator
    baseline_value: Quantity | None = None
    target_value: Quantity


class EarlierPlanRow(Body):
    """A plan of an earlier year, as it was filed on paper: `source` is its document."""

    region_code: _Region
    year: _EarlierYear
    filing_number: ShortText | None = Field(default=None, examples=["两山备〔2024〕3号（示例）"])
    overview: LongText | None = Field(default=None, examples=["全年工作思路（示例）"])
    targets: Annotated[list[EarlierTarget], Field(min_length=1, max_length=100)]
    source: SourceIn


class EarlierResultRow(Body):
    """A grade of an earlier year, as it was published."""

    region_code: _Region
    year: _EarlierYear
    grade: ShortText = Field(description="In the words of the document.", examples=["良好"])
    source: PublicSourceIn


class IndicatorValuePush(Body):
    items: Annotated[list[IndicatorValueRow], Field(min_length=1, max_length=1_000)]


class EarlierPlanPush(Body):
    items: Annotated[list[EarlierPlanRow], Field(min_length=1, max_length=1_000)]


class EarlierResultPush(Body):
    items: Annotated[list[EarlierResultRow], Field(min_length=1, max_length=1_000)]


class ResultOptions(BaseModel):
    model_config = ConfigDict(extra="forbid")

    mode: PushMode = Field(
        default=PushMode.PARTIAL, description="`atomic`: one bad row, and nothing is applied. `partial`: good rows are."
    )
    dry_run: bool = Field(default=False, description="The same receipt, with nothing applied.")

    def as_push(self) -> PushOptions:
        return PushOptions(**self.model_dump())


class HistoryOptions(ResultOptions):
    region_code: RegionCode | None = Field(
        default=None, description="For staff of several regions: for which of them. The source is `region-<code>` then."
    )


class EntrySource(BaseModel):
    """The document that the entry is taken from."""

    title: Label
    number: Label | None
    date: date


class EntryOut(BaseModel):
    """What every entry says of itself."""

    id: UUID
    region_code: Code
    year: QueryYear
    entered_later: Literal[True] = Field(description="补录: taken from a document, not made in this system.")
    source: EntrySource
    source_system: Code = Field(description="Who entered it: a source system, or `league-office`.")
    edition: Version = Field(description="A correction is the next edition; the ones before stand.")
    entered_at: datetime


class IndicatorValueOut(EntryOut):
    indicator_code: Code
    value: Quantity


class EarlierTargetOut(BaseModel):
    indicator_code: Code
    baseline_value: Quantity | None
    target_value: Quantity


class EarlierPlanOut(EntryOut):
    filing_number: Label | None
    overview: Annotated[str, Field(max_length=20_000)] | None
    targets: Annotated[list[EarlierTargetOut], Field(max_length=100)]


class EarlierResultOut(EntryOut):
    grade: Label


class EntryFilters(PageParams):
    region_code: RegionCode | None = None
    year: QueryYear | None = None
    all_editions: bool = Field(default=False, description="Also what was corrected since.")


class IndicatorValueFilters(EntryFilters):
    indicator_code: Annotated[str, Field(pattern=r"^[a-z0-9_]{1,60}$", max_length=60)] | None = Field(
        default=None, description="A code of `/v1/indicators`."
    )


_SOURCE: dict[str, Any] = {
    "title": "2024年国民经济和社会发展统计公报（示例）",
    "number": None,
    "date": "2025-03-20",
}
EXAMPLES: dict[type[Body], dict[str, Any]] = {
    IndicatorValueRow: {
        "region_code": "152501",
        "year": 2024,
        "indicator_code": "grassland_cover",
        "value": "45.26",
        "source": _SOURCE,
    },
    EarlierPlanRow: {
        "region_code": "152501",
        "year": 2024,
        "filing_number": "两山备〔2024〕3号（示例）",
        "overview": "全年工作思路（示例）",
        "targets": [{"indicator_code": "grassland_cover", "baseline_value": "44.90", "target_value": "45.20"}],
        "source": {"title": "2024年度计划（示例）", "number": "示例政发〔2024〕5号", "date": "2024-02-28"},
    },
    EarlierResultRow: {
        "region_code": "152501",
        "year": 2024,
        "grade": "良好",
        "source": {
            "title": "关于2024年度评估结果的通报（示例）",
            "number": "示例两山办发〔2025〕6号",
            "date": "2025-06-20",
        },
    },
}
