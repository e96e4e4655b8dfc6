"""Rules of the yearly plan (年度计划, Art. 3): its workflow, when it is complete, how it is frozen and compared."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from app.core.errors import FieldError, Reason
from app.core.workflow import Actor, Side, Transition, Verdict, Workflow
from app.models.plans import PlanState

EDITABLE = frozenset({PlanState.DRAFT, PlanState.RETURNED, PlanState.AMENDING})
_WAITING = frozenset({PlanState.AWAITING_SIGNATURE})
_SENT = frozenset({PlanState.SUBMITTED})

# 经办 → 审核、签发 inside the region, then 备案 or 退回补正 by the office. `edit` stays where it is, and `send-back`
# returns to where the plan came from (`origin`): neither has one target.
WORKFLOW = Workflow(
    "plan",
    (
        Transition("edit", EDITABLE, None, "plans:write", Side.REGION),
        Transition("submit", EDITABLE, PlanState.AWAITING_SIGNATURE, "plans:submit", Side.REGION),
        Transition("send-back", _WAITING, None, "plans:sign", Side.REGION),
        Transition("sign", _WAITING, PlanState.SUBMITTED, "plans:sign", Side.REGION, ("submit",)),
        Transition("file", _SENT, PlanState.FILED, "plans:file", Side.LEAGUE, ("submit", "sign")),
        Transition("return", _SENT, PlanState.RETURNED, "plans:file", Side.LEAGUE, ("submit", "sign")),
        Transition("amend", frozenset({PlanState.FILED}), PlanState.AMENDING, "plans:write", Side.REGION),
    ),
)

INCOMPLETE = Reason("incomplete", "第三条要求的内容尚不齐全", "Parts that Art. 3 asks for are missing")


def judge_person(action: str, actor: Actor) -> Verdict:
    """The verdict as far as it depends on who the caller is: as if the state were right and nobody had acted before."""
    return WORKFLOW.judge(action, next(iter(WORKFLOW.transitions[action].sources)), actor)


class Section(StrEnum):
    """The five kinds of items. Art. 3 asks for the first four, Art. 11 for who prepared the plan."""

    TARGETS = "targets"
    TASKS = "tasks"
    ARRANGEMENTS = "arrangements"
    SAFEGUARDS = "safeguards"
    PREPARERS = "preparers"


TEXTS = ("resource_assessment", "overview")

Content = Mapping[str, Any]
Item = Mapping[str, Any]


def origin(latest_version: int | None, outcome: str | None) -> PlanState:
    """The editable state that a plan awaiting signature came from, by the office's answer to its latest version."""
    if latest_version is None:
        return PlanState.DRAFT
    return PlanState.RETURNED if outcome == "returned" else PlanState.AMENDING


def missing_parts(resource_assessment: str | None, filled: Collection[Section]) -> list[FieldError]:
    """What Art. 3 asks for and the working copy lacks; pointers go into the plan and its sub-resources."""
    missing = [] if resource_assessment else [FieldError("/resource_assessment", "required")]
    return missing + [FieldError(f"/{section}", "too_few") for section in Section if section not in filled]


def freeze(
    *,
    region_code: str,
    year: int,
    resource_assessment: str | None,
    overview: str | None,
    items: Mapping[Section, Sequence[Item]],
) -> dict[str, Any]:
    """The content of a version: JSON-ready, items in their order."""
    return {
        "region_code": region_code,
        "year": year,
        "resource_assessment": resource_assessment,
        "overview": overview,
        **{str(section): sorted(items[section], key=_order) for section in Section},
    }


def _order(item: Item) -> tuple[int, str]:
    return item["position"], item["id"]


@dataclass(frozen=True, slots=True)
class Changed:
    """An item that both versions have, with the names of the fields that differ."""

    before: Item
    after: Item
    fields: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SectionChanges:
    added: tuple[Item, ...]
    removed: tuple[Item, ...]
    changed: tuple[Changed, ...]

    @property
    def none(self) -> bool:
        return not (self.added or self.removed or self.changed)


@dataclass(frozen=True, slots=True)
class Comparison:
    """What one version has that the other has not. `texts`: field, before, after."""

    texts: tuple[tuple[str, str | None, str | None], ...]
    sections: Mapping[Section, SectionChanges]

    @property
    def identical(self) -> bool:
        return not self.texts and all(changes.none for changes in self.sections.values())


def compare(before: Content, after: Content) -> Comparison:
    """Differences between two versions of one plan; items are the same by their id, wherever they stand."""
    return Comparison(
        texts=tuple((name, before[name], after[name]) for name in TEXTS if before[name] != after[name]),
        sections={section: _compare_items(before[section], after[section]) for section in Section},
    )


def _compare_items(before: Sequence[Item], after: Sequence[Item]) -> SectionChanges:
    old, new = {item["id"]: item for item in before}, {item["id"]: item for item in after}
    return SectionChanges(
        added=tuple(item for key, item in new.items() if key not in old),
        removed=tuple(item for key, item in old.items() if key not in new),
        changed=tuple(
            Changed(old[key], item, _fields(old[key], item))
            for key, item in new.items()
            if key in old and old[key] != item
        ),
    )


def _fields(before: Item, after: Item) -> tuple[str, ...]:
    return tuple(sorted(name for name in {*before, *after} if before.get(name) != after.get(name)))


def remark_faults(content: Content, remarks: Sequence[tuple[str, str | None]]) -> list[FieldError]:
    """Remarks (section, item) that point at nothing in the version they speak of."""
    return [
        FieldError(f"/remarks/{index}/item_id", "unknown_reference")
        for index, (section, item_id) in enumerate(remarks)
        if item_id is not None and not _holds(content[section], item_id)
    ]


def _holds(section: object, item_id: str) -> bool:
    return isinstance(section, list) and any(item["id"] == item_id for item in section)


def filing_number(year: int, serial: int) -> str:
    """备案编号: one series per year of filing."""
    return f"两山备〔{year}〕{serial}号"
