"""The worlds, played side by side, and held still at each checkpoint."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

from fastapi import FastAPI

from app.main import create_api, running
from tests.ground import Ground
from tests.worlds import dossiers, judgement  # the script, in this order
from tests.worlds.ports import Ports
from tests.worlds.replay import Replay
from tests.worlds.script import SCRIPT, WORLDS, play

CHECKPOINTS = tuple(one.checkpoint for one in SCRIPT if one.checkpoint)
assert dossiers
assert judgement


@dataclass
class Worlds:
    """`held[checkpoint][world]`: the name of a database that nobody writes to any more."""

    ground: Ground
    held: dict[str, dict[str, str]] = field(default_factory=dict)
    first: dict[str, Replay] = field(default_factory=dict)


async def play_all(ground: Ground, names: tuple[str, ...] = WORLDS) -> dict[str, dict[str, str]]:
    return {}


@asynccontextmanager
async def opened(ground: Ground, database: str, name: str, like: Replay | None = None) -> AsyncIterator[Replay]:
    """A world over a database: a new one, or one that was held still (`like`: whose people and notes it has)."""
    settings = ground.settings(database)
    ports = Ports()
    api: FastAPI = create_api(settings)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(running(api, settings, clock=ports, ids=ports))
        replay = Replay(name, api, settings, ports)
        stack.push_async_callback(replay.close)
        if like is not None:
            replay.cast, replay.kept = like.cast, like.kept
            ports.time = like.ports.time
        yield replay


async def main_play(ground: Ground) -> None:
    await asyncio.sleep(0)


__all__ = ["CHECKPOINTS", "Worlds", "opened", "play"]
