"""Login by password: one answer for every failure, a lock after five, and an own password that ends other logins."""

import asyncio
import statistics
import time
from typing import Any

import asyncpg
import pytest
from httpx import AsyncClient, Response
from passlib.hash import argon2
from sqlalchemy import text

from app.auth import repository, service
from app.auth.scopes import SCOPES
from app.core.db import Entry
from app.core.errors import Forbidden
from app.models.identity import Role
from tests.ground import FrozenClock
from tests.world import PASSWORD, World

NEW_PASSWORD = "Ujimqin-Meadow-2027"


async def login(http: AsyncClient, username: str = "officer", password: str = PASSWORD, **more: str) -> Response:
    form = {"grant_type": "password", "username": username, "password": password, **more}
    return await http.post("/v1/auth/token", data=form, headers={"X-Request-Id": "the-same-id"})


async def me(http: AsyncClient, token: str) -> Response:
    return await http.get("/v1/me", headers={"Authorization": f"Bearer {token}"})


def _same(*answers: Response) -> None:
    """Byte for byte: status, body and headers."""
    first = (answers[0].status_code, answers[0].content, sorted(answers[0].headers.items()))
    assert [(a.status_code, a.content, sorted(a.headers.items())) for a in answers] == [first] * len(answers)


async def test_login_gives_tokens_that_work(world: World, http: AsyncClient) -> None:
    officer = await world.person(Role.LEAGUE_OFFICE, username="officer", name="示例干部")
    answer = await login(http)
    assert answer.status_code == 200
    body = answer.json()
    assert (body["token_type"], body["expires_in"]) == ("Bearer", 900)
    assert answer.headers["cache-control"] == "private, no-store"
    assert body["scope"] == " ".join(sorted(body["scope"].split()))
    shown = (await me(http, body["access_token"])).json()
    assert (shown["id"], shown["name"], shown["username"]) == (str(officer.id), "示例干部", "officer")
    assert shown["scopes"] == body["scope"].split()
    [entry] = await world.rows("SELECT * FROM audit_entries WHERE action = 'auth.login'")
    assert (entry.outcome, entry.actor_id, entry.resource_kind, entry.resource_id) == (
        "done",
        officer.id,
        "person",
        officer.id,
    )


async def test_the_username_is_forgiving_and_the_password_is_not(world: World, http: AsyncClient) -> None:
    await world.person(username="officer")
    assert (await login(http, "  OFFICER ")).status_code == 200
    assert (await login(http, password=PASSWORD + " ")).status_code == 400
    assert (await login(http, password=PASSWORD.lower())).status_code == 400


async def test_every_failure_is_the_same_answer_and_leaves_a_trace(
    world: World, http: AsyncClient, worker: asyncpg.Connection
) -> None:
    known = await world.person(username="officer")
    off = await world.person(username="account-off")
    gone = await world.person(username="principal-off")
    await worker.execute("UPDATE accounts SET disabled_at = now() WHERE person_id = $1", off.id)
    await worker.execute("UPDATE principals SET disabled_at = now() WHERE id = $1", gone.id)
    await world.person(username="no-password")
    await worker.execute(
        "DELETE FROM credentials AS c USING accounts AS a WHERE a.person_id = c.person_id AND username = 'no-password'"
    )
    answers = [
        await login(http, password="wrong"),
        await login(http, "nobody-at-all"),
        await login(http, "account-off"),
        await login(http, "principal-off"),
        await login(http, "no-password"),
        await login(http, password="x" * 1024),
        await login(http, "'; DROP TABLE people; --"),
    ]
    _same(*answers)
    assert (answers[0].status_code, answers[0].json()["error"]) == (400, "invalid_grant")
    traces = await world.rows("SELECT outcome, resource_id FROM audit_entries WHERE action = 'auth.login'")
    assert [trace.outcome for trace in traces] == ["failed"] * len(answers)
    assert [trace.resource_id for trace in traces].count(known.id) == 2
    assert [trace.resource_id for trace in traces].count(None) == 3


async def test_an_unknown_account_takes_as_long_as_a_known_one(world: World, http: AsyncClient) -> None:
    await world.person(username="officer")
    spent: dict[str, list[float]] = {"officer": [], "nobody": []}
    for turn in range(4):
        for username, times in spent.items():
            started = time.perf_counter()
            await login(http, username, "wrong" + str(turn))
            times.append(time.perf_counter() - started)
    known, unknown = (statistics.median(times) for times in spent.values())
    assert 0.4 < known / unknown < 2.5


async def test_five_failures_lock_for_fifteen_minutes(world: World, http: AsyncClient, clock: FrozenClock) -> None:
    await world.person(username="officer")
    for _ in range(4):
        assert (await login(http, password="wrong")).status_code == 400
    assert (await login(http)).status_code == 200
    for _ in range(5):
        wrong = await login(http, password="wrong")
    locked = await login(http)
    _same(wrong, locked)
    clock.advance(minutes=14, seconds=59)
    assert (await login(http)).status_code == 400
    clock.advance(seconds=1)
    assert (await login(http)).status_code == 200
    assert (await login(http, password="wrong")).status_code == 400
    assert (await login(http)).status_code == 200


async def test_failing_while_locked_does_not_lock_for_ever(world: World, http: AsyncClient, clock: FrozenClock) -> None:
    await world.person(username="officer")
    for _ in range(12):
        await login(http, password="wrong")
        clock.advance(minutes=1)
    # The fifth failure, at minute four, locked until minute nineteen; the seven after it changed nothing.
    clock.advance(minutes=7)
    assert (await login(http)).status_code == 200


async def test_guesses_at_the_same_time_do_not_get_round_the_lock(world: World, http: AsyncClient) -> None:
    """Verified side by side, they are counted before the right one is let in."""
    await world.person(username="officer")
    wrong = [login(http, password=f"wrong-{n}") for n in range(15)]
    answers = await asyncio.gather(*wrong, login(http))
    assert {a.status_code for a in answers} == {400}
    # The right one among them, which was verified and came too late, is a failure like the others.
    traces = await world.rows("SELECT outcome FROM audit_entries WHERE action = 'auth.login'")
    assert [trace.outcome for trace in traces] == ["failed"] * len(answers)


async def test_a_login_that_was_overtaken_by_a_change_is_refused(
    world: World, http: AsyncClient, worker: asyncpg.Connection
) -> None:
    """What was verified was the old password: it counts only if it still stands when the login is written."""
    officer = await world.person(username="officer")
    now = world.api.state.database.clock.now()
    for verified, locked, accepted in (("another hash", None, False), (None, now, True), (None, "later", False)):
        stored = await worker.fetchval("SELECT password_hash FROM credentials WHERE person_id = $1", officer.id)
        until = now if locked is not None else None
        if locked == "later":
            until = now.replace(year=now.year + 1)
        await worker.execute("UPDATE credentials SET locked_until = $1 WHERE person_id = $2", until, officer.id)
        async with world.api.state.database.transaction(Entry("person", officer.id)) as session:
            outcome = await repository.login_succeeded(
                session, officer.id, verified=verified or stored, rehashed=None, at=now
            )
        assert outcome is accepted


async def test_a_weaker_hash_is_renewed_at_login(world: World, http: AsyncClient, worker: asyncpg.Connection) -> None:
    officer = await world.person(username="officer")
    weak: Any = argon2.using(type="ID", memory_cost=1024, time_cost=1, parallelism=1)  # type: ignore[no-untyped-call]
    await worker.execute(
        "UPDATE credentials SET password_hash = $1 WHERE person_id = $2", weak.hash(PASSWORD), officer.id
    )
    assert (await login(http)).status_code == 200
    stored = await worker.fetchval("SELECT password_hash FROM credentials WHERE person_id = $1", officer.id)
    assert "m=19456,t=2,p=1" in stored
    assert (await login(http)).status_code == 200


async def test_the_password_grant_can_be_switched_off(world: World, http: AsyncClient) -> None:
    await world.person(username="officer")
    tokens: service.TokenService = world.api.state.tokens
    off = tokens.settings.model_copy(update={"password_grant": False})
    world.api.state.tokens = service.TokenService(tokens.database, tokens.keys, tokens.codec, off)
    answer = await login(http)
    assert (answer.status_code, answer.json()["error"]) == (400, "unsupported_grant_type")
    metadata = (await http.get("/.well-known/oauth-authorization-server")).json()
    assert "password" not in metadata["grant_types_supported"]


async def test_the_form_is_checked(http: AsyncClient) -> None:
    for form, status, code in (
        ({}, 422, "validation_failed"),
        ({"grant_type": "password"}, 422, "validation_failed"),
        ({"grant_type": "password", "username": "a"}, 422, "validation_failed"),
        ({"grant_type": "password", "username": "a\0b", "password": "x"}, 422, "validation_failed"),
        ({"grant_type": "password", "username": "a" * 300, "password": "x"}, 422, "validation_failed"),
        ({"grant_type": "password", "username": "a", "password": "x" * 1025}, 422, "validation_failed"),
        ({"grant_type": "implicit"}, 400, "unsupported_grant_type"),
        ({"grant_type": "password", "username": "a", "password": "x", "scope": "made:up"}, 400, "invalid_scope"),
        ({"grant_type": "password", "username": "a", "password": "\0\0"}, 400, "invalid_grant"),
        ({"grant_type": "password", "username": "a", "password": "x", "extra": "ignored"}, 400, "invalid_grant"),
    ):
        answer = await http.post("/v1/auth/token", data=form)
        assert (answer.status_code, answer.json()["code"]) == (status, code), form


async def test_what_is_missing_from_the_form_is_named(http: AsyncClient) -> None:
    for form, missing in (
        ({"grant_type": "password", "password": "x"}, "/username"),
        ({"grant_type": "password", "username": "a"}, "/password"),
        ({"grant_type": "refresh_token"}, "/refresh_token"),
    ):
        answer = await http.post("/v1/auth/token", data=form)
        assert [(x["pointer"], x["code"]) for x in answer.json()["errors"]] == [(missing, "required")]


async def test_fewer_scopes_may_be_asked_for(world: World, http: AsyncClient) -> None:
    await world.person(Role.LEAGUE_OFFICE, username="officer")
    narrow = (await login(http, scope="plans:read plans:file")).json()
    assert narrow["scope"] == "plans:file plans:read"
    # What is not granted is not given, and a judging scope is given by no role alone.
    assert (await login(http, scope="plans:read plans:write evaluations:appraise")).json()["scope"] == "plans:read"
    assert (await login(http, scope="plans:write")).json()["scope"] == ""
    # Nothing asked for, or everything there is: all that is granted.
    granted = (await login(http)).json()["scope"]
    assert (await login(http, scope=" ")).json()["scope"] == granted
    assert (await login(http, scope=" ".join(SCOPES))).json()["scope"] == granted
    refused = await http.get("/v1/regions", headers={"Authorization": f"Bearer {narrow['access_token']}"})
    assert (refused.status_code, refused.json()["code"]) == (403, "insufficient_scope")


async def test_a_changed_password_ends_every_other_login(world: World, http: AsyncClient) -> None:
    officer = await world.person(username="officer")
    mine, elsewhere = (await login(http)).json(), (await login(http)).json()
    answer = await change(http, mine["access_token"], PASSWORD, NEW_PASSWORD)
    assert (answer.status_code, answer.content) == (204, b"")
    assert (await me(http, mine["access_token"])).status_code == 200
    assert (await me(http, elsewhere["access_token"])).status_code == 401
    renewal = {"grant_type": "refresh_token"}
    kept = await http.post("/v1/auth/token", data={**renewal, "refresh_token": mine["refresh_token"]})
    ended = await http.post("/v1/auth/token", data={**renewal, "refresh_token": elsewhere["refresh_token"]})
    assert (kept.status_code, ended.status_code) == (200, 400)
    assert (await login(http)).status_code == 400
    assert (await login(http, password=NEW_PASSWORD)).status_code == 200
    rows = await world.rows("SELECT outcome, actor_id FROM audit_entries WHERE action = 'auth.password'")
    assert [tuple(row) for row in rows] == [("done", officer.id)]


async def change(http: AsyncClient, token: str, current: str, new: str) -> Response:
    body = {"current_password": current, "new_password": new}
    return await http.post("/v1/me/password", json=body, headers={"Authorization": f"Bearer {token}"})


async def test_a_password_is_changed_by_who_knows_it_and_to_a_good_one(world: World, http: AsyncClient) -> None:
    await world.person(username="officer")
    token = (await login(http)).json()["access_token"]
    for current, new, pointer, code in (
        ("wrong", NEW_PASSWORD, "/current_password", "invalid_value"),
        (PASSWORD, "short", "/new_password", "weak_password"),
        (PASSWORD, "Officer-2026-x", "/new_password", "weak_password"),
        (PASSWORD, "", "/new_password", "too_short"),
    ):
        answer = await change(http, token, current, new)
        assert answer.status_code == 422
        assert [(x["pointer"], x["code"]) for x in answer.json()["errors"]] == [(pointer, code)]
    assert (await login(http)).status_code == 200


async def test_a_stolen_token_does_not_guess_the_password(world: World, http: AsyncClient, clock: FrozenClock) -> None:
    """Wrong guesses here lock the account, too; locked, even the right one is refused alike."""
    officer = await world.person(username="officer")
    token = (await login(http)).json()["access_token"]
    guesses = [await change(http, token, "wrong", NEW_PASSWORD) for _ in range(5)]
    right = await change(http, token, PASSWORD, NEW_PASSWORD)
    assert right.json()["errors"] == guesses[0].json()["errors"]
    assert (await login(http)).status_code == 400
    traces = await world.rows("SELECT outcome, resource_id FROM audit_entries WHERE action = 'auth.login' OFFSET 1")
    assert [tuple(trace) for trace in traces] == [("failed", officer.id)] * 7
    clock.advance(minutes=15)
    assert (await change(http, token, PASSWORD, NEW_PASSWORD)).status_code == 204


async def test_changing_a_password_holds_no_connection_while_it_hashes(world: World, http: AsyncClient) -> None:
    """More at once than there are connections: none waits for a second one while it holds a first."""
    people = [await world.person(username=f"officer{n}") for n in range(3)]
    tokens = [(await login(http, f"officer{n}")).json()["access_token"] for n in range(3)]
    assert len(people) == 3
    answers = await asyncio.gather(*(change(http, tokens[n % 3], "wrong", NEW_PASSWORD) for n in range(24)))
    assert {a.status_code for a in answers} == {422}


async def test_a_client_and_who_has_no_account_have_no_password(world: World, http: AsyncClient) -> None:
    machine, person = await world.machine("152501"), await world.person()
    for actor in (machine, person):
        assert (await change(http, actor.token, "x", NEW_PASSWORD)).status_code == 404


async def test_a_stale_token_changes_no_password(world: World, http: AsyncClient, worker: asyncpg.Connection) -> None:
    officer = await world.person(username="officer")
    token = (await login(http)).json()["access_token"]
    await worker.execute("UPDATE principals SET rev = rev + 1 WHERE id = $1", officer.id)
    assert (await change(http, token, PASSWORD, NEW_PASSWORD)).status_code == 401
    assert (await login(http)).status_code == 200


async def test_a_gate_function_of_one_person_is_refused_to_another(world: World) -> None:
    """Also where the requests' code would go wrong: the functions compare with the transaction's principal."""
    one, other = await world.person(username="one"), await world.person(username="other")
    for call in (
        "gate.login_succeeded(:p, 'x', NULL, now())",
        "gate.set_password(:p, 'x', now(), NULL)",
        "gate.store_refresh(:p, :p, :p, 'x', NULL, now(), now())",
        "gate.set_principal_state(:p, now(), now())",
    ):
        with pytest.raises(Forbidden):
            async with world.api.state.database.transaction(Entry("person", one.id)) as session:
                await session.execute(text(f"SELECT {call}"), {"p": other.id})
