"""Targets, tasks, arrangements, safeguards, preparers: one behaviour, five kinds."""

from typing import Any
from uuid import uuid4

import pytest

from app.models.identity import Role
from tests.plans.scene import ITEMS, OTHER, REGION, Scene, done, etag_of, make_scene
from tests.world import World

KINDS = list(ITEMS)
CHANGES: dict[str, dict[str, Any]] = {
    "targets": {"target_value": "46"},
    "tasks": {"title": "改期（示例）", "due_on": None},
    "arrangements": {"planned_investment": "0.50", "starts_on": "2026-03-01"},
    "safeguards": {"kind": "land"},
    "preparers": {"name": "另一单位（示例）"},
}


@pytest.fixture
async def scene(world: World) -> Scene:
    return await make_scene(world)


@pytest.mark.parametrize("kind", KINDS)
async def test_add_read_change_remove(scene: Scene, kind: str) -> None:
    path = await scene.plan(complete=False)
    plan = await scene.editor.get(path)
    made = await scene.editor.post(f"{path}/{kind}", {**ITEMS[kind], "position": 3})
    assert made.status_code == 201, made.text
    location = made.headers["location"]
    assert location == f"{path}/{kind}/{made.json()['id']}"
    shown = await scene.approver.get(location)
    assert (shown.json(), shown.headers["etag"]) == (made.json(), made.headers["etag"])
    assert (shown.json()["position"], shown.json()["version"]) == (3, 1)
    changed = await scene.editor.patch(location, CHANGES[kind], etag=made.headers["etag"])
    assert changed.status_code == 200, changed.text
    assert changed.json()["version"] == 2
    assert (await scene.editor.get(location)).json() == changed.json()
    lost = await scene.editor.patch(location, CHANGES[kind], etag=made.headers["etag"])
    assert lost.json()["code"] == "precondition_failed"
    # The plan's own version ignores its items.
    again = await scene.editor.get(path)
    assert again.json()["version"] == plan.json()["version"]
    listed = (await scene.editor.get(f"{path}/{kind}", params={"include_total": True})).json()
    assert (listed["items"], listed["total"]) == ([changed.json()], 1)
    assert (await scene.editor.delete(location)).status_code == 428
    gone = await scene.editor.delete(location, etag=changed.headers["etag"])
    assert (gone.status_code, gone.content) == (204, b"")
    assert (await scene.editor.get(location)).status_code == 404
    trail = await scene.world.rows(
        "SELECT action, changes->>'item_id' AS item FROM audit_entries WHERE resource_id = :id AND action LIKE :like",
        id=plan.json()["id"],
        like=f"plans.{kind}.%",
    )
    assert {(row.action, row.item) for row in trail} == {
        (f"plans.{kind}.{act}", made.json()["id"]) for act in ("create", "update", "delete")
    }
    events = await scene.world.rows("SELECT type FROM outbox_events WHERE type LIKE :like", like=f"plans.{kind}.%")
    assert len(events) == 3


@pytest.mark.parametrize("kind", KINDS)
async def test_refusals_come_in_order(scene: Scene, kind: str) -> None:
    path = await scene.plan()
    [item] = (await scene.editor.get(f"{path}/{kind}")).json()["items"]
    location, editor = f"{path}/{kind}/{item['id']}", scene.editor
    assert (await editor.client.post(f"{path}/{kind}", json={})).json()["code"] == "idempotency_key_missing"
    assert (await editor.client.patch(location, json={}, headers={"Authorization": ""})).status_code == 401
    assert (await scene.approver.post(f"{path}/{kind}", {})).json()["code"] == "insufficient_scope"
    assert (await scene.approver.delete(location)).json()["code"] == "insufficient_scope"
    assert (await editor.post(f"/v1/plans/{uuid4()}/{kind}", {"nonsense": 1})).status_code == 404
    assert (await editor.patch(f"{path}/{kind}/{uuid4()}", {"nonsense": 1})).status_code == 404
    other_plan = await scene.plan(complete=False)
    assert (await editor.get(f"{other_plan}/{kind}/{item['id']}")).status_code == 404
    assert (await editor.delete(f"{other_plan}/{kind}/{item['id']}")).status_code == 404
    assert (await editor.patch(location, {"nonsense": 1})).status_code == 428
    etag = await etag_of(editor, location)
    refused = await editor.patch(location, {"nonsense": 1, "position": -1}, etag=etag)
    assert {(error["pointer"], error["code"]) for error in refused.json()["errors"]} == {
        ("/nonsense", "unknown_field"),
        ("/position", "out_of_range"),
    }
    emptied = await editor.patch(location, {"position": None}, etag=etag)
    assert emptied.json()["errors"] == [{"pointer": "/position", "code": "required", "detail": "必填"}]
    unknown = await editor.patch(location, {"responsible_organisation_id": str(uuid4())}, etag=etag)
    assert unknown.json()["errors"][0] == {
        "pointer": "/responsible_organisation_id",
        "code": "unknown_reference",
        "detail": "引用的对象不存在",
    }
    await done(editor, path, "submit")
    for answer in (
        await editor.post(f"{path}/{kind}", {"nonsense": 1}),
        await editor.patch(location, {"nonsense": 1}),
        await editor.delete(location),
    ):
        assert (answer.status_code, answer.json()["code"]) == (409, "state_conflict")
    # What is not there is not there in any state.
    assert (await editor.delete(f"{path}/{kind}/{uuid4()}")).status_code == 404


@pytest.mark.parametrize("kind", KINDS)
async def test_a_key_is_used_once(scene: Scene, kind: str) -> None:
    path = await scene.plan(complete=False)
    first = await scene.editor.post(f"{path}/{kind}", ITEMS[kind], key="once")
    again = await scene.editor.post(f"{path}/{kind}", ITEMS[kind], key="once")
    assert (again.status_code, again.json()) == (201, first.json())
    assert again.headers["idempotent-replayed"] == "true"
    assert again.headers["location"] == first.headers["location"]
    assert len((await scene.editor.get(f"{path}/{kind}")).json()["items"]) == 1


async def test_one_target_per_indicator(scene: Scene) -> None:
    path = await scene.plan()
    again = await scene.editor.post(f"{path}/targets", ITEMS["targets"])
    assert (again.status_code, again.json()["reason"]) == (409, "indicator_taken")
    other = await scene.editor.post(f"{path}/targets", {"indicator_code": "new_jobs", "target_value": "120"})
    moved = await scene.editor.patch(
        other.headers["location"], {"indicator_code": "grassland_cover"}, etag=other.headers["etag"]
    )
    assert (moved.status_code, moved.json()["reason"]) == (409, "indicator_taken")
    unknown = await scene.editor.post(f"{path}/targets", {"indicator_code": "no_such", "target_value": "1"})
    assert unknown.json()["errors"][0]["pointer"] == "/indicator_code"


async def test_rules_between_the_fields_hold_for_changes_too(scene: Scene) -> None:
    path = await scene.plan(complete=False)
    backwards = {**ITEMS["arrangements"], "starts_on": "2026-05-01", "ends_on": "2026-04-30"}
    refused = await scene.editor.post(f"{path}/arrangements", backwards)
    assert refused.json()["errors"][0]["code"] == "dates_out_of_order"
    made = await scene.editor.post(f"{path}/arrangements", {**backwards, "ends_on": "2026-06-01"})
    earlier = await scene.editor.patch(made.headers["location"], {"ends_on": "2026-04-30"}, etag=made.headers["etag"])
    assert earlier.json()["errors"][0] == {
        "pointer": "/ends_on",
        "code": "dates_out_of_order",
        "detail": "结束日期早于开始日期",
    }
    nobody = await scene.editor.post(f"{path}/preparers", {"position": 1})
    assert nobody.json()["errors"][0]["pointer"] == "/name"
    named = await scene.editor.post(f"{path}/preparers", {"person_id": str(scene.editor.id)})
    assert named.status_code == 201
    emptied = await scene.editor.patch(named.headers["location"], {"person_id": None}, etag=named.headers["etag"])
    assert emptied.json()["errors"][0]["code"] == "required"


async def test_an_arrangement_points_at_a_project_of_the_region(scene: Scene) -> None:
    own, foreign = uuid4(), uuid4()
    for project, region in ((own, REGION), (foreign, OTHER)):
        await scene.world.rows(
            "INSERT INTO projects (id, region_code, name, secondary_modes, membership, building_stage, version,"
            " created_at, updated_at)"
            " VALUES (:id, :region, '示例项目（示例）', '{}', 'draft', 'reserve', 1, now(), now())"
            " RETURNING id",
            id=project,
            region=region,
        )
    # Staff of both regions see both projects; the plan is one region's.
    both = await scene.world.person((Role.REGION_EDITOR, REGION), (Role.REGION_EDITOR, OTHER))
    path = await scene.plan(complete=False)
    for project, editor, status in (
        (own, scene.editor, 201),
        (foreign, scene.editor, 422),
        (foreign, both, 422),
        (uuid4(), both, 422),
    ):
        answer = await editor.post(f"{path}/arrangements", {**ITEMS["arrangements"], "project_id": str(project)})
        assert answer.status_code == status
        if status == 422:
            assert answer.json()["errors"][0]["pointer"] == "/project_id"


@pytest.mark.parametrize(
    ("value", "status"),
    [
        ("45.26", 201),
        (45, 201),
        ("-3.5", 201),
        ("45.261", 422),
        (45.2, 422),
        ("1e5", 422),
        ("NaN", 422),
        ("9" * 15, 422),
        (10**30, 422),
        (True, 422),
        ("９", 422),
        ("", 422),
        ("-0", 201),
    ],
)
async def test_quantities(scene: Scene, value: object, status: int) -> None:
    path = await scene.plan(complete=False)
    answer = await scene.editor.post(f"{path}/targets", {"indicator_code": "new_jobs", "target_value": value})
    assert answer.status_code == status, answer.text
    if status == 201:
        assert (await scene.editor.get(answer.headers["location"])).json() == answer.json()
    else:
        assert answer.json()["errors"][0]["pointer"] == "/target_value"


async def test_items_keep_their_order_over_pages_in_both_contents(scene: Scene) -> None:
    path = await scene.plan()
    for position in (5, 2, 9, 2):
        await scene.editor.post(f"{path}/tasks", {**ITEMS["tasks"], "position": position})
    await done(scene.editor, path, "submit")
    await done(scene.approver, path, "sign", {"document_number": "示例〔2026〕2号", "document_date": "2026-03-01"})
    orders = []
    for reader in (scene.editor, scene.office):
        seen, url = [], f"{path}/tasks?limit=2&include_total=true"
        while url:
            page = await reader.get(url)
            assert (page.status_code, page.json()["total"]) == (200, 5)
            seen += [(item["position"], item["id"]) for item in page.json()["items"]]
            url = page.headers.get("link", "")[1:].split(">")[0]
        orders.append(seen)
    assert orders[0] == orders[1] == sorted(orders[0])
    assert len(set(orders[0])) == 5
    first = orders[0][0][1]
    working, frozen = [(await reader.get(f"{path}/tasks/{first}")).json() for reader in (scene.editor, scene.office)]
    unversioned = {"version": None, "created_at": None, "updated_at": None}
    assert frozen == {**working, **unversioned}


async def test_a_plan_holds_so_many_items_of_a_kind(scene: Scene) -> None:
    path = await scene.plan(complete=False)
    await scene.world.rows(
        "INSERT INTO plan_safeguards"
        " (id, plan_id, region_code, position, kind, content, version, created_at, updated_at)"
        " SELECT gen_random_uuid(), :plan, :region, 0, 'other', '示例', 1, now(), now() FROM generate_series(1, 499)"
        " RETURNING id",
        plan=path.rsplit("/", 1)[1],
        region=REGION,
    )
    assert (await scene.editor.post(f"{path}/safeguards", ITEMS["safeguards"])).status_code == 201
    full = await scene.editor.post(f"{path}/safeguards", ITEMS["safeguards"])
    assert (full.status_code, full.json()["reason"]) == (409, "too_many_items")
