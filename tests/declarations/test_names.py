"""Names beside ids: of people for those who decide, of subjects as far as the person may see them."""

from typing import Any

from app.models.identity import Role
from tests.declarations.scene import REGION, Scene, decided, place
from tests.world import Actor


async def notices(actor: Actor) -> dict[str, str | None]:
    """By what kind of subject; the list says what each notice says."""
    found: list[dict[str, Any]] = (await actor.get("/v1/me/recusals")).json()["items"]
    for notice in found:
        assert (await actor.get(f"/v1/me/recusals/{notice['id']}")).json() == notice
    return {notice["subject_kind"]: notice["subject_name"] for notice in found}


async def test_deciders_read_who_started_and_who_decided(scene: Scene) -> None:
    applied = await scene.applied(scene.expert, by=scene.editor)
    ordered = await scene.order(scene.expert)
    shown = (await scene.second.get(place(applied))).json()
    assert shown["initiated_by_name"] == "某某举报人（示例）"
    assert shown["decisions"] == []
    after = await decided(scene.second, ordered, "in_force")
    assert [decision["decided_by_name"] for decision in after["decisions"]] == ["示例人员"]
    listed = (await scene.second.get("/v1/recusals")).json()["items"]
    assert {row["id"]: row["initiated_by_name"] for row in listed} == {
        str(applied): "某某举报人（示例）",
        after["id"]: "示例人员",
    }


async def test_a_recusal_that_nobody_started_has_no_name(scene: Scene) -> None:
    path = await scene.order(scene.expert)
    await scene.execute("UPDATE recusals SET initiated_by = NULL, initiator = 'detected'")
    shown = (await scene.second.get(path)).json()
    assert (shown["initiated_by"], shown["initiated_by_name"]) == (None, None)


async def test_the_concerned_read_what_they_are_barred_from_as_far_as_they_see_it(scene: Scene) -> None:
    organisation = await scene.world.organisation("示例牧业公司（示例）")
    project = await scene.project(organisation)
    for subject in ({"region_code": REGION}, {"organisation_id": str(organisation)}, {"project_id": str(project)}):
        await scene.own(scene.expert, **subject)
    # No expert sees the library.
    assert await notices(scene.expert) == {
        "region": "二连浩特市",
        "organisation": "示例牧业公司（示例）",
        "project": None,
    }
    officer = await scene.world.person(Role.LEAGUE_COMMITTEE)
    own = {"initiator": "self", "relation_code": "kinship", "statement": "亲属（示例）", "project_id": str(project)}
    made = await officer.post("/v1/recusals", own)
    assert made.status_code == 201, made.text
    assert made.json()["subject_name"].startswith("示例项目")
    await scene.world.renew(officer)
    assert (await notices(officer)).keys() == {"project"}


async def test_a_notice_never_names_who_started_it(scene: Scene) -> None:
    recusal = await scene.applied(scene.expert, by=scene.editor)
    await decided(scene.second, place(recusal), "in_force")
    await scene.world.renew(scene.expert)
    told = await scene.expert.get("/v1/me/recusals")
    assert told.json()["items"][0]["subject_name"] == "二连浩特市"
    assert "举报" not in told.text


async def test_names_cost_no_question_of_their_own(scene: Scene) -> None:
    await scene.own(scene.expert)
    with scene.world.counting() as few:
        assert len((await scene.expert.get("/v1/me/recusals")).json()["items"]) == 1
    for code in ("152502", "152522"):
        await scene.own(scene.expert, region_code=code)
    with scene.world.counting() as many:
        assert len((await scene.expert.get("/v1/me/recusals")).json()["items"]) == 3
    assert len(few) == len(many)
