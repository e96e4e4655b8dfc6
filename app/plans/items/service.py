"""Adding, changing and removing items. Their plan is locked in an editable state by the caller's dependency."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.audit import Resource, record
from app.core.db import clock_of, ids_of
from app.core.errors import CONSTRAINT_REASONS, Conflict, FieldError, Invalid, Reason
from app.models.plans import Plan
from app.plans.items import repository
from app.plans.items.kinds import Kind, Out, Row
from app.plans.items.rules import ITEMS_AT_MOST, TOO_MANY_ITEMS
from app.plans.items.schemas import ItemIn, ItemPatch

CONSTRAINT_REASONS["uq_plan_targets_plan_id_indicator_code"] = Reason(
    "indicator_taken", "该指标已有年度目标", "The plan has a target on this indicator"
)


async def add(session: AsyncSession, plan: Plan, kind: Kind[Row, Out], body: ItemIn) -> Row:
    """Raises `Invalid` for a reference that the caller cannot see, `Conflict` (`indicator_taken`, `too_many_items`)."""
    values = body.model_dump()
    await _check(session, kind, values, plan.region_code)
    if await repository.count(session, kind, plan.id) >= ITEMS_AT_MOST:
        raise Conflict(TOO_MANY_ITEMS)
    key = {"id": ids_of(session).dossier(clock_of(session).now()), "plan_id": plan.id, "region_code": plan.region_code}
    item = kind.model(**key, **values)
    session.add(item)
    await session.flush()
    # As the database keeps it (two decimals): what is answered now is what is read later.
    await session.refresh(item)
    await _record(session, kind, "create", item, {"after": body.model_dump(mode="json")})
    return item


async def change(session: AsyncSession, kind: Kind[Row, Out], item: Row, body: ItemPatch) -> Row:
    """Apply what the patch states. Raises as `add` does, and `Invalid` where null would clear what must be there."""
    stated = body.model_dump(exclude_unset=True)
    columns = kind.model.__table__.c  # type: ignore[attr-defined] # every kind's model is a mapped table
    emptied = [name for name, value in stated.items() if value is None and not columns[name].nullable]
    if emptied:
        raise Invalid(*(FieldError(f"/{name}", "required") for name in emptied))
    before = kind.frozen(item)
    await _check(session, kind, stated, item.region_code, standing=item)
    for name, value in stated.items():
        setattr(item, name, value)
    await session.flush()
    await session.refresh(item)
    after = kind.frozen(item)
    changed = [name for name in after if after[name] != before[name]]
    if changed:
        differences = {name: {"before": before[name], "after": after[name]} for name in changed}
        await _record(session, kind, "update", item, {"fields": differences})
    return item


async def remove(session: AsyncSession, kind: Kind[Row, Out], item: Row) -> None:
    await _record(session, kind, "delete", item, {"before": kind.frozen(item)})
    await session.delete(item)
    await session.flush()


async def _check(
    session: AsyncSession,
    kind: Kind[Row, Out],
    stated: Mapping[str, Any],
    region_code: str,
    *,
    standing: Row | None = None,
) -> None:
    unknown = await repository.unknown_references(session, kind, stated, region_code)
    faults = [FieldError(f"/{field}", "unknown_reference") for field in unknown]
    whole = {**(_values(standing) if standing else {}), **stated}
    if fault := kind.rule(whole):
        faults.append(fault)
    if faults:
        raise Invalid(*faults)


def _values(item: Row) -> dict[str, Any]:
    return {column.key: getattr(item, column.key) for column in type(item).__table__.columns}  # type: ignore[attr-defined]


async def _record(session: AsyncSession, kind: Kind[Row, Out], act: str, item: Row, changes: Mapping[str, Any]) -> None:
    """Under the plan's own id, so that a plan's trail is complete."""
    resource = Resource("plan", item.plan_id, region_code=item.region_code)
    await record(session, f"{kind.resource}.{act}", resource, changes={"item_id": str(item.id), **changes})
