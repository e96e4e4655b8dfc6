"""What waits for me: by role, by region, without what I am recused from or may not do."""

from typing import Any

import pytest
from httpx import AsyncClient

from app.models.identity import Role
from app.models.plans import PlanState
from tests.tasks.asking import PATH, judge, waiting
from tests.tasks.plans import league_noon, move, plan, proposed
from tests.world import Actor, World

TASK: dict[str, Any] = {"kind": "plan", "title": "报送2026年度计划", "year": 2026, "due_on": "2026-03-31"}


async def test_nothing_waits_for_whom_nothing_waits(world: World) -> None:
    for role in (Role.DISCIPLINE_INSPECTOR, Role.LEAGUE_COMMITTEE, Role.LEAGUE_OFFICE, (Role.REGION_EDITOR, "152501")):
        actor = await judge(world, role)
        shown = (await actor.get(PATH, params={"include_total": True})).json()
        assert shown == {"items": [], "next_cursor": None, "total": 0}


async def test_a_task_waits_until_the_plan_is_sent(world: World) -> None:
    office = await judge(world, Role.LEAGUE_OFFICE)
    editor, approver = (
        await world.person((Role.REGION_EDITOR, "152501")),
        await world.person((Role.REGION_APPROVER, "152501")),
    )
    made = await office.post("/v1/reporting-tasks", {**TASK, "regions": ["152501", "152502"]})
    [item] = (await editor.get(PATH)).json()["items"]
    assert item == {
        "kind": "report_plan",
        "title": "报送2026年度计划",
        "due_on": "2026-03-31",
        "resource": made.headers["location"],
        "region_code": "152501",
    }
    assert (await editor.get(item["resource"])).status_code == 200
    assert await waiting(approver) == []
    assert await waiting(office) == []
    extension = {"region_codes": ["152501"], "to": "2026-04-10", "reason": "受雪灾影响"}
    await office.act(made.headers["location"], "extend", extension)
    assert (await editor.get(PATH)).json()["items"][0]["due_on"] == "2026-04-10"
    await plan(world, "152501", PlanState.SUBMITTED, submitted_by=editor, signed=(approver, league_noon(2)))
    assert await waiting(editor) == []
    assert await waiting(office) == [("file_plan", "152501")]


async def test_a_closed_task_waits_for_nobody(world: World) -> None:
    office, editor = await judge(world, Role.LEAGUE_OFFICE), await world.person((Role.REGION_EDITOR, "152501"))
    made = await office.post("/v1/reporting-tasks", TASK)
    await office.act(made.headers["location"], "close")
    assert await waiting(editor) == []


async def test_a_plan_waits_for_whoever_is_next(world: World) -> None:
    office = await judge(world, Role.LEAGUE_OFFICE)
    editor = await world.person((Role.REGION_EDITOR, "152501"))
    approver = await world.person((Role.REGION_APPROVER, "152501"))
    strangers = [
        await world.person((Role.REGION_EDITOR, "152502"), (Role.REGION_APPROVER, "152502")),
        await world.person(Role.DISCIPLINE_INSPECTOR),
        await world.person((Role.LEAGUE_DEPARTMENT, await world.organisation(region_code="152500"))),
    ]
    made = await plan(world, "152501", submitted_by=editor, signed=(approver, league_noon(2)))
    expected: dict[PlanState, tuple[Actor | None, str]] = {
        PlanState.DRAFT: (editor, "draft_plan"),
        PlanState.RETURNED: (editor, "complete_plan"),
        PlanState.AMENDING: (editor, "amend_plan"),
        PlanState.AWAITING_SIGNATURE: (approver, "sign_plan"),
        PlanState.SUBMITTED: (office, "file_plan"),
        PlanState.FILED: (None, ""),
    }
    for state, (holder, kind) in expected.items():
        await move(world, made, state)
        for actor in (office, editor, approver, *strangers):
            assert await waiting(actor) == ([(kind, "152501")] if actor is holder else []), (state, actor.id)
        if holder is not None:
            [item] = (await holder.get(PATH)).json()["items"]
            assert item["resource"] == f"/v1/plans/{made}"
            assert item["title"] == "二连浩特市2026年度计划"


async def test_a_plan_carries_the_day_of_the_task_that_asks_for_it(world: World) -> None:
    office, editor = await judge(world, Role.LEAGUE_OFFICE), await world.person((Role.REGION_EDITOR, "152501"))
    await office.post("/v1/reporting-tasks", TASK)
    await plan(world, "152501")
    items = (await editor.get(PATH)).json()["items"]
    assert {(item["kind"], item["due_on"]) for item in items} == {
        ("draft_plan", "2026-03-31"),
        ("report_plan", "2026-03-31"),
    }


async def test_nobody_is_asked_to_sign_or_file_the_own_work(world: World) -> None:
    both = await judge(world, Role.LEAGUE_OFFICE, (Role.REGION_EDITOR, "152501"), (Role.REGION_APPROVER, "152501"))
    editor = await world.person((Role.REGION_EDITOR, "152501"))
    made = await plan(world, "152501", PlanState.AWAITING_SIGNATURE, submitted_by=both)
    assert await waiting(both) == []
    other = await plan(world, "152501", PlanState.AWAITING_SIGNATURE, year=2027, submitted_by=editor)
    assert (await both.get(PATH)).json()["items"][0]["resource"] == f"/v1/plans/{other}"
    assert made != other
    await plan(world, "152501", PlanState.SUBMITTED, year=2028, submitted_by=editor, signed=(both, league_noon(2)))
    assert await waiting(both, kind="file_plan") == []


async def test_proposed_projects_wait_for_the_office(world: World) -> None:
    office, committee = await judge(world, Role.LEAGUE_OFFICE), await judge(world, Role.LEAGUE_COMMITTEE)
    editor = await world.person((Role.REGION_EDITOR, "152501"))
    made = await proposed(world, "152501", name="草场修复（示例）")
    [item] = (await office.get(PATH)).json()["items"]
    assert item == {
        "kind": "admit_project",
        "title": "草场修复（示例）",
        "due_on": None,
        "resource": f"/v1/projects/{made}",
        "region_code": "152501",
    }
    assert await waiting(committee) == []
    assert await waiting(editor) == []


@pytest.mark.parametrize("subject", ["region", "organisation", "project"])
async def test_what_i_am_recused_from_does_not_wait_for_me(world: World, subject: str) -> None:
    office, walled = await judge(world, Role.LEAGUE_OFFICE), await judge(world, Role.LEAGUE_OFFICE)
    approver = await world.person((Role.REGION_APPROVER, "152501"))
    organisation = await world.organisation()
    barred = await proposed(world, "152501", organisation=organisation)
    await proposed(world, "152502")
    await plan(world, "152501", PlanState.SUBMITTED, signed=(approver, league_noon(2)))
    key = {"region": "152501", "organisation": organisation, "project": barred}[subject]
    await world.wall(walled, f"{subject}:{key}")
    everything = [("admit_project", "152501"), ("admit_project", "152502"), ("file_plan", "152501")]
    assert await waiting(office) == everything
    left = [("admit_project", "152502")] if subject == "region" else everything[1:]
    assert await waiting(walled) == left
    shown = (await walled.get(PATH, params={"include_total": True})).json()
    assert shown["total"] == len(left)


async def test_a_recused_editor_still_works_for_the_own_region(world: World) -> None:
    """What the region does for itself any applicant may (Art. 11 bars handlers)."""
    editor = await world.person((Role.REGION_EDITOR, "152501"))
    await plan(world, "152501")
    await world.wall(editor, "region:152501")
    assert await waiting(editor) == [("draft_plan", "152501")]


async def test_a_narrow_token_shows_what_it_could_do(world: World) -> None:
    roles = ((Role.REGION_EDITOR, "152501"), (Role.REGION_APPROVER, "152501"))
    editor = await world.person((Role.REGION_EDITOR, "152501"))
    narrow = await world.person(*roles, scopes=frozenset({"tasks:read", "plans:read", "plans:sign"}))
    await plan(world, "152501")
    await plan(world, "152501", PlanState.AWAITING_SIGNATURE, year=2027, submitted_by=editor)
    assert await waiting(narrow) == [("sign_plan", "152501")]


async def test_pages_are_ordered_by_day_and_miss_nothing(world: World) -> None:
    office = await judge(world, Role.LEAGUE_OFFICE)
    roles = [(Role.REGION_EDITOR, code) for code in ("152501", "152502", "152522")]
    person = await judge(world, Role.LEAGUE_OFFICE, *roles)
    for due in ("2026-05-01", "2026-04-01"):
        await office.post("/v1/reporting-tasks", {**TASK, "due_on": due})
    await plan(world, "152501", year=2030)
    for number in range(5):
        await proposed(world, "152525", name=f"项目{number}（示例）")
    whole = (await person.get(PATH, params={"limit": 200, "include_total": True})).json()
    assert whole["total"] == len(whole["items"]) == 12
    days = [item["due_on"] or "9999" for item in whole["items"]]
    assert days == sorted(days)
    seen, cursor = [], None
    while True:
        page = (await person.get(PATH, params={"limit": 5, **({"cursor": cursor} if cursor else {})})).json()
        seen += page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen == whole["items"]
    assert len(await waiting(person, kind="admit_project")) == 5
    assert await waiting(person, region_code="152522") == [("report_plan", "152522")] * 2


async def test_it_is_a_constant_number_of_questions(world: World) -> None:
    office = await judge(world, Role.LEAGUE_OFFICE)
    with world.counting() as few:
        await office.get(PATH)
    for _ in range(10):
        await proposed(world, "152501")
    with world.counting() as many:
        assert len((await office.get(PATH)).json()["items"]) == 10
    assert len(few) == len(many)


async def test_refusals(world: World, http: AsyncClient) -> None:
    assert (await http.get(PATH)).status_code == 401
    for outsider in (
        await world.machine("152501"),
        await world.person((Role.CONSTRUCTION_ENTITY, await world.organisation())),
        await world.person(Role.AUDITOR),
    ):
        assert (await outsider.get(PATH)).json()["code"] == "insufficient_scope"
    office = await judge(world, Role.LEAGUE_OFFICE)
    for wrong in ({"kind": "sleep"}, {"nonsense": "1"}, {"cursor": "x"}, {"region_code": "1"}):
        assert (await office.get(PATH, params=wrong)).status_code == 422


async def test_a_regions_own_staff_neither_files_its_plan_nor_admits_its_projects(world: World) -> None:
    """Whatever else they are: that is the league's side."""
    approver = await world.person((Role.REGION_APPROVER, "152501"))
    both = await judge(world, Role.LEAGUE_OFFICE, (Role.REGION_EDITOR, "152501"))
    organisation = await world.organisation(region_code="152502")
    builder = await judge(world, Role.LEAGUE_OFFICE, (Role.CONSTRUCTION_ENTITY, organisation))
    await plan(world, "152501", PlanState.SUBMITTED, signed=(approver, league_noon(2)))
    await proposed(world, "152501")
    await proposed(world, "152502", organisation=organisation)
    assert await waiting(both) == [("admit_project", "152502")]
    assert await waiting(builder) == [("admit_project", "152501"), ("file_plan", "152501")]
