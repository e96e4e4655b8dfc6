"""Rounds: a push, a `kill -9` at a random moment of it, the same push again with its key, and the judge."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg
import httpx

from tests.faults import judge
from tests.faults.judge import Book
from tests.faults.library import Library, Options, Receipt, Sent
from tests.faults.processes import PATIENCE
from tests.faults.pushes import draw, fresh, whole
from tests.faults.stage import Client, Stage, make_stage
from tests.imports.pushing import PUSH, ndjson
from tests.world import Actor, World

# Who is killed, in pushes of which size. The worker has a hand in large ones only.
PLAN = (
    ("server", "small"),
    ("postgres", "large"),
    ("client", "small"),
    ("worker", "large"),
    ("postgres", "small"),
    ("server", "large"),
    ("worker", "large"),
    ("client", "large"),
)
_PAUSE = 0.008
_MEMBERS = 40
_SETTLE_EVERY = 40
_STALLED_SECONDS = 60


@dataclass(frozen=True)
class Took:
    """Seconds of an unharmed push, from its beginning: to its answer, and to its end."""

    rows: int
    answer: float
    end: float


@dataclass
class Outcome:
    """What a run of rounds came to. `moments`: what stood when somebody died, by (victim, moment)."""

    seed: int
    moments: Counter[tuple[str, str]] = field(default_factory=Counter)
    hits: Counter[str] = field(default_factory=Counter)
    rounds: Counter[str] = field(default_factory=Counter)
    answers: Counter[str] = field(default_factory=Counter)
    actions: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def hit_share(self) -> float:
        return self.hits.total() / max(1, self.rounds.total())

    def lines(self) -> Iterator[str]:
        yield f"{self.rounds.total()} rounds in {self.seconds:.0f} s, seed {self.seed}"
        for victim in sorted(self.rounds):
            met = ", ".join(f"{n} {when}" for (who, when), n in sorted(self.moments.items()) if who == victim)
            yield f"  {victim:<8} killed in {self.rounds[victim]} pushes, {self.hits[victim]} interrupted: {met}"
        yield f"interrupted: {self.hits.total()} of {self.rounds.total()}"
        yield "repetitions were answered: " + ", ".join(f"{n} × {told}" for told, n in self.answers.most_common())
        yield "rows: " + ", ".join(f"{n} {action}" for action, n in self.actions.most_common())
        yield from (f"FAULT {fault}" for fault in self.faults)


async def play(
    rounds: int, seed: int, folder: Path, say: Callable[[str], None] = lambda _: None, *, short: bool = False
) -> Outcome:
    """So many rounds on a stage of their own; ends at the first fault, after which the book is no longer right.

    `short`: measured once and not three times, and what the worker does after the pushes is not waited for.
    """
    outcome, chance, began = Outcome(seed), random.Random(seed), time.monotonic()  # noqa: S311 - no secrets
    async with make_stage(folder) as (stage, world, machine, office):
        say(f"{time.monotonic() - began:5.0f} s  the stage stands")
        book = await make_library(world, machine, office, chance)
        times = 1 if short else 3
        took = {size: await _unharmed(stage, book, chance, outcome, size, times) for size in ("small", "large")}
        say(f"{time.monotonic() - began:5.0f} s  unharmed: {took}")
        for number in range(rounds):
            if outcome.faults:
                break
            victim, size = PLAN[number % len(PLAN)]
            one = _Round(stage, book, chance, outcome, f"faults-{seed}-{number}", size)
            await one.play(victim, took[size])
            say(f"{time.monotonic() - began:5.0f} s  round {number + 1}: {victim}, {size}, {one.met}")
            if not short and ((number + 1) % _SETTLE_EVERY == 0 or number + 1 == rounds):
                outcome.faults += await _downstream(stage)
    outcome.seconds = time.monotonic() - began
    return outcome


async def make_library(world: World, machine: Actor, office: Actor, chance: random.Random) -> Book:
    """A library to begin with: some of it admitted by the office, so that pushes propose, and members leave."""
    book = Book(Library())
    rows = [fresh(chance, f"F-{number:05}") for number in range(0, 900, 3)]
    sent = [Sent(row) for row in rows]
    told = await machine.client.post(
        PUSH, content=ndjson(rows), headers={"Content-Type": "application/x-ndjson", "Idempotency-Key": "first"}
    )
    if told.status_code != 200:
        raise RuntimeError(told.text)
    book.push(whole(sent, Options()))
    for row in told.json()["rows"][:_MEMBERS]:
        admitted = await office.act(f"/v1/projects/{row['id']}", "admit")
        if admitted.status_code != 200:
            raise RuntimeError(admitted.text)
        book.library.admit(row["external_id"])
    return book


async def _unharmed(stage: Stage, book: Book, chance: random.Random, outcome: Outcome, size: str, times: int) -> Took:
    """How long a push of this size takes, by the middle one of so many; judged like any other."""
    taken = []
    for number in range(times):
        one = _Round(stage, book, chance, outcome, f"unharmed-{outcome.seed}-{size}-{number}", size)
        taken.append(await one.measure())
    return sorted(taken, key=lambda one: one.end / one.rows)[times // 2]


async def _downstream(stage: Stage) -> list[str]:
    """What follows from the pushes, once the worker has done all of it: as long as it goes on, it is waited for."""
    async with _linked(stage) as link:
        left = await judge.undone(link)
        while left:
            before = left
            await _until(lambda: judge.is_settled(link), _STALLED_SECONDS)
            if (left := await judge.undone(link)) >= before:
                return [f"the worker stands still, with {left} events and jobs to do"]
        return await judge.downstream_faults(link)


class _Round:
    def __init__(self, stage: Stage, book: Book, chance: random.Random, outcome: Outcome, key: str, size: str) -> None:
        self._stage = stage
        self._book = book
        self._chance = chance
        self._outcome = outcome
        self._key = key
        self._push = draw(chance, book.library, size)
        self._owed: Receipt = book.push(self._push)
        self.met = ""

    async def measure(self) -> Took:
        client = self._send(None)
        await client.until("begun")
        began = time.perf_counter()
        await client.until("answered", "broken")
        answered = time.perf_counter() - began
        async with _linked(self._stage) as link:
            await _until(lambda: self._is(link, "finished"), PATIENCE)
            ended = time.perf_counter() - began
        await self._repeat_and_judge()
        return Took(len(self._push.sent), answered, ended)

    async def play(self, victim: str, took: Took) -> None:
        hit, self.met = await self._harm(victim, took)
        outcome = self._outcome
        outcome.rounds[victim] += 1
        outcome.hits[victim] += hit
        outcome.moments[victim, self.met] += 1
        await self._repeat_and_judge()

    async def _harm(self, victim: str, took: Took) -> tuple[bool, str]:
        """Kill at a random moment of the part in which the victim has a hand, and start it again; whether something
        was interrupted, and what stood then. Some clients die at a byte, and some of the others at the commit: the
        moment in which the effect stands, and hardly anybody knows."""
        share, exactly = self._chance.random(), self._chance.random() < (0.4 if victim == "client" else 0.2)
        scale = len(self._push.sent) / took.rows
        dies_at = int(share * len(self._push.body)) if victim == "client" and exactly else None
        client = self._send(dies_at)
        await client.until("begun")
        if dies_at is not None:
            await asyncio.to_thread(client.process.join, PATIENCE)
        elif exactly and victim != "client":
            await self._until_committed(victim, 3 * took.end * scale)
        elif victim == "worker":
            await client.until("answered", "broken")
            await asyncio.sleep(share * (took.end - took.answer) * scale)
        else:
            await asyncio.sleep(share * (took.end if victim == "postgres" else took.answer) * scale)
        heard = dict(client.listen())
        match victim:
            case "client":
                client.process.kill()
            case "postgres":
                await asyncio.to_thread(self._stage.kill_postgres)
                await asyncio.to_thread(self._stage.restart_postgres)
            case _:
                await asyncio.to_thread(self._stage.kill, victim)
        stood, at_work = await self._stood(heard)
        if victim in {"server", "worker"}:
            self._stage.start(victim)
        await asyncio.to_thread(client.process.join, PATIENCE)
        client.listen()
        unheard = client.answer is None or client.answer >= 500
        return (at_work if victim == "worker" else unheard or (victim == "postgres" and at_work)), stood

    def _send(self, dies_at: int | None) -> Client:
        push = self._push
        return self._stage.client(self._key, push.options.query, push.body, pause=_PAUSE, dies_at=dies_at)

    async def _stood(self, heard: dict[str, Any]) -> tuple[str, bool]:
        """What stands at the death, and whether a worker had the run in hand."""
        async with _linked(self._stage) as link:
            row = await link.fetchrow(
                """SELECT i.state, j.state AS job FROM idempotency_records AS r
                JOIN import_runs AS i ON r.location = '/v1/imports/' || i.id
                LEFT JOIN jobs AS j ON j.key = 'imports.run:' || i.id WHERE r.key = $1""",
                self._key,
            )
        if row is None:
            return ("before commit" if "sent" in heard else "while sending"), False
        at_work = row["job"] == "claimed"
        if row["state"] == "finished":
            return "after commit", at_work
        return ("in the worker" if at_work else "queued"), at_work

    async def _until_committed(self, victim: str, seconds: float) -> None:
        """Of a large push the server commits that it is taken, and the worker the rest."""
        states = {"finished"} if victim == "worker" else {"queued", "finished"}
        async with _linked(self._stage) as link:
            await _until(lambda: self._is(link, *states), seconds, pause=0)

    async def _is(self, link: asyncpg.Connection, *states: str) -> bool:
        found = await link.fetchval(
            """SELECT i.state FROM idempotency_records AS r JOIN import_runs AS i
            ON r.location = '/v1/imports/' || i.id WHERE r.key = $1""",
            self._key,
        )
        return found in states

    async def _repeat_and_judge(self) -> None:
        final = await self._repeat()
        found: list[str] = []
        async with _linked(self._stage) as link:
            if final is None:
                found.append("no final answer")
            elif not await _until(lambda: self._is(link, "finished"), PATIENCE):
                found.append("the run does not end")
            elif not await _until(lambda: self._is_done(link), PATIENCE):
                found.append("a transaction, a lock or a job stays open")
            else:
                found += await judge.receipt_faults(link, self._key, self._push, self._owed)
                found += await judge.library_faults(link, self._book)
                found += await judge.trace_faults(link, self._book)
                found += await judge.http_faults(self._stage, link, self._key, self._push, final)
        self._outcome.faults += (f"{self._key} ({self.met}): {fault}" for fault in found)
        self._outcome.actions += self._owed.counters

    async def _is_done(self, link: asyncpg.Connection) -> bool:
        undone = await link.fetchval("SELECT count(*) FROM jobs WHERE kind = 'imports.run' AND state <> 'done'")
        return undone == 0 and await judge.is_quiet(link)

    async def _repeat(self) -> httpx.Response | None:
        """As a client should: with its key until it is answered, at whichever server answers."""
        deadline, turn = time.monotonic() + PATIENCE, 0
        push, headers = self._push, self._stage.headers(self._key)
        async with httpx.AsyncClient(timeout=PATIENCE) as client:
            while time.monotonic() < deadline:
                base = self._stage.bases[turn % 2]
                turn += 1
                try:
                    answer = await client.post(base + PUSH + push.options.query, content=push.body, headers=headers)
                except httpx.TransportError as error:
                    self._outcome.answers[type(error).__name__] += 1
                    await asyncio.sleep(0.05)
                    continue
                if answer.status_code in {200, 202}:
                    replayed = " replayed" if "idempotent-replayed" in answer.headers else ""
                    self._outcome.answers[f"{answer.status_code}{replayed}"] += 1
                    return answer
                code = answer.json().get("code")
                self._outcome.answers[f"{answer.status_code} {code}"] += 1
                if (answer.status_code, code) not in {(409, "idempotency_in_flight"), (503, "busy")}:
                    self._outcome.faults.append(f"{self._key}: the repetition is answered {answer.status_code} {code}")
                    return None
                await asyncio.sleep(0.05)
        return None


@asynccontextmanager
async def _linked(stage: Stage) -> Any:
    link = await stage.connect()
    try:
        yield link
    finally:
        with suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            await link.close()


async def _until(holds: Callable[[], Awaitable[bool]], seconds: float, *, pause: float = 0.02) -> bool:
    deadline = time.monotonic() + seconds
    while not await holds():
        if time.monotonic() > deadline:
            return False
        await asyncio.sleep(pause)
    return True
