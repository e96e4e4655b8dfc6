"""What plan and library already say of the assessment year, and what was entered later (补录) of the year before, each
with its source: read once, when the region begins.

As the region's own staff see it; figures of other rooms are read here from their tables.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.evaluations.schemes.rules import Criterion, plain
from app.models.directory import Indicator
from app.models.history import IndicatorValue
from app.models.plans import Plan, PlanFiling, PlanVersion
from app.models.projects import BuildingStage, Membership, Project, ProjectFunding

MOST_SYSTEMS = 20
_UNITS = {
    "projects": "项",
    "projects_finished": "项",
    "investment_planned": "元",
    "investment_done": "元",
    "expected_jobs": "人",
    "expected_households": "户",
}


@dataclass(frozen=True, slots=True)
class Filed:
    """The plan of the year as it was filed first and last: a target that was cut shows."""

    filing_number: str
    version: int
    content: Mapping[str, Any]
    first: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Known:
    """Everything that items are pre-filled from."""

    plan: Filed | None
    library: Mapping[str, Decimal]
    units: Mapping[str, str]
    # By indicator: "not worse than last year" is read against these where they are, by people.
    earlier: Mapping[str, list[dict[str, Any]]]
    as_of: datetime

    def sources(self, criterion: Criterion) -> list[dict[str, Any]]:
        """The criterion's figures, each with where it is from. A source that says nothing has a null value."""
        return [self._source(kind, of) for kind, of in criterion.sources]

    def _source(self, kind: str, of: str) -> dict[str, Any]:
        stated: dict[str, Any] = {"kind": kind, "of": of, "unit": None, "value": None, "as_of": self.as_of.isoformat()}
        match kind:
            case "library":
                return {**stated, "unit": _UNITS[of], "value": plain(self.library[of])}
            case "plan":
                return {**stated, "unit": "项", "value": str(len(self.plan.content[of])) if self.plan else None} | (
                    self._filing()
                )
            case _:
                target = _target(self.plan.content, of) if self.plan else None
                first = _target(self.plan.first, of) if self.plan else None
                return {
                    **stated,
                    "unit": self.units.get(of),
                    "value": target and target["target_value"],
                    "baseline_value": target and target["baseline_value"],
                    "first_value": first and first["target_value"],
                    "last_year": self.earlier.get(of, []),
                } | self._filing()

    def _filing(self) -> dict[str, Any]:
        return {"filing_number": self.plan.filing_number, "plan_version": self.plan.version} if self.plan else {}


def _target(content: Mapping[str, Any], indicator: str) -> Mapping[str, Any] | None:
    return next((target for target in content["targets"] if target["indicator_code"] == indicator), None)


async def known(session: AsyncSession, region_code: str, year: int, now: datetime) -> Known:
    """Plan and library of the region in the year, and values of the one before: five statements, whatever the
    criteria."""
    units = {row.code: row.unit for row in await session.execute(select(Indicator.code, Indicator.unit))}
    plan, library = await _filed(session, region_code, year), await _library(session, region_code, year)
    return Known(plan, library, units, await _earlier(session, region_code, year - 1), now)


async def _earlier(session: AsyncSession, region_code: str, year: int) -> dict[str, list[dict[str, Any]]]:
    """Values entered later of the year, by indicator: of each source system its latest."""
    statement = (
        select(IndicatorValue)
        .where(IndicatorValue.region_code == region_code, IndicatorValue.year == year)
        .order_by(IndicatorValue.source_system, IndicatorValue.edition.desc())
    )
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for entry in await session.scalars(statement):
        source = {"title": entry.source_title, "number": entry.source_number, "date": entry.source_date.isoformat()}
        told = {"year": year, "value": plain(entry.value), "source_system": entry.source_system, "source": source}
        found.setdefault(entry.indicator_code, {}).setdefault(entry.source_system, {"entered_later": True, **told})
    return {indicator: list(by_system.values())[:MOST_SYSTEMS] for indicator, by_system in found.items()}


async def _filed(session: AsyncSession, region_code: str, year: int) -> Filed | None:
    statement = (
        select(PlanFiling.filing_number, PlanVersion.number, PlanVersion.content)
        .join(Plan, Plan.id == PlanFiling.plan_id)
        .join(
            PlanVersion,
            (PlanVersion.plan_id == PlanFiling.plan_id) & (PlanVersion.number == PlanFiling.version_number),
        )
        .where(Plan.region_code == region_code, Plan.year == year, PlanFiling.outcome == "filed")
        .order_by(PlanVersion.number)
    )
    filings = (await session.execute(statement)).all()
    if not filings:
        return None
    (_, _, first), (filing_number, number, content) = filings[0], filings[-1]
    assert filing_number is not None  # noqa: S101 - a constraint: what is filed has one
    return Filed(filing_number, number, content, first)


async def _library(session: AsyncSession, region_code: str, year: int) -> dict[str, Decimal]:
    members = (Project.region_code == region_code, Project.membership == Membership.IN_LIBRARY)
    finished = Project.building_stage.in_((BuildingStage.COMPLETED, BuildingStage.OPERATION))
    counted = await session.execute(
        select(
            func.count().label("projects"),
            func.count().filter(finished).label("projects_finished"),
            func.coalesce(func.sum(Project.expected_jobs), 0).label("expected_jobs"),
            func.coalesce(func.sum(Project.expected_households), 0).label("expected_households"),
        ).where(*members)
    )
    spent = await session.execute(
        select(
            func.coalesce(func.sum(ProjectFunding.planned), 0).label("investment_planned"),
            func.coalesce(func.sum(ProjectFunding.done), 0).label("investment_done"),
        )
        .join(Project, Project.id == ProjectFunding.project_id)
        .where(*members, ProjectFunding.year == year)
    )
    row = {**counted.one()._mapping, **spent.one()._mapping}
    return {name: Decimal(value) for name, value in row.items()}
