"""Tokens, roles, accounts, other people's names: whoever one is called, the wall is the person's."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from itertools import combinations
from typing import Any
from uuid import UUID

from fastapi import Request
from sqlalchemy.ext.asyncio import AsyncSession

from app.auth.scopes import LEAGUE_ROLES, ORGANISATION_BOUND, REGION_BOUND
from app.core.db import Database, Entry
from app.models.identity import Role
from tests.declarations.scene import Scene
from tests.scenarios.attack import NO_WALLS, attack, document, gate, patched, sql
from tests.scenarios.scene import REGION, answer, knock, nowhere, order, recuse

RAISED = ("SET rev = rev + 1", "SET rev = rev")
TOKENS_LIVE_ON = gate("protect", RAISED) | gate("on_standing", RAISED)


@attack(1, TOKENS_LIVE_ON, NO_WALLS)
async def test_01_a_token_issued_before_the_recusal(scene: Scene) -> None:
    """Each request asks the database: the old token stops, and a new one opens nothing either."""
    file = f"/v1/appraisal-files/{(await scene.seat(scene.expert)).file}"
    assert (await scene.second.get(file)).status_code == 200
    await order(scene.office, scene.second)
    assert (await scene.second.get(file)).status_code == 401
    await scene.world.renew(scene.second)
    assert await knock(scene.second, file) == await nowhere(scene.second, file)


def _bound(role: Role, employer: UUID) -> Any:
    return (role, REGION) if role in REGION_BOUND else (role, employer) if role in ORGANISATION_BOUND else role


@attack(5, NO_WALLS, gate("own_regions", ("SELECT unnest(gate.regions())", "SELECT NULL")))
async def test_05_an_administrator_who_is_also_reviewer_or_applicant(scene: Scene) -> None:
    """Every pair of roles: no second role opens what the first one is walled from, or is staff of."""
    world, seat = scene.world, await scene.seat(scene.expert)
    employer = await world.organisation()
    doors = (f"/v1/appraisal-files/{seat.file}", f"/v1/panels/{seat.panel}", f"/v1/assignments/{seat.assignment}")
    seen = 0
    for pair in combinations(Role, 2):
        both = await world.person(*(_bound(role, employer) for role in pair))
        judges, applies = LEAGUE_ROLES & set(pair), REGION_BOUND & set(pair)
        before = (await both.get(doors[0])).status_code
        assert (before == 200) == bool(judges and not applies), pair
        seen += before == 200
        await world.wall(both, f"region:{REGION}")
        for door in doors:
            assert await knock(both, door) == await nowhere(both, door), (pair, door)
    assert seen == 21


NUMBER = "360426199101010071"  # a published test vector, nobody's
SAME_NUMBER_TWICE = sql("ALTER TABLE identity_keys DROP CONSTRAINT uq_identity_keys_digest")


@attack(8, SAME_NUMBER_TWICE)
async def test_08_a_second_account(scene: Scene) -> None:
    """A recusal hangs on the person. A second self is not verified, so it is given nothing to judge with; a machine
    client is nobody, and reads no judgement."""
    world, seat = scene.world, await scene.seat(scene.expert)
    security, first, second = await world.person(Role.SECURITY_ADMIN), await world.person(), await world.person()
    verified = await security.client.post(f"/v1/people/{first.id}/identity-key", json={"identity_number": NUMBER})
    assert verified.status_code == 201, verified.text
    again = await security.client.post(f"/v1/people/{second.id}/identity-key", json={"identity_number": NUMBER})
    assert again.status_code == 409
    asked = await security.post(f"/v1/people/{second.id}/grants", {"role": "league_office", "reason": "任职（示例）"})
    assert (asked.status_code, asked.json()["reason"]) == (409, "identity_not_verified")
    client = await world.machine(REGION)
    for door in (f"/v1/appraisal-files/{seat.file}", f"/v1/panels/{seat.panel}", f"/v1/assignments/{seat.assignment}"):
        refused = await client.get(door)
        assert (refused.status_code, refused.json()["code"]) == (403, "insufficient_scope")


class _Speaking:
    """A database on which a request speaks for whom its header names: what must not be built."""

    def __init__(self, database: Database, name: str) -> None:
        self._database, self._as = database, UUID(name)

    @asynccontextmanager
    async def transaction(self, entry: Entry) -> AsyncIterator[AsyncSession]:
        async with self._database.transaction(replace(entry, principal=entry.principal)) as honest:
            rev = honest.info["entered"].rev
        async with self._database.transaction(replace(entry, principal=self._as, family=None)) as session:
            session.info["entered"] = replace(session.info["entered"], rev=rev)
            yield session


def acting_as(request: Request) -> Any:
    named = request.headers.get("x-act-as")
    return _Speaking(request.app.state.database, named) if named else request.app.state.database


@attack(9, patched("app.auth.dependencies.database_of", acting_as))
async def test_09_acting_as_somebody_else(scene: Scene) -> None:
    """There is no such thing: no header, no parameter and no token exchange makes one person another."""
    seat = await scene.seat(scene.expert)
    file, office = f"/v1/appraisal-files/{seat.file}", scene.office
    await recuse(scene.world, scene.second)
    for header in ("X-Act-As", "X-On-Behalf-Of", "X-User-Id", "X-Forwarded-User", "X-Remote-User", "X-Sudo", "From"):
        headers = {header: str(office.id)}
        assert answer(await scene.second.get(file, headers=headers)) == await nowhere(scene.second, file), header
    for name in ("act_as", "as", "user_id", "on_behalf_of", "sudo"):
        assert (await scene.second.get("/v1/appraisal-files", params={name: str(office.id)})).status_code == 422, name
    exchange = {
        "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
        "subject_token": scene.second.token,
        "requested_subject": str(office.id),
    }
    refused = await scene.second.client.post("/v1/auth/token", data=exchange)
    assert refused.status_code in {400, 422}


def with_capability_links(openapi: dict[str, Any]) -> None:
    """A link that is right by itself, whoever holds it."""
    openapi["paths"]["/v1/assignments/{assignment_id}/dossier"]["get"]["parameters"].append(
        {"name": "signature", "in": "query", "schema": {"type": "string"}}
    )


SEATS_ARE_SHARED = sql(
    "ALTER POLICY app_select ON assignments USING (NOT is_reserve)",
    "ALTER POLICY app_select ON panels USING (true)",
)


@attack(10, SEATS_ARE_SHARED, document(with_capability_links))
async def test_10_delegates_sub_reviewers_and_links(scene: Scene, year: Any) -> None:
    """A seat is one person's: nobody else opens it, with its address or without a token, and no operation takes a
    secret in its address."""
    file = await year.drawn()
    (expert, seat), (delegate, _), *_ = await year.seats(file)
    await year.world.renew(delegate)
    for door in (seat, f"{seat}/score-sheet", f"{seat}/dossier"):
        assert await knock(delegate, door) == await nowhere(delegate, door)
        assert (await expert.client.get(door, headers={"Authorization": ""})).status_code == 401
    told = (await expert.get("/openapi.json")).json()
    telling = {"signature", "sig", "token", "access_token", "key", "expires", "delegate", "delegate_id", "ticket"}
    for path, operations in told["paths"].items():
        for operation in operations.values():
            named = {one["name"].lower() for one in operation.get("parameters", []) if "name" in one}
            assert not named & telling, path


FORGETFUL = gate(
    "set_principal_state",
    (
        "UPDATE principals SET disabled_at",
        "DELETE FROM walls WHERE person_id = target; UPDATE principals SET disabled_at",
    ),
)


@attack(46, FORGETFUL)
async def test_46_deleting_a_person(scene: Scene) -> None:
    """People are never deleted, and a recusal outlives the account: it is there when the account comes back."""
    world, person = scene.world, await scene.world.person(Role.LEAGUE_OFFICE, username="returning")
    file = f"/v1/appraisal-files/{(await scene.seat(scene.expert)).file}"
    await recuse(world, person)
    admin = await world.person(Role.SYSTEM_ADMIN)
    assert (await admin.delete(f"/v1/people/{person.id}")).status_code == 405
    for action in ("disable", "enable"):
        account = await admin.get(f"/v1/people/{person.id}/account")
        done = await admin.post(
            f"/v1/people/{person.id}/account/{action}", {"reason": "离岗（示例）"}, etag=account.headers["etag"]
        )
        assert done.status_code == 200, done.text
    await world.renew(person)
    assert await knock(person, file) == await nowhere(person, file)
    assert await world.rows("SELECT 1 FROM recusals WHERE person_id = :p AND state = 'provisional'", p=person.id)
