"""Commitments and declarations: what the judging scopes need, and what each interest sets off."""

import asyncio
import hashlib
from typing import Any
from uuid import uuid4

import pytest
from httpx import AsyncClient
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from app.declarations.rules import interest_faults, year_faults
from app.directory.load import load_reference_data
from app.models.declarations import CommitmentText
from app.models.identity import Role
from tests.declarations.scene import OTHER, REGION, YEAR, Scene
from tests.ground import FrozenClock

SIGNED = {"year": YEAR, "text_version": 1}
NONE = {"year": YEAR, "has_interests": False}
KIN = {"relation_code": "kinship", "statement": "配偶在该地区任职（示例）"}


def some(*interests: dict[str, Any]) -> dict[str, Any]:
    return {"year": YEAR, "has_interests": True, "interests": list(interests)}


async def _reasons(person: Any) -> dict[str, str]:
    shown = (await person.get("/v1/me")).json()
    return {item["scope"]: item["reason"] for item in shown["missing_scopes"]}


async def test_the_text_is_an_example_and_its_hash_is_right(scene: Scene) -> None:
    [text] = (await scene.expert.get("/v1/commitment-texts")).json()["items"]
    assert (text["version"], text["is_example"]) == (1, True)
    assert "示例" in text["text_zh"]
    assert text["sha256"] == hashlib.sha256(text["text_zh"].encode()).hexdigest()
    assert (await scene.expert.get("/v1/commitment-texts/1")).json() == text
    for version in ("2", "0", "-1", "99999999999999999999", "x"):
        assert (await scene.expert.get(f"/v1/commitment-texts/{version}")).status_code == 404


async def test_loading_again_never_changes_what_people_signed(scene: Scene) -> None:
    async with scene.world.admin.administration() as session:
        [text] = await session.scalars(select(CommitmentText))
        text.text_zh = "正式文本"
        await session.flush()
        await load_reference_data(session)
        session.expire_all()
        assert [row.text_zh for row in await session.scalars(select(CommitmentText))] == ["正式文本"]


async def test_each_missing_condition_is_named(scene: Scene) -> None:
    person = scene.expert
    assert (await _reasons(person))["evaluations:review"] == "commitment_missing"
    assert (await _reasons(person))["assignments:respond"] == "commitment_missing"
    assert (await _reasons(person))["evaluations:appraise"] == "no_role"
    signed = await person.post("/v1/commitments", SIGNED)
    assert signed.status_code == 201, signed.text
    assert (await person.get("/v1/me")).status_code == 401
    await scene.world.renew(person)
    assert (await _reasons(person))["evaluations:review"] == "declaration_missing"
    assert "assignments:respond" not in await _reasons(person)
    declared = await person.post("/v1/declarations", NONE)
    assert declared.status_code == 201, declared.text
    assert (await person.get("/v1/me")).status_code == 401
    await scene.world.renew(person)
    assert (await _reasons(person))["evaluations:review"] == "assignment_missing"
    await scene.seat(person)
    assert "evaluations:review" not in await _reasons(person)
    assert (await _reasons(person))["cases:review"] == "assignment_missing"
    await scene.world.renew(person, frozenset({"directory:read"}))
    assert (await _reasons(person))["evaluations:review"] == "not_asked_for"


async def test_a_commitment_is_signed_once_a_year(scene: Scene, clock: FrozenClock) -> None:
    person = scene.expert
    made = await person.post("/v1/commitments", SIGNED, key="once")
    await scene.world.renew(person)
    assert (await person.get(made.headers["location"])).json() == made.json()
    assert (await person.post("/v1/commitments", SIGNED, key="once")).json() == made.json()
    again = await person.post("/v1/commitments", SIGNED)
    assert (again.status_code, again.json()["reason"]) == (409, "commitment_exists")
    for year in (YEAR - 1, YEAR + 1):
        refused = await person.post("/v1/commitments", {**SIGNED, "year": year})
        assert [(e["pointer"], e["code"]) for e in refused.json()["errors"]] == [("/year", "out_of_range")]
    clock.advance(days=365)
    await scene.world.renew(person)
    assert (await _reasons(person))["evaluations:review"] == "commitment_missing"
    assert (await person.post("/v1/commitments", {**SIGNED, "year": YEAR + 1})).status_code == 201
    audit = await scene.world.rows("SELECT changes FROM audit_entries WHERE action = 'commitments.sign'")
    assert sorted(row.changes["year"] for row in audit) == [YEAR, YEAR + 1]
    assert len(await scene.world.rows("SELECT 1 FROM outbox_events WHERE type = 'commitments.sign'")) == 2


async def test_only_the_latest_text_is_signed(scene: Scene) -> None:
    await scene.execute("INSERT INTO commitment_texts VALUES (2, '新文本（示例）', repeat('a', 64), true)")
    for version in (1, 3):
        refused = await scene.expert.post("/v1/commitments", {**SIGNED, "text_version": version})
        assert [e["pointer"] for e in refused.json()["errors"]] == ["/text_version"]
    made = await scene.expert.post("/v1/commitments", {**SIGNED, "text_version": 2})
    assert made.json()["text_sha256"] == "a" * 64


async def test_deciders_see_commitments_and_nobody_sees_declarations(scene: Scene) -> None:
    other = await scene.world.person(Role.EXPERT)
    signed = await scene.expert.post("/v1/commitments", SIGNED)
    await scene.world.renew(scene.expert)
    declared = await scene.expert.post("/v1/declarations", NONE)
    await scene.world.renew(scene.expert)
    assert (await scene.office.get("/v1/commitments", params={"year": YEAR})).json()["items"] == [signed.json()]
    mine = {"person_id": str(scene.office.id)}
    assert (await scene.office.get("/v1/commitments", params=mine)).json()["items"] == []
    assert (await other.get("/v1/commitments")).json()["items"] == []
    assert (await other.get(signed.headers["location"])).status_code == 404
    for reader in (other, scene.office):
        assert (await reader.get("/v1/declarations")).json()["items"] == []
        assert (await reader.get(declared.headers["location"])).status_code == 404
    assert (await scene.expert.get("/v1/declarations", params={"year": YEAR})).json()["items"] == [declared.json()]
    assert (await scene.expert.get(declared.headers["location"])).json() == declared.json()


async def test_who_has_no_part_in_judging_declares_nothing(scene: Scene, http: AsyncClient) -> None:
    for path in ("/v1/commitments", "/v1/declarations"):
        assert (await http.get(path)).status_code == 401
        assert (await scene.editor.get(path)).json()["code"] == "insufficient_scope"
        assert (await scene.editor.post(path, {"nonsense": 1})).json()["code"] == "insufficient_scope"
        assert (await http.post(path, headers={"Idempotency-Key": "k"}, json={})).status_code == 401
        assert (await scene.expert.get(f"{path}/{uuid4()}")).status_code == 404
        assert (await scene.expert.post(path, {"nonsense": 1})).status_code == 422


async def test_each_interest_bars_at_once(scene: Scene) -> None:
    person, seat = scene.expert, await scene.seat(scene.expert)
    organisation = await scene.world.organisation()
    await scene.project(organisation, region=OTHER)
    made = await person.post(
        "/v1/declarations", some({**KIN, "region_code": REGION}, {**KIN, "organisation_id": str(organisation)})
    )
    assert made.status_code == 201, made.text
    assert len(made.json()["interests"]) == 2
    assert await scene.walls(person) == {f"region:{REGION}", f"region:{OTHER}", f"organisation:{organisation}"}
    assert await scene.state(seat) == ("suspended", "sealed", True)
    assert (await person.get("/v1/me")).status_code == 401
    await scene.world.renew(person)
    assert len((await person.get("/v1/me/recusals")).json()["items"]) == 2
    again = await person.post("/v1/declarations", NONE)
    assert (again.status_code, again.json()["reason"]) == (409, "declaration_exists")
    states = await scene.world.rows("SELECT initiator, state FROM recusals")
    assert {tuple(row) for row in states} == {("self", "provisional")}
    [audit] = await scene.world.rows("SELECT changes FROM audit_entries WHERE action = 'declarations.declare'")
    assert audit.changes == {"year": YEAR}


async def test_one_unknown_interest_and_nothing_is_done(scene: Scene) -> None:
    person, seat = scene.expert, await scene.seat(scene.expert)
    rev = await scene.world.rev(person)
    refused = await person.post(
        "/v1/declarations", some({**KIN, "region_code": REGION}, {**KIN, "project_id": str(uuid4())})
    )
    assert [(e["pointer"], e["code"]) for e in refused.json()["errors"]] == [
        ("/interests/1/project_id", "unknown_reference")
    ]
    assert await scene.walls(person) == set()
    assert await scene.state(seat) == ("done", "submitted", False)
    assert await scene.world.rev(person) == rev
    assert await scene.world.rows("SELECT 1 FROM declarations") == []


@pytest.mark.parametrize(
    ("body", "pointers"),
    [
        ({"year": YEAR}, {"/has_interests"}),
        ({"year": YEAR, "has_interests": "false"}, {"/has_interests"}),
        ({"year": YEAR, "has_interests": True}, {"/interests"}),
        ({**NONE, "interests": [{**KIN, "region_code": REGION}]}, {"/has_interests"}),
        (some(KIN), {"/interests/0/region_code"}),
        (some({**KIN, "region_code": REGION, "case_id": str(uuid4())}), {"/interests/0/case_id"}),
        (some({**KIN, "region_code": REGION}, {**KIN, "region_code": REGION}), {"/interests/1"}),
        (some({**KIN, "region_code": REGION, "relation_code": "friend"}), {"/interests/0/relation_code"}),
        ({**NONE, "year": YEAR + 1}, {"/year"}),
        ({**NONE, "assignment_id": str(uuid4())}, {"/assignment_id"}),
    ],
)
async def test_declarations_are_checked(scene: Scene, body: dict[str, Any], pointers: set[str]) -> None:
    refused = await scene.expert.post("/v1/declarations", body)
    assert refused.status_code == 422, refused.text
    assert {error["pointer"] for error in refused.json()["errors"]} == pointers


async def test_none_opens_the_assignment(scene: Scene) -> None:
    person = scene.expert
    await scene.in_pool(person)
    seat = await scene.seat(person, state="accepted")
    made = await person.post("/v1/declarations", {**NONE, "assignment_id": str(seat.assignment)})
    assert made.status_code == 201, made.text
    assert (await scene.state(seat))[0] == "declared"
    await scene.world.renew(person)
    again = await person.post("/v1/declarations", {**NONE, "assignment_id": str(seat.assignment)})
    assert (again.status_code, again.json()["code"]) == (409, "state_conflict")
    assert (await _reasons(person))["evaluations:review"] == "commitment_missing"
    [audit] = await scene.world.rows("SELECT changes FROM audit_entries WHERE action = 'assignments.declare'")
    assert audit.changes == {"state": ["accepted", "declared"]}


async def test_who_is_not_eligible_any_more_opens_nothing(scene: Scene) -> None:
    seat = await scene.seat(scene.expert, state="accepted")
    refused = await scene.expert.post("/v1/declarations", {**NONE, "assignment_id": str(seat.assignment)})
    assert (refused.status_code, refused.json()["reason"]) == (409, "ineligible")
    assert (await scene.state(seat))[0] == "accepted"


@pytest.mark.parametrize("elsewhere", [{}, {"region_code": OTHER}])
async def test_any_interest_ends_the_assignment(scene: Scene, elsewhere: dict[str, str]) -> None:
    """Named or not, and whatever it is about."""
    seat = await scene.seat(scene.expert, state="accepted")
    body = {**some({**KIN, **elsewhere}), "assignment_id": str(seat.assignment)}
    made = await scene.expert.post("/v1/declarations", body)
    assert made.status_code == 201, made.text
    assert (await scene.state(seat))[0] == "suspended"
    walls = {f"region:{code}" for code in (REGION, elsewhere.get("region_code", REGION))}
    assert await scene.walls(scene.expert) == walls


async def test_anothers_or_a_hidden_assignment_is_unknown(scene: Scene) -> None:
    person, other = scene.expert, await scene.world.person(Role.EXPERT)
    seat = await scene.seat(other, state="accepted")
    own = await scene.seat(person, state="accepted", region=OTHER)
    await scene.own(person, region_code=OTHER)
    told = []
    for assignment in (seat.assignment, own.assignment, uuid4()):
        refused = await person.post("/v1/declarations", {**NONE, "assignment_id": str(assignment)})
        told.append((refused.status_code, refused.json()["errors"]))
    assert told[0][0] == 422
    assert told == [told[0]] * 3


async def test_of_two_declarations_at_once_one_stands(scene: Scene) -> None:
    answers = await asyncio.gather(*(scene.expert.post("/v1/declarations", NONE) for _ in range(3)))
    # The others wait for the lock, and find their token's time over.
    assert sorted(answer.status_code for answer in answers) == [201, 401, 401]


@given(st.booleans(), st.lists(st.integers(0, 3), max_size=5))
def test_interests_are_stated_once_or_denied(stated: bool, interests: list[int]) -> None:
    faults = interest_faults(has_interests=stated, interests=interests)
    fine = (bool(interests) == stated) and len(set(interests)) == len(interests)
    assert (faults == []) is fine


@given(st.integers(2000, 2100), st.integers(2000, 2100))
def test_only_the_running_year(year: int, current: int) -> None:
    assert (year_faults(year, current) == []) is (year == current)
