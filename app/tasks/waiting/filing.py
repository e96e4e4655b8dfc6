"""Yearly plans and the project library (Art. 3): what waits for the region, and for the office."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from sqlalchemy import Select, Text, and_, case, cast, func, literal, or_, select
from sqlalchemy.sql import ColumnElement

from app.auth.principal import Caller
from app.models.directory import Region
from app.models.plans import Plan, PlanState, PlanVersion
from app.models.projects import Membership, Project
from app.models.tasks import ReportingTask, ReportingTaskRegion
from app.tasks.reporting.rules import TaskState
from app.tasks.waiting.parts import handles, not_staff, not_walled, part, regions_with
from app.tasks.waiting.schemas import WaitingKind

_TO_EDIT = {
    PlanState.DRAFT: WaitingKind.DRAFT_PLAN,
    PlanState.RETURNED: WaitingKind.COMPLETE_PLAN,
    PlanState.AMENDING: WaitingKind.AMEND_PLAN,
}

_PLAN_TITLE = Region.name_zh + cast(Plan.year, Text) + literal("年度计划", Text)

# The first day on which an open task asks for the plan.
_PLAN_DUE = (
    select(func.min(func.coalesce(ReportingTaskRegion.extended_to, ReportingTask.due_on)))
    .join(ReportingTask, ReportingTask.id == ReportingTaskRegion.task_id)
    .where(
        ReportingTask.state == TaskState.OPEN,
        ReportingTask.year == Plan.year,
        ReportingTaskRegion.region_code == Plan.region_code,
    )
    .correlate(Plan)
    .scalar_subquery()
)


def parts(caller: Caller) -> Iterable[Select[Any]]:
    if editing := regions_with(caller, "plans:write"):
        yield _to_report(editing)
        yield _to_edit(editing)
    if signing := regions_with(caller, "plans:sign"):
        yield _to_sign(signing, caller.id)
    if handles(caller, "plans:file"):
        yield _to_file(caller)
    if handles(caller, "projects:admit"):
        yield _to_admit(caller)


def _plans(kind: ColumnElement[str] | str, due_on: ColumnElement[Any] | None) -> Select[Any]:
    found = part(kind, Plan.id.expression, _PLAN_TITLE, "/v1/plans/", Plan.region_code.expression, due_on)
    return found.join_from(Plan, Region, Region.code == Plan.region_code)


def _to_report(regions: list[str]) -> Select[Any]:
    """Open tasks of own regions for which no plan was sent yet."""
    sent = select(Plan.id).where(
        Plan.region_code == ReportingTaskRegion.region_code,
        Plan.year == ReportingTask.year,
        Plan.latest_version.is_not(None),
    )
    found = part(
        WaitingKind.REPORT_PLAN,
        ReportingTask.id.expression,
        ReportingTask.title.expression,
        "/v1/reporting-tasks/",
        ReportingTaskRegion.region_code.expression,
        func.coalesce(ReportingTaskRegion.extended_to, ReportingTask.due_on),
    )
    return found.join_from(ReportingTask, ReportingTaskRegion, ReportingTaskRegion.task_id == ReportingTask.id).where(
        ReportingTask.state == TaskState.OPEN,
        ReportingTaskRegion.region_code.in_(regions),
        ~sent.exists(),
    )


def _to_edit(regions: list[str]) -> Select[Any]:
    kind = case({state.value: literal(kind.value, Text) for state, kind in _TO_EDIT.items()}, value=Plan.state)
    return _plans(kind, _PLAN_DUE).where(Plan.region_code.in_(regions), Plan.state.in_(_TO_EDIT))


def _to_sign(regions: list[str], approver: UUID) -> Select[Any]:
    """Not what the approver submitted: another person signs it (four eyes)."""
    return _plans(WaitingKind.SIGN_PLAN, _PLAN_DUE).where(
        Plan.region_code.in_(regions),
        Plan.state == PlanState.AWAITING_SIGNATURE,
        Plan.submitted_by.is_distinct_from(approver),
    )


def _to_file(caller: Caller) -> Select[Any]:
    return (
        _plans(WaitingKind.FILE_PLAN, None)
        .join(PlanVersion, (PlanVersion.plan_id == Plan.id) & (PlanVersion.number == Plan.latest_version))
        .where(
            Plan.state == PlanState.SUBMITTED,
            PlanVersion.submitted_by != caller.id,
            PlanVersion.signed_by != caller.id,
            not_staff(caller, Plan.region_code.expression),
            not_walled("region", Plan.region_code.expression),
        )
    )


def _to_admit(caller: Caller) -> Select[Any]:
    found = part(
        WaitingKind.ADMIT_PROJECT,
        Project.id.expression,
        Project.name.expression,
        "/v1/projects/",
        Project.region_code.expression,
        None,
    )
    return found.where(
        Project.membership == Membership.PROPOSED,
        not_staff(caller, Project.region_code.expression),
        not_walled("region", Project.region_code.expression),
        not_walled("project", Project.id.expression),
        or_(
            Project.organisation_id.is_(None),
            and_(
                Project.organisation_id.not_in(sorted(caller.organisations)),
                not_walled("organisation", Project.organisation_id.expression),
            ),
        ),
    )
