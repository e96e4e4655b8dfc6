"""Machine clients: Basic or form, two live secrets, one refusal for every reason."""

import base64
from uuid import uuid4

import asyncpg
import pytest
from httpx import AsyncClient, Response

from app.auth import passwords
from tests.auth.test_login import me
from tests.world import Actor, World


async def by_basic(http: AsyncClient, client_id: str, secret: str, **form: str) -> Response:
    value = base64.b64encode(f"{client_id}:{secret}".encode()).decode()
    return await raw_basic(http, f"Basic {value}", **form)


async def raw_basic(http: AsyncClient, header: str, **form: str) -> Response:
    return await http.post(
        "/v1/auth/token",
        data={"grant_type": "client_credentials", **form},
        headers={"Authorization": header, "X-Request-Id": "the-same-id"},
    )


async def by_form(http: AsyncClient, client_id: str, secret: str, **more: str) -> Response:
    form = {"grant_type": "client_credentials", "client_id": client_id, "client_secret": secret, **more}
    return await http.post("/v1/auth/token", data=form, headers={"X-Request-Id": "the-same-id"})


@pytest.fixture
async def machine(world: World) -> Actor:
    made = await world.machine("152501", "152502")
    assert made.secret is not None
    return made


async def test_by_basic_and_by_form(http: AsyncClient, machine: Actor, world: World) -> None:
    assert machine.secret is not None
    for answer in (
        await by_basic(http, machine.client_id, machine.secret),
        await by_form(http, machine.client_id, machine.secret),
        await raw_basic(http, "bAsIc " + base64.b64encode(f"{machine.client_id}:{machine.secret}".encode()).decode()),
    ):
        assert answer.status_code == 200
        body = answer.json()
        assert (body["refresh_token"], body["expires_in"]) == (None, 900)
        assert body["scope"] == (
            "directory:read events:read history:push history:read imports:read projects:push projects:read"
            " webhooks:write"
        )
        shown = (await me(http, body["access_token"])).json()
        assert (shown["kind"], shown["client_id"], shown["source_system"], shown["username"]) == (
            "client",
            machine.client_id,
            "province-projects",
            None,
        )
    rows = await world.rows("SELECT outcome, resource_id FROM audit_entries WHERE action = 'auth.client'")
    assert [tuple(row) for row in rows] == [("done", machine.id)] * 3


async def test_every_refusal_is_the_same(
    http: AsyncClient, machine: Actor, world: World, worker: asyncpg.Connection
) -> None:
    assert machine.secret is not None
    bare = await world.machine("152501", source="without-secrets")
    await worker.execute("DELETE FROM client_secrets WHERE client_id = $1", bare.id)
    off = await world.machine("152501", source="disabled")
    assert off.secret is not None
    await worker.execute("UPDATE principals SET disabled_at = now() WHERE id = $1", off.id)
    encoded = base64.b64encode(f"{machine.client_id}:{machine.secret}".encode()).decode()
    answers = [
        await by_basic(http, machine.client_id, "wrong"),
        await by_form(http, machine.client_id, "wrong"),
        await by_form(http, machine.client_id, machine.secret + "x"),
        await by_form(http, machine.client_id.upper(), machine.secret),
        await by_form(http, "nobody", machine.secret),
        await by_form(http, bare.client_id, "None"),
        await by_basic(http, bare.client_id, ""),
        await by_form(http, off.client_id, off.secret),
        await by_basic(http, "", ""),
        await raw_basic(http, "Basic"),
        await raw_basic(http, "Basic !!!"),
        await raw_basic(http, "Basic " + base64.b64encode(b"\xff\xfe").decode()),
        await raw_basic(http, "Basic " + base64.b64encode(b"no-colon").decode()),
        await raw_basic(http, f"Basic {encoded}", client_secret=machine.secret),
        await raw_basic(http, f"Bearer {machine.token}"),
        await http.post(
            "/v1/auth/token", data={"grant_type": "client_credentials"}, headers={"X-Request-Id": "the-same-id"}
        ),
    ]
    first = (answers[0].status_code, answers[0].content, sorted(answers[0].headers.items()))
    assert [(a.status_code, a.content, sorted(a.headers.items())) for a in answers] == [first] * len(answers)
    assert (answers[0].status_code, answers[0].json()["error"]) == (401, "invalid_client")
    assert answers[0].headers["www-authenticate"].startswith("Basic")
    traces = await world.rows("SELECT resource_id FROM audit_entries WHERE action = 'auth.client'")
    assert {trace.resource_id for trace in traces} == {machine.id, bare.id, off.id, None}


async def test_what_cannot_be_a_client_is_not_looked_up(http: AsyncClient, machine: Actor, world: World) -> None:
    """Basic credentials come unbounded, from anybody: no connection is spent on them, and no trace kept."""
    with world.counting() as sent:
        for client_id, secret in (("a b", "x"), ("-a", "x"), ("a" * 129, "x"), ("", "x"), (machine.client_id, "")):
            assert (await by_basic(http, client_id, secret)).status_code == 401
        form = {"grant_type": "client_credentials", "client_secret": "x"}
        assert (await http.post("/v1/auth/token", data=form)).status_code == 401
        assert sent == []
        assert (await by_basic(http, "a" * 128, "x")).status_code == 401
    assert any("client_login" in statement for statement in sent)


async def test_a_nul_in_basic_is_no_500(http: AsyncClient) -> None:
    assert (await by_basic(http, "a\0b", "x")).status_code in {401, 422}


async def test_two_secrets_live_until_one_is_revoked(
    http: AsyncClient, machine: Actor, worker: asyncpg.Connection
) -> None:
    assert machine.secret is not None
    second = passwords.new_secret()
    await worker.execute(
        "INSERT INTO client_secrets VALUES ($1, $2, $3, now(), NULL)",
        uuid4(),
        machine.id,
        passwords.secret_digest(second),
    )
    for secret in (machine.secret, second):
        assert (await by_form(http, machine.client_id, secret)).status_code == 200
    await worker.execute(
        "UPDATE client_secrets SET revoked_at = now() WHERE digest = $1", passwords.secret_digest(machine.secret)
    )
    assert (await by_form(http, machine.client_id, machine.secret)).status_code == 401
    assert (await by_form(http, machine.client_id, second)).status_code == 200


async def test_fewer_scopes(http: AsyncClient, machine: Actor) -> None:
    assert machine.secret is not None
    narrow = await by_form(http, machine.client_id, machine.secret, scope="projects:read plans:read")
    assert narrow.json()["scope"] == "projects:read"
    unknown = await by_form(http, machine.client_id, machine.secret, scope="everything")
    assert (unknown.status_code, unknown.json()["error"]) == (400, "invalid_scope")


async def test_a_client_whose_registration_changes_needs_a_new_token(
    http: AsyncClient, machine: Actor, worker: asyncpg.Connection
) -> None:
    assert machine.secret is not None
    token = (await by_form(http, machine.client_id, machine.secret)).json()["access_token"]
    assert (await me(http, token)).status_code == 200
    async with worker.transaction():
        await worker.execute("SELECT pg_advisory_xact_lock(gate.lock_key($1))", machine.id)
        await worker.execute("UPDATE clients SET scopes = '{directory:read}' WHERE id = $1", machine.id)
    assert (await me(http, token)).status_code == 401
    assert (await by_form(http, machine.client_id, machine.secret)).json()["scope"] == "directory:read"
