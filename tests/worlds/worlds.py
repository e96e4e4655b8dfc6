"""The worlds, played and held still at each checkpoint."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import asyncpg

from app.main import create_api, running
from tests.ground import Ground
from tests.worlds import dossiers, judgement
from tests.worlds.injection import inject
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
        async with _opened(self.ground, database, world) as replay:
            replay.cast, replay.kept = dict(self.common.cast), dict(self.common.kept)
            # Later than all steps: what is asked of the worlds is asked at one time.
            replay.at(len(SCRIPT), "asked")
            yield replay

    @asynccontextmanager
    async def superuser(self, database: str) -> AsyncIterator[asyncpg.Connection]:
        parts = urlsplit(self.ground.admin_url)
        connection = await asyncpg.connect(urlunsplit(parts._replace(path=f"/{database}")))
        try:
            yield connection
        finally:
            await connection.close()


@asynccontextmanager
async def played(ground: Ground, names: tuple[str, ...] = WORLDS) -> AsyncIterator[Worlds]:
    """All worlds at all checkpoints."""
    database = await ground.clone()
    async with _opened(ground, database, WORLDS[0]) as common:
        await play(common, until=COMMON)
        await common.rest()
    worlds = Worlds(ground, common)
    try:
        for name in names:
            await _play_on(worlds, database, name)
        yield worlds
    finally:
        for name in {database, *(one for held in worlds.held.values() for one in held.values())}:
            await ground.drop(name)


async def _play_on(worlds: Worlds, common: str, name: str) -> None:
    database = await worlds.copy(common)
    async with worlds.opened(database, name) as replay:
        reached = COMMON
        for checkpoint in CHECKPOINTS:
            await play(replay, after=reached, until=checkpoint)
            await replay.rest()
            if name in INJECTED.get(checkpoint, ()):
                first = worlds.held[checkpoint][WORLDS[0]]
                async with worlds.superuser(first) as source, worlds.superuser(database) as target:
                    await inject(source, target)
            worlds.held.setdefault(checkpoint, {})[name] = await worlds.copy(database)
            reached = checkpoint
    await worlds.ground.drop(database)


@asynccontextmanager
async def _opened(ground: Ground, database: str, world: str) -> AsyncIterator[Replay]:
    settings = ground.settings(database)
    ports = Ports()
    api = create_api(settings)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(running(api, settings, clock=ports, ids=ports))
        replay = Replay(world, api, settings, ports)
        stack.push_async_callback(replay.close)
        yield replay
