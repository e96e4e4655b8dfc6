"""A project as its viewer gets it."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from sqlalchemy import Row

from app.core.actions import shown
from app.core.workflow import Actor
from app.models.projects import Project
from app.projects import content, rules
from app.projects.content import BENEFITS, FundingLine
from app.projects.repository import Surroundings
from app.projects.schemas import (
    BenefitsOut,
    EntityRef,
    ExternalId,
    FundingOut,
    FundingTotals,
    Point,
    ProjectItem,
    ProjectOut,
    YearTotal,
)

_NOTHING = Decimal("0.00")
_SHARED = (
    "id",
    "region_code",
    "name",
    "national_code",
    "practice_area_id",
    "source_system",
    "primary_mode",
    "secondary_modes",
    "axis",
    "membership",
    "building_stage",
    "starts_on",
    "ends_on",
    "version",
    "created_at",
    "updated_at",
)


def item(row: Row[Any]) -> ProjectItem:
    """A row of `repository.listed`."""
    project: Project = row[0]
    entity = None
    if project.organisation_id is not None:
        entity = EntityRef(id=project.organisation_id, name=row.entity_name, credit_code=row.entity_code)
    return ProjectItem(
        **{name: getattr(project, name) for name in _SHARED},
        investment_entity=entity,
        external_ids=row.external_ids,
        funding_planned=row.funding_planned,
        funding_done=row.funding_done,
    )


def detail(project: Project, around: Surroundings, actor: Actor) -> ProjectOut:
    entity = around.entity
    verdicts = rules.verdicts(
        project.membership,
        project.building_stage,
        actor,
        around.proposer,
        is_version=project.same_as is not None,
    )
    return ProjectOut(
        **{name: getattr(project, name) for name in _SHARED},
        investment_entity=(
            EntityRef(id=entity.id, name=entity.name, credit_code=entity.credit_code) if entity is not None else None
        ),
        external_ids=[ExternalId.model_validate(known) for known in around.external_ids],
        construction_content=project.construction_content,
        funding=[FundingOut.model_validate(line) for line in around.funding],
        funding_totals=totals(around.funding),
        expected_benefits=BenefitsOut(**{name: getattr(project, f"expected_{name}") for name in BENEFITS}),
        location=_point(project),
        same_as=around.same_as,
        missing_facts=content.missing_facts(content.of(project, around.funding)),
        allowed_actions=shown(verdicts),
    )


def _point(project: Project) -> Point | None:
    if project.longitude is None or project.latitude is None:
        return None
    return Point(type="Point", coordinates=[float(project.longitude), float(project.latitude)])


def totals(lines: Iterable[FundingLine]) -> FundingTotals:
    """Sums over everything, of the whole-life part, and year by year with what came before."""
    listed = list(lines)
    whole = [line for line in listed if line.year is None]
    by_year, planned, done = [], _NOTHING, _NOTHING
    for year in sorted({line.year for line in listed if line.year is not None}):
        of_year = [line for line in listed if line.year == year]
        year_planned, year_done = _sums(of_year)
        planned, done = planned + year_planned, done + year_done
        by_year.append(
            YearTotal(
                year=year,
                planned=year_planned,
                done=year_done,
                cumulative_planned=planned,
                cumulative_done=done,
            )
        )
    whole_planned, whole_done = _sums(whole)
    return FundingTotals(
        planned=planned + whole_planned,
        done=done + whole_done,
        whole_life_planned=whole_planned,
        whole_life_done=whole_done,
        by_year=by_year,
    )


def _sums(lines: list[FundingLine]) -> tuple[Decimal, Decimal]:
    return sum((line.planned for line in lines), _NOTHING), sum((line.done for line in lines), _NOTHING)
