"""What waits for a caller, as one statement over the features' tables: derived, never stored.

Every part is narrowed by the caller's scopes where they reach; what the caller is recused from is left out of
the league's parts, for the caller could not handle it anyway.
"""

from collections.abc import Iterable
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import Date, Select, Text, Uuid, case, cast, func, literal, null, or_, select, union_all
from sqlalchemy.sql import ColumnElement

from app.auth.principal import Caller
from app.core.pagination import Order
from app.models.directory import Region
from app.models.plans import Plan, PlanState, PlanVersion
from app.models.projects import Membership, Project
from app.models.tasks import ReportingTask, ReportingTaskRegion
from app.tasks.reporting.rules import TaskState
from app.tasks.waiting.schemas import WaitingFilters, WaitingKind

# Sorts what has no day behind everything that has one.
_NO_DAY = date(9999, 12, 31)

_TO_EDIT = {
    PlanState.DRAFT: WaitingKind.DRAFT_PLAN,
    PlanState.RETURNED: WaitingKind.COMPLETE_PLAN,
    PlanState.AMENDING: WaitingKind.AMEND_PLAN,
}


def waiting(caller: Caller, filters: WaitingFilters) -> tuple[Select[Any], Order]:
    """One statement over all that waits for the caller, and its order: what is due first comes first."""
    parts = list(_parts(caller)) or [_part("", null(), cast(null(), Text), "", null(), None).where(literal(False))]
    rows = union_all(*parts).subquery("waiting")
    day = func.coalesce(rows.c.due_on, literal(_NO_DAY, Date), type_=Date)
    statement = select(rows.c.kind, rows.c.title, rows.c.due_on, rows.c.resource, rows.c.region_code)
    if filters.kind is not None:
        statement = statement.where(rows.c.kind == filters.kind)
    if filters.region_code is not None:
        statement = statement.where(rows.c.region_code == filters.region_code)
    return statement, Order((day, rows.c.kind, rows.c.region_code, rows.c.id))


def _parts(caller: Caller) -> Iterable[Select[Any]]:
    if editing := _regions_with(caller, "plans:write"):
        yield _to_report(editing)
        yield _to_edit(editing)
    if signing := _regions_with(caller, "plans:sign"):
        yield _to_sign(signing, caller.id)
    if caller.is_league and "plans:file" in caller.scopes:
        yield _to_file(caller.id)
    if caller.is_league and "projects:admit" in caller.scopes:
        yield _to_admit()


def _regions_with(caller: Caller, scope: str) -> list[str]:
    return sorted(region for region in caller.regions if scope in caller.scopes_in(region))


def _part(
    kind: ColumnElement[str] | str,
    resource_id: ColumnElement[Any],
    title: ColumnElement[Any],
    place: str,
    region: ColumnElement[Any],
    due_on: ColumnElement[Any] | None,
) -> Select[Any]:
    """The columns that all parts share."""
    return select(
        (literal(kind, Text) if isinstance(kind, str) else kind).label("kind"),
        cast(resource_id, Uuid).label("id"),
        title.label("title"),
        cast(null() if due_on is None else due_on, Date).label("due_on"),
        (literal(place, Text) + cast(resource_id, Text)).label("resource"),
        cast(region, Text).label("region_code"),
    )


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


def _plans(kind: ColumnElement[str] | str, due_on: ColumnElement[Any] | None) -> Select[Any]:
    part = _part(kind, Plan.id.expression, _PLAN_TITLE, "/v1/plans/", Plan.region_code.expression, due_on)
    return part.join_from(Plan, Region, Region.code == Plan.region_code)


def _to_report(regions: list[str]) -> Select[Any]:
    """Open tasks of own regions for which no plan was sent yet."""
    sent = select(Plan.id).where(
        Plan.region_code == ReportingTaskRegion.region_code,
        Plan.year == ReportingTask.year,
        Plan.latest_version.is_not(None),
    )
    part = _part(
        WaitingKind.REPORT_PLAN,
        ReportingTask.id.expression,
        ReportingTask.title.expression,
        "/v1/reporting-tasks/",
        ReportingTaskRegion.region_code.expression,
        func.coalesce(ReportingTaskRegion.extended_to, ReportingTask.due_on),
    )
    return part.join_from(ReportingTask, ReportingTaskRegion, ReportingTaskRegion.task_id == ReportingTask.id).where(
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


def _to_file(officer: UUID) -> Select[Any]:
    return (
        _plans(WaitingKind.FILE_PLAN, None)
        .join(PlanVersion, (PlanVersion.plan_id == Plan.id) & (PlanVersion.number == Plan.latest_version))
        .where(
            Plan.state == PlanState.SUBMITTED,
            PlanVersion.submitted_by != officer,
            PlanVersion.signed_by != officer,
            _not_walled("region", Plan.region_code.expression),
        )
    )


def _to_admit() -> Select[Any]:
    part = _part(
        WaitingKind.ADMIT_PROJECT,
        Project.id.expression,
        Project.name.expression,
        "/v1/projects/",
        Project.region_code.expression,
        None,
    )
    return part.where(
        Project.membership == Membership.PROPOSED,
        _not_walled("region", Project.region_code.expression),
        _not_walled("project", Project.id.expression),
        or_(Project.organisation_id.is_(None), _not_walled("organisation", Project.organisation_id.expression)),
    )


def _not_walled(kind: str, column: ColumnElement[Any]) -> ColumnElement[bool]:
    """What the policies of the acts say: hashed, and asked of the database, never of the token."""
    walls = select(func.unnest(func.gate.walls()))
    return (literal(f"{kind}:", Text) + cast(column, Text)).not_in(walls)
