"""What waits in a year's selection of cases: for whoever is next, for nobody else, and not once it is done."""

import pytest

from app.models.identity import Role
from tests.cases.scene import OTHER, REGION, TEXTS, Selection, done, make_selection
from tests.ground import FrozenClock
from tests.tasks.asking import execute, items, judge, waiting
from tests.tasks.plans import proposed
from tests.world import Actor, World

REMARKS = {"remarks": "请补充成效数据（示例）"}


@pytest.fixture
async def selection(world: World) -> Selection:
    made = await make_selection(world)
    await made.seed()
    return made


async def of_cases(actor: Actor) -> list[tuple[str, str | None]]:
    return [found for found in await waiting(actor) if found[0].endswith("case") or found[0] == "draw_panel"]


async def patched(selection: Selection, path: str, **changes: str | None) -> None:
    seen = await selection.editor.get(path)
    changed = await selection.editor.patch(path, changes, etag=seen.headers["etag"])
    assert changed.status_code == 200, changed.text


async def test_it_waits_for_whoever_is_next(selection: Selection, clock: FrozenClock) -> None:
    world = selection.world
    second = await judge(world, Role.LEAGUE_OFFICE)
    walled = await judge(world, Role.LEAGUE_OFFICE)
    await world.wall(walled, f"region:{REGION}")
    own = await judge(world, Role.LEAGUE_OFFICE, (Role.REGION_EDITOR, REGION))
    idle = [walled, selection.committee, *await selection.staff(OTHER), await judge(world, Role.DISCIPLINE_INSPECTOR)]

    async def stands(kind: str | None, *holders: Actor) -> None:
        for actor in (selection.editor, selection.approver, selection.office, second, *idle):
            expected = [(kind, REGION)] if actor in holders else []
            assert await of_cases(actor) == expected, (kind, actor.id)

    await stands(None)
    path = await selection.drafted(summary=None)
    await stands("draft_case", selection.editor)
    [item] = [item for item in await items(own) if item["kind"] == "draft_case"]
    assert (item["title"], item["due_on"], item["resource"]) == ("生态旅游（示例）", "2026-06-30", path)
    await patched(selection, path, summary=TEXTS["summary"])
    await stands("recommend_case", selection.approver)
    await done(selection.approver, path, "recommend")
    await stands("review_case", selection.office, second)
    # Of the region's own staff, and so not the one who takes it into review.
    assert await of_cases(own) == []
    await done(selection.office, path, "return", REMARKS)
    # Not for the approver before it was changed.
    await stands("complete_case", selection.editor)
    clock.advance(minutes=1)
    await patched(selection, path, results="成效数据（示例）")
    assert await of_cases(selection.editor) == [("complete_case", REGION)]
    assert await of_cases(selection.approver) == [("recommend_case", REGION)]
    await done(selection.approver, path, "recommend")
    shown = await done(selection.office, path, "start-review")
    await stands("draw_panel", selection.office, second)
    await selection.draw(f"/v1/case-files/{shown['case_file_id']}")
    await stands(None)


async def test_nobody_recommends_or_reviews_the_own_text(selection: Selection) -> None:
    roles = ((Role.REGION_EDITOR, REGION), (Role.REGION_APPROVER, REGION))
    both = await selection.world.person(*roles)
    made = await both.post("/v1/cases", selection.body())
    assert await of_cases(both) == []
    assert await of_cases(selection.approver) == [("recommend_case", REGION)]
    await done(selection.approver, made.headers["location"], "recommend")
    former = await judge(selection.world, Role.LEAGUE_OFFICE)
    assert await of_cases(former) == [("review_case", REGION)]
    for statement in (
        "UPDATE cases SET prepared_by = :former",
        "UPDATE cases SET prepared_by = recommended_by, edited_by = ARRAY[CAST(:former AS uuid)]",
        "UPDATE cases SET edited_by = '{}', recommended_by = :former",
    ):
        await execute(selection.world, statement, former=former.id)
        assert await of_cases(former) == [], statement
    await execute(selection.world, "UPDATE cases SET recommended_by = :both", both=both.id)
    assert await of_cases(former) == [("review_case", REGION)]


async def test_a_full_quota_waits_for_nobody(world: World) -> None:
    selection = await make_selection(world, quota=1)
    await selection.recommended()
    await selection.drafted(title="另一案例（示例）")
    assert await of_cases(selection.approver) == []


async def test_a_round_that_is_over_waits_for_nobody(selection: Selection) -> None:
    await selection.drafted()
    await selection.drafted(summary=None)
    assert await of_cases(selection.approver) == [("recommend_case", REGION)]
    assert await of_cases(selection.editor) == [("draft_case", REGION)]
    assert (await selection.office.act(selection.round, "close")).status_code == 200
    for actor in (selection.approver, selection.editor):
        assert await of_cases(actor) == []


@pytest.mark.parametrize("subject", ["region", "case", "project", "organisation"])
async def test_what_an_officer_is_recused_from_does_not_wait(selection: Selection, subject: str) -> None:
    world = selection.world
    organisation = await world.organisation()
    project = await proposed(world, REGION, organisation=organisation)
    await execute(world, "UPDATE projects SET membership = 'in_library'")
    path = await selection.recommended(project_id=str(project))
    await selection.recommended(OTHER)
    walled = await judge(world, Role.LEAGUE_OFFICE)
    assert await of_cases(walled) == [("review_case", REGION), ("review_case", OTHER)]
    case = path.rsplit("/", 1)[1]
    key = {"region": REGION, "case": case, "project": project, "organisation": organisation}[subject]
    await world.wall(walled, f"{subject}:{key}")
    assert await of_cases(walled) == [("review_case", OTHER)]
    refused = await walled.act(path, "start-review")
    assert (refused.status_code, refused.json()["code"]) == (403, "recused")
