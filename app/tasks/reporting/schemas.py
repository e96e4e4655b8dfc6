"""Reporting tasks as sent and served."""

from collections import Counter
from collections.abc import Sequence
from datetime import date, datetime
from enum import StrEnum
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, Field

from app.core.actions import AllowedAction
from app.core.fields import (
    Body,
    Code,
    Day,
    Label,
    LongText,
    QueryYear,
    ReasonText,
    RegionCode,
    ShortText,
    Version,
    Year,
)
from app.core.pagination import PageParams
from app.models.tasks import ReportingTask
from app.tasks.reporting.rules import LineState, TaskState


class TaskKind(StrEnum):
    """What is asked for: so far, the yearly plan (Art. 3)."""

    PLAN = "plan"


Regions = Annotated[list[RegionCode], Field(min_length=1, max_length=200, examples=[["152501"]])]
RegionCount = Annotated[int, Field(ge=0, le=100_000)]
Days = Annotated[int, Field(ge=0, le=200_000)]


class ReportingTaskIn(Body):
    """What the office asks for, of whom and until when. Without `regions`: of every assessed region."""

    kind: TaskKind = Field(examples=["plan"])
    title: ShortText = Field(examples=["报送2026年度计划"])
    year: Year
    due_on: Day
    regions: Regions | None = None
    note: LongText | None = Field(default=None, examples=["请加盖公章后报送（示例）"])


class ExtensionIn(Body):
    """A later day for these regions, with its reason (延期)."""

    region_codes: Regions
    to: Day = Field(description="The new last day; later than the present one of each region named.")
    reason: ReasonText = Field(examples=["受寒潮影响，报送期限顺延（示例）"])


class TaskLine(BaseModel):
    """How one region stands. `due_on` counts an extension in; `done_at` is when the plan was first signed and sent."""

    region_code: Code
    region_name: Label
    due_on: date
    extended_to: date | None
    extension_reason: Annotated[str, Field(max_length=2000)] | None
    state: LineState
    done_at: datetime | None
    days_late: Days


class TaskTally(BaseModel):
    """How many of the regions that you see stand how."""

    pending: RegionCount
    late: RegionCount
    done: RegionCount
    done_late: RegionCount

    @classmethod
    def of(cls, lines: Sequence[TaskLine]) -> "TaskTally":
        counted = Counter(line.state for line in lines)
        return cls(**{state.value: counted[state] for state in LineState})


class ReportingTaskSummary(BaseModel):
    id: UUID
    kind: TaskKind
    title: Label
    year: Annotated[int, Field(ge=2000, le=2100)]
    due_on: date
    state: TaskState
    issued_at: datetime
    tally: TaskTally
    version: Version

    @classmethod
    def of(cls, task: ReportingTask, lines: Sequence[TaskLine]) -> "ReportingTaskSummary":
        own = {name: getattr(task, name) for name in cls.model_fields if name != "tally"}
        return cls(**own, tally=TaskTally.of(lines))


class ReportingTaskOut(ReportingTaskSummary):
    """A task with its regions: staff of a region see that region's line, the league sees all."""

    note: Annotated[str, Field(max_length=20_000)] | None
    issued_by: UUID
    lines: Annotated[list[TaskLine], Field(max_length=200)]
    created_at: datetime
    updated_at: datetime
    allowed_actions: Annotated[list[AllowedAction], Field(max_length=10)]

    @classmethod
    def whole(cls, task: ReportingTask, lines: Sequence[TaskLine], actions: list[AllowedAction]) -> "ReportingTaskOut":
        derived = {"tally", "lines", "allowed_actions"}
        own = {name: getattr(task, name) for name in cls.model_fields if name not in derived}
        return cls(**own, tally=TaskTally.of(lines), lines=list(lines), allowed_actions=actions)


class TaskSort(StrEnum):
    DUE_FIRST = "due_on"
    DUE_LAST = "-due_on"


class ReportingTaskFilters(PageParams):
    year: QueryYear | None = None
    state: TaskState | None = None
    region_code: RegionCode | None = Field(default=None, description="Tasks addressed to this region.")
    sort: TaskSort = TaskSort.DUE_LAST
