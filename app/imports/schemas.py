"""A pushed row, the options of a push, and its receipt."""

from collections.abc import Callable
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo
from pydantic_core import PydanticCustomError

from app.core.fields import Body, Code, Day, Label, LongText, Money, ReasonText, RegionCode, ShortText, Year
from app.core.pagination import PageParams
from app.directory.rules import credit_code_fault, normalised_credit_code
from app.imports.reading import MOST_ROWS
from app.imports.rules import Vocabulary, folded
from app.models.directory import OrganisationKind
from app.models.projects import Axis
from app.projects.schemas import BenefitsIn, NationalCode, Point


def _vocabulary(info: ValidationInfo) -> Vocabulary:
    assert isinstance(info.context, Vocabulary)  # noqa: S101 - rows are read in the context of one client
    return info.context


def _one_of(part: str) -> Callable[[str, ValidationInfo], str]:
    def understood(value: str, info: ValidationInfo) -> str:
        names = getattr(_vocabulary(info), part)
        found: str | None = names.get(value) or names.get(folded(value))
        if found is None:
            raise PydanticCustomError("invalid_choice", "not in the list")
        return found

    return understood


def _covered(value: str, info: ValidationInfo) -> str:
    if value not in _vocabulary(info).regions:
        raise PydanticCustomError("outside_regions", "not a region of this client")
    return value


def _valid_code(value: str) -> str:
    if fault := credit_code_fault(value):
        raise PydanticCustomError(fault, "credit code")
    return value


_Name = Annotated[str, Field(min_length=1, max_length=100)]
ModeName = Annotated[
    _Name,
    Field(description="Code or Chinese name; width and quotes do not matter.", examples=["生态农业"]),
    AfterValidator(_one_of("modes")),
]
StageName = Annotated[
    _Name,
    Field(description="Code, or 储备、前期、在建、竣工、投运、停缓建.", examples=["在建"]),
    AfterValidator(_one_of("stages")),
]
SourceName = Annotated[
    _Name,
    Field(description="Code or Chinese name of a funding source.", examples=["special_bond"]),
    AfterValidator(_one_of("sources")),
]
CreditCode = Annotated[
    str,
    BeforeValidator(lambda value: normalised_credit_code(value) if isinstance(value, str) else value),
    Field(max_length=18, description="GB 32100-2015, with its check digit.", examples=["91152501MA0000023E"]),
    AfterValidator(_valid_code),
]


class PushedFunding(Body):
    """Money from one source; without a year, for the project's whole life."""

    source: SourceName
    year: Year | None = None
    planned: Money
    done: Money


class PushedEntity(Body):
    """Matched by credit code, else by name and region, else registered."""

    name: ShortText = Field(examples=["二连浩特市乳业有限公司（示例）"])
    kind: OrganisationKind = Field(examples=["enterprise"])
    credit_code: CreditCode | None = None


class ProjectRow(Body):
    """A project as another system knows it. A member that is absent stays as it is; null clears it."""

    external_id: ShortText = Field(description="Your key: a project is matched by it.", examples=["XL-2026-0002"])
    name: ShortText = Field(examples=["二连浩特市有机乳品原料基地项目（示例）"])
    region_code: Annotated[RegionCode, AfterValidator(_covered)]
    primary_mode: ModeName
    secondary_modes: Annotated[list[ModeName], Field(max_length=20)] = Field(default_factory=list, examples=[[]])
    investment_entity: PushedEntity
    construction_content: LongText = Field(examples=["有机草场认证、奶畜良种繁育与冷链收储站建设"])
    building_stage: StageName
    stage_reason: ReasonText | None = Field(
        default=None, description="Needed where the stage moves back, or is suspended.", examples=[None]
    )
    starts_on: Day | None = Field(default=None, examples=["2026-05-01"])
    ends_on: Day | None = Field(default=None, examples=["2028-10-30"])
    funding: Annotated[list[PushedFunding], Field(max_length=100)] = Field(default_factory=list)
    expected_benefits: BenefitsIn
    location: Point | None = None
    national_code: NationalCode | None = Field(default=None, examples=[None])
    axis: Axis | None = Field(default=None, examples=[None])


class ProjectPush(Body):
    """Up to 1,000 rows. A row that is wrong does not spoil the document: the receipt names it."""

    items: Annotated[list[ProjectRow], Field(min_length=1, max_length=1_000)]


class PushMode(StrEnum):
    ATOMIC = "atomic"
    PARTIAL = "partial"


class PushStrategy(StrEnum):
    CREATE = "create"
    UPDATE = "update"
    UPSERT = "upsert"


class OnMissing(StrEnum):
    IGNORE = "ignore"
    LEAVE = "leave"


class RunOutcome(StrEnum):
    SUCCEEDED = "succeeded"
    PARTIAL = "partial"
    REJECTED = "rejected"


class RunState(StrEnum):
    QUEUED = "queued"
    FINISHED = "finished"
    CANCELLED = "cancelled"
    FAILED = "failed"


class RowAction(StrEnum):
    CREATED = "created"
    UPDATED = "updated"
    PROPOSED = "proposed"
    UNCHANGED = "unchanged"
    REJECTED = "rejected"
    NOT_APPLIED = "not_applied"


class PushOptions(BaseModel):
    model_config = ConfigDict(extra="forbid")

    mode: PushMode = Field(
        default=PushMode.PARTIAL, description="`atomic`: one bad row, and nothing is applied. `partial`: good rows are."
    )
    dry_run: bool = Field(default=False, description="The same receipt, with nothing applied.")
    strategy: PushStrategy = Field(
        default=PushStrategy.UPSERT, description="`create` rejects rows that exist, `update` rows that do not."
    )
    on_missing: OnMissing = Field(
        default=OnMissing.IGNORE,
        description="`leave`: members of your source and regions that the push does not name leave the library, "
        "unless a row was rejected: then nothing leaves.",
    )
    region_code: RegionCode | None = Field(
        default=None, description="For staff of several regions: for which of them. The source is `region-<code>` then."
    )


class RetryOptions(BaseModel):
    model_config = ConfigDict(extra="forbid")

    dry_run: bool = Field(default=False, description="The same receipt, with nothing applied.")


class RowError(BaseModel):
    """`pointer` is RFC 6901 into the row; empty for the row as a whole."""

    pointer: Annotated[str, Field(max_length=400, examples=["/funding/0/planned"])]
    code: Annotated[str, Field(max_length=100, examples=["required"])]
    detail: Annotated[str, Field(max_length=400, examples=["必填"])]


_Index = Annotated[int, Field(ge=0, lt=MOST_ROWS, examples=[0])]


class ImportRowOut(BaseModel):
    """What became of one row. `id` is the project, or the entry of an earlier year, where there is one after
    the run."""

    index: _Index
    source_index: _Index = Field(description="Where the row stands in the body that was sent; differs in a retry only.")
    external_id: Label | None = Field(examples=["XL-2026-0002"])
    id: UUID | None
    action: RowAction = Field(
        description="`proposed`: the project is a member of the library, so the change waits for the office."
    )
    changes: list[Code] = Field(max_length=40, description="Members that changed, or would.", examples=[[]])
    withheld: list[Code] = Field(
        max_length=40,
        description="Members that the row would change and that are owned by another source (`/v1/field-ownership`): "
        "they stand, and what you said of them is kept beside.",
        examples=[[]],
    )
    errors: list[RowError] = Field(max_length=200, examples=[[]])


_Counter = Annotated[int, Field(ge=0, le=MOST_ROWS)]


class RunProgress(BaseModel):
    """How far a queued run is."""

    rows_read: _Counter
    step: Code = Field(examples=["reading"], description="`waiting`, `reading`, `applying`, `writing_receipt`.")
    cancel_asked: bool


class ImportSummary(BaseModel):
    """A run. Once it is `finished` the six counters add up to `total`, and nothing of it changes any more."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    kind: Code = Field(examples=["projects"])
    state: RunState = Field(description="`finished` whatever became of the rows: read `outcome`.")
    source_system: Code
    mode: PushMode
    strategy: PushStrategy
    on_missing: OnMissing
    dry_run: bool
    outcome: RunOutcome | None
    failure: Code | None = Field(description="Why a run that `failed` could not be done at all.", examples=[None])
    retry_of: UUID | None = Field(examples=[None])
    total: _Counter
    created: _Counter
    updated: _Counter
    proposed: _Counter
    unchanged: _Counter
    rejected: _Counter
    not_applied: _Counter
    left_library: int = Field(ge=0, le=2**31 - 1, description="Members that left by `on_missing=leave`.")
    content_hash: Annotated[str, Field(max_length=64, description="SHA-256 of the body as it was sent.")]
    started_at: datetime
    finished_at: datetime | None


class RunNow(ImportSummary):
    """A run as it stands, without its rows."""

    progress: RunProgress | None = Field(description="While it is queued.")


class ImportOut(RunNow):
    """A run with its receipt. `rows` are the input's, in its order; null where there are more than 1,000, which
    `/v1/imports/{run_id}/rows` lists."""

    rows: Annotated[list[ImportRowOut], Field(max_length=1_000)] | None


class ImportFilters(PageParams):
    state: RunState | None = None
    outcome: RunOutcome | None = None
    source_system: Code | None = None


class ReceiptFileOptions(BaseModel):
    model_config = ConfigDict(extra="forbid")

    action: RowAction | None = Field(default=None, description="Only rows with which this was done.")


class ImportRowFilters(PageParams):
    action: RowAction | None = None


EXAMPLE_TABLE = (
    "外部编号,项目名称,所属地区,主要转化模式,投资主体,主体类型,"
    "统一社会信用代码,建设内容,建设阶段,新增就业（人）\r\n"
    "XL-2026-0002,二连浩特市有机乳品原料基地项目（示例）,152501 二连浩特市,生态农业,"
    "二连浩特市乳业有限公司（示例）,企业,"
    "91152501MA0000023E,有机草场认证、奶畜良种繁育与冷链收储站建设,在建,165\r\n"
)


def example_row() -> dict[str, Any]:
    """A row for the docs, as it would be sent."""
    return {
        "external_id": "XL-2026-0002",
        "name": "二连浩特市有机乳品原料基地项目（示例）",
        "region_code": "152501",
        "primary_mode": "生态农业",
        "secondary_modes": ["“生态+”复合产业"],
        "investment_entity": {
            "name": "二连浩特市乳业有限公司（示例）",
            "kind": "enterprise",
            "credit_code": "91152501MA0000023E",
        },
        "construction_content": "有机草场认证、奶畜良种繁育与冷链收储站建设",
        "building_stage": "在建",
        "starts_on": "2026-05-01",
        "ends_on": "2028-10-30",
        "funding": [
            {"source": "special_bond", "planned": "8890000.00", "done": "2616639.00"},
            {"source": "贷款", "year": 2026, "planned": "12670000.00", "done": "0.00"},
        ],
        "expected_benefits": {"jobs": 165, "households": 221, "household_income_increase": "7600.00"},
        "location": {"type": "Point", "coordinates": [112.0161, 43.5302]},
    }
