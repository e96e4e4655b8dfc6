"""Two systems over one region, that may tell of one project."""

from typing import Any

from httpx import Response

from app.models.identity import Role
from tests.imports.pushing import Row, receipt, rows_of
from tests.world import Actor, World

MATCHES, OWNERSHIP = "/v1/project-matches", "/v1/field-ownership"
CODE = "2405-152501-04-01-123456"
ABSENT = "00000000-0000-4000-8000-000000000000"
REASON = {"reason": "核对批复文件（示例）"}


class Sources:
    """Two systems over one region, and the office."""

    def __init__(self, world: World, one: Actor, two: Actor, office: Actor, row: Row) -> None:
        self.world, self.one, self.two, self.office, self.row = world, one, two, office, row

    async def push(self, machine: Actor, **changes: Any) -> dict[str, Any]:
        """The receipt's row, after the worker has looked."""
        told = await self.push_unseen(machine, **changes)
        await self.world.drain()
        return told

    async def push_unseen(self, machine: Actor, **changes: Any) -> dict[str, Any]:
        own = "ONE-1" if machine is self.one else "TWO-1"
        row = {**self.row, "external_id": own, **changes}
        told: dict[str, Any] = (await receipt(machine, [row]))["rows"][0]
        return told

    async def twins(self) -> tuple[str, str]:
        """The same project from both: ids of the first's and of the second's."""
        first = await self.push(self.one, national_code=CODE)
        second = await self.push(self.two, national_code=CODE, name="另一叫法（示例）")
        return first["id"], second["id"]

    async def matches(self, query: str = "", actor: Actor | None = None) -> list[dict[str, Any]]:
        answer = await (actor or self.office).get(MATCHES + query)
        assert answer.status_code == 200, answer.text
        items: list[dict[str, Any]] = answer.json()["items"]
        return items

    async def decide(self, match: dict[str, Any], action: str, **body: Any) -> dict[str, Any]:
        answer = await self.office.act(f"{MATCHES}/{match['id']}", action, {**REASON, **body})
        assert answer.status_code == 200, answer.text
        await self.world.drain()
        told: dict[str, Any] = answer.json()
        return told

    async def own(self, *rules: dict[str, Any]) -> Response:
        now = await self.office.get(OWNERSHIP)
        answer = await self.put({"rules": list(rules), **REASON}, now.headers["etag"])
        await self.world.drain()
        return answer

    async def put(self, body: dict[str, Any], etag: str | None, actor: Actor | None = None) -> Response:
        headers = {"If-Match": etag} if etag is not None else {}
        return await (actor or self.office).client.put(OWNERSHIP, json=body, headers=headers)

    async def project(self, machine: Actor, key: str) -> dict[str, Any]:
        answer = await machine.get(f"/v1/projects/{key}")
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    @classmethod
    async def of(cls, world: World, sample: bytes) -> "Sources":
        return cls(
            world,
            await world.machine("152501", "152502", source="one"),
            await world.machine("152501", "152502", source="two"),
            await world.person(Role.LEAGUE_OFFICE),
            next(row for row in rows_of(sample) if row["region_code"] == "152501"),
        )
