"""Refresh tokens: used once, rotated, and a second use ends the whole login (RFC 9700); revocation (RFC 7009)."""

import asyncio

import asyncpg
from httpx import AsyncClient, Response
from sqlalchemy import text

from app.auth import registry
from app.models.identity import Role
from tests.auth.test_login import login, me
from tests.ground import FrozenClock
from tests.world import World


async def refresh(http: AsyncClient, token: str, **more: str) -> Response:
    return await http.post("/v1/auth/token", data={"grant_type": "refresh_token", "refresh_token": token, **more})


async def revoke(http: AsyncClient, token: str) -> Response:
    return await http.post("/v1/auth/revoke", data={"token": token, "token_type_hint": "nonsense"})


async def test_each_is_used_once_and_replaced(world: World, http: AsyncClient) -> None:
    await world.person(Role.LEAGUE_OFFICE, username="officer")
    tokens = [(await login(http)).json()["refresh_token"]]
    for _ in range(3):
        answer = await refresh(http, tokens[-1])
        assert answer.status_code == 200
        assert (await me(http, answer.json()["access_token"])).status_code == 200
        tokens.append(answer.json()["refresh_token"])
    assert len(set(tokens)) == 4


async def test_a_second_use_ends_the_family_and_its_access_tokens(world: World, http: AsyncClient) -> None:
    officer = await world.person(username="officer")
    first = (await login(http)).json()
    other_login = (await login(http)).json()
    second = (await refresh(http, first["refresh_token"])).json()
    reused = await refresh(http, first["refresh_token"])
    assert (reused.status_code, reused.json()["error"]) == (400, "invalid_grant")
    assert (await refresh(http, second["refresh_token"])).status_code == 400
    for tokens in (first, second):
        assert (await me(http, tokens["access_token"])).status_code == 401
    # Another login of the same person has nothing to do with it.
    assert (await me(http, other_login["access_token"])).status_code == 200
    rows = await world.rows(
        "SELECT outcome, reason, resource_kind, actor_id FROM audit_entries WHERE action = 'auth.refresh'"
    )
    assert [tuple(row) for row in rows] == [
        ("denied", "reused", "person", officer.id),
        ("denied", "revoked", "person", officer.id),
    ]


async def test_of_two_uses_at_once_one_wins_and_the_login_ends(world: World, http: AsyncClient) -> None:
    """Which of the two holders is the thief is not to be known."""
    await world.person(username="officer")
    for _ in range(4):
        tokens = (await login(http)).json()
        answers = await asyncio.gather(*(refresh(http, tokens["refresh_token"]) for _ in range(5)))
        statuses = sorted(a.status_code for a in answers)
        assert statuses == [200, 400, 400, 400, 400]
        winner = next(a for a in answers if a.status_code == 200).json()
        assert (await me(http, winner["access_token"])).status_code == 401
        assert (await refresh(http, winner["refresh_token"])).status_code == 400


async def test_unknown_expired_and_reused_are_one_answer(world: World, http: AsyncClient, clock: FrozenClock) -> None:
    await world.person(username="officer")
    tokens = (await login(http)).json()
    headers = {"X-Request-Id": "the-same-id"}

    async def attempt(token: str) -> tuple[int, bytes, object]:
        form = {"grant_type": "refresh_token", "refresh_token": token}
        answer = await http.post("/v1/auth/token", data=form, headers=headers)
        return answer.status_code, answer.content, sorted(answer.headers.items())

    await refresh(http, tokens["refresh_token"])
    outcomes = [await attempt("unknown"), await attempt("x" * 1024), await attempt(tokens["refresh_token"])]
    fresh = (await login(http)).json()["refresh_token"]
    clock.advance(days=14, seconds=1)
    outcomes.append(await attempt(fresh))
    assert outcomes == [outcomes[0]] * 4
    assert outcomes[0][0] == 400
    # What never was a token of anybody leaves no trace, or anybody could fill the audit.
    traces = await world.rows("SELECT reason FROM audit_entries WHERE action = 'auth.refresh'")
    assert {trace.reason for trace in traces} == {"reused", "expired"}
    assert len(traces) == 2


async def test_it_lives_a_fortnight(world: World, http: AsyncClient, clock: FrozenClock) -> None:
    await world.person(username="officer")
    token = (await login(http)).json()["refresh_token"]
    clock.advance(days=13, hours=23)
    assert (await refresh(http, token)).status_code == 200


async def test_scopes_narrow_and_never_widen(world: World, http: AsyncClient) -> None:
    await world.person(Role.LEAGUE_OFFICE, username="officer")
    narrow = (await login(http, scope="plans:read directory:read")).json()
    narrower = (await refresh(http, narrow["refresh_token"], scope="plans:read plans:file")).json()
    assert narrower["scope"] == "plans:read"
    # The request's narrowing was for that one access token; the login's own bound stays.
    again = (await refresh(http, narrower["refresh_token"])).json()
    assert again["scope"] == "directory:read plans:read"


async def test_rights_lost_in_between_are_gone(world: World, http: AsyncClient, worker: asyncpg.Connection) -> None:
    officer = await world.person(Role.LEAGUE_OFFICE, username="officer")
    tokens = (await login(http)).json()
    async with worker.transaction():
        await worker.execute("SELECT pg_advisory_xact_lock(gate.lock_key($1))", officer.id)
        await worker.execute("UPDATE grants SET state = 'ended' WHERE person_id = $1", officer.id)
    assert (await me(http, tokens["access_token"])).status_code == 401
    renewed = (await refresh(http, tokens["refresh_token"])).json()
    assert renewed["scope"] == ""


async def test_who_is_disabled_gets_nothing_new(world: World, http: AsyncClient, worker: asyncpg.Connection) -> None:
    officer = await world.person(username="officer")
    tokens = (await login(http)).json()
    await worker.execute("UPDATE principals SET disabled_at = now() WHERE id = $1", officer.id)
    assert (await me(http, tokens["access_token"])).status_code == 401
    assert (await refresh(http, tokens["refresh_token"])).status_code == 400
    [row] = await world.rows("SELECT reason FROM audit_entries WHERE action = 'auth.refresh'")
    assert row.reason == "disabled"


async def test_refreshing_while_the_person_is_changed_never_deadlocks(world: World, http: AsyncClient) -> None:
    """The person's lock comes first everywhere: a refresh waits for the change, and then sees it."""
    officer = await world.person(username="officer")
    for _ in range(3):
        token = (await login(http)).json()["refresh_token"]

        async def change() -> None:
            async with world.admin.administration() as session:
                await registry.lock(session, officer.id)
                await asyncio.sleep(0.2)
                await registry.add_grant(session, officer.id, Role.LEAGUE_OFFICE)
                await session.execute(text("UPDATE grants SET state = 'ended' WHERE person_id = :p"), {"p": officer.id})

        changing = asyncio.create_task(change())
        await asyncio.sleep(0.05)
        answer = await refresh(http, token)
        await changing
        assert answer.status_code == 200
        assert (await me(http, answer.json()["access_token"])).status_code == 200


async def test_logging_out_by_either_token_ends_the_login(world: World, http: AsyncClient) -> None:
    await world.person(username="officer")
    for kind in ("refresh_token", "access_token"):
        tokens, other = (await login(http)).json(), (await login(http)).json()
        answer = await revoke(http, tokens[kind])
        assert (answer.status_code, answer.content) == (200, b"")
        assert (await me(http, tokens["access_token"])).status_code == 401
        assert (await refresh(http, tokens["refresh_token"])).status_code == 400
        assert (await me(http, other["access_token"])).status_code == 200


async def test_revoking_what_is_no_token_is_no_error(world: World, http: AsyncClient) -> None:
    machine = await world.machine("152501")
    for token in ("unknown", "a.b.c", "x" * 4096, "中文", machine.token):
        assert (await revoke(http, token)).status_code == 200
    assert (await http.post("/v1/auth/revoke", data={})).status_code == 422
    assert (await http.post("/v1/auth/revoke", data={"token": "x" * 4097})).status_code == 422


async def test_only_digests_are_kept(world: World, http: AsyncClient) -> None:
    await world.person(username="officer")
    token = (await login(http)).json()["refresh_token"]
    rows = await world.rows("SELECT * FROM refresh_tokens")
    assert len(rows) == 1
    assert token not in str(tuple(rows[0]))
