"""Limits of calls: what is counted, for whom, and what the answers say of it. The window is so long that nothing comes
back meanwhile; the database's clock is moved by moving what it wrote.
"""

from collections.abc import Sequence
from uuid import uuid4

import asyncpg
import pytest
from httpx import ASGITransport, AsyncClient, Response

from app.core.config import Settings
from app.core.limits import UNLIMITED, Limits, caller_address, networks
from app.models.identity import Role
from tests.ground import edge_of
from tests.world import PASSWORD, Actor, World

READS, WRITES, PUSHES, TOKEN, ANONYMOUS, WINDOW = 5, 3, 2, 4, 6, 36_000


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(
        update={
            "rate_limit_reads": READS,
            "rate_limit_writes": WRITES,
            "rate_limit_pushes": PUSHES,
            "rate_limit_token": TOKEN,
            "rate_limit_anonymous": ANONYMOUS,
            "rate_limit_seconds": WINDOW,
            "trusted_proxies": "127.0.0.0/8",
        }
    )


def _refused(answer: Response) -> None:
    assert answer.status_code == 429, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == "too_many_requests"
    assert 1 <= int(answer.headers["retry-after"]) <= WINDOW


def _left(answer: Response) -> int:
    name, left, _ = answer.headers["ratelimit"].split(";")
    assert answer.headers["ratelimit-policy"].split(";")[0] == name
    return int(left.removeprefix("r="))


async def _push(machine: Actor) -> Response:
    return await machine.post("/v1/imports/projects", {"items": [{"external_id": uuid4().hex}]})


async def test_so_many_are_taken_and_each_answer_says_what_is_left(world: World) -> None:
    person, other = await world.person(Role.LEAGUE_OFFICE), await world.person(Role.LEAGUE_OFFICE)
    first = await person.get("/v1/me")
    assert first.headers["ratelimit-policy"] == f'"reads";q={READS};w={WINDOW}'
    assert first.headers["ratelimit"] == f'"reads";r={READS - 1};t={WINDOW // READS}'
    head = await person.client.head("/v1/me")
    assert (head.status_code, _left(head)) == (200, READS - 2)
    # A refusal is an answer, too: 404, 422.
    assert _left(await person.get(f"/v1/plans/{uuid4()}")) == READS - 3
    assert _left(await person.get("/v1/plans", params={"colour": "green"})) == READS - 4
    assert _left(await person.get("/v1/me")) == 0
    refused = await person.get("/v1/me")
    _refused(refused)
    assert refused.headers["ratelimit"].startswith('"reads";r=0;t=')
    assert refused.headers["ratelimit-policy"] == first.headers["ratelimit-policy"]
    assert (await other.get("/v1/me")).status_code == 200
    # Who reads too much can still write.
    written = await person.post("/v1/reporting-tasks", {})
    assert (written.status_code, _left(written)) == (422, WRITES - 1)


async def test_what_was_taken_comes_back_one_by_one(world: World, worker: asyncpg.Connection) -> None:
    person = await world.person()
    for _ in range(READS):
        assert (await person.get("/v1/me")).status_code == 200
    _refused(await person.get("/v1/me"))
    back = "UPDATE rate_limits SET full_at = full_at - make_interval(secs => $1)"
    assert await worker.execute(back, float(WINDOW // READS)) == "UPDATE 1"
    assert (await person.get("/v1/me")).status_code == 200
    _refused(await person.get("/v1/me"))
    await worker.execute("UPDATE rate_limits SET full_at = '2020-01-01'")
    assert _left(await person.get("/v1/me")) == READS - 1


async def test_the_refusal_comes_before_every_other(world: World) -> None:
    person = await world.person(Role.LEAGUE_OFFICE)
    for _ in range(WRITES):
        keyless = await person.client.post("/v1/organisations", json={})
        assert keyless.json()["code"] == "idempotency_key_missing"
        assert "ratelimit" in keyless.headers
    _refused(await person.client.post("/v1/organisations", json={}))
    _refused(await person.client.post("/v1/organisations", content=b"x", headers={"Content-Type": "text/plain"}))
    _refused(await person.client.post("/v1/organisations", content=b"{"))


async def test_what_is_no_token_counts_for_the_address(world: World, http: AsyncClient) -> None:
    person = await world.person()
    altered = person.token[:-6] + ("AAAAAA" if not person.token.endswith("AAAAAA") else "BBBBBB")
    for value in ("", "nonsense", "Bearer x.y.z", f"Bearer {altered}", "Basic eA==", "Bearer"):
        refused = await http.get("/v1/me", headers={"Authorization": value})
        assert (refused.status_code, refused.headers["ratelimit-policy"].split(";")[0]) == (401, '"anonymous"')
    _refused(await http.get("/v1/me", headers={"Authorization": "Bearer x.y.z"}))
    _refused(await http.get("/v1/publications"))
    _refused(await http.post("/v1/organisations", json={}))
    # A token that verifies is counted for its holder, wherever it comes from.
    assert (await person.get("/v1/me")).status_code == 200


async def test_a_token_that_ended_counts_for_its_holder(world: World) -> None:
    person = await world.person(Role.LEAGUE_OFFICE)
    await world.wall(person, "region:152501")
    old = person.token
    await world.wall(person, "region:152502")
    stale = await person.client.get("/v1/me", headers={"Authorization": f"Bearer {old}"})
    assert (stale.status_code, _left(stale)) == (401, READS - 1)


async def test_the_token_routes_share_a_budget_of_the_address(world: World, http: AsyncClient) -> None:
    await world.person(username="somebody")
    form = {"grant_type": "password", "username": "somebody", "password": "wrong"}
    assert _left(await http.post("/v1/auth/token", data=form)) == TOKEN - 1
    revoked = await http.post("/v1/auth/revoke", data={"token": "x"})
    assert (revoked.status_code, _left(revoked)) == (200, TOKEN - 2)
    asked = await http.post("/v1/auth/introspect", data={"token": "x"})
    assert (asked.status_code, _left(asked)) == (401, TOKEN - 3)
    good = await http.post("/v1/auth/token", data={**form, "password": PASSWORD})
    assert (good.status_code, _left(good)) == (200, 0)
    _refused(await http.post("/v1/auth/token", data={**form, "password": PASSWORD}))
    # Another budget than that of who has no token.
    assert _left(await http.get("/v1/publications")) == ANONYMOUS - 1


async def test_a_clients_own_limits_go_before_everybodys(world: World, worker: asyncpg.Connection) -> None:
    plain, own = await world.machine("152501"), await world.machine("152501")
    async with worker.transaction():
        await worker.execute("SELECT pg_advisory_xact_lock(gate.lock_key($1))", own.id)
        await worker.execute("UPDATE clients SET reads_limit = 2, pushes_limit = 4 WHERE id = $1", own.id)
    assert (await plain.get("/v1/me")).headers["ratelimit-policy"] == f'"reads";q={READS};w={WINDOW}'
    assert [(await own.get("/v1/me")).status_code for _ in range(3)] == [200, 200, 429]
    assert [(await _push(plain)).status_code for _ in range(3)] == [200, 200, 429]
    pushed = await _push(own)
    assert pushed.headers["ratelimit-policy"] == f'"pushes";q=4;w={WINDOW}'
    assert [(await _push(own)).status_code for _ in range(4)] == [200, 200, 200, 429]


async def test_a_repetition_is_one_request(world: World) -> None:
    office = await world.person(Role.LEAGUE_OFFICE)
    body = {"name": "示例单位（示例）", "kind": "enterprise", "no_code_reason": "示例", "region_code": "152501"}
    first = await office.post("/v1/organisations", body, key="once")
    again = await office.post("/v1/organisations", body, key="once")
    assert (first.status_code, again.status_code, again.headers["idempotent-replayed"]) == (201, 201, "true")
    assert (_left(first), _left(again)) == (WRITES - 1, WRITES - 2)
    assert again.headers["ratelimit"].startswith('"writes"')
    assert _left(await office.get("/v1/me")) == READS - 1


async def test_supervisors_are_not_counted(http: AsyncClient) -> None:
    for _ in range(ANONYMOUS + 2):
        for path in ("/healthz", "/readyz"):
            answer = await http.get(path)
            assert answer.status_code == 200
            assert "ratelimit" not in answer.headers


async def test_what_cannot_be_counted_is_not_let_through(world: World, worker: asyncpg.Connection) -> None:
    person = await world.person()
    assert (await person.get("/v1/me")).status_code == 200
    async with worker.transaction():
        await worker.execute("SELECT FROM rate_limits FOR UPDATE")
        held = await person.get("/v1/me")
    assert (held.status_code, held.json()["code"], held.headers["retry-after"]) == (503, "busy", "1")
    assert (await person.get("/v1/me")).status_code == 200


@pytest.mark.parametrize("quota", [1, 7, 59, 1000])
async def test_the_count_is_exact(app_role: asyncpg.Connection, quota: int) -> None:
    # The holder is the same for every n: only so is the function called for each.
    taken = await app_role.fetch(
        "SELECT c.* FROM generate_series(1, $1 + 3) AS n, "
        "LATERAL gate.count_call('person:' || left(n::text, 0), 'reads', $1, 86399, NULL) AS c ORDER BY n",
        quota,
    )
    assert [row["allowed"] for row in taken] == [True] * quota + [False] * 3
    assert [row["remaining"] for row in taken[:quota]] == list(range(quota - 1, -1, -1))


async def test_rows_that_say_nothing_go_when_new_ones_come(
    app_role: asyncpg.Connection, worker: asyncpg.Connection
) -> None:
    count = (
        "SELECT count(*) FROM generate_series(1, 1000) AS n, "
        "LATERAL gate.count_call($1 || n, 'reads', 10, 36000, NULL) AS c WHERE c.allowed"
    )
    await app_role.execute("SELECT setseed(0.5)")
    assert await app_role.fetchval(count, "address:old") == 1000
    assert await worker.fetchval("SELECT count(*) FROM rate_limits") == 1000
    await worker.execute("UPDATE rate_limits SET full_at = '2020-01-01'")
    assert await app_role.fetchval(count, "address:new") == 1000
    # Every one of the old ones, and none of the new ones.
    assert await worker.fetchval("SELECT count(*) FROM rate_limits WHERE full_at = '2020-01-01'") == 0
    assert await worker.fetchval("SELECT count(*) FROM rate_limits") == 1000


async def test_a_trusted_proxy_tells_the_address(world: World) -> None:
    async def asks(peer: str, forwarded: str) -> int:
        transport = ASGITransport(edge_of(world.api), client=(peer, 1))
        async with AsyncClient(transport=transport, base_url="http://liangshan.test") as client:
            return _left(await client.get("/v1/publications", headers={"X-Forwarded-For": forwarded}))

    assert await asks("127.0.0.1", "203.0.113.5") == ANONYMOUS - 1
    assert await asks("127.0.0.1", "198.51.100.9, 203.0.113.5") == ANONYMOUS - 2
    assert await asks("127.0.0.1", "203.0.113.6") == ANONYMOUS - 1
    # Nobody else tells it.
    assert await asks("203.0.113.7", "203.0.113.8") == ANONYMOUS - 1
    assert await asks("203.0.113.7", "203.0.113.9") == ANONYMOUS - 2


@pytest.mark.parametrize(
    ("peer", "forwarded", "found"),
    [
        ("203.0.113.5", [], "203.0.113.5"),
        ("203.0.113.5", ["198.51.100.1"], "203.0.113.5"),
        ("10.0.0.1", ["198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["198.51.100.1, 10.0.0.2"], "198.51.100.1"),
        ("10.0.0.1", ["198.51.100.1", "203.0.113.5"], "203.0.113.5"),
        ("10.0.0.1", ["203.0.113.5:4711"], "203.0.113.5"),
        ("10.0.0.1", ["[2001:db8::1]:4711"], "2001:db8::/64"),
        ("10.0.0.1", ["nonsense"], "10.0.0.1"),
        ("10.0.0.1", ["198.51.100.1, nonsense"], "10.0.0.1"),
        ("10.0.0.1", ["10.0.0.3"], "10.0.0.3"),
        ("::ffff:203.0.113.5", [], "203.0.113.5"),
        ("2001:db8::1:2:3:4", [], "2001:db8::/64"),
        ("", [], "unknown"),
        ("testclient", ["203.0.113.5"], "unknown"),
    ],
)
def test_the_address_is_the_last_that_no_trusted_proxy_claims(peer: str, forwarded: Sequence[str], found: str) -> None:
    assert caller_address(peer, forwarded, networks("10.0.0.0/8, fd00::/8")) == found


async def test_nothing_is_counted_at_zero(world: World, settings: Settings) -> None:
    world.api.state.limits = Limits(world.api.state.database, settings.model_copy(update=UNLIMITED))
    person = await world.person()
    for _ in range(READS + 1):
        answer = await person.get("/v1/me")
        assert (answer.status_code, "ratelimit" in answer.headers) == (200, False)
