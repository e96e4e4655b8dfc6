"""Who sees what: the working copy is the region's own, what was sent is the league's too, the rest is nobody's."""

import asyncpg
import pytest

from app.models.identity import Role
from tests.plans.scene import ITEMS, OTHER, REGION, REMARKS, SIGNATURE, Scene, done, etag_of, make_scene
from tests.world import Actor, World

PATHS = [
    "",
    "/targets",
    "/tasks",
    "/arrangements",
    "/safeguards",
    "/preparers",
    "/versions",
    "/versions/1",
    "/versions/1/comparison?with=1",
    "/filings",
]
TABLES = [
    "plans",
    "plan_drafts",
    "plan_targets",
    "plan_tasks",
    "plan_arrangements",
    "plan_safeguards",
    "plan_preparers",
    "plan_versions",
    "plan_filings",
]


@pytest.fixture
async def scene(world: World) -> Scene:
    return await make_scene(world)


async def league(world: World) -> list[Actor]:
    department = await world.organisation(region_code="152500", kind="department")
    return [
        await world.person(Role.LEAGUE_COMMITTEE),
        await world.person(Role.DISCIPLINE_INSPECTOR),
        await world.person((Role.LEAGUE_DEPARTMENT, department)),
    ]


async def strangers(world: World) -> list[Actor]:
    """Who may read plans, but not this one: another region's staff, whatever else they are."""
    entity = await world.organisation(region_code=REGION)
    return [
        await world.person((Role.REGION_EDITOR, OTHER)),
        await world.person((Role.REGION_APPROVER, OTHER)),
        await world.person((Role.CONSTRUCTION_ENTITY, entity), (Role.REGION_EDITOR, OTHER)),
        await world.person(Role.EXPERT, Role.AUDITOR, (Role.REGION_EDITOR, OTHER)),
    ]


async def test_a_plan_never_sent_does_not_exist_outside_the_region(scene: Scene) -> None:
    path = await scene.plan()
    outside = [scene.office, *await league(scene.world), *await strangers(scene.world)]
    for state in ("draft", "awaiting_signature"):
        for actor in outside:
            for suffix in PATHS:
                assert (await actor.get(path + suffix)).status_code == 404, suffix
            listed = (await actor.get("/v1/plans?include_total=true")).json()
            assert (listed["items"], listed["total"]) == ([], 0)
        assert (await scene.office.post(f"{path}/file", etag='"1.0123456789abcdef"')).status_code == 404
        if state == "draft":
            await done(scene.editor, path, "submit")
    absent = (await scene.office.get("/v1/plans/0197f3a0-5b1c-7c3d-9e2f-1a2b3c4d5e6f")).json()
    hidden = (await scene.office.get(path)).json()
    assert {**absent, "request_id": ""} == {**hidden, "request_id": ""}


async def test_what_was_sent_is_seen_by_the_league_and_nobody_else(scene: Scene) -> None:
    path = await scene.submitted()
    for actor in [scene.office, *await league(scene.world)]:
        for suffix in PATHS:
            shown = await actor.get(path + suffix)
            assert shown.status_code == 200, suffix
            assert shown.json().get("content_source", "version") == "version"
        assert (await actor.get("/v1/plans")).json()["items"][0]["id"] == path.rsplit("/", 1)[1]
    task = (await scene.office.get(f"{path}/tasks")).json()["items"][0]["id"]
    for actor in await strangers(scene.world):
        for suffix in [*PATHS, f"/tasks/{task}"]:
            assert (await actor.get(path + suffix)).status_code == 404, suffix
        assert (await actor.get("/v1/plans")).json()["items"] == []


async def test_the_office_reads_the_version_while_the_region_works_on(scene: Scene) -> None:
    """Nothing of the working copy shows outside: not in texts, items, counts, or what waits inside the region."""
    path = await scene.submitted()
    before = {suffix: (await scene.office.get(path + suffix)).json() for suffix in PATHS[1:6]}
    await done(scene.office, path, "return", REMARKS)
    await scene.editor.patch(path, {"overview": "内部（示例）"}, etag=await etag_of(scene.editor, path))
    added = await scene.editor.post(f"{path}/tasks", ITEMS["tasks"])
    [target] = (await scene.editor.get(f"{path}/targets")).json()["items"]
    location = f"{path}/targets/{target['id']}"
    await scene.editor.delete(location, etag=await etag_of(scene.editor, location))
    await scene.editor.post(f"{path}/targets", {"indicator_code": "new_jobs", "target_value": "7"})
    await done(scene.editor, path, "submit")
    await done(scene.approver, path, "send-back", {"reason": "内部意见（示例）"})
    await done(scene.editor, path, "submit")
    shown = (await scene.office.get(path)).json()
    assert (shown["overview"], shown["send_back_reason"], shown["submitted_by"], shown["missing"]) == (None,) * 4
    assert shown["latest"]["number"] == 1
    assert {suffix: (await scene.office.get(path + suffix)).json() for suffix in PATHS[1:6]} == before
    assert (await scene.office.get(added.headers["location"])).status_code == 404
    assert (await scene.office.get(location)).status_code == 200
    assert (await scene.editor.get(location)).status_code == 404
    own = (await scene.approver.get(path)).json()
    assert (own["content_source"], own["overview"]) == ("working", "内部（示例）")


async def test_filings_are_read_by_the_region_and_the_handlers(scene: Scene) -> None:
    path = await scene.filed()
    committee, inspector, department = await league(scene.world)
    for actor in (scene.editor, scene.approver, scene.office, committee, inspector):
        assert len((await actor.get(f"{path}/filings")).json()["items"]) == 1
        assert (await actor.get("/v1/plans")).json()["items"][0]["filing_number"] == "两山备〔2026〕1号"
    assert (await department.get(f"{path}/filings")).json()["items"] == []
    assert (await department.get(path)).json()["filing"] is None
    assert (await department.get("/v1/plans")).json()["items"][0]["filing_number"] is None


async def test_without_the_scope_it_is_403_before_anything(scene: Scene) -> None:
    path = await scene.submitted()
    entity = await scene.world.organisation()
    for actor in (
        await scene.world.person((Role.CONSTRUCTION_ENTITY, entity)),
        await scene.world.person(Role.EXPERT),
        await scene.world.machine(REGION),
        await scene.world.person(Role.LEAGUE_OFFICE, scopes=frozenset({"directory:read"})),
    ):
        for suffix in PATHS:
            assert (await actor.get(path + suffix)).json()["code"] == "insufficient_scope"


async def test_the_policies_say_the_same(scene: Scene, app_role: asyncpg.Connection) -> None:
    """Rows that the requests' role sees in each one's entered context, whatever a query asks for."""
    count = "SELECT count(*) FROM {}"
    await scene.filed()
    await scene.plan()
    entity = await scene.world.organisation()
    department = (await league(scene.world))[2]
    own = {"plans": 2, "plan_drafts": 2, "plan_versions": 1, "plan_filings": 1} | dict.fromkeys(TABLES[2:7], 2)
    sent = {"plans": 1, "plan_versions": 1, "plan_filings": 1}
    for actor, expected in (
        (scene.editor, own),
        (scene.office, sent),
        (department, {"plans": 1, "plan_versions": 1}),
        (await scene.world.person((Role.REGION_EDITOR, OTHER)), {}),
        (await scene.world.person((Role.CONSTRUCTION_ENTITY, entity)), {}),
        (await scene.world.person(Role.EXPERT), {}),
        (await scene.world.machine(REGION), {}),
    ):
        async with app_role.transaction():
            await app_role.execute("SELECT gate.enter($1, $2, '{}')", actor.kind, actor.id)
            seen = {table: await app_role.fetchval(count.format(table)) for table in TABLES}
        assert {table: rows for table, rows in seen.items() if rows} == expected, actor
    assert [await app_role.fetchval(count.format(table)) for table in TABLES] == [0] * len(TABLES)


async def test_every_operation_asks_for_a_token(scene: Scene) -> None:
    path = await scene.submitted()
    operations = [
        (method, template)
        for template, methods in scene.world.api.openapi()["paths"].items()
        for method, operation in methods.items()
        if operation.get("tags") == ["plans"]
    ]
    assert len(operations) == 4 + 6 + 4 + 5 * 5
    for method, template in operations:
        url = (
            template.replace("/v1/plans/{plan_id}", path)
            .replace("{number}", "1")
            .replace("{item_id}", str(scene.editor.id))
        )
        refused = await scene.editor.client.request(
            method, url, headers={"Authorization": "Bearer x", "Idempotency-Key": "k"}
        )
        assert (refused.status_code, refused.json()["code"]) == (401, "invalid_token"), (method, url)


async def test_who_holds_both_sides_reads_the_own_region_as_its_staff(scene: Scene) -> None:
    path = await scene.plan()
    both = await scene.world.person(Role.LEAGUE_OFFICE, (Role.REGION_APPROVER, REGION))
    assert (await both.get(path)).json()["content_source"] == "working"
    editor_there = await scene.world.person((Role.REGION_EDITOR, OTHER))
    there = await scene.plan(region=OTHER, editor=editor_there)
    assert (await both.get(there)).status_code == 404
    approver_there = await scene.world.person((Role.REGION_APPROVER, OTHER))
    await done(editor_there, there, "submit")
    await done(approver_there, there, "sign", SIGNATURE)
    assert (await both.get(there)).json()["content_source"] == "version"


async def test_lists_cost_the_same_for_one_plan_and_for_many(scene: Scene) -> None:
    costs = []
    path = await scene.filed()
    for _ in range(2):
        with scene.world.counting() as sent:
            for reader in (scene.editor, scene.office):
                for url in ("/v1/plans", *(path + suffix for suffix in PATHS)):
                    assert (await reader.get(url)).status_code == 200
        costs.append(len(sent))
        for section in ("tasks", "safeguards", "preparers"):
            await scene.world.rows(
                f"INSERT INTO plan_{section} SELECT (jsonb_populate_record(t, jsonb_build_object('id',"  # noqa: S608
                f" gen_random_uuid()))).* FROM plan_{section} AS t, generate_series(1, 20) RETURNING id"
            )
        for _ in range(3):
            await scene.submitted()
    assert costs[0] == costs[1]
