"""Checking eligibility before anybody is contacted: rules, facts, hints, capacities, and who may ask."""

from datetime import date
from typing import Any
from uuid import UUID, uuid4

import pytest
from httpx import AsyncClient

from app.auth import registry
from app.models.identity import Employment, Role
from tests.declarations.scene import OTHER, REGION, Scene, own
from tests.world import Actor

LEAGUE = "152500"


async def employ(scene: Scene, person: Actor, organisation: UUID, *, kind: str = "staff", **more: Any) -> None:
    async with scene.world.admin.administration() as session:
        await registry.lock(session, person.id)
        dates = {"starts_on": date(2015, 1, 1), **more}
        session.add(Employment(id=uuid4(), person_id=person.id, organisation_id=organisation, kind=kind, **dates))


async def check(scene: Scene, *people: Actor, by: Actor | None = None, region: str = REGION, **more: Any) -> Any:
    asked = {"people": [str(person.id) for person in people], "subjects": [{"region_code": region}], **more}
    return await (by or scene.office).post("/v1/eligibility-checks", asked)


async def found(scene: Scene, person: Actor, **more: Any) -> tuple[str, set[str]]:
    """The outcome, and the rules that bar; hints are marked."""
    answer = await check(scene, person, **more)
    assert answer.status_code == 200, answer.text
    [item] = answer.json()["items"]
    return item["outcome"], {each["rule"] if each["bars"] else f"({each['rule']})" for each in item["findings"]}


async def test_who_nothing_stands_against_is_eligible(scene: Scene) -> None:
    await scene.in_pool(scene.expert)
    assert await found(scene, scene.expert) == ("eligible", {"(declaration_missing)"})


async def test_an_unknown_employer_is_unknown_and_not_free(scene: Scene) -> None:
    await scene.execute(
        "INSERT INTO experts (person_id, specialties, active, version, created_at, updated_at) "
        "VALUES (:p, '{}', true, 1, now(), now())",
        p=scene.expert.id,
    )
    assert await found(scene, scene.expert) == ("unknown", {"unknown_employer", "(declaration_missing)"})
    # What is known outweighs what is not.
    await scene.own(scene.expert, region_code=REGION)
    assert (await found(scene, scene.expert))[0] == "ineligible"


@pytest.mark.parametrize(
    ("kind", "more", "rule"),
    [
        ("staff", {}, "employed_there"),
        ("staff", {"ends_on": date(2023, 3, 2)}, "employed_there"),
        ("seconded", {}, "employed_there"),
        ("board", {}, "board_or_shareholder"),
        ("shareholder", {}, "board_or_shareholder"),
        ("adviser", {"ends_on": date(2024, 1, 1)}, "board_or_shareholder"),
    ],
)
async def test_a_tie_to_the_region_bars_with_its_facts(
    scene: Scene, kind: str, more: dict[str, Any], rule: str
) -> None:
    await scene.in_pool(scene.expert)
    there = await scene.world.organisation("示例牧业（示例）")
    await employ(scene, scene.expert, there, kind=kind, **more)
    assert await found(scene, scene.expert) == ("ineligible", {rule, "(declaration_missing)"})
    [item] = (await check(scene, scene.expert)).json()["items"]
    [facts] = [each["facts"] for each in item["findings"] if each["rule"] == rule]
    assert (facts["organisation_id"], facts["organisation_name"], facts["kind"]) == (
        str(there),
        "示例牧业（示例）",
        kind,
    )
    assert facts["ends_on"] == (more["ends_on"].isoformat() if more else None)
    assert await found(scene, scene.expert, region=OTHER) == ("eligible", {"(declaration_missing)"})


async def test_what_ended_before_the_look_back_bars_no_more(scene: Scene) -> None:
    await scene.in_pool(scene.expert)
    await employ(scene, scene.expert, await scene.world.organisation(), ends_on=date(2023, 3, 1))
    assert (await found(scene, scene.expert))[0] == "eligible"


async def test_who_is_posted_there_is_barred_whoever_employs_them(scene: Scene) -> None:
    await scene.in_pool(scene.expert)
    await employ(scene, scene.expert, await scene.world.organisation(region_code=LEAGUE), posted_region=REGION)
    assert await found(scene, scene.expert) == ("ineligible", {"employed_there", "(declaration_missing)"})


async def test_bodies_above_and_below_bar_and_a_body_of_the_league_does_not(scene: Scene) -> None:
    world, one, other, third = scene.world, scene.expert, await scene.world.person(Role.EXPERT), None
    parent = await world.organisation(region_code=LEAGUE, kind="enterprise")
    middle = await world.organisation(region_code=OTHER, parent_id=parent)
    await world.organisation(region_code=REGION, parent_id=middle)
    bureau = await world.organisation(region_code=LEAGUE, kind="department")
    await world.organisation(region_code=REGION, kind="department", parent_id=bureau)
    third = await world.person(Role.EXPERT)
    for person, employer in ((one, parent), (other, middle), (third, bureau)):
        await scene.in_pool(person)
        await employ(scene, person, employer)
    assert await found(scene, one) == ("ineligible", {"affiliated_body", "(declaration_missing)"})
    assert await found(scene, other) == ("ineligible", {"affiliated_body", "(declaration_missing)"})
    assert await found(scene, third) == ("eligible", {"(declaration_missing)"})


async def test_a_tree_that_runs_in_a_circle_ends(scene: Scene) -> None:
    first = await scene.world.organisation(region_code=LEAGUE)
    second = await scene.world.organisation(region_code=REGION, parent_id=first)
    await scene.execute("UPDATE organisations SET parent_id = :p WHERE id = :id", p=second, id=first)
    await scene.in_pool(scene.expert)
    await employ(scene, scene.expert, first)
    assert await found(scene, scene.expert) == ("ineligible", {"affiliated_body", "(declaration_missing)"})


async def test_the_employers_project_bars_also_through_a_subsidiary(scene: Scene) -> None:
    employer = await scene.world.organisation(region_code=LEAGUE)
    subsidiary = await scene.world.organisation(region_code=OTHER, parent_id=employer)
    await scene.in_pool(scene.expert)
    await employ(scene, scene.expert, employer)
    await scene.project(subsidiary, membership="proposed")
    assert (await found(scene, scene.expert))[0] == "eligible"
    await scene.project(subsidiary)
    assert await found(scene, scene.expert) == ("ineligible", {"own_project", "(declaration_missing)"})


async def test_names_are_hints(scene: Scene) -> None:
    """Full and half width, spaces, the form of the company, short names: told, and nobody is barred by them."""
    await scene.world.organisation("示例 ＡＢＣ 生态科技有限责任公司")
    await scene.world.organisation("另一家示例公司", short_name="示例Abc生态科技")
    employer = await scene.world.organisation("示例abc生态科技有限公司", region_code=LEAGUE)
    await scene.in_pool(scene.expert)
    await employ(scene, scene.expert, employer)
    assert await found(scene, scene.expert) == ("eligible", {"(similar_name)", "(declaration_missing)"})


async def test_a_supervisor_reviews_nothing_and_may_appraise(scene: Scene) -> None:
    both = await scene.world.person(Role.EXPERT, Role.LEAGUE_OFFICE)
    await scene.in_pool(both)
    assert await found(scene, both) == ("ineligible", {"supervises_it", "(declaration_missing)"})
    assert await found(scene, both, capacity="appraiser") == ("eligible", {"(declaration_missing)"})


async def test_of_a_recusal_it_says_that_there_is_one(scene: Scene) -> None:
    await scene.in_pool(scene.expert)
    await scene.own(scene.expert, region_code=REGION)
    answer = (await check(scene, scene.expert)).json()
    [finding] = [each for each in answer["items"][0]["findings"] if each["rule"] == "recused"]
    assert finding == {"rule": "recused", "name": "已就该对象回避", "bars": True, "facts": None}
    # In every capacity.
    for capacity in ("appraiser", "decider", "supervisor", "handler"):
        assert "recused" in (await found(scene, scene.expert, capacity=capacity))[1]


async def test_who_is_recused_asks_nothing_about_it(scene: Scene) -> None:
    await scene.own(scene.inspector, region_code=REGION)
    refused = await check(scene, scene.expert, by=scene.inspector)
    assert (refused.status_code, refused.json()["code"]) == (403, "recused")
    assert (await check(scene, scene.expert, by=scene.inspector, region=OTHER)).status_code == 200
    insider = await scene.world.person(Role.LEAGUE_OFFICE, (Role.REGION_EDITOR, REGION))
    refused = await check(scene, scene.expert, by=insider)
    assert (refused.status_code, refused.json()["reason"]) == (403, "outside_grant")


async def test_what_is_refused(scene: Scene, http: AsyncClient) -> None:
    person = str(scene.expert.id)
    assert (await http.post("/v1/eligibility-checks", json={})).status_code == 401
    assert (await check(scene, scene.expert, by=scene.expert)).json()["code"] == "insufficient_scope"
    unknown = str(uuid4())
    for body, pointer, code in (
        ({"people": [person, unknown], "subjects": [{"region_code": REGION}]}, "/people/1", "unknown_reference"),
        ({"people": [person, person], "subjects": [{"region_code": REGION}]}, "/people/1", "duplicate"),
        ({"people": [person], "subjects": [{}]}, "/subjects/0/region_code", "required"),
        ({"people": [person], "subjects": [{"region_code": "152599"}]}, "/subjects/0/region_code", "unknown_reference"),
        ({"people": [person], "subjects": [{"case_id": unknown}]}, "/subjects/0/case_id", "unknown_reference"),
        (
            {"people": [person], "subjects": [{"region_code": REGION, "case_id": unknown}]},
            "/subjects/0/region_code",
            "too_many",
        ),
        ({"people": [person], "subjects": [{"region_code": REGION}] * 2}, "/subjects/1", "duplicate"),
    ):
        refused = await scene.office.post("/v1/eligibility-checks", body)
        assert refused.status_code == 422, refused.text
        assert [(each["pointer"], each["code"]) for each in refused.json()["errors"]] == [(pointer, code)]


async def test_asking_is_on_record_and_tells_of_nobody(scene: Scene) -> None:
    await check(scene, scene.expert)
    [entry] = await scene.world.rows("SELECT * FROM audit_entries WHERE action = 'eligibility.check'")
    assert (entry.actor_id, entry.region_code) == (scene.office.id, None)
    assert entry.changes == {"capacity": "reviewer", "people": 1, "subjects": 1}
    assert str(scene.expert.id) not in str(entry)


async def test_a_change_above_the_employer_bars_who_sits_there(scene: Scene) -> None:
    """The office moves a body under one of the region's: whoever works for it and sits on the panel is out, at once
    for grading, and a moment later by a recusal that waits for its decision."""
    employer = await scene.world.organisation(region_code=LEAGUE)
    there = await scene.world.organisation()
    await employ(scene, scene.expert, employer)
    seat = await scene.seat(scene.expert)
    assert await scene.world.drain() == 0
    moved = await _patch(scene, employer, {"parent_id": str(there)})
    assert moved.status_code == 200, moved.text
    [held] = await scene.world.rows("SELECT gate.pending_on('152501', NULL) AS yes")
    assert held.yes
    await scene.world.drain()
    assert (await scene.state(seat))[:2] == ("suspended", "sealed")
    [recusal] = (await scene.office.get("/v1/recusals")).json()["items"]
    assert (recusal["initiator"], recusal["relation_code"], recusal["state"], recusal["region_code"]) == (
        "detected",
        "affiliated_body",
        "provisional",
        REGION,
    )
    # Asked again, nothing more comes of it.
    await _patch(scene, employer, {"short_name": "示例"})
    await scene.world.drain()
    assert len(await scene.world.rows("SELECT 1 FROM recusals")) == 1


async def test_what_concerns_nobody_who_judges_is_let_be(scene: Scene) -> None:
    employer, there = await scene.world.organisation(region_code=LEAGUE), await scene.world.organisation()
    await employ(scene, scene.expert, employer)
    await _patch(scene, employer, {"parent_id": str(there)})
    await scene.world.drain()
    assert await scene.world.rows("SELECT 1 FROM recusals") == []
    [held] = await scene.world.rows("SELECT gate.pending_on('152501', NULL) AS yes")
    assert not held.yes


async def _patch(scene: Scene, organisation: UUID, body: dict[str, Any]) -> Any:
    path = f"/v1/organisations/{organisation}"
    etag = (await scene.office.get(path)).headers["etag"]
    return await scene.office.patch(path, body, etag=etag)


async def test_own_declared_interest_is_no_hint(scene: Scene) -> None:
    """What is declared is a recusal, and a recusal is a rule that bars."""
    await scene.in_pool(scene.expert)
    made = await scene.expert.post("/v1/recusals", own())
    assert made.status_code == 201
    assert "recused" in (await found(scene, scene.expert))[1]
