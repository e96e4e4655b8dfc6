"""The five kinds of items: table, frozen and served form, what they refer to, the rule between their fields."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from sqlalchemy import ColumnElement

from app.models.directory import Indicator, Organisation
from app.models.identity import Person
from app.models.plans import PlanArrangement, PlanItem, PlanPreparer, PlanSafeguard, PlanTarget, PlanTask
from app.models.projects import Project
from app.plans.items import schemas
from app.plans.items.rules import Rule, dates_in_order, no_rule, somebody
from app.plans.rules import Section

Row = TypeVar("Row", bound=PlanItem)
Out = TypeVar("Out", bound=schemas.Kept)

_UNVERSIONED = {"version": None, "created_at": None, "updated_at": None}


@dataclass(frozen=True, slots=True)
class Reference:
    """A field that names a row elsewhere: it must be visible to the caller, and of the plan's region if asked."""

    field: str
    column: ColumnElement[Any]
    region: ColumnElement[str] | None = None


_RESPONSIBLE = Reference("responsible_organisation_id", Organisation.id.expression)


@dataclass(frozen=True, slots=True)
class Kind(Generic[Row, Out]):
    section: Section
    model: type[Row]
    content: type[schemas.ItemContent]
    out: type[Out]
    references: tuple[Reference, ...] = (_RESPONSIBLE,)
    rule: Rule = no_rule

    @property
    def resource(self) -> str:
        return f"plans.{self.section}"

    def show(self, item: Row | Mapping[str, Any]) -> Out:
        """A row of the working copy, or an item of a frozen version."""
        return self.out.model_validate(item if isinstance(item, self.model) else {**item, **_UNVERSIONED})  # type: ignore[dict-item]

    def frozen(self, item: Row) -> dict[str, Any]:
        return self.content.model_validate(item).model_dump(mode="json")


TARGETS = Kind(
    Section.TARGETS,
    PlanTarget,
    schemas.TargetContent,
    schemas.TargetOut,
    references=(Reference("indicator_code", Indicator.code.expression), _RESPONSIBLE),
)
TASKS = Kind(Section.TASKS, PlanTask, schemas.TaskContent, schemas.TaskOut)
ARRANGEMENTS = Kind(
    Section.ARRANGEMENTS,
    PlanArrangement,
    schemas.ArrangementContent,
    schemas.ArrangementOut,
    references=(Reference("project_id", Project.id.expression, Project.region_code.expression), _RESPONSIBLE),
    rule=dates_in_order,
)
SAFEGUARDS = Kind(Section.SAFEGUARDS, PlanSafeguard, schemas.SafeguardContent, schemas.SafeguardOut)
PREPARERS = Kind(
    Section.PREPARERS,
    PlanPreparer,
    schemas.PreparerContent,
    schemas.PreparerOut,
    references=(
        Reference("organisation_id", Organisation.id.expression),
        Reference("person_id", Person.id.expression),
        _RESPONSIBLE,
    ),
    rule=somebody,
)

KINDS: tuple[Kind[Any, Any], ...] = (TARGETS, TASKS, ARRANGEMENTS, SAFEGUARDS, PREPARERS)
