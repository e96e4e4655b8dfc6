"""The pure rules: the table, what is missing, hashes, comparison."""

import json
import random
from itertools import product
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.canonical import digest
from app.core.workflow import Actor, Side
from app.models.plans import PlanState
from app.plans.rules import (
    EDITABLE,
    TEXTS,
    WORKFLOW,
    Section,
    compare,
    filing_number,
    freeze,
    judge_person,
    missing_parts,
    origin,
    remark_faults,
)

# The way as the regulation and the office describe it; the product's own table must say the same.
WAY: dict[tuple[str, str], str | None] = {
    **{(state, "edit"): None for state in ("draft", "returned", "amending")},
    **{(state, "submit"): "awaiting_signature" for state in ("draft", "returned", "amending")},
    ("awaiting_signature", "send-back"): None,
    ("awaiting_signature", "sign"): "submitted",
    ("submitted", "file"): "filed",
    ("submitted", "return"): "returned",
    ("filed", "amend"): "amending",
}
EVERYTHING = Actor(
    UUID(int=1),
    frozenset({"plans:write", "plans:submit", "plans:sign", "plans:file"}),
    frozenset(Side),
    recused=False,
)


def test_the_table_is_the_way_and_nothing_more() -> None:
    for state, action in product(PlanState, WORKFLOW.transitions):
        verdict = WORKFLOW.judge(action, state, EVERYTHING)
        assert verdict.allowed is ((state, action) in WAY)
        if verdict.allowed:
            assert WORKFLOW.transitions[action].target == WAY[state, action]
    assert {action for _, action in WAY} == set(WORKFLOW.transitions)


@pytest.mark.parametrize(
    ("action", "earlier"),
    [("sign", "submit"), ("file", "submit"), ("file", "sign"), ("return", "submit"), ("return", "sign")],
)
def test_four_eyes(action: str, earlier: str) -> None:
    [state] = WORKFLOW.transitions[action].sources
    refused = WORKFLOW.judge(action, state, EVERYTHING, {earlier: EVERYTHING.id})
    assert refused.refusal is not None
    assert refused.refusal.code == "same_person"
    assert WORKFLOW.judge(action, state, EVERYTHING, {earlier: UUID(int=2)}).allowed


@given(
    action=st.sampled_from(sorted(WORKFLOW.transitions)),
    scopes=st.frozensets(st.sampled_from(sorted(EVERYTHING.scopes))),
    sides=st.frozensets(st.sampled_from(Side)),
    recused=st.booleans(),
)
def test_who_may_depends_on_scope_side_and_recusal_only(
    action: str, scopes: frozenset[str], sides: frozenset[Side], recused: bool
) -> None:
    actor = Actor(UUID(int=1), scopes, sides, recused)
    league = action in {"file", "return"}
    expected = WORKFLOW.transitions[action].scope in scopes
    expected = expected and (Side.LEAGUE if league else Side.REGION) in sides and not (league and recused)
    assert judge_person(action, actor).allowed is expected


def test_a_plan_is_sent_back_to_where_it_came_from() -> None:
    assert origin(None, None) == "draft"
    assert origin(1, "returned") == "returned"
    assert origin(3, "filed") == "amending"
    assert {origin(None, None), origin(1, "returned"), origin(1, "filed")} == EDITABLE


@given(st.frozensets(st.sampled_from(Section)), st.sampled_from([None, "", "草原"]))
def test_missing_parts_are_exactly_what_is_not_there(filled: frozenset[Section], assessment: str | None) -> None:
    pointers = {part.pointer for part in missing_parts(assessment, filled)}
    expected = {f"/{section}" for section in set(Section) - filled} | (
        set() if assessment else {"/resource_assessment"}
    )
    assert pointers == expected


_TEXT = st.none() | st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=20)
_ITEM = st.fixed_dictionaries(
    {"position": st.integers(0, 3), "title": _TEXT, "value": st.sampled_from([None, "0.10", "0.20"])}
)
# Few ids, so that two contents share some of them.
_ITEMS = st.dictionaries(st.sampled_from("abcde"), _ITEM, max_size=5).map(
    lambda found: [{"id": key, **item} for key, item in found.items()]
)
_CONTENT = st.builds(
    freeze,
    region_code=st.just("152501"),
    year=st.just(2026),
    resource_assessment=_TEXT,
    overview=_TEXT,
    items=st.fixed_dictionaries(dict.fromkeys(Section, _ITEMS)),
)


def shuffled(value: Any, order: random.Random) -> Any:
    """The same JSON with its members in another order."""
    if isinstance(value, dict):
        keys = list(value)
        order.shuffle(keys)
        return {key: shuffled(value[key], order) for key in keys}
    return [shuffled(item, order) for item in value] if isinstance(value, list) else value


@given(_CONTENT, st.randoms(use_true_random=False))
def test_the_hash_does_not_depend_on_the_order_of_members(content: dict[str, Any], order: random.Random) -> None:
    assert digest(shuffled(content, order)) == digest(content)
    assert digest(json.loads(json.dumps(content))) == digest(content)


@given(_CONTENT, _CONTENT)
def test_a_comparison_is_empty_exactly_if_the_contents_are_equal(before: dict[str, Any], after: dict[str, Any]) -> None:
    found = compare(before, after)
    assert found.identical is (before == after) is (digest(before) == digest(after))
    assert compare(before, before).identical


@given(_CONTENT, _CONTENT)
def test_a_comparison_leads_from_one_content_to_the_other(before: dict[str, Any], after: dict[str, Any]) -> None:
    """Applied to the older content, the differences give the newer one, and none is told twice."""
    found = compare(before, after)
    rebuilt: dict[Section, list[Any]] = {}
    for section in Section:
        changes = found.sections[section]
        items = {item["id"]: item for item in before[section]}
        for item in changes.removed:
            assert items.pop(item["id"]) == item
        for change in changes.changed:
            assert items[change.before["id"]] == change.before
            assert {name for name in change.after if change.after[name] != change.before[name]} == set(change.fields)
            assert change.fields
            items[change.before["id"]] = change.after
        for item in changes.added:
            assert item["id"] not in items
            items[item["id"]] = item
        rebuilt[section] = list(items.values())
    texts = {**{name: before[name] for name in TEXTS}, **{name: new for name, _, new in found.texts}}
    assert freeze(region_code="152501", year=2026, items=rebuilt, **texts) == after
    mirrored = compare(after, before)
    assert [(name, new, old) for name, old, new in found.texts] == list(mirrored.texts)
    for section in Section:
        assert mirrored.sections[section].removed == found.sections[section].added


def test_frozen_items_stand_in_their_order() -> None:
    items: dict[Section, list[Any]] = {section: [] for section in Section} | {
        Section.TASKS: [{"id": "b", "position": 1}, {"id": "c", "position": 0}, {"id": "a", "position": 1}]
    }
    content = freeze(region_code="152501", year=2026, resource_assessment=None, overview=None, items=items)
    assert [item["id"] for item in content["tasks"]] == ["c", "a", "b"]


def test_the_hash_of_a_known_content() -> None:
    """Pinned: a version that was hashed once must hash the same for ever (RFC 8785)."""
    content = freeze(
        region_code="152501",
        year=2026,
        resource_assessment="草原\n“两山” \\ é",
        overview=None,
        items={section: [] for section in Section},
    )
    assert digest(content) == "6690a2846afa0a0f3c206abd1567f36f5c41be5466b206315cc07b7fdf8fa6ea"


def test_remarks_point_into_the_version() -> None:
    content = {"overview": None, "tasks": [{"id": "a"}], "targets": []}
    assert remark_faults(content, [("tasks", "a"), ("tasks", None), ("overview", None)]) == []
    faults = remark_faults(content, [("tasks", "a"), ("targets", "a"), ("overview", "a")])
    assert [fault.pointer for fault in faults] == ["/remarks/1/item_id", "/remarks/2/item_id"]


def test_filing_numbers_read_as_they_are_written() -> None:
    assert filing_number(2026, 3) == "两山备〔2026〕3号"
