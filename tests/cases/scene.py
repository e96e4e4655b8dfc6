"""A year's selection on its way: the people who move it, and short words for what they do."""

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from app.models.identity import Role
from tests.evaluations.scene import done, etag_of, promise, scrubbed
from tests.reviews import scene as reviews
from tests.reviews.ceremony import ceremony
from tests.world import Actor, World

__all__ = ["done", "etag_of", "promise", "scrubbed"]

REGION, OTHER = "152501", "152502"
WEIGHTS = {"innovation": "30", "results": "30", "transferability": "20", "regularity": "20"}
ROUND = {
    "year": 2026,
    "title": "2026年典型案例遴选（示例）",
    "due_on": "2026-06-30",
    "quota": 2,
    "selected_at_most": 1,
    "weights": WEIGHTS,
}
TEXTS = {
    "summary": "案例概要（示例）",
    "innovation": "做法新颖（示例）",
    "results": "成效明显（示例）",
    "transferability": "可推广（示例）",
    "regularity": "运作规范（示例）",
}
SECRET = "87.65"
SHEETS = ("80", SECRET, "92.5")


@dataclass
class Selection:
    """One round, a region's editor and approver, the office, two who decide recusals, a pool of experts."""

    world: World
    review: reviews.Scene
    editor: Actor
    approver: Actor
    office: Actor
    committee: Actor
    leader: Actor
    round: str = ""
    others: dict[str, tuple[Actor, Actor]] = field(default_factory=dict)

    seeded: bool = False

    async def seed(self) -> None:
        """The ceremony of the round's seed, once: experts who come later are not drawn."""
        if not self.seeded:
            await ceremony(self.office, self.committee, self.round)
            self.seeded = True

    @property
    def round_id(self) -> str:
        return self.round.rsplit("/", 1)[1]

    async def staff(self, region: str) -> tuple[Actor, Actor]:
        if region == REGION:
            return self.editor, self.approver
        if region not in self.others:
            editor = await self.world.person((Role.REGION_EDITOR, region))
            self.others[region] = editor, await self.world.person((Role.REGION_APPROVER, region))
        return self.others[region]

    def body(self, region: str = REGION, **more: Any) -> dict[str, Any]:
        return {"round_id": self.round_id, "region_code": region, "title": "生态旅游（示例）", **TEXTS, **more}

    async def drafted(self, region: str = REGION, **more: Any) -> str:
        editor, _ = await self.staff(region)
        made = await editor.post("/v1/cases", self.body(region, **more))
        assert made.status_code == 201, made.text
        return str(made.headers["location"])

    async def recommended(self, region: str = REGION, **more: Any) -> str:
        path = await self.drafted(region, **more)
        _, approver = await self.staff(region)
        await done(approver, path, "recommend")
        return path

    async def started(self, region: str = REGION, **more: Any) -> tuple[str, str]:
        """The paths of the case and of its file."""
        path = await self.recommended(region, **more)
        shown = await done(self.office, path, "start-review")
        await self.seed()
        return path, f"/v1/case-files/{shown['case_file_id']}"

    async def panel(self, file: str) -> UUID:
        return UUID((await self.leader.get(file)).json()["panel"]["id"])

    async def draw(self, file: str) -> None:
        await self.seed()
        asked = await self.office.post(f"/v1/panels/{await self.panel(file)}/draw")
        assert asked.status_code == 202, asked.text
        await self.world.drain()

    async def seats(self, file: str) -> list[tuple[Actor, str]]:
        rows = await self.world.rows(
            "SELECT id, person_id FROM assignments WHERE panel_id = :panel AND NOT is_reserve"
            " AND state NOT IN ('voided', 'suspended', 'declined') ORDER BY position",
            panel=await self.panel(file),
        )
        people = {expert.id: expert for expert in self.review.experts}
        return [(people[row.person_id], f"/v1/assignments/{row.id}") for row in rows]

    async def score(self, seat: tuple[Actor, str], score: str) -> None:
        expert, assignment = seat
        await self.world.renew(expert)
        await self.review.submitted(expert, assignment, dict.fromkeys(WEIGHTS, score))

    async def reviewed(self, region: str = REGION, scores: tuple[str, ...] = SHEETS, **more: Any) -> str:
        """The file, with a complete panel."""
        _, file = await self.started(region, **more)
        await self.draw(file)
        for seat, score in zip(await self.seats(file), scores, strict=True):
            await self.score(seat, score)
        await self.world.drain()
        return file

    async def ask(self, action: str) -> None:
        """`select` or `publish`, and let the worker do it."""
        asked = await self.office.act(self.round, action)
        assert (asked.status_code, asked.content) == (202, b""), asked.text
        await self.world.drain()

    async def publications(self) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = (await self.office.get("/v1/publications?kind=cases")).json()["items"]
        return items

    async def row(self, file: str) -> Any:
        [row] = await self.world.rows("SELECT * FROM case_files WHERE id = :id", id=file.rsplit("/", 1)[1])
        return row


async def make_selection(world: World, *, pool: int = 4, **more: Any) -> Selection:
    review = await reviews.make_scene(world, pool=pool)
    made = Selection(
        world,
        review,
        editor=await world.person((Role.REGION_EDITOR, REGION)),
        approver=await world.person((Role.REGION_APPROVER, REGION)),
        office=review.office,
        committee=await world.person(Role.LEAGUE_COMMITTEE),
        leader=await world.person(Role.LEAGUE_COMMITTEE),
    )
    opened = await made.office.post("/v1/case-rounds", {**ROUND, **more})
    assert opened.status_code == 201, opened.text
    made.round = opened.headers["location"]
    return made


def actions(shown: dict[str, Any]) -> dict[str, str | None]:
    return {action["action"]: action["reason"] for action in shown["allowed_actions"]}
