"""A receiver, the way to it, and a courier that goes there."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
from fastapi import FastAPI

from app.core.db import Database
from app.events.courier import Courier
from tests.events.receiving import PLAIN_URL, Receiver, Wire, network, receiving
from tests.imports.pushing import receipt
from tests.world import Actor, World


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as made:
        yield made


@pytest.fixture
def wire(receiver: Receiver, api: FastAPI) -> Wire:
    """The API looks receivers up as the courier does."""
    made = Wire(receiver.port)
    api.state.network = network(made)
    return made


@pytest.fixture
async def courier(world: World, wire: Wire, api: FastAPI) -> AsyncIterator[Courier]:
    requests = Database(world.settings.app_url, clock=world.admin.clock, pool_size=2)
    yield Courier(world.admin, requests, api.state.network, api.state.seal)
    await requests.dispose()


@dataclass
class Subscribed:
    """A client with a subscription, and its secret."""

    machine: Actor
    id: str
    secret: str

    @property
    def path(self) -> str:
        return f"/v1/webhooks/{self.id}"


async def subscribe(machine: Actor, url: str | None = PLAIN_URL, **more: object) -> Subscribed:
    made = await machine.post("/v1/webhooks", {"name": "示例订阅", "url": url, **more})
    assert made.status_code == 201, made.text
    return Subscribed(machine, made.json()["id"], made.json()["secret"])


def row(external_id: str, region: str = "152501", **more: object) -> dict[str, object]:
    """A project as another system would push it."""
    return {
        "external_id": external_id,
        "region_code": region,
        "name": f"草原生态项目{external_id}（示例）",
        "construction_content": "围栏封育与补播（示例）",
        "investment_entity": {"name": f"示例合作社{region}（示例）", "kind": "cooperative"},
        "primary_mode": "ecological_agriculture",
        "axis": "ecology_to_industry",
        "building_stage": "reserve",
        "expected_benefits": {"jobs": 12},
        **more,
    }


async def push(world: World, machine: Actor, *rows: dict[str, object]) -> dict[str, Any]:
    """Push, and let the worker hand the events out."""
    told = await receipt(machine, list(rows))
    assert told["rejected"] == 0, told
    await world.drain()
    return told


async def log(kept: Subscribed, query: str = "") -> list[dict[str, Any]]:
    answer = await kept.machine.get(f"{kept.path}/deliveries?limit=200{query}")
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


async def state(kept: Subscribed) -> dict[str, Any]:
    shown: dict[str, Any] = (await kept.machine.get(kept.path)).json()
    return shown


@pytest.fixture
async def machine(world: World, wire: Wire) -> Actor:
    return await world.machine("152501", "152502")


@pytest.fixture
async def kept(machine: Actor) -> Subscribed:
    return await subscribe(machine)
