"""The worlds, played and held still at each checkpoint."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import asyncpg
from fastapi import FastAPI

from app.main import create_api, running
from tests.ground import Ground
from tests.worlds import dossiers, judgement
from tests.worlds.injection import inject, inject_records
from tests.worlds.ports import Ports
from tests.worlds.replay import Replay
from tests.worlds.script import COMMON, SCRIPT, WORLDS, play

# The script is what these two rooms add to it, in this order.
assert dossiers.__name__ < judgement.__name__
CHECKPOINTS = tuple(one.checkpoint for one in SCRIPT if one.checkpoint and one.checkpoint != COMMON)
# Where a world cannot come by itself, W0's selections and publications are put into it.
INJECTED = {"before": ("WJ",), "published": ("WJ", "WV")}


@dataclass
class Worlds:
    """`held[checkpoint][world]`: a database that nobody writes to any more."""

    ground: Ground
    common: Replay
    held: dict[str, dict[str, str]] = field(default_factory=dict)
    apis: dict[str, FastAPI] = field(default_factory=dict)

    async def copy(self, source: str, name: str | None = None) -> str:
        """A database like `source`, to which nobody is connected."""
        name = name or f"liangshan_world_{uuid4().hex[:12]}"
        connection = await asyncpg.connect(self.ground.admin_url)
        try:
            await connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
            await connection.execute(
                f'CREATE DATABASE "{name}" TEMPLATE "{source}" OWNER liangshan_owner STRATEGY file_copy'
            )
        finally:
            await connection.close()
        return name

    @asynccontextmanager
    async def opened(self, database: str, world: str) -> AsyncIterator[Replay]:
        """The world in this database, with the people and notes of the script so far."""
        # An application is built once for each world: what it holds while it runs is another each time.
        api = self.apis.setdefault(world, create_api(self.ground.settings(database)))
        async with _opened(self.ground, database, world, api) as replay:
            replay.cast, replay.kept = dict(self.common.cast), dict(self.common.kept)
            # Later than all steps: what is asked of the worlds is asked at one time.
            replay.at(len(SCRIPT), "asked")
            yield replay

    @asynccontextmanager
    async def all_opened(self, which: Sequence[tuple[str, str]]) -> AsyncIterator[list[Replay]]:
        """Of (database, world)."""
        async with AsyncExitStack() as stack:
            yield [await stack.enter_async_context(self.opened(database, world)) for database, world in which]

    @asynccontextmanager
    async def superuser(self, database: str) -> AsyncIterator[asyncpg.Connection]:
        parts = urlsplit(self.ground.admin_url)
        connection = await asyncpg.connect(urlunsplit(parts._replace(path=f"/{database}")))
        try:
            yield connection
        finally:
            await connection.close()


@asynccontextmanager
async def copies(worlds: Worlds, checkpoint: str, names: Sequence[str]) -> AsyncIterator[list[Replay]]:
    """The worlds at the checkpoint, in databases that may be written to."""
    made = [(await worlds.copy(worlds.held[checkpoint][name]), name) for name in names]
    try:
        async with worlds.all_opened(made) as replays:
            yield replays
    finally:
        for database, _ in made:
            await worlds.ground.drop(database)


async def play_all(ground: Ground, names: Sequence[str] = WORLDS, checkpoints: Sequence[str] = CHECKPOINTS) -> Worlds:
    """All worlds at all checkpoints."""
    database = await ground.clone()
    async with _opened(ground, database, WORLDS[0], create_api(ground.settings(database))) as common:
        await play(common, until=COMMON)
        await common.rest()
    worlds = Worlds(ground, common)
    for name in names:
        await _play_on(worlds, database, name, checkpoints)
    await ground.drop(database)
    return worlds


async def drop_all(worlds: Worlds) -> None:
    for held in worlds.held.values():
        for database in held.values():
            await worlds.ground.drop(database)


async def _play_on(worlds: Worlds, common: str, name: str, checkpoints: Sequence[str]) -> None:
    database = await worlds.copy(common)
    async with worlds.opened(database, name) as replay:
        reached = COMMON
        for checkpoint in checkpoints:
            await play(replay, after=reached, until=checkpoint)
            await replay.rest()
            if name in INJECTED.get(checkpoint, ()):
                first = worlds.held[checkpoint][WORLDS[0]]
                async with worlds.superuser(first) as source, worlds.superuser(database) as target:
                    await inject(source, target)
            if checkpoint == CHECKPOINTS[-1] and name != WORLDS[0]:
                first = worlds.held[checkpoint][WORLDS[0]]
                async with worlds.superuser(first) as source, worlds.superuser(database) as target:
                    await inject_records(source, target)
            worlds.held.setdefault(checkpoint, {})[name] = await worlds.copy(database)
            reached = checkpoint
    await worlds.ground.drop(database)


@asynccontextmanager
async def _opened(ground: Ground, database: str, world: str, api: FastAPI) -> AsyncIterator[Replay]:
    settings = ground.settings(database)
    ports = Ports()
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(running(api, settings, clock=ports, ids=ports))
        replay = Replay(world, api, settings, ports)
        stack.push_async_callback(replay.close)
        yield replay
