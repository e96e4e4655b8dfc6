"""An act and a recusal, begun within a few milliseconds on two servers, many times over."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import httpx

from tests.reviews.scene import Scene
from tests.world import Actor, World

AT_ONCE = 6
BATCH = 26


@dataclass
class Tally:
    """What was answered, by act and outcome; how many rounds were played, and how many of them collided."""

    answers: Counter[tuple[str, int]] = field(default_factory=Counter)
    played: int = 0
    collided: int = 0


@dataclass
class Server:
    """One of the processes, as a round meets it. Every answer is counted under the name of the act."""

    client: httpx.AsyncClient
    tally: Tally

    async def post(
        self, act: str, by: Actor, path: str, body: Any = None, *, version: int | None = None, method: str = "POST"
    ) -> httpx.Response:
        headers = {"Authorization": f"Bearer {by.token}", "Idempotency-Key": uuid4().hex}
        if version is not None:
            headers["If-Match"] = f'"{version}.0123456789abcdef"'
        answered = await self.client.request(method, path, json=body, headers=headers)
        self.tally.answers[act, answered.status_code] += 1
        return answered


Act = Callable[[Server], Awaitable[None]]


@dataclass(frozen=True)
class Round:
    """Two sides that meet. Each is told the server that it plays on."""

    act: Act
    recuse: Act


@dataclass
class Field:
    """Where a duel is fought: the people who stand by, chance, and what has to be looked at in the end."""

    world: World
    scene: Scene
    orderer: Actor
    admin: Actor
    government: UUID
    chance: random.Random
    tokens: list[tuple[str, str]] = field(default_factory=list)


@dataclass(frozen=True)
class Duel:
    """`prepare` sets one round up as if everybody had walked the whole way: what is raced is the last step.

    `allowed`: all that may be answered; `both`: outcomes of which each must come up, or the rounds did not collide.
    """

    name: str
    prepare: Callable[[Field, int], Awaitable[Round]]
    allowed: Mapping[str, frozenset[int]]
    both: frozenset[tuple[str, int]]


async def fight(duel: Duel, ground: Field, servers: list[httpx.AsyncClient], rounds: int) -> Tally:
    """Until as many rounds as asked for have really overlapped, and both outcomes came up."""
    tally, gate = Tally(), asyncio.Semaphore(AT_ONCE)
    while tally.collided < rounds or any(not tally.answers[outcome] for outcome in duel.both):
        assert tally.played < 5 * rounds + 5 * BATCH, (duel.name, tally)
        batch = [await duel.prepare(ground, tally.played + number) for number in range(min(BATCH, rounds))]
        await asyncio.gather(*(_play(one, servers, ground.chance, tally, gate) for one in batch))
    for act, statuses in duel.allowed.items():
        assert {status for name, status in tally.answers if name == act} <= statuses, (duel.name, tally)
    assert {act for act, _ in tally.answers} <= set(duel.allowed), tally
    return tally


async def _play(
    one: Round, servers: list[httpx.AsyncClient], chance: random.Random, tally: Tally, gate: asyncio.Semaphore
) -> None:
    here, there = chance.sample(servers, 2)
    sides = ((one.act, here, chance.uniform(0, 0.03)), (one.recuse, there, chance.uniform(0, 0.03)))
    async with gate:
        spans = await asyncio.gather(*(_after(delay, act(Server(on, tally))) for act, on, delay in sides))
    tally.played += 1
    tally.collided += max(begun for begun, _ in spans) < min(ended for _, ended in spans)


async def _after(delay: float, act: Awaitable[None]) -> tuple[float, float]:
    await asyncio.sleep(delay)
    begun = time.monotonic()
    await act
    return begun, time.monotonic()
