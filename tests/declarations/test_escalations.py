"""A recusal that nobody in the league may decide: listed for administrators, recorded by two, from paper."""

from typing import Any
from uuid import UUID

import pytest
from httpx import AsyncClient

from app.models.identity import Role
from tests.declarations.scene import REGION, Scene, decided, place
from tests.world import Actor

PAPER = {
    "authority": "上级机关（示例）",
    "document_number": "示例函〔2026〕1号",
    "issued_on": "2026-03-02",
    "outcome": "in_force",
    "reason": "情况属实，予以回避（示例）",
    "legal_basis": "civil_servants_76",
}
LIST = "/v1/recusal-escalations"


@pytest.fixture
async def admins(scene: Scene) -> tuple[Actor, Actor]:
    return await scene.world.person(Role.SECURITY_ADMIN), await scene.world.person(Role.SECURITY_ADMIN)


async def stuck(scene: Scene) -> UUID:
    """The expert's own recusal, with every decider recused from the same region."""
    recusal = await scene.own(scene.expert, region_code=REGION)
    for decider in (scene.office, scene.second, scene.inspector):
        await scene.world.wall(decider, f"region:{REGION}")
    return recusal


async def record(admin: Actor, recusal: UUID, **more: Any) -> Any:
    return await admin.post(f"{LIST}/{recusal}/record", {**PAPER, **more})


async def test_what_somebody_may_decide_is_nobody_elses(scene: Scene, admins: tuple[Actor, Actor]) -> None:
    recusal = await scene.own(scene.expert, region_code=REGION)
    for decider in (scene.office, scene.second):
        await scene.world.wall(decider, f"region:{REGION}")
    assert (await admins[0].get(LIST)).json()["items"] == []
    assert (await admins[0].get(f"{LIST}/{recusal}")).status_code == 404
    assert (await record(admins[0], recusal)).status_code == 404


async def test_two_administrators_record_what_was_written(scene: Scene, admins: tuple[Actor, Actor]) -> None:
    seat, first, second = await scene.seat(scene.expert), *admins
    recusal = await stuck(scene)
    [item] = (await first.get(LIST, params={"include_total": "true"})).json()["items"]
    assert (item["id"], item["subject_kind"], item["subject_key"]) == (str(recusal), "region", REGION)
    assert item["recorded"] == []
    assert "示例专家" not in str(item["recorded"])
    made = await record(first, recusal)
    assert made.status_code == 201, made.text
    assert made.headers["location"] == f"{LIST}/{recusal}"
    assert [each["document_number"] for each in made.json()["recorded"]] == [PAPER["document_number"]]
    assert await scene.state(seat) == ("suspended", "sealed", True)
    # The second enters from the paper, not from the first entry.
    seen = (await second.get(f"{LIST}/{recusal}")).json()
    assert (seen["recorded"], seen["awaits_second"]) == ([], True)
    again = await record(first, recusal)
    assert (again.status_code, again.json()["code"]) == (409, "four_eyes")
    other = await record(second, recusal, outcome="rejected")
    assert (other.status_code, other.json()["reason"]) == (409, "entries_differ")
    assert await scene.state(seat) == ("suspended", "sealed", True)
    done = await record(second, recusal)
    assert (done.status_code, done.content) == (204, b"")
    assert await scene.state(seat) == ("voided", "voided", True)
    assert (await first.get(LIST)).json()["items"] == []
    await scene.world.renew(scene.expert)
    notice = (await scene.expert.get(f"/v1/me/recusals/{recusal}")).json()
    assert notice["state"] == "in_force"
    assert notice["reason"] == f"{PAPER['reason']}（{PAPER['authority']}，{PAPER['document_number']}）"
    entries = await scene.world.rows("SELECT actor_id FROM audit_entries WHERE action = 'recusals.record_superior'")
    assert [entry.actor_id for entry in entries] == [first.id, second.id]


async def test_a_slip_is_put_right_by_who_made_it(scene: Scene, admins: tuple[Actor, Actor]) -> None:
    recusal = await stuck(scene)
    await record(admins[0], recusal, document_number="错号（示例）")
    right = await record(admins[0], recusal)
    assert right.status_code == 201, right.text
    assert [each["withdrawn_at"] is None for each in right.json()["recorded"]] == [False, True]
    assert (await record(admins[1], recusal)).status_code == 204


async def test_who_is_concerned_or_began_it_records_nothing(scene: Scene, admins: tuple[Actor, Actor]) -> None:
    """Administrators hold no other role, but a recusal may concern them all the same."""
    concerned, other = admins
    recusal = await scene.applied(concerned, scene.editor, region_code=REGION)
    for decider in (scene.office, scene.second, scene.inspector):
        await scene.world.wall(decider, f"region:{REGION}")
    assert (await concerned.get(f"{LIST}/{recusal}")).status_code == 404
    assert (await record(concerned, recusal)).status_code == 404
    assert (await other.get(f"{LIST}/{recusal}")).status_code == 200
    shown = (await other.get(LIST)).text
    # The letter to the superior needs neither the informant nor what was said.
    assert "举报" not in shown


async def test_the_one_who_ordered_it_is_no_decider(scene: Scene, admins: tuple[Actor, Actor]) -> None:
    path = await scene.order(scene.expert, region_code=REGION)
    for decider in (scene.second, scene.inspector):
        await scene.world.wall(decider, f"region:{REGION}")
    assert [item["id"] for item in (await admins[0].get(LIST)).json()["items"]] == [path.rsplit("/", 1)[1]]
    newcomer = await scene.world.person(Role.LEAGUE_OFFICE)
    assert (await admins[0].get(LIST)).json()["items"] == []
    await decided(newcomer, path, "rejected")


async def test_what_is_refused(scene: Scene, admins: tuple[Actor, Actor], http: AsyncClient) -> None:
    recusal = await stuck(scene)
    assert (await http.get(LIST)).status_code == 401
    for stranger in (scene.editor, scene.office, await scene.world.person(Role.SYSTEM_ADMIN, Role.AUDITOR)):
        for answer in (await stranger.get(LIST), await record(stranger, recusal)):
            assert (answer.status_code, answer.json()["code"]) == (403, "insufficient_scope")
    for body, pointer in (
        ({"issued_on": "2026-13-01"}, "/issued_on"),
        ({"legal_basis": "no_such_law"}, "/legal_basis"),
        ({"outcome": "lifted"}, "/outcome"),
        ({"reason": ""}, "/reason"),
        ({"issued_on": "2026-03-03"}, "/issued_on"),
    ):
        refused = await record(admins[0], recusal, **body)
        assert refused.status_code == 422, refused.text
        assert [each["pointer"] for each in refused.json()["errors"]] == [pointer]
    assert await scene.world.rows("SELECT 1 FROM superior_decisions") == []


async def test_deciders_see_what_was_recorded_nowhere_else(scene: Scene, admins: tuple[Actor, Actor]) -> None:
    """Once somebody may decide again, what was recorded and not confirmed counts for nothing."""
    recusal = await stuck(scene)
    await record(admins[0], recusal)
    newcomer = await scene.world.person(Role.LEAGUE_OFFICE)
    assert (await record(admins[1], recusal)).status_code == 404
    shown = await decided(newcomer, place(recusal), "rejected")
    assert shown["state"] == "rejected"
