"""SQL of what was entered later."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Select, exists, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from app.core.bulk import insert_rows
from app.core.db import league_today
from app.core.pagination import Order
from app.imports.history.rules import Kind, Words
from app.imports.history.schemas import EntryFilters
from app.imports.rules import folded
from app.models.directory import Indicator, Region
from app.models.evaluations import EvaluationCycle
from app.models.history import EarlierPlan, EarlierResult, IndicatorValue
from app.models.imports import ImportRow
from app.models.plans import Plan

Entry = IndicatorValue | EarlierPlan | EarlierResult
Model = type[IndicatorValue] | type[EarlierPlan] | type[EarlierResult]
MODELS: dict[Kind, Model] = {
    Kind.INDICATOR_VALUES: IndicatorValue,
    Kind.EARLIER_PLANS: EarlierPlan,
    Kind.EARLIER_RESULTS: EarlierResult,
}
_LOCK_SEED = 7_204_811_024


def order(kind: Kind) -> Order:
    """The latest years first."""
    model = MODELS[kind]
    return Order((model.year.expression, model.region_code.expression, model.id.expression), descending=True)


def listed(kind: Kind, filters: EntryFilters) -> Select[Any]:
    """A result of a year that is evaluated here by now is not shown: that year's results are what is published."""
    model = MODELS[kind]
    statement: Select[Any] = select(model)
    for name in ("region_code", "year", "indicator_code"):
        value = getattr(filters, name, None)
        if value is not None:
            statement = statement.where(getattr(model, name) == value)
    if kind is Kind.EARLIER_RESULTS:
        statement = statement.where(~exists().where(EvaluationCycle.assessment_year == model.year))
    return statement if filters.all_editions else statement.where(~_later(model))


def _later(model: Model) -> Any:
    """Whether there is a later edition of the entry."""
    newer = aliased(model)
    same = [getattr(newer, name) == getattr(model, name) for name in (*_key(model), "source_system")]
    return exists().where(*same, newer.edition > model.edition)


def _key(model: Model) -> tuple[str, ...]:
    return ("region_code", "year", "indicator_code") if model is IndicatorValue else ("region_code", "year")


async def words(session: AsyncSession, kind: Kind, regions: Iterable[str]) -> Words:
    """What the rows of a push may name."""
    indicators = (await session.execute(select(Indicator.code, Indicator.name_zh))).all()
    existing = frozenset(await session.scalars(select(Region.code).where(Region.code.in_(list(regions)))))
    years = frozenset[int]()
    plans = frozenset[tuple[str, int]]()
    if kind is Kind.EARLIER_RESULTS:
        years = frozenset(await session.scalars(select(EvaluationCycle.assessment_year)))
    if kind is Kind.EARLIER_PLANS:
        # As far as the pusher sees them: a region's staff all of its own, another system none.
        held = await session.execute(select(Plan.region_code, Plan.year).where(Plan.region_code.in_(existing)))
        plans = frozenset((row.region_code, row.year) for row in held)
    names = {folded(name): row.code for row in indicators for name in (row.code, row.name_zh)}
    return Words(existing, names, league_today(session), years, plans)


async def standing(
    session: AsyncSession, kind: Kind, source: str, regions: Iterable[str]
) -> dict[tuple[Any, ...], Entry]:
    """The source's latest entries by what they are about, under the source's lock: the next push sees these."""
    await session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(f"{kind}:{source}", _LOCK_SEED))))
    model = MODELS[kind]
    statement: Select[Any] = select(model).where(
        model.source_system == source, model.region_code.in_(sorted(set(regions))), ~_later(model)
    )
    found: list[Entry] = list((await session.scalars(statement)).all())
    return {about(kind, vars(entry)): entry for entry in found}


def about(kind: Kind, values: Any) -> tuple[Any, ...]:
    return tuple(values[name] for name in _key(MODELS[kind]))


async def add(session: AsyncSession, kind: Kind, entries: list[dict[str, Any]]) -> None:
    await insert_rows(session, MODELS[kind], entries)


async def write_receipt(session: AsyncSession, rows: list[dict[str, Any]]) -> None:
    await insert_rows(session, ImportRow, rows)
