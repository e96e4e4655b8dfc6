"""A plan's whole way over HTTP, as the reporting task and the lists of what waits tell it."""

from httpx import Response

from app.models.identity import Role
from tests.evaluations.scene import promise
from tests.ground import FrozenClock
from tests.plans.scene import REGION, REMARKS, SIGNATURE, done, make_scene
from tests.world import Actor, World

TASK = {"kind": "plan", "title": "报送2026年度计划", "year": 2026, "due_on": "2026-03-05", "regions": [REGION]}


def kinds(answer: Response) -> list[str]:
    assert answer.status_code == 200, answer.text
    return sorted(item["kind"] for item in answer.json()["items"])


async def test_what_waits_moves_with_the_plan(world: World, clock: FrozenClock) -> None:
    scene = await make_scene(world)
    inspector = await world.person(Role.DISCIPLINE_INSPECTOR)
    await promise(world, scene.office)
    place = (await scene.office.post("/v1/reporting-tasks", TASK)).headers["location"]

    async def stands(*, editor: list[str], approver: list[str], office: list[str], state: str) -> None:
        holders: list[tuple[Actor, list[str]]] = [
            (scene.editor, editor),
            (scene.approver, approver),
            (scene.office, office),
            (inspector, []),
        ]
        for actor, expected in holders:
            assert kinds(await actor.get("/v1/tasks")) == expected
        [line] = (await scene.editor.get(place)).json()["lines"]
        assert line["state"] == state

    await stands(editor=["report_plan"], approver=[], office=[], state="pending")
    plan = await scene.plan()
    await stands(editor=["draft_plan", "report_plan"], approver=[], office=[], state="pending")
    for item in (await scene.editor.get("/v1/tasks")).json()["items"]:
        assert (await scene.editor.get(item["resource"])).status_code == 200
    await done(scene.editor, plan, "submit")
    await stands(editor=["report_plan"], approver=["sign_plan"], office=[], state="pending")
    clock.advance(days=5)
    for actor in (scene.editor, scene.approver, scene.office, inspector):
        await world.renew(actor)
    await stands(editor=["report_plan"], approver=["sign_plan"], office=[], state="late")
    await done(scene.approver, plan, "sign", SIGNATURE)
    await stands(editor=[], approver=[], office=["file_plan"], state="done_late")
    await done(scene.office, plan, "return", REMARKS)
    await stands(editor=["complete_plan"], approver=[], office=[], state="done_late")
    await done(scene.editor, plan, "submit")
    await done(scene.approver, plan, "sign", SIGNATURE)
    await done(scene.office, plan, "file")
    await stands(editor=[], approver=[], office=[], state="done_late")
