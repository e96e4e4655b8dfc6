"""A year's evaluation on its way: the people who move it, and short words for what they do."""

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from app.auth import registry
from app.models.identity import Role
from tests.reviews import scene as reviews
from tests.reviews.ceremony import ceremony
from tests.world import Actor, World

REGION, OTHER = "152501", "152502"
CODES = (
    "air_quality",
    "drinking_water",
    "grassland",
    "key_projects",
    "livelihood",
    "plan_execution",
    "innovation",
)
NUMBERS = {"air_quality", "drinking_water", "grassland"}
APPRAISAL = {"score": "90", "reason": "完成较好（示例）"}
REMARK = "请补充佐证材料（示例）"
SECRET = "87.65"
SHEETS = ("80", SECRET, "92.5")


@dataclass
class Year:
    """One cycle (2025), a region's editor and approver, the office, two of the committee, a pool of experts."""

    world: World
    review: reviews.Scene
    editor: Actor
    approver: Actor
    office: Actor
    committee: Actor
    leader: Actor
    cycle: str = ""
    others: dict[str, tuple[Actor, Actor]] = field(default_factory=dict)

    seeded: bool = False

    async def seed(self) -> None:
        """The ceremony of the cycle's seed, once: experts who come later are not drawn."""
        if not self.seeded:
            await ceremony(self.office, self.committee, self.cycle)
            self.seeded = True

    async def staff(self, region: str) -> tuple[Actor, Actor]:
        """Editor and approver of the region."""
        if region == REGION:
            return self.editor, self.approver
        if region not in self.others:
            editor = await self.world.person((Role.REGION_EDITOR, region))
            self.others[region] = editor, await self.world.person((Role.REGION_APPROVER, region))
        return self.others[region]

    async def begun(self, region: str = REGION) -> str:
        editor, _ = await self.staff(region)
        made = await editor.post("/v1/evaluations", {"cycle_id": self.cycle.rsplit("/", 1)[1], "region_code": region})
        assert made.status_code == 201, made.text
        return str(made.headers["location"])

    async def filled(self, region: str = REGION) -> str:
        """Every item completed."""
        path = await self.begun(region)
        editor, _ = await self.staff(region)
        for item in (await editor.get(f"{path}/items")).json()["items"]:
            await complete(editor, path, item)
        return path

    async def sent(self, region: str = REGION) -> str:
        """Signed and sent."""
        path = await self.filled(region)
        await self.send(path, region)
        return path

    async def send(self, path: str, region: str = REGION) -> None:
        editor, approver = await self.staff(region)
        await done(editor, path, "submit")
        await done(approver, path, "sign")

    async def accepted(self, region: str = REGION) -> tuple[str, str]:
        """The paths of the self-evaluation and of its appraisal file."""
        path = await self.sent(region)
        shown = await done(self.office, path, "accept")
        await self.seed()
        return path, f"/v1/appraisal-files/{shown['appraisal_file_id']}"

    async def panel(self, file: str) -> UUID:
        shown = (await self.office.get(file)).json()
        return UUID(shown["panel"]["id"])

    async def drawn(self, region: str = REGION) -> str:
        _, file = await self.accepted(region)
        asked = await self.office.post(f"/v1/panels/{await self.panel(file)}/draw")
        assert asked.status_code == 202, asked.text
        await self.world.drain()
        return file

    async def seats(self, file: str) -> list[tuple[Actor, str]]:
        """Who sits and is live, with the path of the assignment, by position."""
        rows = await self.world.rows(
            "SELECT id, person_id FROM assignments WHERE panel_id = :panel AND NOT is_reserve"
            " AND state NOT IN ('voided', 'suspended', 'declined') ORDER BY position",
            panel=await self.panel(file),
        )
        people = {expert.id: expert for expert in self.review.experts}
        return [(people[row.person_id], f"/v1/assignments/{row.id}") for row in rows]

    async def score(self, seat: tuple[Actor, str], score: str) -> None:
        """From the invitation to the signed sheet, the same score throughout."""
        expert, assignment = seat
        await self.world.renew(expert)
        await self.review.submitted(expert, assignment, dict.fromkeys(CODES, score))

    async def reviewed(self, region: str = REGION, scores: tuple[str, ...] = SHEETS) -> str:
        """The file, with a complete panel."""
        file = await self.drawn(region)
        for seat, score in zip(await self.seats(file), scores, strict=True):
            await self.score(seat, score)
        await self.world.drain()
        return file

    async def appraised(self, region: str = REGION, appraiser: Actor | None = None) -> str:
        file = await self.reviewed(region)
        await done(appraiser or self.committee, file, "appraise", APPRAISAL)
        return file

    async def graded(self, region: str = REGION) -> str:
        file = await self.appraised(region)
        await self.grade(file)
        return file

    async def grade(self, file: str) -> None:
        asked = await self.office.act(file, "grade")
        assert (asked.status_code, asked.content) == (202, b""), asked.text
        await self.world.drain()

    async def approved(self, region: str = REGION) -> str:
        file = await self.graded(region)
        await done(self.leader, file, "approve")
        return file

    async def close(self, times: int = 2) -> None:
        for _ in range(times):
            await done(self.office, self.cycle, "close")

    async def publish(self) -> list[dict[str, Any]]:
        """Ask for it, also where it is known to be too early; what is published then."""
        asked = await self.office.act(self.cycle, "publish")
        if asked.status_code == 409:
            assert asked.json()["reason"] == "not_approved"
        else:
            assert (asked.status_code, asked.content) == (202, b""), asked.text
        await self.world.drain()
        items: list[dict[str, Any]] = (await self.office.get("/v1/publications")).json()["items"]
        return items

    async def row(self, file: str) -> Any:
        """What really stands."""
        [row] = await self.world.rows("SELECT * FROM appraisal_files WHERE id = :id", id=file.rsplit("/", 1)[1])
        return row

    async def results(self, file: str) -> list[Any]:
        return await self.world.rows(
            "SELECT * FROM result_versions WHERE file_id = :id ORDER BY number", id=file.rsplit("/", 1)[1]
        )

    async def judge(self, role: Role, *more: Any) -> Actor:
        """Somebody of the league with this year's commitment and declaration."""
        actor = await self.world.person(role, *more)
        await promise(self.world, actor)
        return actor


async def promise(world: World, actor: Actor) -> None:
    async with world.admin.administration() as session:
        await registry.lock(session, actor.id)
        await reviews.promise(session, world, actor)
    await world.renew(actor)


async def make_year(world: World, *, pool: int = 5) -> Year:
    review = await reviews.make_scene(world, pool=pool)
    await promise(world, review.office)
    year = Year(
        world,
        review,
        editor=await world.person((Role.REGION_EDITOR, REGION)),
        approver=await world.person((Role.REGION_APPROVER, REGION)),
        office=review.office,
        committee=await world.person(Role.LEAGUE_COMMITTEE),
        leader=await world.person(Role.LEAGUE_COMMITTEE),
    )
    await promise(world, year.committee)
    await promise(world, year.leader)
    [scheme] = (await year.office.get("/v1/evaluation-schemes")).json()["items"]
    body = {"assessment_year": 2025, "scheme_id": scheme["id"], "due_on": "2026-04-30"}
    made = await year.office.post("/v1/evaluation-cycles", body)
    assert made.status_code == 201, made.text
    year.cycle = made.headers["location"]
    return year


async def complete(editor: Actor, path: str, item: dict[str, Any]) -> None:
    body: dict[str, Any] = {"statement": "工作总结（示例）", "evidence": [{"label": "监测报告（示例）"}]}
    if item["criterion_code"] in NUMBERS:
        body["reported_value"] = "95.50"
    place = f"{path}/items/{item['id']}"
    changed = await editor.patch(place, body, etag=await etag_of(editor, place))
    assert changed.status_code == 200, changed.text


async def done(actor: Actor, path: str, action: str, body: Any = None) -> dict[str, Any]:
    answer = await actor.act(path, action, body)
    assert answer.status_code == 200, answer.text
    shown: dict[str, Any] = answer.json()
    return shown


async def etag_of(actor: Actor, path: str) -> str:
    shown = await actor.get(path)
    assert shown.status_code == 200, shown.text
    return str(shown.headers["etag"])


def scrubbed(answer: Any) -> bytes:
    """An answer's bytes but for its request id."""
    body: bytes = answer.content
    return body.replace(answer.headers["x-request-id"].encode(), b"")
