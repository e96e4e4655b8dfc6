"""Items' SQL: rows of the working copy, items of the latest frozen version."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import Select, Uuid, cast, column, exists, func, select, true
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.pagination import Order
from app.models.plans import Plan, PlanVersion
from app.plans.items.kinds import KINDS, Kind, Out, Row
from app.plans.rules import Section


def listed(kind: Kind[Row, Out], plan: Plan, *, working: bool) -> tuple[Select[Any], Order]:
    """The items in their order: rows where the caller reads the working copy, else JSON of the latest version."""
    if working:
        model = kind.model
        statement = select(model).where(model.plan_id == plan.id)
        return statement, Order((model.position.expression, model.id.expression))
    element = _elements(kind)
    statement = _of_latest(select(element.c.value), element, plan)
    keys = (element.c.value["position"].as_integer(), cast(element.c.value["id"].astext, Uuid))
    return statement, Order(keys)


async def one(
    session: AsyncSession, kind: Kind[Row, Out], plan: Plan, item_id: UUID, *, lock: bool = False
) -> Row | None:
    statement = select(kind.model).where(kind.model.id == item_id, kind.model.plan_id == plan.id)
    if lock:
        statement = statement.with_for_update().execution_options(populate_existing=True)
    return await session.scalar(statement)


async def one_frozen(
    session: AsyncSession, kind: Kind[Row, Out], plan: Plan, item_id: UUID
) -> Mapping[str, Any] | None:
    element = _elements(kind)
    statement = _of_latest(select(element.c.value), element, plan)
    found: Mapping[str, Any] | None = await session.scalar(
        statement.where(element.c.value["id"].astext == str(item_id))
    )
    return found


def _elements(kind: Kind[Row, Out]) -> Any:
    return func.jsonb_array_elements(PlanVersion.content[str(kind.section)]).table_valued(column("value", JSONB))


def _of_latest(statement: Select[Any], element: Any, plan: Plan) -> Select[Any]:
    return (
        statement.select_from(PlanVersion)
        .join(element, true())
        .where(PlanVersion.plan_id == plan.id, PlanVersion.number == plan.latest_version)
    )


async def count(session: AsyncSession, kind: Kind[Row, Out], plan_id: UUID) -> int:
    statement = select(func.count()).select_from(kind.model).where(kind.model.plan_id == plan_id)
    return await session.scalar(statement) or 0


async def filled(session: AsyncSession, plan_id: UUID) -> set[Section]:
    """Sections of the working copy that hold at least one item."""
    checks = [exists().where(kind.model.plan_id == plan_id).label(str(kind.section)) for kind in KINDS]
    row = (await session.execute(select(*checks))).one()
    return {kind.section for kind, found in zip(KINDS, row, strict=True) if found}


async def contents(session: AsyncSession, plan_id: UUID) -> dict[Section, list[dict[str, Any]]]:
    """All items of the working copy as they are frozen."""
    return {
        kind.section: [
            kind.frozen(item) for item in await session.scalars(select(kind.model).where(kind.model.plan_id == plan_id))
        ]
        for kind in KINDS
    }


async def unknown_references(
    session: AsyncSession, kind: Kind[Row, Out], values: Mapping[str, Any], region_code: str
) -> list[str]:
    """Fields whose value names nothing that the caller may see."""
    stated = [reference for reference in kind.references if values.get(reference.field) is not None]
    unknown = []
    for reference in stated:
        statement = select(reference.column).where(reference.column == values[reference.field])
        if reference.region is not None:
            statement = statement.where(reference.region == region_code)
        if await session.scalar(statement) is None:
            unknown.append(reference.field)
    return unknown
