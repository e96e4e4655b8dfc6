"""Colliding requests over real connections: one winner, nothing lost, nothing that was not frozen."""

import asyncio
from collections.abc import Coroutine
from uuid import UUID

import pytest
from httpx import Response
from sqlalchemy import text

from app.core.db import Database, Entry
from app.models.identity import Role
from tests.plans.scene import ITEMS, REGION, REMARKS, SIGNATURE, Scene, done, etag_of, make_scene
from tests.world import World

ROUNDS = 8


@pytest.fixture
async def scene(world: World) -> Scene:
    return await make_scene(world)


async def late(seconds: float, request: Coroutine[None, None, Response]) -> Response:
    await asyncio.sleep(seconds)
    return await request


async def test_two_plans_at_once(scene: Scene) -> None:
    colleague = await scene.world.person((Role.REGION_EDITOR, REGION))
    for year in range(2030, 2030 + ROUNDS):
        body = {"region_code": REGION, "year": year}
        answers = await asyncio.gather(*(editor.post("/v1/plans", body) for editor in (scene.editor, colleague)))
        assert sorted(answer.status_code for answer in answers) == [201, 409]
        loser = next(answer for answer in answers if answer.status_code == 409)
        assert loser.json()["reason"] == "plan_exists"
    assert len(await scene.world.rows("SELECT 1 FROM plan_drafts")) == ROUNDS


async def test_an_item_edit_beside_a_submit_is_frozen_or_refused(scene: Scene) -> None:
    """Whatever was answered with success stands in the version that is signed; what came late is refused."""
    for number in range(ROUNDS):
        path = await scene.plan()
        [task] = (await scene.editor.get(f"{path}/tasks")).json()["items"]
        location = f"{path}/tasks/{task['id']}"
        etag, plan_etag = await etag_of(scene.editor, location), await etag_of(scene.editor, path)
        # From well before the submit to well after it.
        head_start, title = 0.005 * number, f"第{number}轮（示例）"

        edit, add, submit = await asyncio.gather(
            late(head_start, scene.editor.patch(location, {"title": title}, etag=etag)),
            late(head_start, scene.editor.post(f"{path}/safeguards", {"kind": "land", "content": title})),
            late(0.01, scene.editor.post(f"{path}/submit", etag=plan_etag)),
        )
        assert submit.status_code == 200
        assert {edit.status_code, add.status_code} <= {200, 201, 409}
        await done(scene.approver, path, "sign", SIGNATURE)
        content = (await scene.office.get(f"{path}/versions/1")).json()["content"]
        assert (content["tasks"][0]["title"] == title) is (edit.status_code == 200)
        assert (len(content["safeguards"]) == 2) is (add.status_code == 201)
        # The working copy is what was frozen, too.
        working = (await scene.editor.get(f"{path}/tasks")).json()["items"][0]["title"]
        assert working == content["tasks"][0]["title"]


async def test_a_submit_waits_for_the_item_writes_under_way(scene: Scene) -> None:
    """Deterministic: while an item's transaction is open the submit waits, and then sees what it wrote."""
    path = await scene.plan()
    plan = UUID(path.rsplit("/", 1)[1])
    etag = await etag_of(scene.editor, path)
    database: Database = scene.world.api.state.database
    async with database.transaction(Entry("person", scene.editor.id)) as session:
        await session.execute(text("SELECT 1 FROM plans WHERE id = :id FOR SHARE"), {"id": plan})
        await session.execute(text("DELETE FROM plan_preparers WHERE plan_id = :id"), {"id": plan})
        submit = asyncio.create_task(scene.editor.post(f"{path}/submit", etag=etag))
        await asyncio.sleep(0.3)
        assert not submit.done()
    refused = await submit
    assert [error["pointer"] for error in refused.json()["errors"]] == ["/preparers"]


async def test_an_item_write_waits_for_the_submit_under_way(scene: Scene) -> None:
    """The other way round: the item's write waits for the submit, and is refused by the state that it then meets."""
    path = await scene.plan()
    [task] = (await scene.editor.get(f"{path}/tasks")).json()["items"]
    location = f"{path}/tasks/{task['id']}"
    etag = await etag_of(scene.editor, location)
    database: Database = scene.world.api.state.database
    async with database.transaction(Entry("person", scene.editor.id)) as session:
        await session.execute(text("SELECT 1 FROM plans FOR UPDATE"))
        writes = [
            asyncio.create_task(scene.editor.patch(location, {"title": "迟到（示例）"}, etag=etag)),
            asyncio.create_task(scene.editor.post(f"{path}/tasks", ITEMS["tasks"])),
            asyncio.create_task(scene.editor.delete(location, etag=etag)),
        ]
        await asyncio.sleep(0.5)
        assert not any(write.done() for write in writes)
        await session.execute(text("UPDATE plans SET state = 'awaiting_signature', version = version + 1"))
    assert [(await write).json()["code"] for write in writes] == ["state_conflict"] * 3
    assert (await scene.editor.get(f"{path}/tasks")).json()["items"] == [task]


async def test_item_writes_do_not_wait_for_each_other(scene: Scene) -> None:
    path = await scene.plan()
    colleague = await scene.world.person((Role.REGION_EDITOR, REGION))
    answers = await asyncio.gather(
        *(
            editor.post(f"{path}/{section}", ITEMS[section])
            for section in ("tasks", "safeguards", "preparers")
            for editor in (scene.editor, colleague)
        )
    )
    assert [answer.status_code for answer in answers] == [201] * 6


async def test_one_target_per_indicator_at_once(scene: Scene) -> None:
    path = await scene.plan(complete=False)
    answers = await asyncio.gather(*(scene.editor.post(f"{path}/targets", ITEMS["targets"]) for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]


async def test_lost_updates(scene: Scene) -> None:
    path = await scene.plan()
    [task] = (await scene.editor.get(f"{path}/tasks")).json()["items"]
    for target, field in ((path, "overview"), (f"{path}/tasks/{task['id']}", "title")):
        etag = await etag_of(scene.editor, target)
        answers = await asyncio.gather(
            *(scene.editor.patch(target, {field: f"{n}（示例）"}, etag=etag) for n in range(4))
        )
        assert sorted(answer.status_code for answer in answers) == [200, 412, 412, 412]
        winner = next(answer for answer in answers if answer.status_code == 200)
        assert (await scene.editor.get(target)).json()[field] == winner.json()[field]


async def test_file_beside_file_and_return(scene: Scene) -> None:
    officers = [scene.office, *[await scene.world.person(Role.LEAGUE_OFFICE) for _ in range(2)]]
    numbers = set()
    for _ in range(ROUNDS):
        path = await scene.submitted()
        etag = await etag_of(scene.office, path)
        answers = await asyncio.gather(
            officers[0].post(f"{path}/file", etag=etag),
            officers[1].post(f"{path}/file", etag=etag),
            officers[2].post(f"{path}/return", REMARKS, etag=etag),
        )
        assert sorted(answer.status_code for answer in answers) == [200, 409, 409]
        [filing] = (await scene.office.get(f"{path}/filings")).json()["items"]
        state = (await scene.editor.get(path)).json()["state"]
        assert filing["outcome"] == state
        if state == "filed":
            assert filing["filing_number"] not in numbers
            numbers.add(filing["filing_number"])
    assert numbers == {f"两山备〔2026〕{n}号" for n in range(1, len(numbers) + 1)}


async def test_filing_different_plans_at_once_gives_each_its_number(scene: Scene) -> None:
    paths = [await scene.submitted() for _ in range(6)]
    etags = [await etag_of(scene.office, path) for path in paths]
    answers = await asyncio.gather(
        *(scene.office.post(f"{path}/file", etag=etag) for path, etag in zip(paths, etags, strict=True))
    )
    numbers = [answer.json()["filing"]["filing_number"] for answer in answers]
    assert sorted(numbers) == [f"两山备〔2026〕{n}号" for n in range(1, 7)]


async def test_sign_beside_send_back(scene: Scene) -> None:
    colleague = await scene.world.person((Role.REGION_APPROVER, REGION))
    for _ in range(ROUNDS):
        path = await scene.plan()
        await done(scene.editor, path, "submit")
        etag = await etag_of(scene.approver, path)
        answers = await asyncio.gather(
            scene.approver.post(f"{path}/sign", SIGNATURE, etag=etag),
            colleague.post(f"{path}/send-back", {"reason": "请核对（示例）"}, etag=etag),
        )
        assert sorted(answer.status_code for answer in answers) == [200, 409]
        shown = (await scene.editor.get(path)).json()
        assert (shown["state"] == "submitted") is (shown["latest"] is not None)


async def test_the_same_key_at_once_acts_once(scene: Scene) -> None:
    path = await scene.submitted()
    etag = await etag_of(scene.office, path)
    answers = await asyncio.gather(*(scene.office.post(f"{path}/file", etag=etag, key="once") for _ in range(4)))
    for answer in answers:
        assert answer.status_code == 200 or answer.json()["code"] == "idempotency_in_flight"
    assert any(answer.status_code == 200 for answer in answers)
    assert len(await scene.world.rows("SELECT 1 FROM plan_filings")) == 1
