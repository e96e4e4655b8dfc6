"""RFC 7662: a client learns about its own access tokens, and about nobody else's."""

import base64
from typing import Any

import asyncpg
import pytest
from httpx import AsyncClient, Response

from app.models.identity import Role
from tests.auth.test_clients import by_form
from tests.ground import FrozenClock
from tests.world import PASSWORD, Actor, World

ASK = "/v1/auth/introspect"
INACTIVE = {"active": False}


async def ask(http: AsyncClient, machine: Actor, token: str, **more: str) -> Response:
    assert machine.secret is not None
    return await http.post(ASK, data={"token": token, **more}, auth=(machine.client_id, machine.secret))


async def issued(http: AsyncClient, machine: Actor, **more: str) -> str:
    assert machine.secret is not None
    return str((await by_form(http, machine.client_id, machine.secret, **more)).json()["access_token"])


@pytest.fixture
async def machine(world: World) -> Actor:
    return await world.machine("152501")


async def test_an_own_token_is_told(http: AsyncClient, machine: Actor, clock: FrozenClock) -> None:
    token = await issued(http, machine, scope="projects:read projects:push")
    now = int(clock.now().timestamp())
    answer = await ask(http, machine, token, token_type_hint="access_token")
    told: dict[str, Any] = answer.json()
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "private, no-store")
    assert told.pop("jti")
    assert told == {
        "active": True,
        "scope": "projects:push projects:read",
        "client_id": machine.client_id,
        "sub": str(machine.id),
        "token_type": "Bearer",
        "iss": "http://liangshan.test",
        "aud": "http://liangshan.test",
        "iat": now,
        "exp": now + 900,
    }
    by_body = {"token": token, "client_id": machine.client_id, "client_secret": machine.secret}
    assert (await http.post(ASK, data=by_body)).json()["active"] is True
    clock.advance(seconds=900 + 31)
    assert (await ask(http, machine, token)).json() == INACTIVE


async def test_of_every_other_token_nothing_is_told(world: World, http: AsyncClient, machine: Actor) -> None:
    other = await world.machine("152501")
    person = await world.person(Role.LEAGUE_OFFICE, username="somebody")
    form = {"grant_type": "password", "username": "somebody", "password": PASSWORD}
    login = (await http.post("/v1/auth/token", data=form)).json()
    own = await issued(http, machine)
    for token in (
        await issued(http, other),
        person.token,
        login["access_token"],
        login["refresh_token"],
        "nonsense",
        "a.b.c",
        own[:-4] + "AAAA",
        own + "A",
    ):
        answer = await ask(http, machine, token)
        assert (answer.status_code, answer.json()) == (200, INACTIVE), token
    # Asking ends nothing.
    assert (
        await http.post("/v1/auth/token", data={"grant_type": "refresh_token", "refresh_token": login["refresh_token"]})
    ).status_code == 200


async def test_a_token_is_inactive_once_the_rights_changed(
    http: AsyncClient, machine: Actor, worker: asyncpg.Connection
) -> None:
    token = await issued(http, machine)
    assert (await ask(http, machine, token)).json()["active"] is True
    async with worker.transaction():
        await worker.execute("SELECT pg_advisory_xact_lock(gate.lock_key($1))", machine.id)
        await worker.execute("UPDATE clients SET scopes = '{directory:read}' WHERE id = $1", machine.id)
    assert (await ask(http, machine, token)).json() == INACTIVE


async def test_who_asks_must_be_a_client(world: World, http: AsyncClient, machine: Actor) -> None:
    assert machine.secret is not None
    token = await issued(http, machine)
    person = await world.person(Role.SECURITY_ADMIN)
    answers = [
        await http.post(ASK, data={"token": token}),
        await http.post(ASK, data={"token": token}, headers={"Authorization": f"Bearer {token}"}),
        await http.post(ASK, data={"token": token}, headers={"Authorization": f"Bearer {person.token}"}),
        await http.post(ASK, data={"token": token}, auth=(machine.client_id, "wrong")),
        await http.post(ASK, data={"token": token}, auth=("nobody", machine.secret)),
        await http.post(ASK, data={"token": token}, headers={"Authorization": "Basic !"}),
        await http.post(
            ASK,
            data={"token": token, "client_secret": machine.secret},
            headers={
                "Authorization": "Basic " + base64.b64encode(f"{machine.client_id}:{machine.secret}".encode()).decode()
            },
        ),
    ]
    for answer in answers:
        assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
        assert answer.headers["www-authenticate"] == 'Basic realm="liangshan"'
    failed = await world.rows(
        "SELECT resource_id FROM audit_entries WHERE action = 'auth.client' AND outcome = 'failed'"
    )
    assert [row.resource_id for row in failed] == [machine.id, None]
    missing = await http.post(ASK, data={}, auth=(machine.client_id, machine.secret))
    assert (missing.status_code, missing.json()["errors"][0]["pointer"]) == (422, "/token")
    as_json = await http.post(ASK, json={"token": token}, auth=(machine.client_id, machine.secret))
    assert as_json.status_code == 415


async def test_the_metadata_names_it(http: AsyncClient) -> None:
    told = (await http.get("/.well-known/oauth-authorization-server")).json()
    assert told["introspection_endpoint"] == f"http://liangshan.test{ASK}"
    assert told["introspection_endpoint_auth_methods_supported"] == ["client_secret_basic", "client_secret_post"]
