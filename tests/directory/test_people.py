"""People and their employment: five answers per route, history, races."""

import asyncio
from uuid import uuid4

import pytest
from httpx import AsyncClient

from app.auth import registry
from app.models.identity import Role
from tests.world import Actor, World

TODAY = "2026-03-02"  # the frozen clock's day in the league


async def employ(admin: Actor, person: str, organisation: str, **more: str | None) -> dict[str, str]:
    body = {"organisation_id": organisation, "kind": "staff", "starts_on": "2020-01-01", **more}
    made = await admin.post(f"/v1/people/{person}/employments", body)
    assert made.status_code == 201, made.text
    answer: dict[str, str] = made.json()
    return answer


async def test_register_read_back_and_rename(world: World) -> None:
    admin = await world.person(Role.SYSTEM_ADMIN)
    made = await admin.post("/v1/people", {"name": "示例甲"}, key="once")
    assert made.status_code == 201, made.text
    place = made.headers["location"]
    shown = await admin.get(place)
    assert shown.json() == made.json()
    assert shown.headers["etag"] == made.headers["etag"]
    again = await admin.post("/v1/people", {"name": "示例甲"}, key="once")
    assert (again.status_code, again.json()) == (201, made.json())
    renamed = await admin.patch(place, {"name": "示例乙"}, etag=shown.headers["etag"])
    assert (renamed.status_code, renamed.json()["name"], renamed.json()["version"]) == (200, "示例乙", 2)
    audit = await world.rows(
        "SELECT action FROM audit_entries WHERE resource_id = :id ORDER BY action", id=made.json()["id"]
    )
    assert [row.action for row in audit] == ["people.create", "people.update"]
    events = await world.rows("SELECT type FROM outbox_events WHERE resource_id = :id", id=made.json()["id"])
    assert len(events) == 2


async def test_refusals_come_in_order(world: World, http: AsyncClient) -> None:
    admin, office = await world.person(Role.SYSTEM_ADMIN), await world.person(Role.LEAGUE_OFFICE)
    machine = await world.machine("152501")
    entity = await world.person((Role.CONSTRUCTION_ENTITY, await world.organisation()))
    place = f"/v1/people/{office.id}"
    assert (await http.get("/v1/people")).status_code == 401
    for outsider in (machine, entity):
        assert (await outsider.get("/v1/people")).json()["code"] == "insufficient_scope"
        assert (await outsider.get(place)).json()["code"] == "insufficient_scope"
    assert (await office.post("/v1/people", {"nonsense": 1})).json()["code"] == "insufficient_scope"
    assert (await office.patch(place, {"nonsense": 1})).json()["code"] == "insufficient_scope"
    for absent in (uuid4(), "not-an-id"):
        assert (await admin.get(f"/v1/people/{absent}")).status_code == 404
        assert (await admin.patch(f"/v1/people/{absent}", {})).status_code == 404
        assert (await admin.post(f"/v1/people/{absent}/employments", {})).status_code == 404
    assert (await admin.patch(place, {"nonsense": 1})).status_code == 428
    assert (await admin.patch(place, {"nonsense": 1}, etag='"9.0123456789abcdef"')).status_code == 412
    etag = (await admin.get(place)).headers["etag"]
    refused = await admin.patch(place, {"name": None, "nonsense": 1}, etag=etag)
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/nonsense")
    assert (await admin.patch(place, {"name": None}, etag=etag)).json()["errors"][0]["code"] == "required"
    assert (await admin.post("/v1/people", {"name": "  "})).status_code == 422
    assert (await admin.post("/v1/people", {"name": "x\u0000y"})).status_code == 422


async def test_units_are_those_of_today(world: World) -> None:
    admin, office = await world.person(Role.SYSTEM_ADMIN), await world.person(Role.LEAGUE_OFFICE)
    person = (await admin.post("/v1/people", {"name": "示例丙"})).json()["id"]
    here = str(await world.organisation("现单位（示例）"))
    left = str(await world.organisation("前单位（示例）"))
    later = str(await world.organisation("将任单位（示例）"))
    await employ(admin, person, here, posted_region="152502", position="科员（示例）", ends_on=TODAY)
    await employ(admin, person, left, ends_on="2026-03-01")
    await employ(admin, person, later, starts_on="2026-03-03")
    shown = (await office.get(f"/v1/people/{person}")).json()
    assert [unit["organisation_name"] for unit in shown["units"]] == ["现单位（示例）"]
    assert shown["units"][0]["posted_region"] == "152502"
    for filters, found in (
        ({"organisation_id": here}, True),
        ({"organisation_id": left}, False),
        ({"organisation_id": later}, False),
        ({"region_code": "152502"}, True),
        ({"region_code": "152501"}, False),
        ({"organisation_id": here, "region_code": "152502"}, True),
    ):
        ids = [item["id"] for item in (await office.get("/v1/people", params=filters)).json()["items"]]
        assert (person in ids) is found, filters


async def test_history_is_for_administrators_and_the_person(world: World) -> None:
    admin, office = await world.person(Role.SYSTEM_ADMIN), await world.person(Role.LEAGUE_OFFICE)
    organisation = str(await world.organisation(region_code="152500"))
    past = await employ(admin, str(office.id), organisation, ends_on="2021-01-01")
    await employ(admin, str(office.id), organisation)
    colleague = await world.person((Role.REGION_EDITOR, "152501"))
    path = f"/v1/people/{office.id}/employments"
    for viewer, seen in ((admin, 2), (office, 2), (colleague, 1)):
        assert len((await viewer.get(path)).json()["items"]) == seen
    assert (await office.get(f"{path}/{past['id']}")).status_code == 200
    assert (await colleague.get(f"{path}/{past['id']}")).status_code == 404


async def test_ending_an_employment(world: World) -> None:
    admin, office = await world.person(Role.SYSTEM_ADMIN), await world.person(Role.LEAGUE_OFFICE)
    organisation = str(await world.organisation(region_code="152500"))
    made = await employ(admin, str(office.id), organisation)
    place = f"/v1/people/{office.id}/employments/{made['id']}"
    etag = (await admin.get(place)).headers["etag"]
    assert (await office.post(f"{place}/end", {"ends_on": TODAY}, etag=etag)).status_code == 403
    assert (await admin.post(f"{place}/end", {"ends_on": TODAY})).status_code == 428
    refused = await admin.post(f"{place}/end", {"ends_on": "2019-12-31"}, etag=etag)
    assert refused.json()["errors"] == [
        {"pointer": "/ends_on", "code": "dates_out_of_order", "detail": "结束日期早于开始日期"}
    ]
    ended = await admin.post(f"{place}/end", {"ends_on": TODAY}, etag=etag, key="end")
    assert (ended.status_code, ended.json()["ends_on"], ended.json()["version"]) == (200, TODAY, 2)
    assert ended.json()["allowed_actions"][0]["reason"] == "wrong_state"
    replayed = await admin.post(f"{place}/end", {"ends_on": TODAY}, etag=etag, key="end")
    assert (replayed.status_code, replayed.json()) == (200, ended.json())
    assert (await admin.act(place, "end", {"ends_on": TODAY})).json()["code"] == "state_conflict"
    other = f"/v1/people/{admin.id}/employments/{made['id']}"
    assert (await admin.get(other)).status_code == 404
    audit = await world.rows("SELECT action FROM audit_entries WHERE action LIKE 'employments.%' ORDER BY action")
    assert [row.action for row in audit] == ["employments.create", "employments.end"]


@pytest.mark.parametrize(
    ("body", "pointer", "code"),
    [
        ({"organisation_id": str(uuid4())}, "/organisation_id", "unknown_reference"),
        ({"posted_region": "999999"}, "/posted_region", "unknown_reference"),
        ({"ends_on": "2019-12-31"}, "/ends_on", "dates_out_of_order"),
        ({"kind": "friend"}, "/kind", "invalid_choice"),
        ({"starts_on": "2026-02-30"}, "/starts_on", "invalid_format"),
        ({"starts_on": 20260101}, "/starts_on", "invalid_format"),
        ({"nonsense": 1}, "/nonsense", "unknown_field"),
    ],
)
async def test_employments_are_checked(world: World, body: dict[str, str], pointer: str, code: str) -> None:
    admin = await world.person(Role.SYSTEM_ADMIN)
    person = await world.person()
    whole = {
        "organisation_id": str(await world.organisation()),
        "kind": "staff",
        "starts_on": "2020-01-01",
        **body,
    }
    refused = await admin.post(f"/v1/people/{person.id}/employments", whole)
    assert refused.status_code == 422, refused.text
    assert [(error["pointer"], error["code"]) for error in refused.json()["errors"]] == [(pointer, code)]


async def test_one_open_employment_of_a_kind_even_in_a_race(world: World) -> None:
    admin = await world.person(Role.SYSTEM_ADMIN)
    person, organisation = await world.person(), str(await world.organisation())
    body = {"organisation_id": organisation, "kind": "staff", "starts_on": "2020-01-01"}
    answers = await asyncio.gather(*(admin.post(f"/v1/people/{person.id}/employments", body) for _ in range(6)))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409, 409, 409]
    assert {answer.json()["reason"] for answer in answers if answer.status_code == 409} == {"employment_open"}
    assert (await admin.post(f"/v1/people/{person.id}/employments", {**body, "kind": "adviser"})).status_code == 201


async def test_a_list_asks_the_same_number_of_questions(world: World) -> None:
    admin = await world.person(Role.SYSTEM_ADMIN)
    organisation = str(await world.organisation())
    for _ in range(3):
        person = await world.person()
        await employ(admin, str(person.id), organisation)
    with world.counting() as few:
        assert len((await admin.get("/v1/people")).json()["items"]) == 4
    for _ in range(5):
        person = await world.person()
        await employ(admin, str(person.id), organisation)
    with world.counting() as many:
        assert len((await admin.get("/v1/people")).json()["items"]) == 9
    assert len(few) == len(many)


async def test_who_may_not_change_a_person_does_not_lock_one(world: World) -> None:
    """A request that will be refused must not wait for the person, nor make others wait."""
    office, person = await world.person(Role.LEAGUE_OFFICE), await world.person()
    async with world.admin.administration() as session:
        await registry.lock(session, person.id)
        refused = await asyncio.wait_for(office.post(f"/v1/people/{person.id}/employments", {}), timeout=2)
    assert refused.json()["code"] == "insufficient_scope"
