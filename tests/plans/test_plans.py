"""Plans: starting, listing, reading, changing the texts; five answers per route."""

from datetime import UTC, datetime
from uuid import uuid4

import pytest

from app.models.identity import Role
from tests.ground import FrozenClock
from tests.plans.scene import ITEMS, OTHER, REGION, Scene, done, etag_of, make_scene
from tests.world import World


@pytest.fixture
async def scene(world: World) -> Scene:
    return await make_scene(world)


async def test_start_a_plan_and_read_it_back(scene: Scene) -> None:
    body = {"region_code": REGION, "year": 2026, "resource_assessment": " 草原辽阔（示例）\n"}
    made = await scene.editor.post("/v1/plans", body)
    assert made.status_code == 201, made.text
    shown = await scene.editor.get(made.headers["location"])
    assert shown.json() == made.json()
    assert shown.headers["etag"] == made.headers["etag"]
    plan = shown.json()
    assert (plan["state"], plan["content_source"], plan["latest"]) == ("draft", "working", None)
    assert plan["resource_assessment"] == "草原辽阔（示例）"
    assert plan["missing"] == [f"/{section}" for section in ITEMS]
    allowed = {action["action"]: action["reason"] for action in plan["allowed_actions"]}
    assert (allowed["edit"], allowed["submit"], allowed["sign"]) == (None, "incomplete", "scope_missing")
    [audit] = await scene.world.rows(
        "SELECT action, outcome, region_code FROM audit_entries WHERE resource_id = :id", id=plan["id"]
    )
    assert tuple(audit) == ("plans.create", "done", REGION)
    [event] = await scene.world.rows(
        "SELECT type, region_code FROM outbox_events WHERE resource_id = :id", id=plan["id"]
    )
    assert tuple(event) == ("plans.create", REGION)


async def test_one_live_plan_per_region_and_year(scene: Scene) -> None:
    await scene.plan(complete=False)
    again = await scene.editor.post("/v1/plans", {"region_code": REGION, "year": 2026})
    assert (again.status_code, again.json()["reason"]) == (409, "plan_exists")


async def test_a_plan_is_started_for_the_own_region_only(scene: Scene) -> None:
    foreign = await scene.editor.post("/v1/plans", {"region_code": OTHER, "year": 2026})
    assert (foreign.status_code, foreign.json()["reason"]) == (403, "outside_grant")
    unknown = await scene.editor.post("/v1/plans", {"region_code": "999999", "year": 2026})
    assert (unknown.status_code, unknown.json()["errors"][0]["pointer"]) == (422, "/region_code")
    both = await scene.world.person((Role.REGION_EDITOR, REGION), (Role.REGION_APPROVER, OTHER))
    signer_there = await both.post("/v1/plans", {"region_code": OTHER, "year": 2026})
    assert signer_there.status_code == 403
    assert await scene.world.rows("SELECT 1 FROM plans") == []


@pytest.mark.parametrize(
    ("body", "pointer", "code"),
    [
        ({"year": 2026}, "/region_code", "required"),
        ({"region_code": REGION, "year": "2026"}, "/year", "wrong_type"),
        ({"region_code": REGION, "year": 1999}, "/year", "out_of_range"),
        ({"region_code": "15250", "year": 2026}, "/region_code", "invalid_format"),
        ({"region_code": REGION, "year": 2026, "overview": "a\u0000b"}, "/overview", "invalid_format"),
        ({"region_code": REGION, "year": 2026, "overview": "x" * 20_001}, "/overview", "too_long"),
        ({"region_code": REGION, "year": 2026, "overview": "  "}, "/overview", "too_short"),
        ({"region_code": REGION, "year": 2026, "state": "filed"}, "/state", "unknown_field"),
    ],
)
async def test_bodies_that_are_refused(scene: Scene, body: dict[str, object], pointer: str, code: str) -> None:
    refused = await scene.editor.post("/v1/plans", body)
    assert refused.status_code == 422
    assert [(error["pointer"], error["code"]) for error in refused.json()["errors"]] == [(pointer, code)]


async def test_refusals_come_in_order(scene: Scene) -> None:
    path = await scene.plan(complete=False)
    editor, office = scene.editor, scene.office
    assert (await editor.client.post("/v1/plans", json={})).json()["code"] == "idempotency_key_missing"
    assert (await editor.client.get(path, headers={"Authorization": ""})).status_code == 401
    assert (await office.post("/v1/plans", {"nonsense": 1})).json()["code"] == "insufficient_scope"
    assert (await editor.patch(f"/v1/plans/{uuid4()}", {"nonsense": 1})).status_code == 404
    assert (await editor.patch("/v1/plans/not-a-uuid", {})).status_code == 404
    assert (await editor.patch(path, {"nonsense": 1})).status_code == 428
    assert (await editor.patch(path, {"nonsense": 1}, etag='"9.0123456789abcdef"')).status_code == 412
    refused = await editor.patch(path, {"nonsense": 1}, etag=await etag_of(editor, path))
    assert refused.json()["errors"][0]["code"] == "unknown_field"
    # State comes before the precondition and the payload.
    complete = await scene.plan()
    await done(editor, complete, "submit")
    assert (await editor.patch(complete, {"nonsense": 1})).json()["code"] == "state_conflict"


async def test_change_the_texts(scene: Scene) -> None:
    path = await scene.plan()
    etag = await etag_of(scene.editor, path)
    changed = await scene.editor.patch(path, {"overview": "思路（示例）"}, etag=etag)
    assert changed.status_code == 200
    plan = changed.json()
    assert (plan["overview"], plan["version"], plan["resource_assessment"]) == ("思路（示例）", 2, "草原辽阔（示例）")
    assert (await scene.editor.get(path)).headers["etag"] == changed.headers["etag"]
    lost = await scene.editor.patch(path, {"overview": "晚到（示例）"}, etag=etag)
    assert (lost.status_code, lost.json()["code"]) == (412, "precondition_failed")
    cleared = await scene.editor.patch(path, {"overview": None}, etag=changed.headers["etag"])
    assert cleared.json()["overview"] is None
    same = await scene.editor.patch(path, {"overview": None}, etag=cleared.headers["etag"])
    assert same.json()["version"] == cleared.json()["version"] == 3
    trail = await scene.world.rows(
        "SELECT changes FROM audit_entries WHERE action = 'plans.update' ORDER BY occurred_at, changes::text"
    )
    assert [row.changes["fields"]["overview"] for row in trail] == [
        {"before": None, "after": "思路（示例）"},
        {"before": "思路（示例）", "after": None},
    ]


async def test_the_approver_and_the_office_edit_nothing(scene: Scene) -> None:
    path = await scene.submitted()
    for actor in (scene.approver, scene.office):
        refused = await actor.patch(path, {"overview": "（示例）"}, etag='"1.0123456789abcdef"')
        assert refused.json()["code"] == "insufficient_scope"


async def test_if_none_match(scene: Scene) -> None:
    path = await scene.plan()
    etag = await etag_of(scene.editor, path)
    unchanged = await scene.editor.get(path, headers={"If-None-Match": etag})
    assert (unchanged.status_code, unchanged.content) == (304, b"")


async def test_list_filters_and_sorts(scene: Scene, clock: FrozenClock) -> None:
    first = await scene.plan()
    clock.advance(minutes=5)
    cut = clock.now()
    second = await scene.plan(complete=False)
    ids = [path.rsplit("/", 1)[1] for path in (first, second)]

    async def listed(**params: str | int) -> list[str]:
        answer = await scene.editor.get("/v1/plans", params=params)
        assert answer.status_code == 200, answer.text
        return [item["id"] for item in answer.json()["items"]]

    assert await listed() == ids[::-1]
    assert await listed(sort="updated_at") == ids
    assert await listed(sort="-year") == ids[::-1]
    assert await listed(sort="region_code") == ids
    assert await listed(year=2026) == ids[:1]
    assert await listed(updated_since=cut.isoformat()) == ids[1:]
    assert await listed(region_code=OTHER) == []
    assert await listed(state="filed") == []
    clock.advance(minutes=5)
    await done(scene.editor, first, "submit")
    assert await listed(state="awaiting_signature") == ids[:1]
    assert await listed(sort="-updated_at", limit=1) == ids[:1]


@pytest.mark.parametrize(
    "query",
    [
        "updated_since=2026-01-01",
        "updated_since=1767225600",
        "updated_since=0001-01-01T00:00:00%2B14:00",
        "sort=state",
        "state=lost",
        "q=1",
        "year=1",
        "limit=0",
        "cursor=abc",
        "region_code=%00",
        "year=2026&year=2027",
    ],
)
async def test_queries_that_are_refused(scene: Scene, query: str) -> None:
    refused = await scene.editor.get(f"/v1/plans?{query}")
    assert refused.status_code == 422, refused.text
    assert refused.json()["errors"][0]["pointer"] == "?" + query.split("=", maxsplit=1)[0]


async def test_pages_and_filing_numbers(scene: Scene) -> None:
    filed = await scene.filed()
    for _ in range(2):
        await scene.submitted()
    seen, url = [], "/v1/plans?limit=2&sort=year&include_total=true"
    while url:
        page = await scene.office.get(url)
        seen += page.json()["items"]
        assert page.json()["total"] == 3
        url = page.headers.get("link", "")[1:].split(">")[0]
    assert [item["year"] for item in seen] == [2026, 2027, 2028]
    assert [item["filing_number"] for item in seen] == ["两山备〔2026〕1号", None, None]
    assert seen[0]["id"] == filed.rsplit("/", 1)[1]


async def test_filing_numbers_run_by_the_league_s_own_year(scene: Scene, clock: FrozenClock) -> None:
    """Just before midnight UTC of 31 December it is the new year in the league already."""
    first = await scene.submitted()
    second = await scene.submitted()
    third = await scene.submitted()
    numbers = []
    numbers.append((await done(scene.office, first, "file"))["filing"]["filing_number"])
    numbers.append((await done(scene.office, second, "file"))["filing"]["filing_number"])
    clock.time = datetime(2026, 12, 31, 17, 0, tzinfo=UTC)
    await scene.world.renew(scene.office)
    numbers.append((await done(scene.office, third, "file"))["filing"]["filing_number"])
    assert numbers == ["两山备〔2026〕1号", "两山备〔2026〕2号", "两山备〔2027〕1号"]
