"""Score against recuse, across two server processes: whoever wins, nothing live is left of a walled person.

RACE_ROUNDS sets how many rounds must really have overlapped.
"""

import asyncio
import multiprocessing
import os
import random
import socket
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable
from dataclasses import dataclass, field
from datetime import date
from uuid import uuid4

import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app.auth import registry
from app.core.config import Settings
from app.models.identity import Employment, Role
from app.models.reviews import Expert, ScoreSheet
from app.reviews import repository
from tests import processes
from tests.reviews.scene import REGION, SCORES, Scene, make_scene, promise, seat
from tests.world import Actor, World

ROUNDS = int(os.environ.get("RACE_ROUNDS", "100"))
AT_ONCE = 6
LIVE = """
SELECT count(*) FROM score_sheets AS s JOIN assignments AS a ON a.id = s.assignment_id
JOIN walls AS w ON w.person_id = s.person_id AND w.subject = 'region:' || s.region_code
WHERE s.state IN ('draft', 'submitted') OR a.state IN ('invited', 'accepted', 'declared', 'done')
"""


@dataclass
class Round:
    """A reviewer with the dossier open: a sheet is saved and ready to be signed, or none was begun yet."""

    expert: Actor
    path: str
    saved: bool


@dataclass
class Tally:
    answers: Counter[tuple[str, int]] = field(default_factory=Counter)
    overlapped: int = 0
    played: int = 0


@pytest.fixture
async def servers(settings: Settings, world: World) -> AsyncIterator[list[httpx.AsyncClient]]:
    """Two processes over one database, each with its own client."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.processes"])
    ports = [_free_port(), _free_port()]
    started = [context.Process(target=processes.serve, args=(settings, port)) for port in ports]
    for process in started:
        process.start()
    clients = [httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=30) for port in ports]
    try:
        for client in clients:
            await _ready(client)
        yield clients
    finally:
        for client in clients:
            await client.aclose()
        for process in started:
            process.kill()
            process.join()


async def test_score_against_recuse(world: World, servers: list[httpx.AsyncClient]) -> None:
    scene = await make_scene(world, pool=0)
    tally, chance, gate = Tally(), random.Random(20260302), asyncio.Semaphore(AT_ONCE)  # noqa: S311
    while tally.overlapped < ROUNDS:
        assert tally.played < 5 * ROUNDS, tally
        rounds = [await _prepare(scene, saved=number % 2 == 0) for number in range(min(26, ROUNDS))]
        await asyncio.gather(*(_play(scene, servers, one, tally, chance, gate) for one in rounds))
    _check_answers(tally)
    assert [row.count for row in await world.rows(LIVE)] == [0]
    walled = await world.rows("SELECT count(DISTINCT person_id) FROM walls")
    assert [row.count for row in walled] == [tally.played]
    (database,) = await world.rows("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
    assert database.deadlocks == 0
    # Whatever had been signed before, no panel counts it, and each was given to the worker to repair.
    async with world.admin.administration() as session:
        panels = [row.id for row in await world.rows("SELECT id FROM panels")]
        assert [panel for panel in panels if await repository.counted_sheets(session, panel)] == []
    repairs = await world.rows("SELECT payload FROM jobs WHERE kind = 'reviews.repair'")
    assert {row.payload["panel_id"] for row in repairs} == {str(panel) for panel in panels}


def _check_answers(tally: Tally) -> None:
    """Nothing but what either order of events gives, and both orders came up, or the rounds did not collide."""
    statuses = {act: {status for (name, status) in tally.answers if name == act} for act, _ in tally.answers}
    assert statuses["recuse"] == {201}, tally
    for act in ("save", "submit"):
        assert statuses[act] <= {200, 401}, tally
        assert tally.answers[act, 200] > 0, tally
        assert tally.answers[act, 401] > 0, tally


async def _play(
    scene: Scene,
    servers: list[httpx.AsyncClient],
    one: Round,
    tally: Tally,
    chance: random.Random,
    gate: asyncio.Semaphore,
) -> None:
    """Saving and signing on one server, the recusal on the other, begun within a few milliseconds."""
    here, there = chance.sample(servers, 2)
    reviewing = _review(here, one, tally, sign=chance.random() < 0.6, again=chance.random() < 0.5)
    barring = _recuse(there, scene, one, tally, by_self=chance.random() < 0.5)
    delays = chance.uniform(0, 0.03), chance.uniform(0, 0.03)
    async with gate:
        spans = await asyncio.gather(_after(delays[0], reviewing), _after(delays[1], barring))
    tally.played += 1
    tally.overlapped += max(begun for begun, _ in spans) < min(ended for _, ended in spans)


async def _after(delay: float, act: Awaitable[None]) -> tuple[float, float]:
    await asyncio.sleep(delay)
    begun = time.monotonic()
    await act
    return begun, time.monotonic()


async def _review(server: httpx.AsyncClient, one: Round, tally: Tally, *, sign: bool, again: bool) -> None:
    seen = '"1.0123456789abcdef"' if one.saved else '"0.0123456789abcdef"'
    headers = {"Authorization": f"Bearer {one.expert.token}", "If-Match": seen}
    if again or not (sign and one.saved):
        changed = {"scores": {**SCORES, "innovation": "7"}}
        saved = await server.put(f"{one.path}/score-sheet", json=changed, headers=headers)
        tally.answers["save", saved.status_code] += 1
        headers["If-Match"] = saved.headers.get("etag", headers["If-Match"])
    if sign:
        headers["Idempotency-Key"] = uuid4().hex
        signed = await server.post(f"{one.path}/score-sheet/submit", headers=headers)
        tally.answers["submit", signed.status_code] += 1


async def _recuse(server: httpx.AsyncClient, scene: Scene, one: Round, tally: Tally, *, by_self: bool) -> None:
    who = one.expert if by_self else scene.office
    body = {"initiator": "self"} if by_self else {"initiator": "ex_officio", "person_id": str(one.expert.id)}
    answer = await server.post(
        "/v1/recusals",
        json={**body, "region_code": REGION, "relation_code": "kinship", "statement": "查实的关系（示例）"},
        headers={"Authorization": f"Bearer {who.token}", "Idempotency-Key": uuid4().hex},
    )
    tally.answers["recuse", answer.status_code] += 1


async def _prepare(scene: Scene, *, saved: bool) -> Round:
    """As if the reviewer had walked the whole way: what is raced is the last step."""
    world = scene.world
    expert = await world.person(Role.EXPERT, name="示例专家")
    async with world.admin.administration() as session:
        await registry.lock(session, expert.id)
        await _eligible(session, scene, expert)
        place = await seat(session, world, expert, state="declared")
        if saved:
            of = {"assignment_id": place.id, "panel_id": place.panel_id, "person_id": expert.id, "region_code": REGION}
            session.add(ScoreSheet(**of, id=uuid4(), scores=SCORES, state="draft", salt=uuid4()))
    await world.renew(expert)
    return Round(expert, f"/v1/assignments/{place.id}", saved)


async def _eligible(session: AsyncSession, scene: Scene, expert: Actor) -> None:
    session.add(Expert(person_id=expert.id, specialties=[], active=True, term_ends_on=None))
    session.add(
        Employment(
            id=uuid4(),
            person_id=expert.id,
            organisation_id=scene.employer,
            kind="staff",
            starts_on=date(2015, 1, 1),
        )
    )
    await promise(session, scene.world, expert)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


async def _ready(client: httpx.AsyncClient) -> None:
    for _ in range(300):
        try:
            if (await client.get("/healthz")).status_code == 200:
                return
        except httpx.TransportError:
            await asyncio.sleep(0.1)
    raise AssertionError("the server did not come up")
