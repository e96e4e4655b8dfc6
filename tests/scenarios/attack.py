"""One attack a test, by number, with what keeps it off: `make wall` takes that out and requires the attack to succeed.

    @attack(7, patched("app.auth.dependencies.database_of", overriding))
    async def test_07_an_override_flag(…)

A removal is applied in the test's own database, or to the application in this process, before the story begins.
Several layers that each keep the attack off are one removal (`one | other`); several removals are several runs.
"""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import asyncpg
import pytest
from fastapi import FastAPI

from app.core.config import Settings

Story = TypeVar("Story", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Site:
    """Where a removal is applied."""

    settings: Settings
    api: FastAPI
    patch: pytest.MonkeyPatch


@dataclass(frozen=True, slots=True)
class Removal:
    """What takes a fix out. A step that finds nothing to take out raises, and the run fails."""

    steps: tuple[Callable[[Site], None], ...]

    def __or__(self, other: "Removal") -> "Removal":
        return Removal(self.steps + other.steps)

    def apply(self, site: Site) -> None:
        for step in self.steps:
            step(site)


@dataclass(frozen=True, slots=True)
class Attack:
    number: int
    without: tuple[Removal, ...]


def attack(number: int, *without: Removal) -> Callable[[Story], Story]:
    """Mark a story as the attack of this number; each removal lets it through."""

    def mark(story: Story) -> Story:
        story.attack = Attack(number, without)  # type: ignore[attr-defined]
        return story

    return mark


def sql(*statements: str) -> Removal:
    """As the owner of the tables, who may act for the engine."""

    async def execute(site: Site) -> None:
        connection = await asyncpg.connect(site.settings.owner_url.replace("+asyncpg", ""))
        try:
            for statement in statements:
                await connection.execute(statement)
        finally:
            await connection.close()

    return Removal((lambda site: asyncio.run(execute(site)),))


def gate(function: str, *pieces: tuple[str, str]) -> Removal:
    """The gate's function with each piece of its text replaced by another."""

    async def rewrite(site: Site) -> None:
        connection = await asyncpg.connect(site.settings.owner_url.replace("+asyncpg", ""))
        try:
            source = await connection.fetchval(
                "SELECT pg_get_functiondef(oid) FROM pg_proc "
                "WHERE pronamespace = 'gate'::regnamespace AND proname = $1",
                function,
            )
            for piece, instead in pieces:
                if piece not in source:
                    raise LookupError(f"gate.{function} does not say: {piece}")
                source = source.replace(piece, instead)
            await connection.execute(source)
        finally:
            await connection.close()

    return Removal((lambda site: asyncio.run(rewrite(site)),))


def no_wall(*tables: str) -> Removal:
    """These tables without their RESTRICTIVE policies."""
    drop = """
DO $$ DECLARE name text; dropped integer := 0; BEGIN
    FOR name IN SELECT polname FROM pg_policy WHERE polrelid = '{0}'::regclass AND NOT polpermissive LOOP
        EXECUTE format('DROP POLICY %I ON {0}', name);
        dropped := dropped + 1;
    END LOOP;
    IF dropped = 0 THEN RAISE EXCEPTION '{0} has no wall'; END IF;
END $$"""
    return sql(*(drop.format(table) for table in tables))


def patched(target: str, replacement: Any, *, new: bool = False) -> Removal:
    """The application with `app.room.name` replaced. `new`: there is no such name yet."""
    return Removal((lambda site: site.patch.setattr(target, replacement, raising=not new),))


def document(change: Callable[[dict[str, Any]], None]) -> Removal:
    """The OpenAPI document as it would be with what must not be there."""

    def replace(site: Site) -> None:
        changed = _copy(site.api.openapi())
        change(changed)
        # The state's names are no attributes of its own: to be put back they are replaced where they are held.
        site.patch.setitem(site.api.state._state, "openapi_bytes", lambda: json.dumps(changed).encode())

    return Removal((replace,))


def _copy(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _copy(member) for key, member in value.items()}
    return [_copy(member) for member in value] if isinstance(value, list) else value


# The projection that every wall policy reads, and most gate functions.
NO_WALLS = gate("walls", ("WHERE person_id", "WHERE false AND person_id"))
