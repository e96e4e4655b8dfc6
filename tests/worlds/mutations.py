"""The mutation run: one wall is taken away, and the kit must see it."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import asyncpg

from app.models.ddl import APP
from tests.worlds.sql import Seen, Target, look, unlike


@dataclass(frozen=True, slots=True)
class Policy:
    table: str
    name: str
    command: str

    def __str__(self) -> str:
        return f"{self.table}.{self.name}"

    @property
    def removal(self) -> tuple[str, ...]:
        return (f"DROP POLICY {self.name} ON {self.table}",)

    def open_door(self, beside: Sequence["Policy"]) -> tuple[str, ...]:
        """A right that the product does not give today, and no other wall on reading: this one must hold alone."""
        clause = {"INSERT": "WITH CHECK (true)"}.get(self.command, "USING (true)")
        reading = [one for one in beside if one.table == self.table and one.command == "SELECT" and one != self]
        door = [
            f"GRANT {self.command}, SELECT ON {self.table} TO {APP}",
            f"CREATE POLICY door ON {self.table} FOR {self.command} TO {APP} {clause}",
            *(statement for one in reading for statement in one.removal),
        ]
        if self.command != "SELECT":
            door.append(f"CREATE POLICY reading ON {self.table} FOR SELECT TO {APP} USING (true)")
        return tuple(door)


async def walls(connection: asyncpg.Connection) -> list[Policy]:
    """Every RESTRICTIVE policy."""
    rows = await connection.fetch(
        "SELECT tablename, policyname, cmd FROM pg_policies WHERE permissive = 'RESTRICTIVE' ORDER BY 1, 2"
    )
    return [Policy(row["tablename"], row["policyname"], row["cmd"]) for row in rows]


@dataclass(frozen=True, slots=True)
class Seer:
    """Somebody who must not see. `of_case`: walled from the case of S alone."""

    kind: str
    id: UUID
    of_case: bool = False


@dataclass(frozen=True, slots=True)
class Kit:
    """W0 and the worlds that must be like it, with who looks."""

    full: asyncpg.Connection
    others: Sequence[asyncpg.Connection]
    seers: Sequence[Seer]
    targets: Sequence[Target]
    acts: Sequence[str] = ()

    async def red(self, removal: Sequence[str], *, door: Sequence[str] = (), only: str | None = None) -> list[str]:
        """What the first to notice sees once `removal` is done to all worlds; `door`: done before, and not counted."""
        for seer in self.seers:
            standing = await self._look(self.full, seer, door, only)
            left = await self._look(self.full, seer, (*door, *removal), only)
            if seen := [one for one in left.touched if one not in standing.touched]:
                return seen
            if seer.of_case:
                continue
            for other in self.others:
                right = await self._look(other, seer, (*door, *removal), only)
                held = await self._look(other, seer, door, only)
                known = unlike(standing, held)
                if seen := [one for one in unlike(left, right) if one not in known]:
                    return seen
        return []

    async def _look(self, world: asyncpg.Connection, seer: Seer, undone: Sequence[str], only: str | None) -> Seen:
        who = (seer.kind, seer.id)
        acts = () if only else self.acts
        return await look(world, who, self.targets, undone=undone, only=only, acts=acts, of_case=seer.of_case)


# Functions on which the walls stand, and what each answers once undone.
CONDITIONS = {
    "walls": "'{}'::text[]",
    "clear_of": "true",
    "may_decide": "true",
    "walled_rounds": "'{}'::uuid[]",
    "own_regions": "'{}'::text[]",
}


async def undo(connection: asyncpg.Connection, function: str) -> str:
    """The DDL with which the function answers the same to everybody."""
    definition = await connection.fetchval(
        "SELECT pg_get_functiondef(p.oid) FROM pg_proc AS p JOIN pg_namespace AS n ON n.oid = p.pronamespace "
        "WHERE n.nspname = 'gate' AND p.proname = $1",
        function,
    )
    head, _, rest = str(definition).partition("AS $")
    plain = f"SELECT {CONDITIONS[function]}"
    body = f"BEGIN RETURN {CONDITIONS[function]}; END" if "LANGUAGE plpgsql" in head else plain
    assert rest, f"gate.{function} has no body to replace"
    return f"{head}AS $undone${body}$undone$"
