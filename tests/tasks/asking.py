"""Asking what waits."""

from typing import Any

from sqlalchemy import text

from app.auth import registry
from app.models.identity import Role
from tests.evaluations.scene import promise
from tests.world import Actor, World

PATH = "/v1/tasks"


async def items(actor: Actor, **filters: Any) -> list[dict[str, Any]]:
    shown = await actor.get(PATH, params=filters)
    assert shown.status_code == 200, shown.text
    found: list[dict[str, Any]] = shown.json()["items"]
    return found


async def waiting(actor: Actor, **filters: Any) -> list[tuple[str, str | None]]:
    return [(item["kind"], item["region_code"]) for item in await items(actor, **filters)]


async def judge(world: World, *roles: Role | tuple[Role, Any]) -> Actor:
    """With this year's commitment and declaration: those do not wait."""
    actor = await world.person(*roles)
    await promise(world, actor)
    return actor


async def grant(world: World, actor: Actor, role: Role) -> None:
    async with world.admin.administration() as session:
        await registry.lock(session, actor.id)
        await registry.add_grant(session, actor.id, role)
    await world.renew(actor)


async def execute(world: World, statement: str, **values: Any) -> None:
    """As the worker."""
    async with world.admin.administration() as session:
        await session.execute(text(statement), values)
