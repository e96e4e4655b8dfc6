"""Verified identities: one natural person, one person here; only a keyed digest is kept."""

import asyncio
from datetime import date
from uuid import uuid4

import pytest
from httpx import AsyncClient
from hypothesis import given
from hypothesis import strategies as st

from app.directory.people.rules import identity_number_fault, normalised_identity_number
from app.models.identity import Role
from tests.world import World

NUMBER = "360426199101010071"  # a published test vector, nobody's
TODAY = date(2026, 3, 2)
WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)


def whole(head: str) -> str:
    return head + "10X98765432"[sum(int(c) * w for c, w in zip(head, WEIGHTS, strict=True)) % 11]


def test_the_vector_is_valid_and_other_shapes_are_not() -> None:
    assert identity_number_fault(NUMBER, TODAY) is None
    assert identity_number_fault(NUMBER[:-1] + "2", TODAY) == "checksum"
    for wrong in ("", "1" * 15, NUMBER + "1", "X" * 18, "０" * 18):
        assert identity_number_fault(wrong, TODAY) == "invalid_format"
    for born in ("19910230", "18991231", "20260303", "20261301"):
        assert identity_number_fault(whole("360426" + born + "007"), TODAY) == "invalid_format"
    assert identity_number_fault(whole("36042620260302007"), TODAY) is None


@given(
    region=st.text("123456789", min_size=6, max_size=6),
    born=st.dates(date(1900, 1, 1), TODAY),
    order=st.integers(0, 999),
    at=st.integers(0, 16),
    other=st.sampled_from("0123456789"),
)
def test_every_single_digit_change_is_caught(region: str, born: date, order: int, at: int, other: str) -> None:
    number = whole(f"{region}{born:%Y%m%d}{order:03}")
    assert identity_number_fault(number, TODAY) is None
    if number[at] != other:
        assert identity_number_fault(number[:at] + other + number[at + 1 :], TODAY) is not None


@given(st.text(max_size=30))
def test_any_text_gets_an_answer(text: str) -> None:
    found = identity_number_fault(normalised_identity_number(text), TODAY)
    assert found in {None, "invalid_format", "checksum"}


async def test_verified_once_and_the_number_is_nowhere(world: World) -> None:
    security, person = await world.person(Role.SECURITY_ADMIN), await world.person()
    path = f"/v1/people/{person.id}/identity-key"
    assert (await security.get(path)).status_code == 404
    made = await security.client.post(path, json={"identity_number": f" {NUMBER} "})
    assert made.status_code == 201, made.text
    assert made.json()["verified_by"] == str(security.id)
    shown = await security.get(made.headers["location"])
    assert (shown.json(), shown.headers["etag"]) == (made.json(), made.headers["etag"])
    again = await security.client.post(path, json={"identity_number": NUMBER})
    assert (again.status_code, again.json()["reason"]) == (409, "identity_verified")
    [kept] = await world.rows("SELECT digest FROM identity_keys")
    assert len(kept.digest) == 64
    tables = await world.rows(
        "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public' AND table_type = 'BASE TABLE'"
    )
    for table in tables:
        found = await world.rows(
            f'SELECT 1 FROM public."{table.table_name}" AS t WHERE t::text LIKE :n',  # noqa: S608
            n=f"%{NUMBER}%",
        )
        assert found == [], table.table_name
    [audit] = await world.rows("SELECT changes FROM audit_entries WHERE action = 'people.verify_identity'")
    assert audit.changes == {}


async def test_a_second_self_is_refused_without_saying_whose(world: World) -> None:
    security = await world.person(Role.SECURITY_ADMIN)
    first, second = await world.person(), await world.person()
    made = await security.client.post(f"/v1/people/{first.id}/identity-key", json={"identity_number": NUMBER})
    assert made.status_code == 201
    refused = await security.client.post(f"/v1/people/{second.id}/identity-key", json={"identity_number": NUMBER})
    assert (refused.status_code, refused.json()["code"]) == (409, "conflict")
    assert "reason" not in refused.json()
    assert str(first.id) not in refused.text
    [trace] = await world.rows("SELECT actor_id, outcome FROM audit_entries WHERE outcome = 'denied'")
    assert trace.actor_id == security.id
    assert len(await world.rows("SELECT 1 FROM identity_keys")) == 1


async def test_two_at_once_leave_one(world: World) -> None:
    security = await world.person(Role.SECURITY_ADMIN)
    people = [await world.person() for _ in range(4)]
    answers = await asyncio.gather(
        *(
            security.client.post(f"/v1/people/{person.id}/identity-key", json={"identity_number": NUMBER})
            for person in people
        )
    )
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]


async def test_refusals_come_in_order(world: World, http: AsyncClient) -> None:
    security, admin = await world.person(Role.SECURITY_ADMIN), await world.person(Role.SYSTEM_ADMIN)
    auditor, person = await world.person(Role.AUDITOR), await world.person()
    path = f"/v1/people/{person.id}/identity-key"
    assert (await http.post(path, json={"identity_number": NUMBER})).status_code == 401
    for outsider in (admin, auditor):
        assert (await outsider.client.post(path, json={"nonsense": 1})).json()["code"] == "insufficient_scope"
        assert (await outsider.get(path)).json()["code"] == "insufficient_scope"
    absent = f"/v1/people/{uuid4()}/identity-key"
    assert (await security.client.post(absent, json={"nonsense": 1})).status_code == 404
    own = await security.client.post(f"/v1/people/{security.id}/identity-key", json={"identity_number": NUMBER})
    assert own.json()["code"] == "four_eyes"


@pytest.mark.parametrize(
    ("number", "code"),
    [
        ("360426199101010072", "checksum"),
        ("360426199102300071", "checksum"),
        (whole("36042619910230007"), "invalid_format"),
        ("36042619910101007", "too_short"),
        (NUMBER + "0", "too_long"),
    ],
)
async def test_numbers_are_checked(world: World, number: str, code: str) -> None:
    security, person = await world.person(Role.SECURITY_ADMIN), await world.person()
    refused = await security.client.post(f"/v1/people/{person.id}/identity-key", json={"identity_number": number})
    assert refused.status_code == 422, refused.text
    assert [(error["pointer"], error["code"]) for error in refused.json()["errors"]] == [("/identity_number", code)]
    assert number not in refused.text
