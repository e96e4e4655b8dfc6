"""Versions: what was signed, its hash recomputed from what is served, compared, never changed."""

import hashlib
import json
from typing import Any

import asyncpg
import pytest

from tests.plans.scene import ITEMS, SIGNATURE, Scene, done, etag_of, make_scene
from tests.world import World


@pytest.fixture
async def scene(world: World) -> Scene:
    return await make_scene(world)


async def two_versions(scene: Scene) -> tuple[str, dict[str, Any]]:
    """A plan filed, amended in every way and sent again; the ids of what was touched."""
    path = await scene.filed()
    await done(scene.editor, path, "amend", {"reason": "年中调整（示例）"})
    editor, touched = scene.editor, {}
    await editor.patch(path, {"overview": "新思路（示例）"}, etag=await etag_of(editor, path))
    [target] = (await editor.get(f"{path}/targets")).json()["items"]
    location = f"{path}/targets/{target['id']}"
    changed = await editor.patch(
        location, {"target_value": "44.9", "note": "下调（示例）"}, etag=await etag_of(editor, location)
    )
    assert changed.status_code == 200
    touched["changed"] = target["id"]
    [task] = (await editor.get(f"{path}/tasks")).json()["items"]
    await editor.delete(f"{path}/tasks/{task['id']}", etag=await etag_of(editor, f"{path}/tasks/{task['id']}"))
    touched["removed"] = task["id"]
    added = await editor.post(f"{path}/tasks", {**ITEMS["tasks"], "title": "新任务（示例）"})
    touched["added"] = added.json()["id"]
    await done(editor, path, "submit")
    await done(scene.approver, path, "sign", SIGNATURE)
    return path, touched


async def test_anybody_can_recompute_the_hash(scene: Scene) -> None:
    path = await scene.submitted()
    for reader in (scene.editor, scene.office):
        version = (await reader.get(f"{path}/versions/1")).json()
        canonical = json.dumps(version["content"], ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        assert hashlib.sha256(canonical.encode()).hexdigest() == version["content_hash"]
    assert (version["submitted_by"], version["signed_by"]) == (str(scene.editor.id), str(scene.approver.id))
    [stored] = await scene.world.rows("SELECT content FROM plan_versions")
    assert stored.content == version["content"]


async def test_compare(scene: Scene) -> None:
    path, touched = await two_versions(scene)
    found = (await scene.office.get(f"{path}/versions/2/comparison?with=1")).json()
    assert (found["number"], found["compared_with"], found["identical"]) == (2, 1, False)
    assert found["texts"] == [{"field": "overview", "before": None, "after": "新思路（示例）"}]
    [change] = found["targets"]["changed"]
    assert (change["id"], change["fields"]) == (touched["changed"], ["note", "target_value"])
    assert (change["before"]["target_value"], change["after"]["target_value"]) == ("45.60", "44.90")
    assert [item["id"] for item in found["tasks"]["added"]] == [touched["added"]]
    assert [item["id"] for item in found["tasks"]["removed"]] == [touched["removed"]]
    untouched: dict[str, list[Any]] = {"added": [], "removed": [], "changed": []}
    assert found["safeguards"] == found["preparers"] == found["arrangements"] == untouched
    backwards = (await scene.editor.get(f"{path}/versions/1/comparison?with=2")).json()
    assert [item["id"] for item in backwards["tasks"]["removed"]] == [touched["added"]]
    same = (await scene.editor.get(f"{path}/versions/2/comparison?with=2")).json()
    assert (same["identical"], same["texts"], same["tasks"]) == (True, [], untouched)


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ("with=9", "?with"),
        ("", "?with"),
        ("with=0", "?with"),
        ("with=x", "?with"),
        ("with=1&also=2", "?also"),
        ("with=99999999999999999999", "?with"),
    ],
)
async def test_comparisons_that_are_refused(scene: Scene, query: str, pointer: str) -> None:
    path = await scene.submitted()
    refused = await scene.office.get(f"{path}/versions/1/comparison?{query}")
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["pointer"] == pointer


@pytest.mark.parametrize("number", ["0", "2", "-1", "x", "99999999999999999999"])
async def test_versions_that_are_not_there(scene: Scene, number: str) -> None:
    path = await scene.submitted()
    for suffix in ("", "/comparison?with=1"):
        assert (await scene.office.get(f"{path}/versions/{number}{suffix}")).status_code == 404


async def test_list_versions(scene: Scene) -> None:
    path, _ = await two_versions(scene)
    first = await scene.office.get(f"{path}/versions?limit=1&include_total=true")
    assert (first.json()["total"], first.json()["items"][0]["number"]) == (2, 2)
    assert first.json()["items"][0]["amendment_reason"] == "年中调整（示例）"
    second = await scene.office.get(first.headers["link"][1:].split(">")[0])
    assert [item["number"] for item in second.json()["items"]] == [1]
    assert second.json()["next_cursor"] is None


async def test_versions_and_answers_cannot_be_changed(scene: Scene, app_role: asyncpg.Connection) -> None:
    path = await scene.filed()
    before = await scene.world.rows(
        "SELECT v::text FROM plan_versions AS v UNION SELECT f::text FROM plan_filings AS f"
    )
    for actor in (scene.editor, scene.approver, scene.office):
        for statement in (
            "UPDATE plan_versions SET content_hash = 'x'",
            "DELETE FROM plan_versions",
            "UPDATE plan_filings SET outcome = 'returned'",
            "DELETE FROM plan_filings",
            "DELETE FROM plans",
            "TRUNCATE plan_versions",
        ):
            entered = app_role.transaction()
            await entered.start()
            await app_role.execute("SELECT gate.enter('person', $1, '{}')", actor.id)
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await app_role.execute(statement)
            await entered.rollback()
    after = await scene.world.rows("SELECT v::text FROM plan_versions AS v UNION SELECT f::text FROM plan_filings AS f")
    assert sorted(map(tuple, after)) == sorted(map(tuple, before))
    assert len(after) == 2
    assert (await scene.office.get(f"{path}/versions/1")).status_code == 200
