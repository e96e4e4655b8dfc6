"""What one insider alone does not get done: undo a result, choose the judges, shut out deciders, hold others up."""

from datetime import date
from typing import Any
from uuid import UUID, uuid4

from app.auth import registry
from app.models.identity import Employment, Role
from tests.declarations.scene import OTHER, REGION, Scene, application, decided, order, own
from tests.world import Actor

LEAGUE = "152500"


async def employ(scene: Scene, person: Actor, organisation: UUID) -> None:
    async with scene.world.admin.administration() as session:
        await registry.lock(session, person.id)
        session.add(
            Employment(
                id=uuid4(),
                person_id=person.id,
                organisation_id=organisation,
                kind="staff",
                starts_on=date(2015, 1, 1),
            )
        )


async def move(officer: Actor, organisation: UUID, **body: Any) -> Any:
    path = f"/v1/organisations/{organisation}"
    etag = (await officer.get(path)).headers["etag"]
    return await officer.patch(path, body, etag=etag)


async def held(scene: Scene, region: str = REGION) -> bool:
    [row] = await scene.world.rows("SELECT gate.pending_on(:region, NULL) AS yes", region=region)
    return bool(row.yes)


async def test_who_moved_the_employer_does_not_decide_what_came_of_it(scene: Scene) -> None:
    employer, there = await scene.world.organisation(region_code=LEAGUE), await scene.world.organisation()
    await employ(scene, scene.expert, employer)
    seat = await scene.seat(scene.expert)
    assert (await move(scene.office, employer, parent_id=str(there))).status_code == 200
    await scene.world.drain()
    assert (await scene.state(seat))[0] == "suspended"
    [recusal] = (await scene.second.get("/v1/recusals")).json()["items"]
    assert (recusal["initiator"], recusal["attributed_to"]) == ("detected", str(scene.office.id))
    path = f"/v1/recusals/{recusal['id']}"
    [decide] = [a for a in (await scene.office.get(path)).json()["allowed_actions"] if a["action"] == "decide"]
    assert (decide["allowed"], decide["reason"]) == (False, "same_person")
    refused = await scene.office.act(path, "decide", {"outcome": "in_force", "reason": "属实（示例）"})
    assert (refused.status_code, refused.json()["code"]) == (409, "four_eyes")
    # The gate says so itself, whatever the service looked at.
    assert "IN (found_recusal.initiated_by, found_recusal.attributed_to)" in await _source(scene, "decide_recusal")
    await decided(scene.second, path, "rejected")
    assert (await scene.state(seat))[:2] == ("done", "submitted")


async def _source(scene: Scene, function: str) -> str:
    rows = await scene.world.rows("SELECT prosrc FROM pg_proc WHERE proname = :name", name=function)
    return str(rows[0].prosrc)


async def test_an_employment_that_bars_names_who_entered_it(scene: Scene) -> None:
    there, system = await scene.world.organisation(), await scene.world.person(Role.SYSTEM_ADMIN)
    seat = await scene.seat(scene.expert)
    body = {"organisation_id": str(there), "kind": "staff", "starts_on": "2024-01-01"}
    made = await system.post(f"/v1/people/{scene.expert.id}/employments", body)
    assert made.status_code == 201, made.text
    assert (await scene.state(seat))[0] == "suspended"
    [recusal] = (await scene.office.get("/v1/recusals")).json()["items"]
    assert recusal["attributed_to"] == str(system.id)


async def test_who_is_recused_moves_no_body_of_the_region(scene: Scene) -> None:
    """Or the recused would unseat the panel by whose employer stands above or below a body there."""
    employer, there = await scene.world.organisation(region_code=LEAGUE), await scene.world.organisation()
    await employ(scene, scene.expert, employer)
    seat = await scene.seat(scene.expert)
    await scene.own(scene.second, region_code=REGION)
    officer = await scene.world.person(Role.LEAGUE_OFFICE)
    await scene.own(officer, region_code=REGION)
    for refused in (
        await move(officer, employer, parent_id=str(there)),
        await move(officer, there, parent_id=str(employer)),
        await move(officer, there, name="改名（示例）"),
    ):
        assert (refused.status_code, refused.json()["code"]) == (403, "recused")
    await scene.world.drain()
    assert (await scene.state(seat))[0] == "done"
    elsewhere = await scene.world.organisation(region_code=OTHER)
    assert (await move(officer, elsewhere, name="改名（示例）")).status_code == 200


async def test_no_body_stands_under_itself(scene: Scene) -> None:
    first = await scene.world.organisation(region_code=LEAGUE)
    second = await scene.world.organisation(region_code=LEAGUE, parent_id=first)
    third = await scene.world.organisation(region_code=LEAGUE, parent_id=second)
    for parent in (first, second, third):
        refused = await move(scene.office, first, parent_id=str(parent))
        assert refused.status_code == 422, refused.text
        assert [(e["pointer"], e["code"]) for e in refused.json()["errors"]] == [("/parent_id", "circular")]
    assert (await move(scene.office, third, parent_id=str(first))).status_code == 200


async def test_an_application_about_nobody_who_judges_holds_nothing_up(scene: Scene) -> None:
    bystander = await scene.world.person()
    rival = await scene.world.person((Role.REGION_EDITOR, OTHER))
    await scene.applied(bystander, rival, region_code=REGION)
    assert not await held(scene)
    seat = await scene.seat(scene.expert)
    assert seat is not None
    recusal = await scene.applied(scene.expert, rival, region_code=REGION)
    assert await held(scene)
    await decided(scene.office, f"/v1/recusals/{recusal}", "rejected")
    assert not await held(scene)
    # The same again without anything new waits for its decision, and holds nothing up.
    taken = await rival.post("/v1/recusals", application(scene.expert.id))
    assert (taken.status_code, taken.content) == (202, b"")
    assert not await held(scene)
    assert len((await scene.office.get("/v1/recusals", params={"state": "pending"})).json()["items"]) == 2
    await scene.applied(scene.expert, scene.editor, region_code=REGION)
    assert await held(scene)


async def test_one_officer_does_not_order_away_all_who_could_decide(scene: Scene) -> None:
    officer = await scene.world.person(Role.LEAGUE_OFFICE)
    for person in (scene.second, officer):
        await scene.order(person, region_code=REGION)
    refused = await scene.office.post("/v1/recusals", order(scene.inspector))
    assert (refused.status_code, refused.json()["reason"]) == (409, "no_decider_left")
    assert await scene.walls(scene.inspector) == set()
    for item in (await scene.inspector.get("/v1/recusals")).json()["items"]:
        await decided(scene.inspector, f"/v1/recusals/{item['id']}", "rejected")
    assert await scene.walls(scene.second) == set()


async def test_an_order_against_who_audits_or_records_waits_for_another(scene: Scene) -> None:
    for role in (Role.AUDITOR, Role.SECURITY_ADMIN):
        person = await scene.world.person(role)
        made = await scene.office.post("/v1/recusals", order(person))
        assert (made.status_code, made.json()["state"]) == (201, "pending"), made.text
        assert await scene.walls(person) == set()
        id_ = made.json()["id"]
        [trace] = await scene.world.rows("SELECT action, changes FROM audit_entries WHERE resource_id = :id", id=id_)
        assert tuple(trace) == ("recusals.order", {"state": "pending"})
        await decided(scene.inspector, made.headers["location"], "in_force")
        assert await scene.walls(person) == {f"region:{REGION}"}


async def test_who_took_the_deciders_away_records_nothing_in_their_place(scene: Scene) -> None:
    first, second = await scene.world.person(Role.SECURITY_ADMIN), await scene.world.person(Role.SECURITY_ADMIN)
    recusal = await scene.own(scene.expert, region_code=REGION)
    for decider in (scene.office, scene.second, scene.inspector):
        [grant] = (await first.get(f"/v1/people/{decider.id}/grants")).json()["items"]
        ended = await first.act(f"/v1/people/{decider.id}/grants/{grant['id']}", "end", {"reason": "岗位调整（示例）"})
        assert ended.status_code == 200, ended.text
    assert (await first.get("/v1/recusal-escalations")).json()["items"] == []
    assert [i["id"] for i in (await second.get("/v1/recusal-escalations")).json()["items"]] == [str(recusal)]


async def test_one_administrator_makes_no_other(scene: Scene) -> None:
    security, person = await scene.world.person(Role.SECURITY_ADMIN), await scene.world.person()
    made = await security.post(f"/v1/people/{person.id}/grants", {"role": "security_admin", "reason": "岗位（示例）"})
    assert made.status_code == 409, made.text
    assert made.json()["reason"] == "identity_not_verified"


async def test_text_that_turns_the_direction_is_refused(scene: Scene) -> None:
    refused = await scene.expert.post("/v1/recusals", {**own(), "statement": "亲属\u202e示例"})
    assert refused.status_code == 422
    assert [e["pointer"] for e in refused.json()["errors"]] == ["/statement"]
